"""What a real service parked of its jobs is shown, done after all, and dropped, when an operator asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kernel.jobs.job import Failed, Job, Payload
from kernel.service.declaration import Tools
from kernel.service.running import Running, running
from ops.servers import MongoServer
from services.accounts.__main__ import SERVICE
from tests.faults.damaging import Place, place
from tests.faults.test_damage_commands import Desk
from tests.waiting import eventually


class Letter(Payload):
    """To whom it goes."""

    account_id: str


async def send(letter: Letter, tools: Tools) -> None:
    if not await tools.database["post"].find_one({"_id": "open"}):
        raise Failed("post-office-closed")
    await tools.database["post"].insert_one({"_id": letter.account_id})


SEND = Job("send_letter", Letter, send, tries=2, pauses_s=(0.05,))


@pytest.fixture
async def here(tmp_path: Path, mongo_server: MongoServer) -> AsyncIterator[Place]:
    async with place(tmp_path, mongo_server) as made:
        yield made


async def parked(service: Running, *names: str) -> list[str]:
    """The ids of letters to these, which could not be sent."""
    ids = [str(await service.jobs.put(SEND, Letter(account_id=name), name, datetime.now(UTC))) for name in names]

    async def all_are() -> bool:
        return await service.database["jobs"].count_documents({"_id": {"$in": ids}, "state": "parked"}) == len(ids)

    await eventually(all_are)
    return ids


@pytest.mark.timeout(300)
async def test_what_is_parked_is_shown_tried_again_and_dropped(
    here: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.jobs.jobs.LOOK_EVERY_S", 0.1)
    desk = Desk(here, tmp_path)
    async with running(replace(SERVICE, jobs=(SEND,)), here.settings) as service:
        code, output = await desk.types("jobs")
        assert (code, output.strip()) == (0, "No job is parked.")
        first, second, third = await parked(service, "anna", "bert", "carl")
        code, output = await desk.types("jobs")
        assert code == 0, output
        for id in (first, second, third):
            assert f"accounts send_letter {id} since" in output
        assert output.count("after 2 tries: post-office-closed") == 3
        assert "smartplus jobs retry accounts JOB ID" in output
        assert not {"anna", "bert", "carl"} & set(output.split())
        await here.until(lambda said: "3 jobs are parked" in str(said))
        code, output = await desk.types("doctor")
        assert code == 1, output
        assert "3 jobs are parked, because their last try failed: smartplus jobs" in output

        code, output = await desk.types("jobs", "retry", "accounts", "send_letter")
        assert (code, "Name one job" in output) == (1, True), output
        code, output = await desk.types("jobs", "drop", "accounts", "send_letter", "none-such")
        assert (code, "Nothing such is parked" in output) == (1, True), output
        code, output = await desk.types("jobs", "drop", "accounts", "send_letter", first)
        assert (code, "1 will not be done" in output) == (0, True), output

        await service.database["post"].insert_one({"_id": "open"})
        code, output = await desk.types("jobs", "retry", "accounts", "send_letter", second)
        assert (code, "accounts puts 1 on its list again" in output) == (0, True), output
        await eventually(lambda: _sent(service, "bert"))
        code, output = await desk.types("jobs", "retry", "accounts", "send_letter", "--all")
        assert (code, "accounts puts 1 on its list again" in output) == (0, True), output
        await eventually(lambda: _sent(service, "carl"))
        code, output = await desk.types("jobs")
        assert (code, output.strip()) == (0, "No job is parked.")
        # What was dropped is not asked for anew by the same cause.
        await service.jobs.put(SEND, Letter(account_id="anna"), "anna", datetime.now(UTC))
        await service.jobs.put(SEND, Letter(account_id="last"), "last", datetime.now(UTC))
        await eventually(lambda: _sent(service, "last"))
        assert not await _sent(service, "anna")


async def _sent(service: Running, name: str) -> bool:
    return await service.database["post"].find_one({"_id": name}) is not None
