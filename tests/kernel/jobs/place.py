"""A nats-server of its own with a database of its own, in which errands are run, in this process or in others."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from nats.aio.client import Client
from pymongo import AsyncMongoClient

from kernel.connecting.connection import connect
from kernel.jobs.job import Job
from kernel.jobs.memory import Memory
from kernel.jobs.worklist import WorkList
from kernel.keeping.mongo import Database
from kernel.log.promise import Unavailable
from kernel.process.health import NotReady
from kernel.process.settings import Settings
from kernel.service.running import Running
from ops.processes import end, free_port, spawn
from ops.servers import NatsServer
from tests.kernel.jobs.toy_jobs import ERRAND, ERRANDS, GATE, Errand
from tests.waiting import eventually

SECRET = "00" * 32


@dataclass
class Place:
    """What a test looks at."""

    server: NatsServer
    settings: Settings
    client: Client
    database: Database
    worklist: WorkList
    memory: Memory
    folder: Path

    async def put(self, errand_id: str, job: Job[Errand] = ERRAND, cause: str | None = None, **errand: Any) -> str:
        """Put an errand, just now and because of itself; the job's id."""
        asked = Errand(errand_id=errand_id, **errand)
        return str(await self.worklist.put(job, asked, cause or errand_id, datetime.now(UTC)))

    async def open_gate(self) -> None:
        await self.database["gates"].update_one({"_id": GATE}, {"$set": {}}, upsert=True)

    async def begun(self, errand_id: str | None = None) -> int:
        return await self._noted("begun", errand_id)

    async def done(self, errand_id: str | None = None) -> int:
        return await self._noted("done", errand_id)

    async def until_begun(self, times: int, errand_id: str | None = None) -> None:
        await self._until("begun", times, errand_id)

    async def until_done(self, times: int, errand_id: str | None = None) -> None:
        await self._until("done", times, errand_id)

    async def until_empty(self) -> None:
        """Nothing is on the list any more."""

        async def empty() -> bool:
            return (await self.worklist.look()).jobs == 0

        await eventually(empty)

    async def parked(self) -> list[tuple[str, str, int]]:
        """The id, the reason and the number of tries of each that is parked."""
        return [(each["_id"], each["reason"], each["begun"]) for each in await self.memory.listed(1000)]

    async def until_parked(self, id: str) -> str:
        """Its reason, once it is parked and off the list."""

        async def is_parked() -> bool:
            return id in [each[0] for each in await self.parked()]

        await eventually(is_parked)
        await self.until_empty()
        (reason,) = [reason for parked, reason, _ in await self.parked() if parked == id]
        return reason

    async def _noted(self, what: str, errand_id: str | None) -> int:
        return await self.database[what].count_documents({"errand": errand_id} if errand_id else {})

    async def _until(self, what: str, times: int, errand_id: str | None) -> None:
        async def noted() -> bool:
            return await self._noted(what, errand_id) >= times

        await eventually(noted)


@asynccontextmanager
async def place(folder: Path, mongodb_uri: str, **more: Any) -> AsyncIterator[Place]:
    prefix = f"jobs_{uuid4().hex[:8]}_"
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongodb_uri)
    async with NatsServer(folder / "nats") as server, client:
        settings = Settings(nats_url=server.url, mongodb_uri=mongodb_uri, secret=SECRET, database_prefix=prefix, **more)
        database = client[settings.database("toy")]
        nc = await connect(server.url, "test")
        worklist = WorkList(nc, "toy", ERRANDS.jobs)
        await worklist.open()
        yield Place(server, settings, nc, database, worklist, Memory(database), folder)
        await nc.close()
        await client.drop_database(settings.database("toy"))


@dataclass(frozen=True)
class Errands:
    """A process that runs errands, and what it wrote."""

    process: Any
    output: Path

    async def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    def said(self) -> str:
        return self.output.read_text()


@asynccontextmanager
async def errands(place: Place, **more: str) -> AsyncIterator[Errands]:
    """A process of its own, with these variables besides; it may have died meanwhile."""
    port = free_port()
    environment = {
        **os.environ,
        "NATS_URL": place.server.url,
        "MONGODB_URI": place.settings.mongodb_uri,
        "SMARTPLUS_SECRET": SECRET,
        "SMARTPLUS_PORT": str(port),
        "SMARTPLUS_DATABASE_PREFIX": place.settings.database_prefix,
        **more,
    }
    output = place.folder / f"errands-{port}.log"
    with output.open("wb") as file:
        started = await spawn(
            [sys.executable, "-m", "tests.kernel.jobs.toy_jobs"], output=file, environment=environment
        )
    try:
        yield Errands(started, output)
    finally:
        await end(started, 10)


async def put(here: Place, errand_id: str, cause: str) -> bool:
    """Whether it could be put."""
    try:
        await here.put(errand_id, cause=cause)
    except Unavailable:
        return False
    return True


async def remarks(toy: Running, words: str) -> bool:
    """Whether readiness remarks on the jobs in such words."""
    try:
        return words in str(await toy.health.probes["jobs"]())
    except NotReady:
        return False
