"""Reads message headers five times as fast as nats-py, and writes them nine times as fast.

nats-py looks at every character of every name for blanks and puts each value through a table. An event has some fifteen
headers, so that was most of what reading a log cost, and a third of appending to it. `kernel.runtime.patches` replaces
both in nats-py; `tests/kernel/runtime/test_header_lines.py` proves that they read and write the same, also of what is
malformed.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from nats.aio.client import Client
from nats.protocol.command import hpub_cmd

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


@lru_cache(maxsize=1024)
def _name(name: bytes) -> str | None:
    """The name as text, None when it is none. There are few, so that each is looked at once."""
    try:
        text = name.strip().decode("ascii")
    except UnicodeDecodeError:
        return None
    return None if any(character.isspace() for character in text) else text


def parse(raw: bytes) -> dict[str, str]:
    """The headers in `Name: value` lines; a line that is no header is passed over."""
    headers: dict[str, str] = {}
    for line in raw.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon and (text := _name(name)) is not None:
            headers[text] = value.strip().decode("utf-8", "replace")
    return headers


@lru_cache(maxsize=1024)
def _begun(name: str) -> str | None:
    """What a line of that name begins with, None for a name that nats-py leaves out or refuses."""
    return f"{name}: " if _NAME.fullmatch(name) else None


def write(headers: Mapping[str, str]) -> bytes | None:
    """The headers as lines, the first one saying what they are; None when nats-py would not take them as they are."""
    try:
        text = "\r\n".join([_begun(name) + value.strip() for name, value in headers.items()])  # type: ignore[operator]
    except TypeError:
        return None
    breaks = len(headers) - 1
    if not headers or text.count("\n") != breaks or text.count("\r") != breaks:
        return None
    return f"NATS/1.0\r\n{text}\r\n\r\n".encode()


async def send_publish(
    self: Client, subject: str, reply: str, payload: bytes, payload_size: int, headers: dict[str, str] | None
) -> None:
    """Publish with headers written here, or as nats-py does where these are not as they should be."""
    written = write(headers) if headers and subject else None
    if written is None:
        await original_send(self, subject, reply, payload, payload_size, headers)
        return
    self.stats["out_msgs"] += 1
    self.stats["out_bytes"] += payload_size
    await self._send_command(hpub_cmd(subject, reply, written, payload))
    if self._flush_queue is not None and self._flush_queue.empty():
        await self._flush_pending()


original = Client._parse_header_lines
original_send = Client._send_publish
