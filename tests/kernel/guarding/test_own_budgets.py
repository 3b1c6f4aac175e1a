"""A budget that differs from the setting holds for one tenant or device, and keeps nobody from ending a right."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from contracts.budgets import PayerKind
from contracts.message import Refused
from kernel.guarding.budgets import COLLECTION, DEVICE, OWN_LIMITS, TENANT, Budgets, counts_of
from kernel.guarding.room import reserve
from kernel.keeping.mongo import Database, mongo_client
from kernel.log.promise import NewMessage
from kernel.service.spending import most_spent

LIMITS = {TENANT: 5, DEVICE: 3}


@pytest.fixture
async def database(mongodb_uri: str) -> AsyncIterator[Database]:
    async with mongo_client(mongodb_uri, "test") as client:
        yield client[f"test_{uuid4().hex[:8]}"]


async def own(database: Database, kind: str, id: str, limit: int) -> None:
    row = {"kind": kind, "payer_id": id, "limit": limit}
    await database[OWN_LIMITS].replace_one({"_id": f"{kind} {id}"}, row, upsert=True)


def record(budgets: Budgets, kind: str, id: str, count: int = 1) -> None:
    with budgets.charged(kind, id):
        budgets.admit([NewMessage("event.toy.a.1", str(number), {}, b"", 0) for number in range(count)])


def spend(budgets: Budgets, kind: str, id: str) -> int:
    """How many events are recorded until one is refused; at most 100."""
    for number in range(100):
        try:
            record(budgets, kind, id)
        except Refused:
            return number
    return 100


async def test_it_is_larger_or_smaller_for_one_of_them_alone_and_changes_while_all_run(database: Database) -> None:
    first, second = (Budgets("toy", LIMITS, database) for _ in range(2))
    assert spend(first, TENANT, "bright") == 5
    await own(database, TENANT, "bright", 8)
    await own(database, DEVICE, "bright", 1)
    for each in (first, second):
        await each.learn()
    assert spend(first, TENANT, "bright") == 3
    assert spend(second, TENANT, "bright") == 8  # the counts of the other are added up later
    assert spend(second, DEVICE, "bright") == 1
    assert spend(second, TENANT, "clear") == 5
    await second.save()
    restarted = Budgets("toy", LIMITS, database)
    await restarted.learn()
    assert spend(restarted, DEVICE, "bright") == 0
    await database[OWN_LIMITS].delete_many({})
    await restarted.learn()
    assert spend(restarted, DEVICE, "bright") == 2


@pytest.mark.parametrize(("limit", "freeing"), [(0, 5), (2, 7), (20, 40)])
async def test_whoever_ends_a_right_may_always_do_as_much_as_the_setting_allows(
    database: Database, limit: int, freeing: int
) -> None:
    await own(database, TENANT, "bright", limit)
    budgets = Budgets("toy", LIMITS, database)
    await budgets.learn()
    assert spend(budgets, TENANT, "bright") == limit
    with reserve(open=True):
        assert spend(budgets, TENANT, "bright") == freeing - limit


async def test_what_was_learned_holds_while_the_database_does_not_answer(mongodb_uri: str, database: Database) -> None:
    await own(database, TENANT, "bright", 1)
    async with mongo_client(mongodb_uri, "test") as client:
        budgets = Budgets("toy", LIMITS, client[database.name])
        await budgets.learn()
    await budgets.learn()  # its client is closed
    assert spend(budgets, TENANT, "bright") == 1


async def test_the_largest_part_comes_first_and_own_budgets_are_always_listed(database: Database) -> None:
    today = datetime.now(UTC).date()
    used = {(TENANT, "bright"): 4, (TENANT, "clear"): 5, (DEVICE, "gate"): 1, (TENANT, "own"): 1, (DEVICE, "idle"): 0}
    for (kind, id), events in used.items():
        await database[COLLECTION].insert_one({"_id": counts_of(today, kind, id), "used": events})
    await own(database, TENANT, "own", 100)
    await own(database, DEVICE, "shut", 0)
    limits = {PayerKind.TENANT: 5, PayerKind.DEVICE: 3}
    spent = await most_spent(database, limits, most=2)
    assert [(each.payer_id, each.used, each.limit, each.is_own) for each in spent] == [
        ("shut", 0, 0, True),
        ("clear", 5, 5, False),
        ("bright", 4, 5, False),
        ("own", 1, 100, True),
    ]
    only = await most_spent(database, limits, only=[(PayerKind.TENANT, "own"), (PayerKind.TENANT, "new")])
    assert [(each.payer_id, each.used, each.limit) for each in only] == [("own", 1, 100), ("new", 0, 5)]
    assert await most_spent(database, limits, only=[]) == []
