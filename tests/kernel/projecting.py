"""A small world for the tests of projection: tallies counted from events, and a process that projects until killed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

from nats.aio.client import Client
from pymongo import AsyncMongoClient

from contracts.message import Actor, Event, Recorded, Role
from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.keeping.mongo import Database
from kernel.log.promise import Log, NewMessage, StoredMessage
from kernel.reading.projection import Projector
from kernel.reading.readmodel import Index, ReadModel, Row
from kernel.reading.source import Source

SERVICE_ACTOR = Actor(account_id="tester", role=Role.SUPER_MANAGER)
AT = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


class Tallied(Event):
    """Somebody counted `amount` things of `kind`."""

    kind: str
    amount: int


class Closed(Event):
    """The counting is over and the tally is gone."""


class JsonDecoder:
    """Reads the messages that `message` makes. Bodies that are no JSON are beyond it, until `cured`."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.cured = False

    async def decode_many(self, messages: Sequence[StoredMessage]) -> list[Recorded]:
        return [self._recorded(message) for message in messages]

    def _recorded(self, message: StoredMessage) -> Recorded:
        _, _, aggregate, aggregate_id = message.subject.split(".")
        readable = CURED if self.cured and message.body == BAD else message.body
        body: dict[str, Any] = json.loads(readable)
        return Recorded.model_construct(
            stream=self.stream,
            seq=message.seq,
            aggregate=aggregate,
            aggregate_id=aggregate_id,
            event=Tallied(**body) if body else Closed(),
            event_id=message.headers["Nats-Msg-Id"],
            at=AT,
            actor=SERVICE_ACTOR,
            command_id=message.headers["Nats-Msg-Id"],
            correlation_id="",
        )


BAD = b"{not json"
CURED = b'{"kind": "bad", "amount": 1}'


def tally_of(row: Row | None, recorded: Recorded) -> Row | None:
    match recorded.event:
        case Tallied(kind="unfoldable"):
            raise LookupError("somebody's name")
        case Tallied(kind="unwritable"):
            return {"count": 2**70}
        case Tallied(kind="endless"):
            return {"count": 0, "text": "x" * (16 * 2**20 + 5_000)}
        case Tallied(kind="deep"):
            return {"count": 0, "text": _nested(250)}
        case Tallied(kind="abyss"):
            return {"count": 0, "text": _nested(100_000)}
        case Tallied(kind="named by nothing"):
            return {"count": 0, "\0": 1}
        case Tallied(kind="year 1"):
            return {"count": 0, "at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=8)))}
        case Tallied(amount=amount):
            return {**(row or {"count": 0}), "count": (row or {"count": 0})["count"] + amount, "last": recorded.seq}
        case _:
            return None


def _nested(depth: int) -> object:
    inner: object = 1
    for _ in range(depth):
        inner = {"a": inner}
    return inner


def kinds(recorded: Recorded) -> Iterable[str]:
    return [recorded.event.kind] if isinstance(recorded.event, Tallied) else []


def by_kind(row: Row | None, recorded: Recorded) -> Row | None:
    assert isinstance(recorded.event, Tallied)
    before = row or {"events": 0, "tallies": []}
    tallies = sorted({*before["tallies"], recorded.aggregate_id})
    return {**before, "events": before["events"] + 1, "tallies": tallies}


TALLIES = ReadModel("tallies", lambda recorded: [recorded.aggregate_id], tally_of, (Index("count"),))
KINDS = ReadModel("kinds", kinds, by_kind)
MODELS = (TALLIES, KINDS)


@dataclass
class World:
    """One service's log and database, its own for each test."""

    service: str
    nc: Client
    log: Log
    decoder: JsonDecoder
    client: AsyncMongoClient[dict[str, Any]]

    @property
    def database(self) -> Database:
        return self.client[self.service]

    def source(self) -> Source:
        return Source(self.service, self.log, self.decoder)

    def projector(self, *models: ReadModel, **more: Any) -> Projector:
        more.setdefault("announce", self.nc.publish)
        return Projector(self.service, [self.source()], models or MODELS, self.database, **more)

    async def tally(self, tally: str, *amounts: int, kind: str = "apples") -> int:
        """Append one event for each amount; return the position of the last."""
        return await self.append(tally, *(json.dumps({"kind": kind, "amount": amount}).encode() for amount in amounts))

    async def append(self, tally: str, *bodies: bytes) -> int:
        subject = f"event.{self.service}.tally.{tally}"
        stored = await self.log.read_subject(subject)
        last = stored[-1].seq if stored else 0
        messages = [NewMessage(subject, uuid4().hex, {}, body, last) for body in bodies]
        return (await self.log.append(messages))[-1]

    async def counts(self) -> dict[str, int]:
        return {row["_id"]: row["count"] async for row in self.database.tallies.find()}


@asynccontextmanager
async def world(nats_url: str, mongodb_uri: str, service: str | None = None) -> AsyncIterator[World]:
    service = service or f"tally{uuid4().hex[:10]}"
    nc = await connect(nats_url, service)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongodb_uri)
    async with client:
        log = await open_log(nc, service)
        yield World(service, nc, log, JsonDecoder(log.stream), client)
    await nc.close()


async def started(here: World, nats_url: str, mongodb_uri: str, wish: str = "run", **environment: str) -> Process:
    """A process of its own that projects (or rebuilds) the service of `here`."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.kernel.projecting", here.service, wish),
        env={**os.environ, "NATS_URL": nats_url, "MONGODB_URI": mongodb_uri, **environment},
    )


async def _main(service: str, wish: str) -> None:
    async with world(os.environ["NATS_URL"], os.environ["MONGODB_URI"], service) as here:
        projector = here.projector()
        await (projector.rebuild() if wish == "rebuild" else projector.run())


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
