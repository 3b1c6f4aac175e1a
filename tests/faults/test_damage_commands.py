"""What an operator types beside a damaged log: each command says what is missing, and only one makes it final."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from contracts.accounts.partners import CreateSuperManager
from contracts.permissions import SYSTEM
from kernel.connecting.stream import open_log
from kernel.runtime.tasks import ended
from kernel.service.running import running
from ops.servers import MongoServer
from services.accounts.__main__ import SERVICE
from tests.faults.damaging import Place, cut, place
from tests.faults.test_damaged_log import is_damaged
from tests.ops.test_cli import smartplus
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(180)
MANAGERS = 8


def manager(number: int) -> CreateSuperManager:
    return CreateSuperManager(
        command_id=uuid4(),
        at=datetime.now(UTC),
        actor=SYSTEM,
        account_id=str(uuid4()),
        name=f"Manager {number}",
        email=f"m{number}@operator.example",
    )


class Desk:
    """Where the operator of a place types."""

    def __init__(self, here: Place, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            "NATS_URL": here.nats.url,
            "MONGODB_URI": here.settings.mongodb_uri,
            "SMARTPLUS_SECRET": "00" * 32,
            "SMARTPLUS_DATABASE_PREFIX": here.settings.database_prefix,
        }

    async def types(self, *arguments: str, answer: str | None = None) -> tuple[int | None, str]:
        """Exit code and output, its white space made single; never a traceback."""
        command = (*arguments, "--data", str(self._folder))
        code, output = await smartplus(*command, stdin=answer, **self._environment)
        assert "Traceback" not in output, output
        return code, re.sub(r"\s+", " ", output)


@contextlib.asynccontextmanager
async def accounts_at_work(here: Place) -> AsyncIterator[None]:
    """The service, started on whatever there is."""

    async def work() -> None:
        async with running(SERVICE, here.settings) as service:
            await service.broken

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        await ended(task)


@pytest.fixture
async def here(tmp_path: Path, mongo_server: MongoServer) -> AsyncIterator[Place]:
    """The second half of the log of accounts is gone."""
    async with place(tmp_path, mongo_server) as made:
        async with running(SERVICE, made.settings) as service:
            await made.until(lambda said: said["ready"])
            for number in range(MANAGERS):
                await service.caller.command(manager(number))

            async def is_projected() -> bool:
                return not any((await service.projector.lag()).values())

            await eventually(is_projected)
        await made.nats.kill()
        (block,) = made.nats.data_dir.glob("jetstream/*/streams/ACCOUNTS/msgs/*.blk")
        cut(block)
        await made.nats.start()
        yield made


async def test_each_command_tells_the_loss_until_it_is_accepted_and_all_goes_on(here: Place, tmp_path: Path) -> None:
    desk = Desk(here, tmp_path)
    async with accounts_at_work(here), here.calling() as caller:
        await here.until(is_damaged)

        async def still_lost() -> str:
            code, output = await desk.types("log", "check")
            assert code == 1, output
            return output

        output = await still_lost()
        lost = re.search(r"ACCOUNTS: DAMAGED, (\d+) events (\d+) events \((\d+) to (\d+)\) missing at its end", output)
        assert lost, output
        left, gone, first, last = map(int, lost.groups())
        assert (first, last, gone) == (left + 1, left + gone, last - left)
        assert re.search(r"concerns accounts\.\w+\.[0-9a-f-]{36}", output), output
        assert "DEVICES: whole" in output
        assert "Restore a backup, or give it up: smartplus log accept-loss accounts" in output

        code, output = await desk.types("doctor")
        assert code == 1, output
        assert "FAILED accounts integrity: The log ACCOUNTS is damaged: its end is missing" in output
        assert "smartplus log accept-loss accounts" in output
        code, output = await desk.types("rebuild", "accounts")
        assert code == 1, output
        assert "The log ACCOUNTS is damaged" in output
        assert "Nothing has changed." in output

        for answer in (None, f"ACCOUNTS {gone + 1}\n"):
            code, output = await desk.types("log", "accept-loss", "accounts", "--reason", "no backup", answer=answer)
            assert code == 1, output
            assert f"type: ACCOUNTS {gone}" in output
            assert "nothing has changed" in output
        assert (await here.readiness())["ready"] is False
        await still_lost()

        typed = f"ACCOUNTS {gone}\n"
        code, output = await desk.types("log", "accept-loss", "accounts", "--reason", "no backup", answer=typed)
        assert code == 0, output
        await here.until(lambda said: said["ready"])
        await caller.command(manager(MANAGERS))
        code, output = await desk.types("log", "check")
        assert code == 0, output
        assert re.search(
            rf"ACCOUNTS: whole, \d+ events accepted: {gone} events were given up on \S+ by \S+: no backup", output
        )
        code, output = await desk.types("doctor")
        assert code == 0, output
        assert re.search(rf"ok accounts ready: .*{gone} events were given up", output), output
        code, output = await desk.types("log", "accept-loss", "accounts", "--reason", "again", answer=typed)
        assert (code, "there is nothing to accept" in output) == (1, True), output
    async with here.connected() as nc:
        (loss,) = (await (await open_log(nc, "accounts")).leader.state()).losses
        assert (loss.events, loss.reason) == (gone, "no backup")
