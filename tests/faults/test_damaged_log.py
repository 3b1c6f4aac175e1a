"""Files of a real nats-server and mongod are spoiled: a service says what is missing and decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kernel.connecting.stream import open_log
from kernel.deciding.decider import Ref
from kernel.guarding.guard import Guard
from kernel.keeping.mongo import BSON, mongo_client
from kernel.log.integrity import Damaged
from kernel.log.jetstream import JetStreamLog
from kernel.log.promise import Log, Unavailable
from kernel.runtime.tasks import ended
from kernel.service.running import running
from kernel.talking.wire import RefusedElsewhere
from ops.servers import MongoServer
from tests.asking import seen
from tests.faults.damaging import LARGE, SMALL, Place, cut, delete, flip, flip_end, page, place
from tests.faults.diary import DIARIES, CountPages, Pages
from tests.kernel.toy import INSTALLER

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def here(tmp_path: Path, mongo_server: MongoServer) -> AsyncIterator[Place]:
    async with place(tmp_path, mongo_server) as made:
        yield made


@asynccontextmanager
async def waiting(here: Place) -> AsyncIterator[asyncio.Task[None]]:
    """The service, started on whatever there is; the task ends when it cannot go on."""

    async def work() -> None:
        async with here.at_work() as service:
            await service.broken

    task = asyncio.create_task(work())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


def is_damaged(said: dict[str, Any]) -> bool:
    return "damaged" in said["dependencies"].get("integrity", {}).get("reason", "")


def first(here: Place) -> Path:
    return here.blocks[0]


def middle(here: Place) -> Path:
    assert len(here.blocks) > 2
    return here.blocks[1]


def last(here: Place) -> Path:
    return here.blocks[-1]


@pytest.mark.parametrize(
    ("spoil", "which", "stop", "size", "pages", "says"),
    [
        (cut, last, "kill", SMALL, 40, "its end is missing, 20 events (21 to 40)"),
        (cut, last, "stop", SMALL, 40, "20 events (21 to 40) missing"),
        (cut, first, "kill", LARGE, 30, "6 events (7 to 12) missing"),
        (flip, first, "kill", LARGE, 30, "6 events (7 to 12) missing"),
        (flip, last, "kill", SMALL, 40, "its end is missing, 20 events (21 to 40)"),
        (delete, first, "stop", LARGE, 30, "12 events (1 to 12) missing"),
        (delete, middle, "kill", LARGE, 30, "12 events (13 to 24) missing"),
        (delete, last, "kill", SMALL, 40, "its end is missing, 40 events (1 to 40)"),
    ],
)
async def test_a_service_stands_still_on_a_damaged_log_until_the_loss_is_accepted(
    here: Place,
    spoil: Callable[[Path], None],
    which: Callable[[Place], Path],
    stop: str,
    size: int,
    pages: int,
    says: str,
) -> None:
    async with here.at_work() as service:
        await here.write(service, pages, size)
    await (here.nats.kill() if stop == "kill" else here.nats.stop())
    spoil(which(here))
    await here.nats.start()
    async with waiting(here) as service_task, here.calling() as caller:
        said = await here.until(is_damaged)
        assert says in said["dependencies"]["integrity"]["reason"], said
        assert "smartplus log accept-loss diaries" in said["dependencies"]["integrity"]["reason"]
        with pytest.raises(Unavailable):
            await caller.command(page("d0"))
        found = await here.survey()
        assert not found.is_whole
        assert not service_task.done()
        await here.accept(found)
        said = await here.until(lambda said: said["ready"])
        assert f"{found.events} events were given up" in said["dependencies"]["integrity"]["remark"]
        accepted = await caller.command(page("d-after"))
        query = CountPages(actor=INSTALLER, diary_id="d-after", after=accepted.position)
        assert (await seen(caller, query, Pages)).pages == 1
        assert (await here.survey()).is_whole


async def lost_until_accepted(here: Place, says: str) -> None:
    """The service waits, not ready, and goes on once the loss is accepted."""
    async with waiting(here) as work, here.calling() as caller:
        said = await here.until(is_damaged)
        assert says in said["dependencies"]["integrity"]["reason"], said
        with pytest.raises(Unavailable):
            await caller.command(page("d0"))
        assert not work.done()
        await here.accept(await here.survey())
        await here.until(lambda said: said["ready"])
        await caller.command(page("d0"))
        assert (await here.survey()).is_whole


async def test_a_deleted_folder_of_streams_is_noticed_though_a_new_stream_is_whole(here: Place) -> None:
    async with here.at_work() as service:
        await here.write(service, 40)
    await here.nats.stop()
    delete(here.nats.data_dir / "jetstream")
    await here.nats.start()
    await lost_until_accepted(here, "it was made anew, and what it held before is gone: 40 events")


async def test_a_newest_event_that_cannot_be_read_is_noticed_though_the_figures_count_it(here: Place) -> None:
    async with here.at_work() as service:
        await here.write(service, 40)
    await here.nats.stop()
    flip_end(last(here))
    await here.nats.start()
    await lost_until_accepted(here, "1 event (40) missing")


async def test_a_vault_that_was_lost_is_noticed(here: Place) -> None:
    async with here.at_work() as service:
        await here.write(service, 40)
    await here.drop("vault")
    await lost_until_accepted(here, "the vault lacks 5 of 5 data keys that its events name")


async def test_a_service_that_waits_for_an_operator_for_days_leaves_nothing_behind_at_each_look(here: Place) -> None:
    async with here.at_work() as service:
        await here.write(service, 5)
    await here.drop("vault")
    async with here.connected() as nc, mongo_client(here.settings.mongodb_uri, "test") as mongo:
        database = mongo.get_database(here.settings.database(DIARIES.name), BSON)
        vault = mongo[here.settings.database("vault")]["keys"]
        guard = Guard(nc, database, vault, partial(open_log, nc))
        before = await here.subscriptions()
        for _ in range(2):
            with pytest.raises(Damaged):
                await guard.open_now([DIARIES.name])
        await nc.flush()
        assert await here.subscriptions() == before


async def test_a_loss_that_is_accepted_while_a_service_opens_its_log_ends_nobody(here: Place) -> None:
    async with here.at_work() as service:
        await here.write(service, 5)
    await here.drop("vault")
    found = await here.survey()
    async with here.connected() as nc, mongo_client(here.settings.mongodb_uri, "test") as mongo:
        opened: list[JetStreamLog] = []

        async def open_before_it_is_accepted(name: str) -> JetStreamLog:
            log = await open_log(nc, name)
            if not opened:
                await here.accept(found)
            opened.append(log)
            return log

        database = mongo.get_database(here.settings.database(DIARIES.name), BSON)
        vault = mongo[here.settings.database("vault")]["keys"]
        broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        guard = Guard(nc, database, vault, open_before_it_is_accepted, broken)
        (log,) = await guard.open([DIARIES.name])
        assert not broken.done()
        assert log.epoch != opened[0].epoch
        await log.close()


async def test_a_deleted_mongodb_is_noticed(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        async with here.at_work() as service:
            await here.write(service, 40)
        await here.mongo.stop()
        delete(here.mongo.data_dir)
        await here.mongo.start()
        await lost_until_accepted(here, "the vault lacks 5 of 5 data keys that its events name")


async def test_read_models_that_were_lost_are_no_damage(here: Place) -> None:
    async with here.at_work() as service:
        await here.write(service, 40)
    await here.drop("diaries")
    async with here.at_work() as service:
        await here.until(lambda said: said["ready"])
        query = CountPages(actor=INSTALLER, diary_id="d0", after=f"DIARIES.{40}")
        assert (await seen(service.caller, query, Pages)).pages == 8


@pytest.mark.parametrize("spoiled", [bytes(60), b"", "text", None], ids=["other bytes", "none", "a text", "null"])
async def test_one_spoiled_data_key_costs_what_it_sealed_and_nobody_else(here: Place, spoiled: object) -> None:
    async with here.at_work() as service:
        await here.write(service, 40)
    await here.spoil_key("diary.d0", spoiled)  # the first, at which a start looks
    await here.drop("diaries")
    async with here.at_work() as service:
        await here.until(lambda said: said["ready"] and "8 events wait" in str(said["dependencies"]["projection"]))
        await service.caller.command(page("d1"))
        with pytest.raises(RefusedElsewhere):
            await service.caller.command(page("d0"))
        accepted = await service.caller.command(page("copied-d1"))
        for diary, pages in (("d1", 9), ("d4", 8), ("d0", 0)):
            query = CountPages(actor=INSTALLER, diary_id=diary, after=accepted.position)
            assert (await seen(service.caller, query, Pages)).pages == pages
        async with asyncio.timeout(10):
            while (await service.deciding.load(Ref("diary", "copies")))[0].pages == 0:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@asynccontextmanager
async def flipped(here: Place) -> AsyncIterator[None]:
    """Event 21 of 40, on the diary d0, cannot be read any more; nats-server's own figures do not show it."""
    async with here.at_work() as service:
        await here.write(service, 40)
    await here.nats.stop()
    flip(last(here))
    await here.nats.start()
    yield


