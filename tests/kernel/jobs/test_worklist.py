"""One cause puts one job, on a list that is bounded, and that says so when it is full or was lost."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from kernel.jobs.worklist import ListFull
from kernel.process.telemetry import REGISTRY
from kernel.service.running import Running, running
from ops.servers import NatsCluster
from tests.kernel.jobs.place import Place, put, remarks
from tests.kernel.jobs.toy_jobs import ERRAND, ERRANDS, HASTE, Errand
from tests.kernel.toy import INSTALLER, Count, command_id, new_id
from tests.waiting import eventually


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
        await eventually(lambda: put(here, "e", "c"))
        await eventually(lambda: put(here, "last", "last"))
        await here.until_done(1, "last")
        await here.until_empty()
    assert (await here.begun("e"), await here.done("e")) == (1, 1)


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


async def test_nobody_is_told_of_what_happened_long_ago(here: Place) -> None:
    long_ago = datetime.now(UTC) - ERRAND.good_for - timedelta(seconds=1)
    await here.worklist.put(ERRAND, Errand(errand_id="e"), "e", long_ago)
    assert (await here.worklist.look()).jobs == 0


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
        assert await remarks(toy, "the list of jobs is full")
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


async def test_jobs_go_on_after_their_list_was_lost_and_it_is_said(here: Place) -> None:
    async with running(ERRANDS, here.settings) as toy:
        await eventually(lambda: _is_well(toy))
        await here.client.jetstream().delete_stream(here.worklist.stream)
        await eventually(lambda: remarks(toy, "jobs were lost"))
        await here.put("e")
        await here.until_done(1)


async def _is_well(toy: Running) -> bool:
    return await toy.health.probes["jobs"]() is None


async def test_jobs_of_a_kind_that_is_declared_no_more_are_told_of(here: Place) -> None:
    await here.put("e", HASTE)
    async with running(replace(ERRANDS, jobs=(ERRAND,)), here.settings) as toy:
        await eventually(lambda: remarks(toy, "1 jobs wait that this version does not know"))


async def test_on_three_servers_one_cause_is_one_job_too(here: Place, tmp_path: Path) -> None:
    async with NatsCluster(tmp_path / "cluster") as cluster, AsyncExitStack() as stack:
        settings = here.settings.model_copy(update={"nats_url": cluster.url, "replicas": 3})
        one, two = [await stack.enter_async_context(running(ERRANDS, settings)) for _ in range(2)]
        for number in range(10):
            errand = Errand(errand_id=f"e{number}")
            asked = [each.jobs.put(ERRAND, errand, f"e{number}", datetime.now(UTC)) for each in (one, two) * 4]
            assert len(set(await asyncio.gather(*asked))) == 1
        await here.until_done(10)
        await one.jobs.put(ERRAND, Errand(errand_id="last"), "last", datetime.now(UTC))
        await here.until_done(1, "last")
    assert (await here.begun(), await here.done()) == (11, 11)


async def test_what_is_no_job_of_the_service_or_too_large_is_not_put(here: Place) -> None:
    with pytest.raises(ValueError, match="no job of toy"):
        await here.worklist.put(replace(ERRAND, name="other"), Errand(errand_id="e"), "e", datetime.now(UTC))
    with pytest.raises(ValueError, match="ids"):
        await here.put("e" * 5000, cause="e")
