"""How far are the read models behind the log? Live, catching up and built anew, beside only reading the log.

    python -m bench.projection                     100,000 events, about a minute
    python -m bench.projection --events 1000000    the goal's size, some minutes
    python -m bench.projection --quick             a few seconds, rough

Events are decoded by the service's own codec (12 fields, none personal) and folded, five to a document, into a read
model with four indexes. The floor is the kernel's own pull loop over the same messages, in the same run.
"""

import argparse
import asyncio
import os
import resource
import tempfile
import time
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import uvloop
from nats.aio.client import Client
from pymongo import AsyncMongoClient, UpdateOne

from bench.report import Timing, heading, judge, load_average, rate, show, timing
from contracts.message import Actor, Command, Event, Position, Recorded, Role
from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.deciding.codec import Codec
from kernel.deciding.decider import Ref
from kernel.keeping.mongo import Database
from kernel.keeping.secrets import Secrets
from kernel.keeping.vault import MemoryKeys
from kernel.log.jetstream import JetStreamLog
from kernel.log.promise import NewMessage
from kernel.reading.projection import Projector
from kernel.reading.readmodel import Index, ReadModel, Row
from kernel.reading.source import Source
from kernel.reading.watermark import Watermark
from ops.servers import MongoServer, NatsServer

EVENTS_PER_DOCUMENT = 5
INSTALLER = Actor(account_id="i1", role=Role.INSTALLER, distributor_id="d1", installer_id="i1")


class Moved(Event):
    """Twelve fields, as an average event has."""

    place: str
    number: int
    installer_id: str
    distributor_id: str
    name: str
    city: str
    street: str
    floor: int
    flat: int
    active: bool
    model: str
    note: str


class Move(Command):
    """What caused them."""

    place: str


def fold(row: Row | None, recorded: Recorded) -> Row | None:
    event = recorded.event
    assert isinstance(event, Moved)
    moves = row["moves"] if row else 0
    return {
        "installer_id": event.installer_id,
        "name": event.name,
        "city": event.city,
        "number": event.number,
        "model": event.model,
        "active": event.active,
        "moves": moves + 1,
        "at": recorded.at,
    }


PLACES = ReadModel(
    "places",
    lambda recorded: (recorded.aggregate_id,),
    fold,
    indexes=tuple(
        Index([("installer_id", 1), (field, 1), ("_id", 1)]) for field in ("name", "city", "number", "model")
    ),
)


