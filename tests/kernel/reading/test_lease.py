"""A lease is held by one at a time, and no clock of yesterday keeps it from everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from kernel.keeping.mongo import Database, mongo_client
from kernel.reading.lease import LEASE_S, Held, Lease


@pytest.fixture
async def database(mongodb_uri: str) -> AsyncIterator[Database]:
    async with mongo_client(mongodb_uri, "test") as client:
        yield client[f"test_{uuid4().hex[:8]}"]


async def left_by_another(database: Database, ahead: timedelta) -> None:
    """The lease of somebody who died and had it for so long, by the clock of the database."""
    until: dict[str, Any] = {"$add": ["$$NOW", int(ahead.total_seconds() * 1000)]}
    left = {"holder": {"$literal": "another"}, "until": until, "session": {"$literal": None}}
    await database["_lease"].update_one({"_id": "work"}, [{"$set": left}], upsert=True)


async def taken(database: Database) -> bool:
    lease = Lease(database, "work")

    async def work(_: object) -> bool:
        return lease.is_held

    return await lease.hold(work, wait=False)


async def test_a_lease_that_nobody_has_is_taken(database: Database) -> None:
    assert await taken(database)
    assert await taken(database)  # it was given back


async def test_a_lease_that_another_has_is_not_taken(database: Database) -> None:
    await left_by_another(database, timedelta(seconds=LEASE_S))
    with pytest.raises(Held):
        await taken(database)


@pytest.mark.parametrize("ahead", [timedelta(seconds=3 * LEASE_S), timedelta(days=400)])
async def test_a_lease_of_before_the_database_s_clock_was_set_back_is_taken(
    database: Database, ahead: timedelta
) -> None:
    await left_by_another(database, ahead)
    assert await taken(database)


async def test_a_lease_that_ran_out_is_taken(database: Database) -> None:
    await left_by_another(database, timedelta(seconds=-1))
    assert await taken(database)
