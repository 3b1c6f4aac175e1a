"""What a service notes for itself is spoiled: a checkpoint is made anew; of a spoiled memory it says so, and waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernel.log.promise import Unavailable
from ops.servers import MongoServer
from tests.asking import seen
from tests.faults.damaging import STREAM, Place, page, place
from tests.faults.diary import CountPages, Pages
from tests.faults.test_damaged_log import waiting
from tests.kernel.toy import INSTALLER

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def here(tmp_path: Path, mongo_server: MongoServer) -> AsyncIterator[Place]:
    async with place(tmp_path, mongo_server) as made:
        yield made


@pytest.mark.parametrize(
    "spoiled",
    [
        {"streams": None},
        {"streams": [1]},
        {"streams": {STREAM: 7}},
        {"streams": {STREAM: {"epoch": "x", "seq": "text"}}},
        {"models": "text"},
        {"generation": "text"},
        {"swap": "text"},
        {"swap": {"suffix": "x"}},
    ],
    ids=str,
)
async def test_a_spoiled_checkpoint_is_as_good_as_none(here: Place, spoiled: dict[str, object]) -> None:
    async with here.at_work() as service:
        await here.write(service, 10)
    await here.spoil_note("_checkpoint", "projection", spoiled)
    assert (await here.survey()).is_whole
    async with here.at_work() as service:
        await here.until(lambda said: said["ready"])
        accepted = await service.caller.command(page("d0"))
        query = CountPages(actor=INSTALLER, diary_id="d0", after=accepted.position)
        assert (await seen(service.caller, query, Pages)).pages == 3


@pytest.mark.parametrize(
    "spoiled", [{"seq": "text"}, {"epoch": 7}, {"holes": None}, {"holes": [3]}, {"holes": [["a", "b"]]}], ids=str
)
async def test_a_spoiled_memory_of_a_log_is_told_until_it_is_restored(here: Place, spoiled: dict[str, object]) -> None:
    async with here.at_work() as service:
        await here.write(service, 10)
    right = await here.spoil_note("_logs", STREAM, spoiled)
    with pytest.raises(Unavailable, match="remembers of the log DIARIES is spoiled"):
        await here.survey()
    async with waiting(here) as work, here.calling() as caller:
        said = await here.until(lambda said: "spoiled" in str(said["dependencies"].get("integrity")))
        assert not said["ready"]
        assert not work.done()
        await here.spoil_note("_logs", STREAM, {name: right[name] for name in spoiled})
        await here.until(lambda said: said["ready"])
        await caller.command(page("d0"))
