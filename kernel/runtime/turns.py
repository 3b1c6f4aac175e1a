"""Callers of one process queue for a thing instead of racing for it."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Sequence
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T", bound=Hashable)


class Turns(Generic[T]):
    """A lock for each thing that somebody holds or waits for, and no memory of any other."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[T, asyncio.Lock] = WeakValueDictionary()

    def of(self, things: Iterable[T]) -> Turn:
        """To be entered: one's turn with all of them, taken in the order in which they come.

        Nobody waits for another for ever as long as all name theirs in the same order.
        """
        locks = []
        for thing in things:
            lock = self._locks.get(thing)
            if lock is None:
                lock = self._locks[thing] = asyncio.Lock()
            locks.append(lock)
        return Turn(locks)


class Turn:
    """A class and no generator, which would cost a command a tenth of what it costs."""

    def __init__(self, locks: Sequence[asyncio.Lock]) -> None:
        self._locks = locks
        self._held = 0

    async def __aenter__(self) -> None:
        try:
            for lock in self._locks:
                await lock.acquire()
                self._held += 1
        except BaseException:
            self._release()
            raise

    async def __aexit__(self, *failure: object) -> None:
        self._release()

    def _release(self) -> None:
        for lock in self._locks[: self._held]:
            lock.release()
