"""The roster is read from documents that are whole: never from those that are on their way into their place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from kernel.keeping.mongo import Database
from kernel.reading.checkpoint import Checkpoint, Place, Swap
from services.devices.link.roster import Roster

STREAM, EPOCH = "DEVICES", "epoch"


@pytest.fixture
async def database(mongodb_uri: str) -> AsyncIterator[Database]:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongodb_uri)
    name = f"roster_{uuid4().hex[:8]}"
    yield client[name]
    await client.drop_database(name)
    await client.close()


async def noted(database: Database, swap: Swap | None) -> None:
    """A rebuild has read seven events; with `swap` its documents have still to be renamed."""
    checkpoint = Checkpoint(1, {}, {STREAM: Place(EPOCH, 7)}, swap)
    await database["_checkpoint"].replace_one({"_id": "projection"}, checkpoint.document(), upsert=True)


async def test_a_roster_that_is_read_meanwhile_is_told_all_by_the_log(database: Database) -> None:
    await noted(database, Swap("~fresh", ()))
    roster = Roster()
    await roster.load(database, STREAM, EPOCH)
    assert roster.seq == 0
    await noted(database, None)
    await roster.load(database, STREAM, EPOCH)
    assert roster.seq == 7