async def test_a_command_on_a_torn_aggregate_is_refused_and_every_start_after_it_waits(here: Place) -> None:
    async with flipped(here), here.calling() as caller:
        async with waiting(here) as work:
            await here.until(lambda said: said["ready"])
            await caller.command(page("d1"))
            with pytest.raises(Unavailable):
                await caller.command(page("d0"))
            with pytest.raises(Damaged, match=r"1 event \(21\) missing"):
                await asyncio.wait_for(work, 30)
        await lost_until_accepted(here, "1 event (21) missing")


async def test_whoever_folds_a_log_anew_stops_at_what_was_skipped(here: Place) -> None:
    async with flipped(here):
        await here.drop("diaries")
        async with waiting(here) as work:
            with pytest.raises(Damaged, match=r"1 event \(21\) missing"):
                await asyncio.wait_for(work, 30)
        async with here.connected() as nc:
            for aggregates in ([], ["diary"]):
                log = await open_log(nc, "diaries")
                with pytest.raises(Damaged, match=r"1 event \(21\) missing"):
                    await asyncio.wait_for(handed_out(log, aggregates), 30)


async def handed_out(log: Log, aggregates: list[str]) -> None:
    """Follow the log; its events from 26 on, where the next of the diary d0 stands, must not come."""
    async for messages in log.follow(0, aggregates=aggregates):
        assert messages[-1].seq < 26


