"""What may enter a log: literal subjects of its own service, plain ids, no headers that steer a server.

The rule it protects: a malformed message is the caller's mistake and is refused before it reaches a server, which
would close the connection over it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kernel.log.promise import NewMessage

MOST_IN_AN_APPEND = 1000
LARGEST_MESSAGE = 2**20
"""nats-server's default `max_payload`, in bytes, headers included."""

_STEERING_HEADERS = 384
_WORD = r"[!-)+-\-/-=?-~]+"  # printable ASCII without blank, dot and the wildcards
_SUBJECT = re.compile(rf"{_WORD}(?:\.{_WORD})*")
_ID = re.compile(r"[!-~]{1,128}")


def refuse_malformed(messages: Sequence[NewMessage], prefix: str, largest: int = LARGEST_MESSAGE) -> None:
    """Raises `ValueError`; `prefix` is what the subjects of the log begin with, `largest` counts bytes."""
    if len(messages) > MOST_IN_AN_APPEND:
        raise ValueError(f"{len(messages)} messages in one append; at most {MOST_IN_AN_APPEND}")
    if len(messages) > 1 and len({message.id for message in messages}) < len(messages):
        raise ValueError("two messages of one append have the same id")
    for message in messages:
        if not message.subject.startswith(prefix) or not _SUBJECT.fullmatch(message.subject):
            raise ValueError(f"not a literal subject of this log: {message.subject!r}")
        if message.expected < 0 or not _ID.fullmatch(message.id):
            raise ValueError("a message needs an id of printable ASCII and an expectation of 0 or more")
        size = len(message.body) + _STEERING_HEADERS
        for name, value in message.headers.items():
            if name[:5].lower() == "nats-" or name in ("Status", "Description"):
                raise ValueError(f"the header {name} belongs to the server")
            if value != value.strip() or "\n" in value or "\r" in value:
                raise ValueError(f"the header {name} would not come back as it was given")
            size += len(name) + len(value.encode()) + 4
        if size > largest:
            raise ValueError(f"a message of about {size} bytes is larger than the server takes ({largest})")
