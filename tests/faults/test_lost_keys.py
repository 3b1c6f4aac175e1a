"""Data keys that the log names are lost one by one, or with an older vault: none is ever made anew under its name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernel.log.integrity import Damaged
from kernel.talking.wire import RefusedElsewhere
from ops.servers import MongoServer
from tests.faults.damaging import Place, page, place
from tests.faults.test_damaged_log import is_damaged, lost_until_accepted, waiting

pytestmark = pytest.mark.timeout(180)
SAMPLED = 205  # a start looks at the keys of the first and the last 200 events


@pytest.fixture
async def here(tmp_path: Path, mongo_server: MongoServer) -> AsyncIterator[Place]:
    async with place(tmp_path, mongo_server) as made:
        yield made


async def wrote_between(here: Place) -> None:
    """One page of the diary `mid`, far from both ends of the log."""
    async with here.at_work() as service:
        await here.write(service, SAMPLED, size=1, diaries=1)
        await service.caller.command(page("mid"))
        await here.write(service, SAMPLED, size=1, diaries=1)


async def test_a_key_that_the_log_names_is_not_made_anew_until_its_loss_is_accepted(here: Place) -> None:
    await wrote_between(here)
    async with here.at_work():
        pass  # the vault is marked as seen whole
    kept = [each for each in await here.vault() if each["_id"] != "diary.mid"]
    await here.restore_vault(kept)
    async with here.at_work() as service:
        with pytest.raises(RefusedElsewhere):
            await service.caller.command(page("mid"))
        await service.caller.command(page("d0"))
        await service.caller.command(page("new"))
    found = await here.survey()
    assert found.keys == 1
    await here.accept(found)
    async with here.at_work() as service:
        await service.caller.command(page("mid"))
    assert (await here.survey()).is_whole


async def test_a_key_of_the_newest_events_that_went_behind_the_mark_is_noticed_at_the_start(here: Place) -> None:
    async with here.at_work() as service:
        await here.write(service, 10)
    async with here.at_work():
        pass  # the vault is marked as seen whole
    await here.restore_vault([each for each in await here.vault() if each["_id"] != "diary.d0"])
    await lost_until_accepted(here, "the vault lacks 1 of")


async def test_an_older_vault_beside_a_younger_log_is_noticed_at_the_start(here: Place) -> None:
    async with here.at_work() as service:
        await here.write(service, SAMPLED, size=1, diaries=1)
    older = await here.vault()
    await wrote_between(here)
    await here.restore_vault(older)
    await lost_until_accepted(here, "the vault lacks 1 of")


async def test_an_older_vault_without_any_mark_is_noticed_at_the_start(here: Place) -> None:
    await wrote_between(here)
    older = [each for each in await here.vault() if "wrapped" in each and each["_id"] != "diary.mid"]
    await here.restore_vault(older)
    await lost_until_accepted(here, "the vault lacks 1 of")


async def test_a_vault_that_is_replaced_by_an_older_one_under_a_service_at_work_ends_it(here: Place) -> None:
    await wrote_between(here)
    newer = await here.vault()
    older = [each for each in newer if "wrapped" in each and each["_id"] != "diary.mid"]
    async with waiting(here) as work:
        await here.until(lambda said: said["ready"])
        await here.restore_vault(older)
        with pytest.raises(Damaged, match="the vault lacks 1 of"):
            await asyncio.wait_for(work, 30)
    async with waiting(here):
        await here.until(is_damaged)
        await here.restore_vault(newer)
        await here.until(lambda said: said["ready"])
    assert (await here.survey()).is_whole
