"""Whatever is killed, and at which step: each job is done at least once or parked after its last try, none is lost."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kernel.log.promise import Unavailable
from kernel.talking.caller import Caller
from ops.servers import MongoServer
from tests.kernel.jobs.place import Errands, Place, errands, place
from tests.kernel.jobs.toy_jobs import AT_ONCE, ERRAND, TRIES
from tests.kernel.toy import INSTALLER, Count, command_id, new_id
from tests.waiting import eventually

GOOD = 6
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
async def here(tmp_path: Path, mongo_server: MongoServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr("kernel.jobs.worklist.ACK_WAIT_S", 2.0)  # as the process of the errands has it
    async with place(tmp_path, mongo_server.url) as made:
        yield made


async def put_all(here: Place) -> tuple[list[str], str]:
    """Errands that can be done, and one that cannot; its id."""
    names = [f"good{number}" for number in range(GOOD)]
    for name in names:
        await here.put(name)
    return names, await here.put("bad", fails=99)


@pytest.mark.parametrize("step", ["begun", "worked", "done", "parking", "parked"])
async def test_killed_at_any_step_no_job_is_lost(here: Place, step: str) -> None:
    names, bad = await put_all(here)
    async with errands(here, CRASH_AT=f"job.run_errand.{step}") as doomed:
        assert await asyncio.wait_for(doomed.process.wait(), 60) == -signal.SIGKILL
    async with errands(here):
        assert await here.until_parked(bad) in ("not-yet", "its process died, or stood still, in its last try")
        for name in names:
            await here.until_done(1, name)
        await here.until_empty()
    assert [id for id, _, _ in await here.parked()] == [bad]
    assert await here.done("bad") == 0
    assert await here.database["jobs"].count_documents({"state": "done"}) == GOOD
    assert await here.begun("bad") in (TRIES, TRIES - 1)
    # Only what was at work in that moment may have been done again.
    assert sum([await here.done(name) - 1 for name in names]) <= AT_ONCE


async def test_killed_again_and_again_no_job_is_lost(here: Place) -> None:
    names, bad = await put_all(here)
    for times in range(1, 4):
        async with errands(here, CRASH_AT=f"job.run_errand.worked:{times}") as doomed:
            assert await asyncio.wait_for(doomed.process.wait(), 60) == -signal.SIGKILL
    async with errands(here):
        await here.until_parked(bad)
    done = [await here.done(name) for name in names]
    parked = [id for id, _, _ in await here.parked()]
    assert bad in parked
    # A job that was at work in each of the deaths may be parked for that; all others are done.
    assert done.count(0) <= len(parked) - 1


async def test_what_kills_its_process_each_time_is_parked_and_the_others_are_done(here: Place) -> None:
    id = await here.put("deadly")
    for _ in range(TRIES):
        async with errands(here, CRASH_AT="job.run_errand.begun") as doomed:
            assert await asyncio.wait_for(doomed.process.wait(), 60) == -signal.SIGKILL
    async with errands(here) as last:
        assert await here.until_parked(id) == "its process died, or stood still, in its last try"
        await here.put("good")
        await here.until_done(1, "good")
    assert (await here.begun("deadly"), await here.done("deadly")) == (0, 0)
    assert "job-parked" in last.said()


async def test_the_job_of_a_killed_replica_is_done_by_the_other(here: Place) -> None:
    async with errands(here) as first, errands(here) as second:
        for number in range(2 * AT_ONCE):
            await here.put(f"e{number}", waits=True)
        await here.until_begun(2 * AT_ONCE)
        await first.kill()
        await here.open_gate()
        for number in range(2 * AT_ONCE):
            await here.until_done(1, f"e{number}")
        await here.until_empty()
        pids = set(await here.database["begun"].distinct("process"))
        assert pids == {first.process.pid, second.process.pid}
    assert await here.begun() == 3 * AT_ONCE
    assert (await here.done(), await here.parked()) == (2 * AT_ONCE, [])


async def test_the_job_of_a_reaction_that_is_killed_after_it_put_it_is_done_once(here: Place) -> None:
    id = new_id()
    async with errands(here, CRASH_AT="job.put") as doomed:
        caller = Caller(here.client, here.settings.secrets().actor)
        stamp = {"command_id": command_id(), "at": datetime.now(UTC), "actor": INSTALLER}
        await eventually(lambda: _is_told(caller, Count(**stamp, counter_id=id)))
        assert await asyncio.wait_for(doomed.process.wait(), 60) == -signal.SIGKILL
    async with errands(here):
        await here.until_done(1, id)
        await eventually(lambda: _has_reacted(here))
        await here.until_empty()
    assert (await here.begun(id), await here.done(id)) == (1, 1)


async def _is_told(caller: Caller, command: Count) -> bool:
    try:
        await caller.command(command)
    except Unavailable:
        return False
    return True


async def _has_reacted(here: Place) -> bool:
    return await here.database["reactions"].find_one({"seq": {"$gte": 1}}) is not None


async def test_a_wish_outlives_the_death_of_who_fulfils_it(here: Place) -> None:
    id = await here.put("e", fails=TRIES)
    async with errands(here):
        await here.until_parked(id)
    await here.memory.wish("somebody", ERRAND.name, id)
    async with errands(here, CRASH_AT="jobs.again") as doomed:
        assert await asyncio.wait_for(doomed.process.wait(), 60) == -signal.SIGKILL
    async with errands(here):
        await here.until_done(1, "e")
        await here.until_empty()
        await eventually(lambda: _none_is_parked(here))
    assert await here.done("e") == 1


async def _none_is_parked(here: Place) -> bool:
    return await here.parked() == []


async def test_sigterm_finishes_what_is_in_hand(here: Place) -> None:
    async with errands(here) as stopped:
        await here.put("e", waits=True)
        await here.until_begun(1)
        stopped.process.send_signal(signal.SIGTERM)
        await eventually(lambda: _says(stopped, "stopping"))
        await here.open_gate()
        assert await asyncio.wait_for(stopped.process.wait(), 60) == 0
    assert (await here.begun(), await here.done()) == (1, 1)
    assert (await here.worklist.look()).jobs == 0


async def _says(process: Errands, words: str) -> bool:
    return f'"{words}"' in process.said()
