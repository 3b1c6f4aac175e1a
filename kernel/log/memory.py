"""The log in memory: a second keeper of the same promise, for specs that need no server."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, Collection, Sequence
from uuid import uuid4

from kernel.log.promise import Conflict, NewMessage, StoredMessage
from kernel.log.rules import refuse_malformed


class MemoryLog:
    """Keeps the promise of `kernel.log.promise.Log` for the length of a process; never `Unavailable`, never full."""

    def __init__(self, service: str) -> None:
        self.stream = service.upper()
        self.epoch = uuid4().hex
        self._prefix = f"event.{service}."
        self._messages: list[StoredMessage] = []
        self._by_subject: dict[str, list[StoredMessage]] = {}
        self._ids: dict[tuple[str, str], int] = {}
        self._grown = asyncio.Event()

    async def append(self, messages: Sequence[NewMessage], timeout_s: float = 10.0) -> tuple[int, ...]:
        refuse_malformed(messages, self._prefix)
        known = [self._ids.get((message.subject, message.id)) for message in messages]
        if all(known):
            return tuple(seq for seq in known if seq is not None)
        if any(known):
            raise Conflict("some of the messages are stored and others are not: they were never appended together")
        for subject, expected in {message.subject: message.expected for message in reversed(messages)}.items():
            stored = self._by_subject.get(subject)
            if expected != (stored[-1].seq if stored else 0):
                raise Conflict(f"the newest message of {subject} is not {expected}")
        return tuple(self._store(message) for message in messages)

    def _store(self, message: NewMessage) -> int:
        headers = {**message.headers, "Nats-Msg-Id": message.id}
        stored = StoredMessage(len(self._messages) + 1, message.subject, headers, message.body)
        self._messages.append(stored)
        self._by_subject.setdefault(message.subject, []).append(stored)
        self._ids[message.subject, message.id] = stored.seq
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()
        return stored.seq

    async def read_subject(self, subject: str, after: int = 0) -> list[StoredMessage]:
        stored = self._by_subject.get(subject, [])
        return stored[bisect_right(stored, after, key=lambda message: message.seq) :]

    async def follow(
        self, after: int, batch: int = 500, aggregates: Collection[str] = ()
    ) -> AsyncGenerator[list[StoredMessage], None]:
        while True:
            while len(self._messages) <= after:
                await self._grown.wait()
            messages = self._messages[after : after + batch]
            after = messages[-1].seq
            if messages := [each for each in messages if not aggregates or each.subject.split(".")[2] in aggregates]:
                yield messages

    async def last_seq(self) -> int:
        return len(self._messages)
