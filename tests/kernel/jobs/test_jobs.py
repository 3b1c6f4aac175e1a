"""A job that was put is done, once for its cause, or parked with its reason; and no more at once than it may."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from faststream.nats import NatsBroker, NatsMessage
from prometheus_client import generate_latest

from contracts.message import Personal
from kernel.connecting.address import NatsAddress
from kernel.jobs import jobs as jobs_module
from kernel.jobs.job import Failed, Job, Payload, Permanent
from kernel.jobs.workers import Workers
from kernel.jobs.worklist import ListFull, WorkList
from kernel.log.promise import Unavailable
from kernel.process.health import NotReady
from kernel.process.telemetry import REGISTRY
from kernel.service.running import Running, running
from kernel.talking.broker import client_of, make_broker
from ops.servers import MongoServer
from tests.kernel.jobs.place import Place, place
from tests.kernel.jobs.toy_jobs import AT_ONCE, BRIEF, ERRAND, ERRANDS, HASTE, TRIES, Errand, run_errand
from tests.kernel.toy import INSTALLER, Count, command_id, new_id
from tests.waiting import eventually


@pytest.fixture
async def here(tmp_path: Path, mongo_server: MongoServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr(jobs_module, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr("kernel.jobs.worklist.ACK_WAIT_S", 2.0)
    async with place(tmp_path, mongo_server.url, stop_timeout_s=2) as made:
        yield made


async def test_what_was_put_while_nobody_is_there_is_done_and_leaves_the_list(here: Place) -> None:
    for number in range(10):
        await here.put(f"e{number}")
    assert (await here.worklist.look()).by_job == {"run_errand": 10, "haste": 0, "brief": 0}
    async with running(ERRANDS, here.settings):
        await here.until_done(10)
        await here.until_empty()
    assert (await here.begun(), await here.done(), await here.parked()) == (10, 10, [])


async def test_one_cause_is_one_job_whenever_it_is_put_again(here: Place) -> None:
    first = await here.put("e", cause="c", waits=True)
    assert await here.put("e", cause="c", waits=True) == first
    async with running(ERRANDS, here.settings):
        await here.until_begun(1)
        await here.put("e", cause="c", waits=True)
        assert (await here.worklist.look()).jobs == 1
        await here.open_gate()
        await here.until_done(1)
        await here.until_empty()
        await here.put("e", cause="c")
        # The server forgets the ids of what left the list, at the latest when it starts anew.
        await here.server.kill()
        await here.server.start()
        await eventually(lambda: _put(here, "e", "c"))
        await eventually(lambda: _put(here, "last", "last"))
        await here.until_done(1, "last")
        await here.until_empty()
    assert (await here.begun("e"), await here.done("e")) == (1, 1)


async def _put(here: Place, errand_id: str, cause: str) -> bool:
    try:
        await here.put(errand_id, cause=cause)
    except Unavailable:
        return False
    return True


async def test_a_reaction_that_reads_its_log_again_has_nothing_done_twice(here: Place) -> None:
    ids = [new_id() for _ in range(3)]
    async with running(ERRANDS, here.settings) as toy:
        for id in ids:
            stamp = {"command_id": command_id(), "at": datetime.now(UTC), "actor": INSTALLER}
            await toy.caller.command(Count(**stamp, counter_id=id))
        await here.until_done(3)
        await here.until_empty()
    await here.database["reactions"].delete_many({})
    async with running(ERRANDS, here.settings):
        await eventually(lambda: _has_reacted(here))
        await here.until_empty()
    assert [await here.begun(id) for id in ids] == [1, 1, 1]


async def _has_reacted(here: Place) -> bool:
    return await here.database["reactions"].find_one({"seq": {"$gte": 3}}) is not None


async def test_what_fails_is_tried_again_after_a_pause_until_it_is_done(here: Place) -> None:
    await here.put("e", fails=TRIES - 1)
    async with running(ERRANDS, here.settings):
        await here.until_done(1)
        await here.until_empty()
    assert (await here.begun(), await here.parked()) == (TRIES, [])


async def test_what_always_fails_is_parked_after_its_last_try_and_people_are_told(here: Place) -> None:
    id = await here.put("e", fails=99)
    async with running(ERRANDS, here.settings) as toy:
        assert await here.until_parked(id) == "not-yet"
        assert await here.parked() == [(id, "not-yet", TRIES)]
        await eventually(lambda: _remarks(toy, "1 jobs are parked"))
        figures = generate_latest(REGISTRY).decode()
        assert 'smartplus_jobs{job="run_errand",service="toy",state="parked"} 1.0' in figures
        assert await here.begun() == TRIES
        await here.put("e")
        await here.put("last")
        await here.until_done(1, "last")
    assert (await here.begun("e"), await here.done("e")) == (TRIES, 0)


async def _remarks(toy: Running, words: str) -> bool:
    try:
        return words in str(await toy.health.probes["jobs"]())
    except NotReady:
        return False


@pytest.mark.parametrize(
    ("how", "reason"), [("permanent", "no-such-address"), ("broken", "ValueError at toy_jobs.py:")]
)
async def test_the_reason_says_what_failed_and_nothing_of_what_is_in_it(
    here: Place, how: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    id = await here.put("e", fails=99, how=how)
    async with running(ERRANDS, here.settings):
        assert (await here.until_parked(id)).startswith(reason)
    assert await here.begun() == (1 if how == "permanent" else TRIES)
    assert "secret-in-a-message" not in json.dumps(await here.parked()) + capsys.readouterr().out


async def test_a_payload_that_nobody_can_read_is_parked_and_not_tried_at_all(here: Place) -> None:
    for token, body in (("not-json", b"{"), ("not-so", b'{"errand_id": 7, "telephone": "+1 555 0100"}')):
        await here.client.request(here.worklist.subject("run_errand", token), body)
    async with running(ERRANDS, here.settings):
        assert await here.until_parked("not-json") == "its payload cannot be read: json_invalid"
        assert await here.until_parked("not-so") == "its payload cannot be read: errand_id: string_type"
        await here.put("e")
        await here.until_done(1)
    assert await here.begun() == 1


async def test_a_try_that_does_not_end_has_failed(here: Place) -> None:
    id = await here.put("e", HASTE, waits=True)
    async with running(ERRANDS, here.settings):
        assert await here.until_parked(id) == "not done within 0.3 s"


async def test_what_the_house_is_to_blame_for_is_no_try(here: Place) -> None:
    await here.put("e", fails=TRIES, how="away")
    async with running(ERRANDS, here.settings):
        await here.until_done(1)
        await here.until_empty()
    assert (await here.begun(), await here.parked()) == (TRIES + 1, [])


async def test_but_nobody_waits_for_the_house_longer_than_the_job_is_good_for(here: Place) -> None:
    id = await here.put("e", BRIEF, fails=99, how="away")
    async with running(ERRANDS, here.settings):
        assert (await here.until_parked(id)).startswith("Unavailable at toy_jobs.py:")


async def test_nobody_is_told_of_what_happened_long_ago(here: Place) -> None:
    long_ago = datetime.now(UTC) - ERRAND.good_for - timedelta(seconds=1)
    await here.worklist.put(ERRAND, Errand(errand_id="e"), "e", long_ago)
    assert (await here.worklist.look()).jobs == 0


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


async def test_a_full_list_takes_nothing_says_so_and_has_room_again(
    here: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await here.client.jetstream().delete_stream(here.worklist.stream)
    monkeypatch.setattr("kernel.jobs.worklist._MOST_BYTES", 8_192)
    monkeypatch.setattr("kernel.jobs.worklist._PAYLOAD_MOST_BYTES", 1_024)
    await here.worklist.open()
    put = 0
    async with running(ERRANDS, here.settings) as toy:
        with suppress(ListFull):
            while put < 100:
                await toy.jobs.put(ERRAND, Errand(errand_id=f"e{put}", waits=True), f"e{put}", datetime.now(UTC))
                put += 1
        assert await _remarks(toy, "the list of jobs is full")
        assert "jobs-full" in capsys.readouterr().out
        figures = generate_latest(REGISTRY).decode()
        assert 'smartplus_jobs_ended_total{job="run_errand",outcome="no-room",service="toy"}' in figures
        await here.open_gate()
        await here.until_done(put)
        await here.until_empty()
        await toy.jobs.put(ERRAND, Errand(errand_id="last"), "last", datetime.now(UTC))
        await here.until_done(1, "last")
        assert await toy.health.probes["jobs"]() is None
    assert 5 < put < 100
    assert await here.done() == put + 1


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


async def test_nobody_spins_while_the_server_is_away(here: Place) -> None:
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
    await asyncio.sleep(1)
    # FastStream keeps each task that failed: one that runs again without a pause has thousands after a second.
    assert [len(each.tasks) for each in broker.subscribers] == [1] * AT_ONCE  # type: ignore[attr-defined]
    await here.server.start()
    await eventually(lambda: _put(here, "e", "e"))
    assert await asyncio.wait_for(taken.get(), 30) == here.worklist.subject("run_errand", str(await here.put("e")))
    await workers.stop(1)
    await broker.stop()


async def _is_away(broker: NatsBroker) -> bool:
    return not client_of(broker).is_connected


async def test_jobs_go_on_after_their_list_was_lost_and_it_is_said(here: Place) -> None:
    async with running(ERRANDS, here.settings) as toy:
        await eventually(lambda: _is_well(toy))
        await here.client.jetstream().delete_stream(here.worklist.stream)
        await eventually(lambda: _remarks(toy, "jobs were lost"))
        await here.put("e")
        await here.until_done(1)


async def _is_well(toy: Running) -> bool:
    return await toy.health.probes["jobs"]() is None


async def test_jobs_of_a_kind_that_is_declared_no_more_are_told_of(here: Place) -> None:
    await here.put("e", HASTE)
    async with running(replace(ERRANDS, jobs=(ERRAND,)), here.settings) as toy:
        await eventually(lambda: _remarks(toy, "1 jobs wait that this version does not know"))


async def test_what_is_parked_is_done_after_all_when_somebody_wishes(here: Place) -> None:
    first, second = await here.put("e1", fails=TRIES), await here.put("e2", fails=99)
    async with running(ERRANDS, here.settings):
        await here.until_parked(first)
        await here.until_parked(second)
        assert await here.memory.wish("somebody", "run_errand", first) == 1
        await here.until_done(1, "e1")
        await here.until_empty()
        assert [id for id, _, _ in await here.parked()] == [second]
        assert await here.memory.wish("somebody", "run_errand") == 1
        await here.until_begun(2 * TRIES, "e2")
        assert await here.until_parked(second) == "not-yet"
        assert await here.memory.drop("run_errand", second) == 1
        assert await here.parked() == []
        await here.put("e2")
        await here.put("last")
        await here.until_done(1, "last")
    assert (await here.begun("e2"), await here.done("e2")) == (2 * TRIES, 0)


class Letter(Payload):
    """What no job may carry."""

    address: Personal


def test_a_job_that_cannot_be_is_refused_when_it_is_declared() -> None:
    async def work(payload: Payload, tools: object) -> None:
        return

    with pytest.raises(ValueError, match="must not be personal: address"):
        Job("mail", Letter, work)
    for wrong in ({"name": "Mail"}, {"tries": 0}, {"at_once": 0}, {"pauses_s": ()}, {"timeout_s": 0}):
        with pytest.raises(ValueError):
            Job(**{"name": "mail", "payload": Payload, "work": work, **wrong})
    for failure in (Failed, Permanent):
        with pytest.raises(ValueError, match="a code"):
            failure("somebody@example.com did not answer")


async def test_what_is_no_job_of_the_service_or_too_large_is_not_put(here: Place) -> None:
    with pytest.raises(ValueError, match="no job of toy"):
        await here.worklist.put(replace(ERRAND, name="other"), Errand(errand_id="e"), "e", datetime.now(UTC))
    with pytest.raises(ValueError, match="ids"):
        await here.put("e" * 5000, cause="e")
