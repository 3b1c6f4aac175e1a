"""Who works through the list: no more at once than may be, each job by one, and stopped in order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from faststream.nats import NatsBroker, NatsMessage

from kernel.connecting.address import NatsAddress
from kernel.jobs.job import Job
from kernel.jobs.workers import Workers
from kernel.jobs.worklist import WorkList
from kernel.service.running import running
from kernel.talking.broker import client_of, make_broker
from tests.kernel.jobs.place import Place, put
from tests.kernel.jobs.toy_jobs import AT_ONCE, BRIEF, ERRAND, ERRANDS, HASTE, TRIES, Errand, run_errand
from tests.waiting import eventually


async def test_no_more_than_at_once_run_at_once(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    now, most = 0, 0

    async def counted(errand: Errand, tools: object) -> None:
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        await run_errand(errand, tools)  # type: ignore[arg-type]
        now -= 1

    job = replace(ERRAND, work=counted)
    here.worklist = WorkList(here.client, "toy", [job])
    for number in range(4 * AT_ONCE):
        await here.put(f"e{number}", job, waits=True)
    async with running(replace(ERRANDS, jobs=(job, HASTE, BRIEF), reactions=()), here.settings):
        await here.until_begun(AT_ONCE)
        # Another kind is not kept waiting by a kind that has no place free.
        await here.worklist.open()
        other = WorkList(here.client, "toy", [HASTE])
        await other.put(HASTE, Errand(errand_id="quick"), "quick", datetime.now(UTC))
        await here.until_done(1, "quick")
        assert now == AT_ONCE
        await here.open_gate()
        await here.until_done(4 * AT_ONCE + 1)
    assert most == AT_ONCE


async def test_those_that_wait_for_their_next_try_keep_no_other_waiting(here: Place) -> None:
    many = 1_100  # more than a server hands out by itself before it wants an answer
    job = replace(ERRAND, pauses_s=(3600.0,))
    here.worklist = WorkList(here.client, "toy", [job])
    await asyncio.gather(*(here.put(f"e{number}", job, fails=99) for number in range(many)))
    async with running(replace(ERRANDS, jobs=(job,), reactions=()), here.settings):
        await here.put("good", job)
        await here.until_done(1, "good")
    assert (await here.begun(), await here.done()) == (many + 1, 1)


async def test_a_long_job_is_not_handed_to_another_replica_meanwhile(here: Place) -> None:
    async with running(ERRANDS, here.settings), running(ERRANDS, here.settings):
        await here.put("long", waits=True)
        await here.until_begun(1, "long")
        # What is handed out and not heard of comes again after two seconds; this one is heard of for three times that.
        await asyncio.sleep(6)
        await here.open_gate()
        await here.until_done(1, "long")
        await here.until_empty()
    assert (await here.begun("long"), await here.done("long")) == (1, 1)


async def test_replicas_share_the_jobs(here: Place) -> None:
    async with running(ERRANDS, here.settings), running(ERRANDS, here.settings):
        for number in range(2 * AT_ONCE):
            await here.put(f"e{number}", waits=True)
        await here.until_begun(2 * AT_ONCE)
        await here.open_gate()
        await here.until_done(2 * AT_ONCE)
        await here.until_empty()
    assert (await here.begun(), await here.done()) == (2 * AT_ONCE, 2 * AT_ONCE)


async def test_a_stopping_service_finishes_what_it_took_and_takes_no_more(here: Place) -> None:
    async with running(ERRANDS, here.settings):
        for number in range(AT_ONCE + 1):
            await here.put(f"e{number}", waits=True)
        await here.until_begun(AT_ONCE)
        opening = asyncio.create_task(_open_soon(here))
    await opening
    assert (await here.begun(), await here.done()) == (AT_ONCE, AT_ONCE)
    assert (await here.worklist.look()).jobs == 1


async def _open_soon(here: Place) -> None:
    await asyncio.sleep(0.5)
    await here.open_gate()


async def test_what_a_stopping_service_cannot_finish_goes_back_and_counts_as_no_try(here: Place) -> None:
    id = await here.put("e", waits=True)
    for times in range(1, TRIES + 2):
        async with running(ERRANDS, here.settings):
            await here.until_begun(times)
    found = await here.database["jobs"].find_one({"_id": id})
    assert found is not None
    assert (found["state"], found["begun"]) == ("open", 0)
    await here.open_gate()
    async with running(ERRANDS, here.settings):
        await here.until_done(1)


async def test_the_list_outlives_the_death_of_its_server(here: Place) -> None:
    async with running(ERRANDS, here.settings):
        for number in range(30):
            await here.put(f"e{number}", waits=number < 2)
        await here.until_begun(2)
        for _ in range(3):
            await here.server.kill()
            await here.server.start()
        await here.open_gate()
        await here.until_done(30)
        await here.until_empty()
    done = [await here.done(f"e{number}") for number in range(30)]
    assert min(done) == 1
    assert await here.parked() == []


async def test_nobody_spins_while_the_server_is_away(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernel.jobs.workers._ASKED_EVERY_S", 0.5)
    taken: asyncio.Queue[str] = asyncio.Queue()

    async def take(job: Job[Errand], message: NatsMessage) -> None:
        await taken.put(message.raw_message.subject)
        await message.ack()

    broker = make_broker(here.settings, "workers")
    await broker.connect()
    workers = Workers(broker, here.worklist, NatsAddress.parse(here.server.url).inbox_prefix, take)
    await workers.start(ERRAND)
    await here.server.kill()
    await eventually(lambda: _is_away(broker))
    # Each asks several times meanwhile. FastStream keeps each task that failed: one that runs again without a pause has
    # thousands after a second.
    await asyncio.sleep(3)
    assert [len(each.tasks) for each in broker.subscribers] == [1] * AT_ONCE  # type: ignore[attr-defined]
    await here.server.start()
    await eventually(lambda: put(here, "e", "e"))
    assert await asyncio.wait_for(taken.get(), 30) == here.worklist.subject("run_errand", str(await here.put("e")))
    await workers.stop(1)
    await broker.stop()


async def _is_away(broker: NatsBroker) -> bool:
    return not client_of(broker).is_connected