class Bench:
    """One service with one read model, and its servers."""

    def __init__(self, nc: Client, log: JetStreamLog, database: Database, events: int) -> None:
        self.nc, self.log, self.database, self.events = nc, log, database, events
        self.codec = Codec("bench", [Moved], MemoryKeys(), Secrets(os.urandom(32)))
        self.because = self.codec.because(
            Move(command_id=uuid4(), at=datetime.now(UTC), actor=INSTALLER, place="p"), None, None
        )

    def projector(self) -> Projector:
        return Projector(
            "bench", [Source("bench", self.log, self.codec)], [PLACES], self.database, announce=self.nc.publish
        )

    async def message(self, place: str, number: int, expected: int) -> NewMessage:
        event = Moved(
            place=place,
            number=number,
            installer_id=f"installer-{number % 50}",
            distributor_id="distributor-1",
            name=f"Household {place}",
            city="Hamburg",
            street="Große Elbstraße 145",
            floor=number % 9,
            flat=number % 40,
            active=bool(number % 2),
            model="R29",
            note="moved in the course of the renovation of the building",
        )
        subject = self.codec.subject(Ref("place", place))
        return await self.codec.encode(event, subject=subject, expected=expected, key_name=None, because=self.because)

    async def fill(self) -> None:
        for start in range(0, self.events, 1000):
            ids = [str(UUID(int=start + index)) for index in range(1000 // EVENTS_PER_DOCUMENT)]
            await self.log.append(
                [await self.message(place, number, 0) for place in ids for number in range(EVENTS_PER_DOCUMENT)], 60
            )

    async def until(self, seq: int) -> None:
        watermark = Watermark(self.nc, "bench", self.database)
        await watermark.start()
        assert await watermark.reached(Position(stream=self.log.stream, seq=seq), 600)
        await watermark.stop()


async def floor(bench: Bench) -> Timing:
    began, cpu = time.perf_counter(), time.process_time()
    async with aclosing(bench.log.follow(0)) as following:
        async for messages in following:
            if messages[-1].seq >= bench.events:
                break
    return _took(bench.events, began, cpu)


async def decoding(bench: Bench) -> Timing:
    began, cpu = time.perf_counter(), time.process_time()
    async with aclosing(bench.log.follow(0)) as following:
        async for messages in following:
            await bench.codec.decode_many(messages)
            if messages[-1].seq >= bench.events:
                break
    return _took(bench.events, began, cpu)


async def naive(bench: Bench) -> Timing:
    """What one would write first: a bulk of upserts per batch, one for each event."""
    collection = bench.database["naive"]
    await collection.create_indexes(list(PLACES.indexes))
    wanted = min(bench.events, 20_000)
    began, cpu = time.perf_counter(), time.process_time()
    async with aclosing(bench.log.follow(0)) as following:
        async for messages in following:
            updates = []
            for recorded in await bench.codec.decode_many(messages):
                row = dict(fold(None, recorded) or {})
                del row["moves"]
                updates.append(UpdateOne({"_id": recorded.aggregate_id}, {"$set": row, "$inc": {"moves": 1}}, True))
            await collection.bulk_write(updates, ordered=True)
            if messages[-1].seq >= wanted:
                break
    return _took(wanted, began, cpu)


async def catch_up(bench: Bench) -> Timing:
    running = asyncio.create_task(bench.projector().run())
    began, cpu = time.perf_counter(), time.process_time()
    await bench.until(bench.events)
    took = _took(bench.events, began, cpu)
    running.cancel()
    await asyncio.wait([running])
    return took


async def anew(bench: Bench) -> Timing:
    began, cpu = time.perf_counter(), time.process_time()
    await bench.projector().rebuild()
    return _took(bench.events, began, cpu)


async def live(bench: Bench, wanted: int, per_second: int) -> tuple[Timing, Timing, Timing]:
    """From the moment before the append to the moment a reader may see it, at a steady pace."""
    running = asyncio.create_task(bench.projector().run())
    watermark = Watermark(bench.nc, "bench", bench.database)
    await watermark.start()
    await bench.until(await bench.log.last_seq())
    jitter: list[float] = []
    appended: list[float] = []
    visible: list[float] = []

    async def write(number: int) -> None:
        began = time.perf_counter()
        (seq,) = await bench.log.append([await bench.message(str(uuid4()), number, 0)])
        appended.append(time.perf_counter() - began)
        assert await watermark.reached(Position(stream=bench.log.stream, seq=seq), 30)
        visible.append(time.perf_counter() - began)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(wanted):
            due = began + number / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            jitter.append(max(0.0, time.perf_counter() - due))
            group.create_task(write(number))
    elapsed = time.perf_counter() - began
    await watermark.stop()
    running.cancel()
    await asyncio.wait([running])
    return timing(jitter, elapsed), timing(appended, elapsed), timing(visible, elapsed)


def _took(events: int, began: float, cpu: float) -> Timing:
    return Timing(events / (time.perf_counter() - began), 0, 0, (time.process_time() - cpu) / events * 1e6)


def _most_memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _rate(name: str, took: Timing) -> None:
    show(name, f"{took.rate:9,.0f} events/s  {took.cpu_us:5.1f} us of our CPU")


def _latency(name: str, took: Timing) -> None:
    show(name, f"p50 {took.p50:6.2f}  p99 {took.p99:6.2f} ms")


async def run(events: int, live_events: int) -> None:
    print(f"{load_average()} at the start")
    with tempfile.TemporaryDirectory(prefix="bench-projection-", ignore_cleanup_errors=True) as folder:
        async with NatsServer(Path(folder) / "nats") as server, MongoServer(Path(folder) / "mongod") as mongod:
            nc = await connect(server.url, "bench")
            client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongod.url)
            async with client:
                log = await open_log(nc, "bench", max_bytes=8 * 2**30)
                bench = Bench(nc, log, client["bench"], events)
                await _measure(bench, live_events)
            await nc.close()
    print(f"\n{load_average()} at the end")


async def _measure(bench: Bench, live_events: int) -> None:
    first = asyncio.create_task(bench.projector().run())
    await bench.until(0)
    first.cancel()
    await asyncio.wait([first])
    await bench.fill()

    heading(f"{bench.events:,} events, {bench.events // EVENTS_PER_DOCUMENT:,} documents")
    raw = await floor(bench)
    _rate("floor: own pull, nothing else", raw)
    _rate("own pull and decode", await decoding(bench))
    upserts = await naive(bench)
    _rate("own pull, decode, one upsert per event", upserts)
    caught_up = await catch_up(bench)
    _rate("catch up: fold, transaction, checkpoint", caught_up)
    before = _most_memory_mb()
    rebuilt = await anew(bench)
    _rate("rebuild beside the live edition", rebuilt)
    show(
        "memory at the most",
        f"{_most_memory_mb():9,.0f} MB, {before:,.0f} MB before",
    )
    again = await floor(bench)
    _rate("floor, once more", again)
    floored = (raw.rate + again.rate) / 2
    mine, pull, one_by_one = rate(caught_up), f"{floored:,.0f}/s", rate(upserts)
    judge("G5", "catch up / own pull, rate", caught_up.rate / floored, 0.18, ours=mine, floor=pull)
    ratio = caught_up.rate / upserts.rate
    judge("G5", "catch up / one upsert per event, rate", ratio, 1.2, ours=mine, floor=one_by_one)
    what = f"rebuild of {bench.events:,} events / own pull, rate"
    judge("G14", what, rebuilt.rate / floored, 0.5, ours=rate(rebuilt), floor=pull)

    heading("Live, 200 events a second")
    jitter, appended, visible = await live(bench, live_events, 200)
    _latency("this run's timer jitter", jitter)
    _latency("appended", appended)
    _latency("visible to a reader who waits for it", visible)
    late = f"timer late by {jitter.p99:.1f} ms"
    what = "visible to a reader, p99 at 200/s"
    judge("G7", what, visible.p99, 25, at_most=True, unit=" ms", ours=f"p50 {visible.p50:.1f} ms", floor=late)


def main() -> None:
    parser = argparse.ArgumentParser(description="Read models behind their log.")
    parser.add_argument("--events", type=int, default=100_000, help="a multiple of 1,000")
    parser.add_argument("--quick", action="store_true", help="10,000 events and two seconds live, rough")
    wish = parser.parse_args()
    uvloop.run(run(10_000 if wish.quick else wish.events, 400 if wish.quick else 2000))


if __name__ == "__main__":
    main()
