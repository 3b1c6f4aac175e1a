"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from typing import Any

_PATIENCE_S = 0.1


async def ended(*tasks: asyncio.Future[Any]) -> None:
    """Cancel the tasks and return when they are over; what they raised stays with them.

    Cancels again when once was not enough: whatever they call may swallow a cancellation.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=_PATIENCE_S)
    for task in tasks:
        if not task.cancelled():
            task.exception()
