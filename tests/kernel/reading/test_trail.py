"""A part of an audit trail: newest first, and a cursor is good for the trail that gave it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from contracts.message import Actor, Event, Recorded, Refused, Role
from kernel.keeping.mongo import BSON, Database
from kernel.keeping.secrets import Secrets
from kernel.reading.trail import NAME, part_of, trail

SECRETS = Secrets.parse("5a" * 32)


class Told(Event):
    """Something happened to somebody, or went along with something else."""

    about: str | None


class Asked(NamedTuple):
    cursor: str | None = None
    limit: int = 2


def told(seq: int, about: str | None, role: Role = Role.INSTALLER) -> Recorded:
    actor = Actor(account_id="who", role=role, address="192.0.2.1")
    said: dict[str, Any] = {"event_id": str(seq), "command_id": "c", "correlation_id": "c", "at": datetime.now(UTC)}
    return Recorded(stream="S", seq=seq, aggregate="a", aggregate_id="1", event=Told(about=about), actor=actor, **said)


def about(recorded: Recorded) -> tuple[str, ...]:
    assert isinstance(recorded.event, Told)
    return (recorded.event.about,) if recorded.event.about else ()


@pytest.fixture
async def database(mongodb_uri: str) -> AsyncIterator[Database]:
    """A trail of five events about one, with one about another in between."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongodb_uri, tz_aware=True)
    database = client.get_database(f"test_{uuid4().hex}", BSON)
    rows = [told(seq, "other" if seq == 3 else "one") for seq in range(1, 7)]
    model = trail(about)
    await database[NAME].insert_many([{"_id": str(each.seq), **(model.fold(None, each) or {})} for each in rows])
    yield database
    await client.drop_database(database.name)
    await client.close()


async def test_a_trail_is_read_to_its_end_part_by_part(database: Database) -> None:
    seen, cursor = [], None
    while True:
        part = await part_of("one", Asked(cursor), {"about": "one"}, database, SECRETS)
        seen += [row["seq"] for row in part.rows]
        if (cursor := part.next) is None:
            break
    assert seen == [6, 5, 4, 2, 1]


async def test_a_cursor_is_good_for_one_trail(database: Database) -> None:
    part = await part_of("one", Asked(), {"about": "one"}, database, SECRETS)
    for cursor, trail_of in ((part.next, "other"), ("made up", "one")):
        with pytest.raises(Refused, match="cursor-invalid"):
            await part_of(trail_of, Asked(cursor), {"about": trail_of}, database, SECRETS)


def test_what_only_went_along_has_a_row_where_all_is_kept() -> None:
    assert [*trail(about).keys(told(1, None))] == []
    assert [*trail(about, keeps_all=True).keys(told(1, None))] == ["1"]
    assert [*trail(about).keys(told(1, "one"))] == ["1"]


@pytest.mark.parametrize("role", Role)
def test_where_residents_are_is_theirs_to_know(role: Role) -> None:
    row = trail(about).fold(None, told(1, "one", role))
    is_resident = role in (Role.FAMILY_MASTER, Role.FAMILY_MEMBER)
    assert row is not None
    assert row["address"] == (None if is_resident else "192.0.2.1")
