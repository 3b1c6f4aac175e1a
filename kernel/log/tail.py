"""The end of a stream, in memory: all who follow it in one process share one consumer.

The rule it protects is the reader's: every message above the position, once, in order. Whoever is too far behind to be
served from memory reads by itself until it has caught up.
"""

from __future__ import annotations

import asyncio
import contextlib
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence

from nats.aio.client import Client

from kernel.log.leader import Leader
from kernel.log.promise import StoredMessage, Unavailable
from kernel.log.reader import follow_stream

_BATCH = 500
# How many messages are kept behind whoever is furthest, how many more before any go, and how many are read ahead.
_KEPT = 500
_SLACK = 100
_READ_AHEAD = 500


class _Passenger:
    """One who follows some subjects only, and is handed them by whoever reads the whole stream."""

    def __init__(self, subjects: Sequence[str]) -> None:
        self.waiting: deque[StoredMessage] = deque()
        self.woken = asyncio.Event()
        self.is_aboard = True
        self._beginnings = tuple(each.removesuffix("*") for each in subjects)

    def take(self, messages: Sequence[StoredMessage]) -> None:
        mine = [message for message in messages if message.subject.startswith(self._beginnings)]
        if mine and self.is_aboard:
            self.waiting += mine
            self.woken.set()
        if len(self.waiting) > _KEPT:
            self.leave()

    def leave(self) -> None:
        """Take no more: what comes after what waits is read alone."""
        self.is_aboard = False
        self.woken.set()


class Tail:
    """One process's way through a stream. The first who follows all of it begins the tail, the last who leaves ends it.

    Those who follow some subjects are served by the server, which knows them, until they are where the tail is.
    """

    def __init__(self, nc: Client, leader: Leader) -> None:
        self._nc = nc
        self._leader = leader
        self._messages: list[StoredMessage] = []
        self._base = 0
        """Every message above it, up to the last one read, is in `_messages`."""
        self._places: dict[object, int] = {}
        self._passengers: set[_Passenger] = set()
        self._reader: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self._read = asyncio.Event()
        self._moved = asyncio.Event()

    async def follow(
        self, after: int, batch: int, subjects: Sequence[str] = ()
    ) -> AsyncGenerator[list[StoredMessage], None]:
        """As `Log.follow` promises."""
        while True:
            if self._serves(after, subjects):
                shared = self._handed(after, batch, subjects) if subjects else self._shared(after, batch)
                async with contextlib.aclosing(shared) as batches:
                    async for messages in batches:
                        after = messages[-1].seq
                        yield messages
            async with contextlib.aclosing(follow_stream(self._nc, self._leader, after, batch, subjects)) as batches:
                async for messages in batches:
                    after = messages[-1].seq
                    yield messages
                    if self._serves(after, subjects):
                        break

    def _serves(self, after: int, subjects: Sequence[str]) -> bool:
        """Whether the next message after that one is, or will be, among those in memory."""
        return self._base <= after <= self._last if self._reader is not None else not subjects

    @property
    def _last(self) -> int:
        return self._messages[-1].seq if self._messages else self._base

    async def _shared(self, after: int, batch: int) -> AsyncGenerator[list[StoredMessage], None]:
        """What is in memory and comes into it, until what comes next is there no more."""
        with self._attached(after) as key:
            while self._base <= after:
                if after < self._last:
                    at = bisect_right(self._messages, after, key=lambda message: message.seq)
                    messages = self._messages[at : at + batch]
                    after = self._places[key] = messages[-1].seq
                    self._moved.set()
                    yield messages
                    continue
                if self._failure is not None:
                    known = isinstance(self._failure, Unavailable)
                    raise self._failure if known else Unavailable(str(self._failure))
                self._read.clear()
                await self._read.wait()

    async def _handed(
        self, after: int, batch: int, subjects: Sequence[str]
    ) -> AsyncGenerator[list[StoredMessage], None]:
        """Of what is in memory and comes into it what is of these subjects, until the tail ends or too much waits."""
        passenger = _Passenger(subjects)
        passenger.take(self._messages[bisect_right(self._messages, after, key=lambda message: message.seq) :])
        self._passengers.add(passenger)
        try:
            while passenger.waiting or passenger.is_aboard:
                if passenger.waiting:
                    yield [passenger.waiting.popleft() for _ in range(min(batch, len(passenger.waiting)))]
                    continue
                passenger.woken.clear()
                await passenger.woken.wait()
        finally:
            self._passengers.discard(passenger)

    @contextlib.contextmanager
    def _attached(self, after: int) -> Iterator[object]:
        key = object()
        self._places[key] = after
        if self._reader is None:
            self._messages, self._base, self._failure = [], after, None
            self._reader = asyncio.create_task(self._keep_reading(after))
            self._reader.add_done_callback(self._ended)
        try:
            yield key
        finally:
            del self._places[key]
            self._moved.set()
            if not self._places and self._reader is not None:
                self._reader.cancel()
                self._reader = None
                self._let_passengers_go()

    def _ended(self, reader: asyncio.Task[None]) -> None:
        if reader.cancelled():
            return
        self._failure = reader.exception()
        self._read.set()
        self._let_passengers_go()

    def _let_passengers_go(self) -> None:
        for passenger in self._passengers:
            passenger.leave()
        self._passengers = set()

    async def _keep_reading(self, after: int) -> None:
        async with contextlib.aclosing(follow_stream(self._nc, self._leader, after, _BATCH)) as following:
            async for messages in following:
                self._messages += messages
                self._read.set()
                for passenger in [*self._passengers]:
                    passenger.take(messages)
                self._forget()
                while self._last - max(self._places.values()) > _READ_AHEAD:
                    # Nobody has to wait for those who are slow with all of it.
                    self._let_passengers_go()
                    self._moved.clear()
                    await self._moved.wait()

    def _forget(self) -> None:
        furthest = bisect_right(self._messages, max(self._places.values()), key=lambda message: message.seq)
        if (gone := furthest - _KEPT) > _SLACK:
            self._base = self._messages[gone - 1].seq
            del self._messages[:gone]
