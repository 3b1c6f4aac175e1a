"""A disk runs full under nats-server: nobody is green meanwhile, and with room all comes back, nothing lost."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contracts.message import Accepted
from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.log.promise import Unavailable
from kernel.process.settings import Settings
from kernel.talking.caller import Caller
from ops.processes import free_port
from ops.servers import NatsServer
from ops.supervisor import Program, Supervisor
from tests.faults.disks import LEAST_FREE, Disk, LimitedFiles, disk
from tests.kernel.toy import INSTALLER, Count, command_id, new_id

SECRET = "ab" * 32
WITHIN_S = 60


@dataclass
class Supervised:
    """A nats-server on that disk and a service, kept running as `smartplus up` does it."""

    disk: Disk
    server: NatsServer
    toy: Program
    caller: Caller
    lines: list[str]

    async def readiness(self) -> tuple[int, dict[str, Any]]:
        async with httpx.AsyncClient(trust_env=False, timeout=5, verify=False) as client:
            answer = await client.get(self.toy.ready_url)
        return answer.status_code, answer.json()

    async def until(self, seen: Callable[[int, dict[str, Any]], bool]) -> dict[str, Any]:
        """The readiness, once it is like that."""
        async with asyncio.timeout(WITHIN_S):
            while not seen(*(await self.readiness())):  # noqa: ASYNC110 (what is awaited happens in other processes)
                await asyncio.sleep(0.1)
        return (await self.readiness())[1]


@contextmanager
def limited(folder: Path) -> Iterator[Disk]:
    folder.mkdir()
    yield LimitedFiles(folder)


@pytest.fixture(params=[disk, limited], ids=["a small disk", "no file may grow"])
async def place(request: pytest.FixtureRequest, tmp_path: Path, mongodb_uri: str) -> AsyncIterator[Supervised]:
    with request.param(tmp_path / "disk") as small:
        async with supervised(small, mongodb_uri) as built:
            yield built


@asynccontextmanager
async def supervised(small: Disk, mongodb_uri: str) -> AsyncIterator[Supervised]:
    server = NatsServer(small.folder / "nats", room="8GB")
    server.least_free_bytes = LEAST_FREE
    port, lines = free_port(), list[str]()
    environment = {
        **os.environ,
        **server.environment,
        "MONGODB_URI": mongodb_uri,
        "SMARTPLUS_SECRET": SECRET,
        "SMARTPLUS_PORT": str(port),
        "SMARTPLUS_DATABASE_PREFIX": f"test_{uuid4().hex[:8]}_",
    }

    def say(who: str, line: str) -> None:
        lines.append(f"{who} {line}")

    command = [sys.executable, "-m", "tests.kernel.toy"]
    toy = Program("toy", command, environment, f"http://127.0.0.1:{port}/health/ready", say)
    supervisor = Supervisor([[server], [toy]], say)
    ready = asyncio.Event()

    async def when_ready() -> None:
        ready.set()

    run = asyncio.create_task(supervisor.run(when_ready))
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({run, waiting}, return_when=asyncio.FIRST_COMPLETED)
        assert ready.is_set(), lines
        client = await connect(server.url, "test")
        unused = Settings(nats_url=server.url, mongodb_uri="mongodb://unused", secret=SECRET)
        yield Supervised(small, server, toy, Caller(client, unused.secrets().actor), lines)
        await client.close()
    finally:
        waiting.cancel()
        supervisor.stop()
        await asyncio.wait({run})
    run.result()


def count(**fields: Any) -> Count:
    return Count(command_id=command_id(), at=datetime.now(UTC), actor=INSTALLER, counter_id=new_id(), **fields)


async def until_one_is_lost(caller: Caller) -> tuple[list[tuple[Count, Accepted]], Count]:
    """What was acknowledged until one was not, and that one."""
    acknowledged: list[tuple[Count, Accepted]] = []
    for _ in range(500):
        command = count()
        try:
            acknowledged.append((command, await caller.command(command)))
        except Unavailable:
            return acknowledged, command
    raise AssertionError("the disk never filled")


async def test_a_full_disk_is_said_and_with_room_writes_come_back_and_nothing_is_lost(place: Supervised) -> None:
    assert (await place.readiness())[1]["dependencies"]["writing"]["ok"]
    before = [(command, await place.caller.command(command)) for command in (count() for _ in range(20))]

    place.disk.fill(place.server)
    meanwhile, lost = await until_one_is_lost(place.caller)
    state = await place.until(lambda status, _: status == 503)
    writing = state["dependencies"]["writing"]
    assert not writing["ok"]
    assert "write error" in writing["reason"]
    assert state["dependencies"]["log"]["ok"]  # as before: whoever only reads sees nothing
    assert await place.server.ailing() is None  # a restart without room would end in a server that does not start

    pid = place.server.pid
    place.disk.free(place.server)
    await place.until(lambda status, _: status == 200)
    assert place.server.pid != pid
    assert [line for line in place.lines if line.startswith("nats is restarted: nats-server: ")]

    again = await place.caller.command(lost)
    assert again == await place.caller.command(lost)
    after = [(command, await place.caller.command(command)) for command in (count() for _ in range(20))]
    await nothing_is_lost(place.server, [*before, *meanwhile, (lost, again), *after])


async def nothing_is_lost(server: NatsServer, acknowledged: list[tuple[Count, Accepted]]) -> None:
    client = await connect(server.url, "test")
    try:
        log = await open_log(client, "toy")
        for command, accepted in acknowledged:
            stored = await log.read_subject(f"event.toy.counter.{command.counter_id}")
            assert [f"{log.stream}.{each.seq}" for each in stored] == [accepted.position]
        assert await log.last_seq() == len(acknowledged)
    finally:
        await client.close()
