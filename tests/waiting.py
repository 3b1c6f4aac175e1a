"""Waiting for what other processes and tasks do, and no longer than it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(probe: Callable[[], Awaitable[bool]], timeout_s: float = 60.0) -> None:
    """Returns when the probe says yes. Raises `TimeoutError`."""
    async with asyncio.timeout(timeout_s):
        while not await probe():  # noqa: ASYNC110 (what is awaited happens elsewhere)
            await asyncio.sleep(0.05)