async def test_a_service_at_work_notices_before_its_next_command(here: Place) -> None:
    async with waiting(here) as work, here.calling() as caller:
        await here.until(lambda said: said["ready"])
        for _ in range(40):
            await caller.command(page("d0"))
        await here.nats.kill()
        cut(last(here))
        await here.nats.start()
        with pytest.raises(Unavailable):
            await caller.command(page("d-new"))
        with pytest.raises(Damaged, match="its end is missing, 20 events"):
            await asyncio.wait_for(work, 30)
    assert (await here.survey()).state.last_seq == 20


async def test_kills_under_load_are_no_damage(here: Place) -> None:
    written = 0

    async def write(number: int) -> None:
        nonlocal written
        while True:
            with contextlib.suppress(Unavailable):
                await service.caller.command(page(f"d{number}"))
                written += 1

    async with here.at_work() as service:
        writers = [asyncio.create_task(write(number)) for number in range(5)]
        try:
            for _ in range(5):
                before = written
                await here.nats.kill()
                await here.nats.start()
                async with asyncio.timeout(60):
                    while written < before + 20:  # noqa: ASYNC110 (a count)
                        await asyncio.sleep(0.02)
        finally:
            await ended(*writers)
        assert not service.broken.done()
        await here.until(lambda said: said["ready"])
    found = await here.survey()
    assert found.is_whole
    assert found.state.last_seq >= written


async def test_many_who_start_at_once_on_nothing_find_nothing_missing(here: Place) -> None:
    settings = here.settings.model_copy(update={"port": 0})
    async with contextlib.AsyncExitStack() as stack:
        starts = (stack.enter_async_context(running(DIARIES, settings)) for _ in range(3))
        services = [await each for each in starts]
        await asyncio.gather(*(each.caller.command(page(f"d{number}")) for number, each in enumerate(services)))
        assert not any(each.broken.done() for each in services)
        assert {each.log.epoch for each in services} == {services[0].log.epoch}
