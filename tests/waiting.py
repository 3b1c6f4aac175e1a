"""Waiting for what other processes and tasks do, and no longer than it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any


async def eventually(probe: Callable[[], Awaitable[bool]], timeout_s: float = 60.0) -> None:
    """Returns when the probe says yes. Raises `TimeoutError`."""
    async with asyncio.timeout(timeout_s):
        while not await probe():  # noqa: ASYNC110 (what is awaited happens elsewhere)
            await asyncio.sleep(0.05)


async def at_once(works: Iterable[Coroutine[Any, Any, None]], most: int = 8) -> None:
    """Returns when all of it is done, `most` at a time. Raises an `ExceptionGroup` of what failed."""
    places = asyncio.Semaphore(most)

    async def placed(work: Coroutine[Any, Any, None]) -> None:
        async with places:
            await work

    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(placed(work))
