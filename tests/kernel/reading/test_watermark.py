"""Whoever waits for an event is not told that it is there while its documents are on their way into place."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from contracts.message import Position
from kernel.reading.checkpoint import Checkpoint, Place, Swap
from kernel.reading.watermark import Watermark
from tests.kernel.projecting import World, world


@pytest.fixture
async def here(nats_url: str, mongodb_uri: str) -> AsyncIterator[World]:
    async with world(nats_url, mongodb_uri) as made:
        yield made
        await made.client.drop_database(made.service)


async def noted(here: World, swap: Swap | None) -> None:
    """A rebuild has read seven events; with `swap` its documents have still to be renamed."""
    checkpoint = Checkpoint(1, {}, {here.log.stream: Place(here.log.epoch, 7)}, swap)
    await here.database["_checkpoint"].replace_one({"_id": "projection"}, checkpoint.document(), upsert=True)


async def test_a_service_waits_until_the_documents_of_a_rebuild_are_in_their_place(here: World) -> None:
    seventh = Position(stream=here.log.stream, seq=7)
    await noted(here, Swap("~fresh", ()))
    watermark = Watermark(here.nc, here.service, here.database)
    await watermark.start()
    assert not await watermark.reached(seventh, 0.3)
    await noted(here, None)
    assert await watermark.reached(seventh, 0.1)
    await watermark.stop()
