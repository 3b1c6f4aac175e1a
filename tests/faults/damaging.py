"""A place to damage: its own nats-server and mongod, one service on them, and ways to spoil their files."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from nats.aio.client import Client

from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.guarding.log_memory import LogMemory
from kernel.guarding.survey import Survey, survey
from kernel.keeping.mongo import BSON, mongo_client
from kernel.log.integrity import Memory
from kernel.process.settings import Settings
from kernel.service.running import Running, running
from kernel.talking.caller import Caller
from ops.processes import free_port
from ops.servers import MongoServer, NatsServer
from tests.asking import seen
from tests.faults.diary import DIARIES, CountPages, Pages, Write
from tests.kernel.toy import INSTALLER

SECRET = "00" * 32
STREAM = "DIARIES"
SMALL, LARGE = 1_000, 500_000


@dataclass
class Place:
    """Servers of its own, and the settings of a service on them."""

    nats: NatsServer
    mongo: MongoServer
    settings: Settings

    @property
    def blocks(self) -> list[Path]:
        """The files of the stream's messages, the oldest first."""
        found = self.nats.data_dir.glob(f"jetstream/*/streams/{STREAM}/msgs/*.blk")
        return sorted(found, key=lambda path: int(path.stem))

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[Running]:
        """The service, once it works."""
        async with running(DIARIES, self.settings) as service:
            yield service

    async def write(self, service: Running, pages: int, size: int = SMALL, diaries: int = 5) -> None:
        """Write that many pages of `size` characters, in turn into some diaries; returns when they are projected."""
        for number in range(pages):
            accepted = await service.caller.command(page(f"d{number % diaries}", "x" * size))
        query = CountPages(actor=INSTALLER, diary_id="d0", after=accepted.position)
        await seen(service.caller, query, Pages)

    async def survey(self) -> Survey:
        """The log as `smartplus log check` reads it."""
        async with self.connected() as nc, mongo_client(self.settings.mongodb_uri, "test") as mongo:
            log = await open_log(nc, DIARIES.name)
            database = mongo.get_database(self.settings.database(DIARIES.name), BSON)
            memories: list[Memory] = await LogMemory(database, STREAM).recall()
            return await survey(log, memories, mongo[self.settings.database("vault")]["keys"])

    async def accept(self, found: Survey) -> None:
        """Accept what is lost, as `smartplus log accept-loss` does."""
        async with self.connected() as nc:
            log = await open_log(nc, DIARIES.name)
            await log.leader.accept(found.accepted(datetime.now(UTC).isoformat(), "tester", "it is a test"))

    async def drop(self, name: str) -> None:
        """Drop a database of this place."""
        async with mongo_client(self.settings.mongodb_uri, "test") as mongo:
            await mongo.drop_database(self.settings.database(name))

    async def spoil_key(self, name: str, wrapped: object) -> None:
        """Put something else in the place of a data key."""
        async with mongo_client(self.settings.mongodb_uri, "test") as mongo:
            keys = mongo[self.settings.database("vault")]["keys"]
            changed = await keys.update_one({"_id": name, "wrapped": {"$exists": True}}, {"$set": {"wrapped": wrapped}})
            assert changed.modified_count == 1

    async def vault(self) -> list[dict[str, Any]]:
        """What stands in the vault, as a backup has it."""
        async with mongo_client(self.settings.mongodb_uri, "test") as mongo:
            return await mongo[self.settings.database("vault")]["keys"].find().to_list()

    async def restore_vault(self, documents: list[dict[str, Any]]) -> None:
        """Put a backup in the place of the vault."""
        async with mongo_client(self.settings.mongodb_uri, "test") as mongo:
            keys = mongo[self.settings.database("vault")]["keys"]
            await keys.delete_many({})
            await keys.insert_many(documents)

    async def spoil_note(self, collection: str, id: str, change: dict[str, Any]) -> dict[str, Any]:
        """Change a document that the service keeps for itself; as it was before."""
        async with mongo_client(self.settings.mongodb_uri, "test") as mongo:
            notes = mongo[self.settings.database(DIARIES.name)][collection]
            before = await notes.find_one_and_update({"_id": id}, {"$set": change})
            assert before is not None
            return before

    async def readiness(self) -> dict[str, Any]:
        """What the service says of itself; empty while it does not listen."""
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient(trust_env=False, verify=False) as client:
                return dict((await client.get(f"http://127.0.0.1:{self.settings.port}/health/ready")).json())
        return {}

    async def subscriptions(self) -> int:
        """How many subscriptions the nats-server keeps for all who are connected."""
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            return int((await client.get(f"{self.nats.monitor_url}/subsz")).json()["num_subscriptions"])

    async def until(self, probe: Callable[[dict[str, Any]], bool], timeout_s: float = 60.0) -> dict[str, Any]:
        """The first readiness that `probe` takes."""
        async with asyncio.timeout(timeout_s):
            while not (said := await self.readiness()) or not probe(said):  # noqa: ASYNC110 (another task)
                await asyncio.sleep(0.05)
        return said

    @contextlib.asynccontextmanager
    async def calling(self) -> AsyncIterator[Caller]:
        """Somebody who asks the service from outside."""
        async with self.connected() as nc:
            yield Caller(nc, self.settings.secrets().actor)

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[Client]:
        """A connection to the nats-server."""
        nc = await connect(self.nats.url, "test")
        try:
            yield nc
        finally:
            await nc.close()


@contextlib.asynccontextmanager
async def place(folder: Path, mongo: MongoServer | None = None) -> AsyncIterator[Place]:
    """A new place; with a mongod of its own, unless one is given."""
    async with contextlib.AsyncExitStack() as stack:
        nats = await stack.enter_async_context(NatsServer(folder / "nats", room="100GB"))
        own = mongo or await stack.enter_async_context(MongoServer(folder / "mongod", cache_gb=0.25))
        settings = Settings(
            nats_url=nats.url,
            mongodb_uri=own.url,
            secret=SECRET,
            database_prefix=f"test_{uuid4().hex[:8]}_",
            port=free_port(),
        )
        yield Place(nats, own, settings)


def page(diary: str, text: str = "x") -> Write:
    return Write(command_id=uuid4(), at=datetime.now(UTC), actor=INSTALLER, diary_id=diary, text=text)


def cut(path: Path) -> None:
    """Lose the second half of a file."""
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    """Flip a byte in the middle of a file, within the body of a message."""
    body = bytearray(path.read_bytes())
    body[len(body) // 2 + SMALL] ^= 0xFF
    path.write_bytes(body)


def flip_end(path: Path) -> None:
    """Flip a byte within the body of the last message of a file."""
    body = bytearray(path.read_bytes())
    body[-SMALL // 2] ^= 0xFF
    path.write_bytes(body)


def delete(path: Path) -> None:
    """Lose a file or a folder."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()
