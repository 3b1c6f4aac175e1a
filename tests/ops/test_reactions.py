"""What a real service parked is shown, and tried again when an operator asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from kernel.log.promise import NewMessage
from kernel.service.running import Running, running
from ops.servers import MongoServer
from services.accounts.__main__ import SERVICE
from tests.faults.damaging import Place, place
from tests.faults.test_damage_commands import Desk, manager

REACTION = "destroy_key_when_household_is_emptied"


@pytest.fixture
async def here(tmp_path: Path, mongo_server: MongoServer) -> AsyncIterator[Place]:
    async with place(tmp_path, mongo_server) as made:
        yield made


async def parked(service: Running) -> str:
    """The position of an event of a household that a reaction cannot read."""
    subject = f"event.accounts.household.{uuid4()}"
    message = NewMessage(subject, uuid4().hex, {}, b"{", 0)
    (seq,) = await service.log.append([message])
    async with asyncio.timeout(20):
        while not await service.database["reactions_parked"].find_one({"subject": subject}):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return f"ACCOUNTS.{seq}"


async def test_what_waits_is_shown_and_tried_again(here: Place, tmp_path: Path) -> None:
    desk = Desk(here, tmp_path)
    async with running(SERVICE, here.settings) as service:
        await here.until(lambda said: said["ready"])
        code, output = await desk.types("reactions")
        assert (code, output.strip()) == (0, "Nothing waits.")
        position = await parked(service)
        code, output = await desk.types("reactions")
        assert code == 0, output
        assert f"accounts {REACTION} {position} accounts.household." in output
        assert "0 more behind it: no type: KeyError" in output
        assert "smartplus reactions retry accounts REACTION POSITION" in output
        assert "smartplus rebuild accounts" in output
        code, output = await desk.types("doctor")
        assert code == 1, output
        assert "cannot be taken: smartplus reactions" in output

        retry = ("reactions", "retry", "accounts", REACTION)
        code, output = await desk.types(*retry, position)
        assert (code, f"{position} waits on: no type: KeyError" in output) == (1, True), output
        code, output = await desk.types(*retry)
        assert (code, "Name one position" in output) == (1, True), output

        # Somebody mends it: here, the event that waits is one that can be read.
        accepted = await service.caller.command(manager(1))
        waiting = service.database["reactions_parked"]
        await waiting.delete_many({})
        (message,) = await service.log.read_subject(f"event.accounts.access.{accepted.id}")
        stream, seq = service.log.stream, message.seq
        document = {"stream": stream, "seq": seq, "subject": message.subject, "reason": "LookupError"}
        await waiting.insert_one({**document, "_id": f"{REACTION}/{stream}.{seq}", "reaction": REACTION})
        code, output = await desk.types(*retry, "--all")
        assert (code, f"{REACTION} has taken 1 events" in output) == (0, True), output
        assert await waiting.count_documents({}) == 0
