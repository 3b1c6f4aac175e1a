"""When copies were last erased: noted by the eraser, remarked on by services, due in time for what was promised."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import generate_latest
from pymongo import AsyncMongoClient

from kernel.guarding.erasure import MARGIN, Erasures, ErasureWatch, is_due, remark_on
from kernel.keeping.oplog import push
from kernel.keeping.secrets import Secrets
from kernel.keeping.vault import MongoKeys
from kernel.process.telemetry import REGISTRY

Client = AsyncMongoClient[dict[str, Any]]
DAY = timedelta(hours=24)


@pytest.fixture(scope="module")
async def client(mongodb_uri: str) -> AsyncIterator[Client]:
    client: Client = AsyncMongoClient(mongodb_uri, timeoutMS=60_000, tz_aware=True)
    async with client:
        yield client


@pytest.fixture
async def erasures(client: Client) -> AsyncIterator[Erasures]:
    name = f"vault_{uuid4().hex[:12]}"
    yield Erasures(client, name)
    await client.drop_database(name)


async def test_a_run_counts_once_it_is_done_and_from_when_it_began(erasures: Erasures) -> None:
    assert await erasures.age() is None
    run = await erasures.begin()
    assert await erasures.age() is None
    before = datetime.now(UTC) - MARGIN - timedelta(seconds=5)
    assert await erasures.since(before) is None
    await erasures.finish(run)
    age, since = await erasures.age(), await erasures.since(before)
    assert age is not None
    assert timedelta() <= age < timedelta(minutes=1)
    assert since is not None
    # What was erased a moment before it began may have come too late for it.
    assert await erasures.since(datetime.now(UTC) - MARGIN / 2) is None
    await erasures.begin()  # one that is under way takes nothing back
    assert await erasures.since(before) == since


async def test_there_is_something_to_erase_once_a_key_was_destroyed_since_the_last_run(erasures: Erasures) -> None:
    keys = MongoKeys(erasures.client, Secrets(bytes(32)), erasures.database)
    await keys.key("a")
    assert not await erasures.is_anything_new()
    await keys.destroy("a")
    assert await erasures.is_anything_new()
    await erasures.finish(await erasures.begin())
    assert await erasures.is_anything_new()  # within the margin it is erased once more
    runs = erasures.client[erasures.database]["erasures"]
    (run,) = await runs.find().to_list()
    await runs.update_one({"_id": run["_id"]}, {"$set": {"began_at": run["began_at"] + 2 * MARGIN}})
    assert not await erasures.is_anything_new()


def test_it_begins_early_enough_for_what_was_promised_and_says_when_it_did_not() -> None:
    assert is_due(None, DAY)
    assert not is_due(timedelta(hours=19), DAY)
    assert is_due(timedelta(hours=20), DAY)
    assert remark_on(timedelta(hours=23), DAY) is None
    assert "25 hours ago" in (remark_on(timedelta(hours=25), DAY) or "")
    assert "never" in (remark_on(None, DAY) or "")


async def test_a_service_says_that_copies_are_not_erased(erasures: Erasures) -> None:
    watch = ErasureWatch("tested", erasures, DAY)
    await watch.look()
    assert "never" in (await watch.probe() or "")
    assert b'smartplus_erasure_age_seconds{service="tested"} +Inf' in generate_latest(REGISTRY)
    await erasures.finish(await erasures.begin())
    await watch.look()
    assert await watch.probe() is None


@pytest.mark.timeout(300)
async def test_an_oplog_that_was_pushed_begins_after_what_stood_in_it(client: Client, mongo_server: Any) -> None:
    await client[f"pushed_{uuid4().hex[:8]}"]["things"].insert_one({"word": "canary"})
    before = (await client.admin.command("hello"))["lastWrite"]["opTime"]["ts"]
    # As the user who does it in a region: nobody else, not even the operator, may compact an oplog.
    uri = getattr(mongo_server, "environment", {}).get("SMARTPLUS_ERASER_MONGODB_URI", mongo_server.url)
    async with AsyncMongoClient(uri, timeoutMS=60_000) as eraser:
        await push(eraser, uri)
    (oldest,) = await client.local["oplog.rs"].find().sort("$natural", 1).limit(1).to_list()
    assert oldest["ts"] > before
