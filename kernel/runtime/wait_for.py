"""`asyncio.wait_for` as Python 3.12 has it, also on 3.11.

The rule it protects: who is cancelled ends. On Python 3.11 `asyncio.wait_for` runs a coroutine in a task of its own,
may leave it behind when it is cancelled, and forgets a cancellation that comes in the same moment as the result.
nats-py and PyMongo wait by it for every answer, so what was told to stop could go on. `kernel.runtime.patches` replaces
it for the whole process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def wait_for(awaitable: Awaitable[T], timeout: float | None) -> T:
    """What `awaitable` results in. Raises `TimeoutError` after `timeout` seconds, having cancelled it."""
    async with asyncio.timeout(timeout):
        return await awaitable
