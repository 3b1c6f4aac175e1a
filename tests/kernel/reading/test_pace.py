"""Events come together while nobody waits for them; who waits is served at once, by whichever replica projects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from contracts.message import Position
from kernel.reading import projection
from kernel.reading.pace import Pace
from kernel.reading.projection import Projector
from kernel.reading.watermark import Watermark
from tests.kernel.projecting import World, world

LONG_S = 600.0


@pytest.fixture
async def here(nats_url: str, mongodb_uri: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Whose projector rests for minutes after each batch, unless somebody waits."""
    monkeypatch.setattr(projection, "_OWN_PACE", (LONG_S, 10**9))
    async with world(nats_url, mongodb_uri) as made:
        yield made
        await made.client.drop_database(made.service)


@asynccontextmanager
async def projecting(here: World, projector: Projector) -> AsyncIterator[None]:
    """`projector` at work. It has written a batch, so it knows how long one takes, and then another."""
    task = asyncio.create_task(projector.run())
    listening = Watermark(here.nc, here.service, here.database)
    await listening.start()
    try:
        for name in ("built", "first", "second"):
            assert await listening.reached(at(here, await here.tally(name, 1)), 20)
        yield
    finally:
        await listening.stop()
        task.cancel()
        await asyncio.wait([task])


def at(here: World, seq: int) -> Position:
    return Position(stream=here.log.stream, seq=seq)


async def test_events_that_nobody_waits_for_are_written_together(here: World) -> None:
    async with projecting(here, here.projector()):
        last = [await here.tally("a", 1) for _ in range(3)][-1]
        listening = Watermark(here.nc, here.service, here.database, hurry=lambda position: True)
        await listening.start()
        assert not await listening.reached(at(here, last), 0.5)
        assert "a" not in await here.counts()
        await listening.stop()


async def test_who_waits_is_served_at_once_by_the_projector_of_the_same_process(here: World) -> None:
    projector = here.projector()
    async with projecting(here, projector):
        watermark = Watermark(here.nc, here.service, here.database, hurry=projector.hurry)
        await watermark.start()
        for _ in range(3):
            assert await watermark.reached(at(here, await here.tally("a", 1)), 20)
        await watermark.stop()
        assert (await here.counts())["a"] == 3


async def test_who_waits_is_served_at_once_by_the_projector_of_another_replica(here: World) -> None:
    leading, standby = here.projector(), here.projector()
    async with projecting(here, leading):
        theirs = Watermark(here.nc, here.service, here.database, hurry=leading.hurry)
        ours = Watermark(here.nc, here.service, here.database, hurry=standby.hurry)
        await theirs.start()
        await ours.start()
        assert await ours.reached(at(here, await here.tally("a", 1)), 20)
        await ours.stop()
        await theirs.stop()


async def test_who_asks_before_the_event_has_arrived_is_served_when_it_comes(here: World) -> None:
    projector = here.projector()
    async with projecting(here, projector):
        watermark = Watermark(here.nc, here.service, here.database, hurry=projector.hurry)
        await watermark.start()
        head = await here.log.last_seq()
        waiting = asyncio.create_task(watermark.reached(at(here, head + 2), 20))
        await asyncio.sleep(0)
        await here.tally("a", 1)
        await here.tally("a", 1)
        assert await waiting
        await watermark.stop()


async def test_a_busy_log_rests_longer_but_never_longer_than_its_bound() -> None:
    pace = Pace(0.05, 12)
    pace.took(30.0)
    async with asyncio.timeout(20):
        await pace.rest(1)
    pace.hurry(2)
    async with asyncio.timeout(20):
        await pace.rest(1)


async def test_a_position_that_never_comes_hurries_nobody_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernel.reading.pace._HURRIED_FOR_S", 0.0)
    pace = Pace(0.2, 12)
    pace.took(0.02)
    pace.hurry(10**9)
    began = time.monotonic()
    await pace.rest(1)
    assert time.monotonic() - began >= 0.2
