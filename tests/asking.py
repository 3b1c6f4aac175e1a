"""Asking a service what was just recorded."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from contracts.message import Position, Query, Refused, View
from kernel.talking.caller import Caller

V = TypeVar("V", bound=View)

SOON_S = 60


async def seen(caller: Caller, query: Query, view: type[V]) -> V:
    """The answer to a query, asked again while the read models are behind, as the refusal says.

    A service waits two seconds for its read models, and on a busy machine its first ones take longer to make.
    Raises `Refused` and `Unavailable`.
    """
    async with asyncio.timeout(SOON_S):
        while True:
            try:
                return await caller.view(query, view)
            except Refused as refused:
                if refused.code != "behind":
                    raise


def newer(known: str | None, position: str) -> str:
    """The later of two positions in one log: a command that comes again is answered with its former place."""
    return max(known or position, position, key=lambda each: Position.parse(each).seq)
