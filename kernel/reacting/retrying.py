"""Trying again, because an operator asked, what waits of a reaction. The wish is kept beside the events that wait.

The rule it protects: only the process that holds the reactions tries, each aggregate in its order, and what was done
before it failed is not done twice, because commands have the same ids again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from contracts.message import Position, Refused
from kernel.deciding.reasons import reason_of
from kernel.keeping.mongo import Collection

AGAIN = "again"
"""Of an event that waits: who wishes that it is tried again, `by`, and since when, `at`. Gone once it was tried."""

_LOOK_EVERY_S = 1.0
_log = structlog.get_logger()


async def wish(parked: Collection, reaction: str, by: str, position: Position | None = None) -> int:
    """Have what waits of `reaction` tried again; with a position, its aggregate only. How many events that are."""
    mine: dict[str, Any] = {"reaction": reaction}
    if position is not None:
        found = await parked.find_one({**mine, "stream": position.stream, "seq": position.seq})
        if found is None:
            return 0
        mine["subject"] = found["subject"]
    wished = await parked.update_many(mine, {"$set": {AGAIN: {"by": by, "at": datetime.now(UTC)}}})
    return wished.matched_count


async def fulfil(
    parked: Collection, unpark: Callable[[str, str], Awaitable[int]], passes: Callable[[Exception], bool]
) -> None:
    """Try again whatever somebody wishes, for ever. `unpark` takes a reaction's name and a subject.

    What fails keeps waiting, with its newest reason; after what `passes` the wish stays too.
    """
    with suppress(PyMongoError):
        await parked.create_index(AGAIN, sparse=True)
    while True:
        try:
            wished = await parked.find({AGAIN: {"$exists": True}}).sort([("reaction", 1), ("seq", 1)]).to_list()
            for each in {(one["reaction"], one["subject"]): one for one in reversed(wished)}.values():
                await _try(parked, each, unpark, passes)
        except PyMongoError as failure:
            _log.warning("wishes are not read", reason=reason_of(failure))
        await asyncio.sleep(_LOOK_EVERY_S)


async def _try(
    parked: Collection,
    wished: dict[str, Any],
    unpark: Callable[[str, str], Awaitable[int]],
    passes: Callable[[Exception], bool],
) -> None:
    reaction, subject = wished["reaction"], wished["subject"]
    try:
        done = await unpark(reaction, subject)
        _log.info("events retried", reaction=reaction, subject=subject, events=done, by=wished[AGAIN]["by"])
    except Exception as failure:  # noqa: BLE001 (it is told to whoever wishes)
        if passes(failure):
            return
        reason = f"refused: {failure.code}" if isinstance(failure, Refused) else reason_of(failure)
        mine = {"reaction": reaction, "subject": subject}
        await parked.find_one_and_update(mine, {"$set": {"reason": reason}}, sort=[("seq", 1)])
        await parked.update_many(mine, {"$unset": {AGAIN: ""}})
        _log.warning("events wait on", reaction=reaction, subject=subject, reason=reason, by=wished[AGAIN]["by"])
