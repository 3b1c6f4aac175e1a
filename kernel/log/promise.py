"""The log: an append-only list of messages per service, guarded per subject. It is the only truth.

This module is the promise; `kernel.log.jetstream` keeps it on a server and `kernel.log.memory` keeps it for the specs.
Both pass the same suite (`tests/kernel/log/test_log.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Conflict(Exception):
    """Somebody appended to one of the subjects first. Nothing of ours was stored. Load again and decide again."""


class Unavailable(Exception):
    """The log could not say, within the deadline, whether the messages are stored. The same ids may be tried again."""


class LogFull(Unavailable):
    """The log refuses to grow (stream or account limit). Nothing of ours was stored; an operator must act."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to append. `id` identifies it for ever; `expected` is the last sequence seen on `subject` (0: none)."""

    subject: str
    id: str
    headers: Mapping[str, str]
    body: bytes
    expected: int


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as the log holds it."""

    seq: int
    subject: str
    headers: Mapping[str, str]
    body: bytes
    expected: int | None = field(default=None, compare=False, repr=False)
    """What it was appended after on its subject; None when the message before it was appended together with it."""


class Log(Protocol):
    """One service's log."""

    stream: str
    epoch: str
    """Changes when the stream is made anew or restored from a backup: positions of another epoch mean nothing here."""

    async def append(self, messages: Sequence[NewMessage], timeout_s: float = 10.0) -> tuple[int, ...]:
        """Store all the messages, in order, or none; return their sequences.

        Two messages of one call on one subject share the first one's expectation. Appending the same ids again
        returns the same sequences and stores nothing, however long ago it was. At most 1,000 messages.

        Raises `Conflict` when an expectation does not hold, `Unavailable` when no certain answer came in time,
        `LogFull` when there is no room.
        """
        ...

    async def read_subject(self, subject: str, after: int = 0) -> list[StoredMessage]:
        """All messages of one literal subject with a sequence above `after`, in order. Raises `Unavailable`."""
        ...

    def follow(
        self, after: int, batch: int = 500, aggregates: Collection[str] = ()
    ) -> AsyncIterator[list[StoredMessage]]:
        """Every message above `after`, in order, in batches of at most `batch`, for ever; of those kinds, if any named.

        A batch is what is there: the reader never waits for one to fill. Survives restarts of the server without
        skipping or repeating a message.
        """
        ...

    async def last_seq(self) -> int:
        """The sequence of the newest message, 0 for an empty log. Raises `Unavailable`."""
        ...
