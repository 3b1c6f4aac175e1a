"""What waits of a reaction is tried again when an operator asks: in order, once, and with the reason when it fails."""

from __future__ import annotations

import asyncio

from contracts.message import Position
from kernel.reacting.retrying import AGAIN, wish
from tests.kernel.projecting import BAD
from tests.kernel.reacting.test_reaction import Desk, running, two

__all__ = ["two"]
NAME = "note_what_is_tallied"


async def tried(two: Desk) -> None:
    async with asyncio.timeout(20):
        while await two.here.database.reactions_parked.find_one({AGAIN: {"$exists": True}}):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_what_waited_is_done_once_and_in_order_when_somebody_asks(two: Desk) -> None:
    parked = two.here.database.reactions_parked
    stream = two.there.log.stream
    for aggregate in ("a", "b"):
        await two.there.tally(aggregate, 1)
        await two.there.append(aggregate, BAD)
        await two.there.tally(aggregate, 3)
    async with running(two.reactions()):
        await two.reached(await two.there.tally("c", 7))
        assert [each["seq"] for each in await parked.find().sort("seq", 1).to_list()] == [2, 3, 5, 6]
        assert all("at" in each for each in await parked.find().to_list())
        assert await wish(parked, NAME, "operator", Position(stream=stream, seq=999)) == 0
        assert await wish(parked, NAME, "operator", Position(stream=stream, seq=2)) == 2
        await tried(two)
        first = await parked.find_one({"seq": 2})
        assert first is not None
        assert first["reason"].startswith("JSONDecodeError")
        assert await two.notes("a") == (1,)
        two.there.decoder.cured = True
        await wish(parked, NAME, "operator", Position(stream=stream, seq=3))
        await tried(two)
        assert await two.notes("a") == (1, 1, 3)
        assert await two.notes("b") == (1,)
        assert await wish(parked, NAME, "operator") == 2
        await tried(two)
        assert await parked.count_documents({}) == 0
        await two.reached(await two.there.tally("a", 5))
        await two.reached(await two.there.tally("b", 5))
    assert await two.notes("a") == await two.notes("b") == (1, 1, 3, 5)
    assert await two.notes("all") == (1, 1, 7, 1, 3, 1, 3, 5, 5)
