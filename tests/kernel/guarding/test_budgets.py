"""What a tenant or a device may have recorded in a day is bounded, over all replicas and restarts, and starts again."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from contracts.message import Refused
from kernel.guarding.budgets import COLLECTION, DEVICE, TENANT, Budgets, next_day
from kernel.guarding.room import reserve
from kernel.keeping.mongo import Database, mongo_client
from kernel.log.promise import NewMessage
from kernel.process.settings import Settings
from kernel.service.running import running
from ops.servers import NatsServer
from tests.kernel.toy import INSTALLER, REVOKED, TOY, Count, command_id, new_id

MORNING = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
LIMITS = {TENANT: 5, DEVICE: 3}


class Clock:
    """The time, as the test sets it."""

    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def database(mongodb_uri: str) -> AsyncIterator[Database]:
    async with mongo_client(mongodb_uri, "test") as client:
        yield client[f"test_{uuid4().hex[:8]}"]


def events(count: int) -> list[NewMessage]:
    return [NewMessage("event.toy.a.1", str(number), {}, b"", 0) for number in range(count)]


def record(budgets: Budgets, kind: str, id: str | None, count: int = 1) -> None:
    with budgets.charged(kind, id):
        budgets.admit(events(count))


async def test_each_has_a_budget_of_its_own_and_it_is_said_when_it_starts_again(database: Database) -> None:
    clock = Clock()
    budgets = Budgets("toy", LIMITS, database, clock)
    record(budgets, TENANT, "bright", 3)
    record(budgets, TENANT, "bright", 2)
    with pytest.raises(Refused) as refusal:
        record(budgets, TENANT, "bright")
    assert refusal.value.code == "budget-spent"
    assert "It goes on at 2026-11-28T00:00+00:00." in refusal.value.refusal().detail
    record(budgets, TENANT, "clear", 5)
    record(budgets, DEVICE, "bright", 3)  # another kind of payer
    with pytest.raises(Refused):
        record(budgets, DEVICE, "bright")
    record(budgets, TENANT, None, 100)  # the region itself
    budgets.admit(events(100))
    with reserve(open=True):
        record(budgets, TENANT, "bright", 2)  # what ends a right or erases
    clock.now = next_day(clock.now)
    record(budgets, TENANT, "bright", 5)


async def test_what_ends_a_right_may_be_as_much_again_and_no_more(database: Database) -> None:
    clock = Clock()
    budgets = Budgets("toy", LIMITS, database, clock)
    record(budgets, TENANT, "bright", 5)
    with reserve(open=True):
        record(budgets, TENANT, "bright", 5)
        with pytest.raises(Refused) as refusal:
            record(budgets, TENANT, "bright")
        assert refusal.value.code == "budget-spent"
        record(budgets, TENANT, "clear", 10)
        record(budgets, TENANT, None, 100)  # the region itself
    with pytest.raises(Refused):
        record(budgets, TENANT, "clear")
    await budgets.save()
    restarted = Budgets("toy", LIMITS, database, clock)
    with reserve(open=True):
        record(restarted, TENANT, "bright")  # what others counted is learned with the first save
        await restarted.save()
        with pytest.raises(Refused):
            record(restarted, TENANT, "bright")
    clock.now = next_day(clock.now)
    with reserve(open=True):
        record(budgets, TENANT, "bright", 10)


async def test_more_at_once_than_is_left_is_refused_whole(database: Database) -> None:
    budgets = Budgets("toy", LIMITS, database, Clock())
    record(budgets, TENANT, "bright", 4)
    with pytest.raises(Refused):
        record(budgets, TENANT, "bright", 2)
    record(budgets, TENANT, "bright", 1)


async def test_what_a_command_brings_about_later_counts_with_it(database: Database) -> None:
    budgets = Budgets("toy", LIMITS, database, Clock())
    with budgets.charged(TENANT, "bright", further=3):
        budgets.admit(events(1))
        with pytest.raises(Refused):
            budgets.admit(events(1))
    record(budgets, TENANT, "bright", 1)
    with pytest.raises(Refused):
        record(budgets, TENANT, "bright", 1)


async def test_replicas_add_up_and_a_restart_forgets_nothing(database: Database) -> None:
    clock = Clock()
    first, second = (Budgets("toy", LIMITS, database, clock) for _ in range(2))
    record(first, TENANT, "bright", 3)
    record(second, TENANT, "bright", 1)
    await first.save()
    await second.save()
    with pytest.raises(Refused):
        record(second, TENANT, "bright", 2)
    restarted = Budgets("toy", LIMITS, database, clock)
    record(restarted, TENANT, "bright", 1)
    await restarted.save()
    with pytest.raises(Refused):
        record(restarted, TENANT, "bright", 1)
    row = await database[COLLECTION].find_one({})
    assert row == {"_id": "2026-11-27 tenant bright", "used": 5, "until": row["until"] if row else None}
    assert row["until"].replace(tzinfo=UTC) == next_day(MORNING) + timedelta(days=8)


class Requests(CommandListener):
    """Counts what MongoDB is asked."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.names.append(event.command_name)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


async def test_the_counts_of_a_thousand_devices_are_saved_by_few_requests(mongodb_uri: str, database: Database) -> None:
    requests = Requests()
    async with AsyncMongoClient[dict[str, Any]](mongodb_uri, event_listeners=[requests]) as client:
        budgets = Budgets("toy", LIMITS, client[database.name], Clock())
        for turn in range(2):
            for number in range(1000):
                record(budgets, DEVICE, f"d{number}", turn + 1)
            await budgets.save()
    asked = [name for name in requests.names if name not in ("hello", "saslStart", "saslContinue", "endSessions")]
    assert len(asked) <= 8, asked[:20]
    assert await database[COLLECTION].count_documents({"used": 3}) == 1000
    with pytest.raises(Refused):
        record(budgets, DEVICE, "d7")


async def test_a_tenant_beyond_its_budget_is_refused_and_may_still_revoke(tmp_path: Path, mongodb_uri: str) -> None:
    async with NatsServer(tmp_path / "nats") as server:
        settings = Settings(
            nats_url=server.url,
            mongodb_uri=mongodb_uri,
            secret="00" * 32,
            database_prefix=f"test_{uuid4().hex[:8]}_",
            tenant_events_per_day=3,
        )
        async with running(TOY, settings) as toy:
            done = [count() for _ in range(3)]
            answers = [await toy.caller.command(command) for command in done]
            with pytest.raises(Refused) as refusal:
                await toy.caller.command(count())
            assert refusal.value.code == "budget-spent"
            assert await toy.caller.command(done[0]) == answers[0]
            for _ in range(3):
                await toy.caller.command(count(label=REVOKED))
            with pytest.raises(Refused) as refusal:
                await toy.caller.command(count(label=REVOKED))
            assert refusal.value.code == "budget-spent"
            other = INSTALLER.model_copy(update={"installer_id": "i3"})
            await toy.caller.command(count(label=REVOKED, actor=other))
            await toy.caller.command(count(actor=INSTALLER.model_copy(update={"installer_id": "i2"})))


def count(**fields: Any) -> Count:
    stamped = {"command_id": command_id(), "at": datetime.now(UTC), "actor": INSTALLER, "counter_id": new_id()}
    return Count(**{**stamped, **fields})
