"""A page and its total come by one question, and no question counts what it need not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandListener

from kernel.keeping.mongo import Database
from kernel.reading import listing
from kernel.reading.listing import Tallied, listed, search_page
from kernel.reading.readmodel import ReadModel

TALLIES = ReadModel("tallies", lambda recorded: [], lambda row, recorded: row)


class Asked(NamedTuple):
    page: int = 1
    per_page: int = 10


class Commands(CommandListener):
    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: Any) -> None:
        self.names.append(event.command_name)

    def succeeded(self, event: Any) -> None: ...

    def failed(self, event: Any) -> None: ...


@pytest.fixture
def commands() -> Commands:
    return Commands()


@pytest.fixture
async def database(mongodb_uri: str, commands: Commands) -> AsyncIterator[Database]:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongodb_uri, event_listeners=[commands])
    async with client:
        made = client[f"listing{uuid4().hex[:8]}"]
        rows = [{"_id": f"r{n:02}", "created_at": n, "owner": "ab"[n % 2], "tokens": ["n:x"]} for n in range(25)]
        await made["rows"].insert_many(rows)
        await made["tallies"].insert_many([{"_id": "a", "count": 13}, {"_id": "b", "count": 12}])
        commands.names.clear()
        yield made
        await client.drop_database(made.name)


async def test_a_page_comes_newest_first_with_its_tally_and_without_tokens(
    database: Database, commands: Commands
) -> None:
    page = await listed(database["rows"], {"owner": "a"}, Asked(), tallied=Tallied(TALLIES, ("a",)))
    assert [row["created_at"] for row in page.rows] == [24, 22, 20, 18, 16, 14, 12, 10, 8, 6]
    assert page.rows[0] == {"_id": "r24", "created_at": 24, "owner": "a"}
    assert page.total == 13
    assert commands.names == ["aggregate"]


async def test_the_last_page_has_the_rest_and_the_same_total(database: Database) -> None:
    page = await listed(database["rows"], {}, Asked(3), tallied=Tallied(TALLIES, ("a", "b")))
    assert [row["_id"] for row in page.rows] == ["r04", "r03", "r02", "r01", "r00"]
    assert page.total == 25


async def test_behind_the_last_page_the_total_is_still_told(database: Database) -> None:
    assert await listed(database["rows"], {}, Asked(9), tallied=Tallied(TALLIES, ("a", "b"))) == ([], 25)


async def test_a_tally_that_nothing_was_counted_in_is_none(database: Database) -> None:
    assert await listed(database["rows"], {"owner": "c"}, Asked(), tallied=Tallied(TALLIES, ("c",))) == ([], 0)


async def test_without_a_tally_it_is_counted_in_the_same_question(database: Database, commands: Commands) -> None:
    page = await listed(database["rows"], {"owner": "b"}, Asked(2, 5), order={"created_at": 1})
    assert [row["created_at"] for row in page.rows] == [11, 13, 15, 17, 19]
    assert page.total == 12
    assert commands.names == ["aggregate"]


async def test_a_count_ends_at_its_bound(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "COUNTED_MAX", 7)
    assert (await listed(database["rows"], {}, Asked())).total == 7
    assert (await search_page(database["rows"], {}, Asked())).total == 7


async def test_what_a_search_finds_is_newest_first_unless_it_is_much(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = await search_page(database["rows"], {"owner": "b"}, Asked(1, 2))
    assert ([row["created_at"] for row in few.rows], few.total) == ([23, 21], 12)
    monkeypatch.setattr(listing, "_SORTED_MAX", 11)
    much = await search_page(database["rows"], {"owner": "b"}, Asked(1, 2))
    assert ([row["created_at"] for row in much.rows], much.total) == ([1, 3], 12)
    assert "tokens" not in much.rows[0]
