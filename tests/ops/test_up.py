"""`smartplus up`: the page answers, nothing stays behind however it ends, and the next run finds its data."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

from ops import local
from ops.probe import ask
from ops.processes import free_port
from tests.ops.watching import command_line, descendants, gone


class Running:
    """One `smartplus up` that is ready."""

    def __init__(self, process: asyncio.subprocess.Process, data: Path, port: int, log: Path) -> None:
        self.process = process
        self.data = data
        self.port = port
        self.log = log
        self.pids = descendants(process.pid)

    async def end(self, sign: signal.Signals) -> int:
        """Send the signal; returns the exit code when it and all that it started are gone."""
        self.process.send_signal(sign)
        code = await self.process.wait()
        await gone(self.pids)
        return code

    def notes(self) -> AsyncMongoClient[dict[str, Any]]:
        return AsyncMongoClient(local.environment(self.data)["MONGODB_URI"])


async def ready(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    """Returns when the gateway answers; fails with the log when `up` ended before that."""
    async with asyncio.timeout(60):
        while not await ask(f"http://127.0.0.1:{port}/api/v1/about"):
            assert process.returncode is None, f"up ended with {process.returncode}; see {log}"
            await asyncio.sleep(0.05)


async def is_up(log: Path) -> None:
    """Returns when `up` says so: before that, a service that ends is one that cannot start."""
    async with asyncio.timeout(60):
        while "is up:" not in await asyncio.to_thread(log.read_text):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@asynccontextmanager
async def running(data: Path) -> AsyncIterator[Running]:
    port = free_port()
    log = data.with_suffix(".log")
    command = [sys.executable, "-m", "ops", "up", "--data", str(data), "--port", str(port)]
    without_servers = {name: value for name, value in os.environ.items() if name not in ("NATS_URL", "MONGODB_URI")}
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output, env=without_servers)
    try:
        await ready(process, port, log)
        yield Running(process, data, port, log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def told_to(pid: int) -> bytes:
    """The environment that the process was started with."""
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_ctrl_c_leaves_no_process_and_the_next_run_finds_its_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running(data) as first:
        assert len(first.pids) >= 4
        (gateway,) = (pid for pid in first.pids if b"services.gateway" in command_line(pid))
        assert b"SMARTPLUS_KEYS_DIR" not in told_to(gateway)
        async with first.notes() as client:
            await client.kept.notes.insert_one({"text": "before Ctrl-C"})
        assert await first.end(signal.SIGINT) == 0
    secret = local.secret_file(data).read_text()
    assert not local.environment(data)

    async with running(data) as second:
        async with second.notes() as client:
            assert [note["text"] async for note in client.kept.notes.find()] == ["before Ctrl-C"]
        assert local.secret_file(data).read_text() == secret
        assert await second.end(signal.SIGTERM) == 0


async def test_a_killed_up_leaves_no_process(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as system:
        assert await system.end(signal.SIGKILL) == -signal.SIGKILL
    assert not local.environment(tmp_path / "data")


async def test_a_crashed_service_comes_back_by_itself(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as system:
        await is_up(system.log)
        gateway = next(pid for pid in system.pids if b"services.gateway" in command_line(pid))
        os.kill(gateway, signal.SIGKILL)
        await gone([gateway])
        await ready(system.process, system.port, system.log)
        system.pids = descendants(system.process.pid)
        assert await system.end(signal.SIGINT) == 0
