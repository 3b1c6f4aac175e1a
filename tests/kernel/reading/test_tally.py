"""A tally goes up and down with what is recorded, each by its own step, and begins with what is added."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from contracts.message import Actor, Event, Recorded, Role
from kernel.keeping.mongo import BSON, Database
from kernel.reading.readmodel import Row
from kernel.reading.tally import counts_of, tallies


class Moved(Event):
    """Some of one kind became some of another."""

    steps: dict[str, int]


def steps(recorded: Recorded) -> dict[str, int]:
    return recorded.event.steps if isinstance(recorded.event, Moved) else {}


TALLIES = tallies(steps)


def folded(*moves: dict[str, int]) -> dict[str, Row]:
    """The documents after these, as a projection makes them."""
    documents: dict[str, Row] = {}
    actor = Actor(account_id="who", role=Role.INSTALLER)
    said: dict[str, Any] = {"event_id": "e", "command_id": "c", "correlation_id": "c", "at": datetime.now(UTC)}
    for seq, move in enumerate(moves, 1):
        moved = Recorded(
            stream="S", seq=seq, aggregate="a", aggregate_id="1", event=Moved(steps=move), actor=actor, **said
        )
        for key in TALLIES.keys(moved):
            documents[key] = {"_id": key, **(TALLIES.fold(documents.get(key), moved) or {})}
    return documents


@pytest.fixture
async def database(mongodb_uri: str) -> AsyncIterator[Database]:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongodb_uri, tz_aware=True)
    database = client.get_database(f"test_{uuid4().hex}", BSON)
    yield database
    await client.drop_database(database.name)
    await client.close()


async def test_each_tally_takes_its_own_step(database: Database) -> None:
    documents = folded({"free": 1}, {"free": 1}, {"free": -1, "bound": 1}, {}, {"free": 1})
    assert {key: row["count"] for key, row in documents.items()} == {"free": 2, "bound": 1}
    await database["tallies"].insert_many([dict(row) for row in documents.values()])
    assert await counts_of(database, TALLIES, ["bound", "free", "never"]) == {"bound": 1, "free": 2, "never": 0}


def test_a_count_that_begins_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="several numbers"):
        folded({"cards": 2, "coins": 5})
    assert folded({"cards": 2, "coins": 2, "owed": -5})["coins"]["count"] == 2
