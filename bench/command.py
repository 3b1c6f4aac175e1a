"""How much does the kernel add to a publish? A command through `Deciding`, beside raw publishes of the same run.

    python -m bench.command             about a minute
    python -m bench.command --quick     a few seconds, rough
    python -m bench.command --million   loads among 100,000 and 1,000,000 events as well (minutes, 2 GB of disk)

Floor: `nats-py` publishing the same kind of message with the same expectation to the same server. Peer: the
`eventsourcing` package on SQLite (WAL, synchronous FULL), in this process. Floor and kernel take turns, and each ratio
is the median over the turns, because the machine is shared. Goals are those of `performance.md`.
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid4

import uvloop
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate as PeerAggregate
from eventsourcing.domain import event as peer_event
from nats.aio.client import Client

from bench.report import Timing, heading, judge, load_average, median, p50, rate, show, timing, turn
from contracts.message import Actor, Command, Event, Personal, Role
from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.deciding.codec import Codec
from kernel.deciding.decider import Aggregate, Decision, Ref
from kernel.deciding.handling import Deciding
from kernel.keeping.secrets import Secrets
from kernel.keeping.vault import MemoryKeys
from kernel.log.jetstream import JetStreamLog
from kernel.log.promise import NewMessage
from ops.servers import NatsServer

ACTOR = Actor(account_id=str(uuid4()), role=Role.INSTALLER, distributor_id=str(uuid4()), installer_id=str(uuid4()))
FIVE = 5
FIFTY = 50


class Move(Command):
    """A household says where it lives now."""

    home_id: str
    address: str


class Moved(Event):
    """A household lives elsewhere."""

    home_id: str
    address: Personal
    times: int


@dataclass(frozen=True)
class Home:
    """Where a household lives."""

    address: str = ""
    times: int = 0


HOME: Aggregate[Home] = Aggregate(
    name="home",
    initial=Home(),
    evolve=lambda home, event: replace(home, address=event.address, times=event.times),
    events=(Moved,),
    decisions={
        Move: Decision(
            "home_id",
            lambda command, home, neighbours: [
                Moved(home_id=command.home_id, address=command.address, times=home.times + 1)
            ],
        )
    },
    key=lambda home: "household/bench",
)


def move(home_id: str) -> Move:
    return Move(
        command_id=uuid4(), at="2026-11-22T09:30:00Z", actor=ACTOR, home_id=home_id, address="12 Phố Huế, Hà Nội"
    )


class PeerHome(PeerAggregate):
    """The same household in the `eventsourcing` package."""

    @peer_event("Opened")
    def __init__(self) -> None:
        self.address = ""
        self.times = 0

    @peer_event("Moved")
    def move(self, address: str, times: int) -> None:
        self.address = address
        self.times = times


class Peer(Application[UUID]):
    """The application that stores them."""

    log_section_size = 500


def block(once: Callable[[int], object], operations: int) -> Timing:
    latencies: list[float] = []
    started = time.perf_counter()
    for number in range(operations):
        began = time.perf_counter()
        once(number)
        latencies.append(time.perf_counter() - began)
    return timing(latencies, time.perf_counter() - started)


class Raw:
    """The floor: `nats-py` alone, each caller on subjects of its own, with the expectation the kernel would send."""

    def __init__(self, nc: Client, run: str, body: bytes) -> None:
        self._nc = nc
        self._run = run
        self._body = body
        self._last: dict[int, int] = {}

    async def publish(self, caller: int, number: int) -> None:
        headers = {
            "Nats-Msg-Id": str(uuid4()),
            "Nats-Expected-Last-Subject-Sequence": str(self._last.get(caller, 0)),
            "ce-type": "command.Moved.v1",
            "sp-actor": ACTOR.model_dump_json(),
        }
        answer = await self._nc.request(f"event.raw.home.{self._run}-{caller}", self._body, timeout=30, headers=headers)
        ack = json.loads(answer.data)
        self._last[caller] = ack["seq"]


@dataclass(frozen=True)
class Bench:
    """What all questions share."""

    nc: Client
    codec: Codec
    log: JetStreamLog
    turns: int
    scale: float

    def deciding(self, cache: int = 50_000) -> Deciding:
        return Deciding(self.log, self.codec, (HOME,), cache)

    def operations(self, wanted: int) -> int:
        return max(64, int(wanted * self.scale))

    async def fill(self, homes: list[str], events: int) -> None:
        """Give each of the homes so many events, spread over the log, in large batches."""
        because = self.codec.because(move(""), None, None)
        last = dict.fromkeys(homes, 0)
        for times in range(1, events + 1):
            for start in range(0, len(homes), 1000):
                some = homes[start : start + 1000]
                messages = [
                    await self.codec.encode(
                        Moved(home_id=home, address="12 Phố Huế, Hà Nội", times=times),
                        subject=self.codec.subject(Ref("home", home)),
                        expected=last[home],
                        key_name="household/bench",
                        because=because,
                    )
                    for home in some
                ]
                last.update(zip(some, await self.log.append(messages, timeout_s=60), strict=True))


async def commands(bench: Bench) -> None:
    heading("A command on a cached aggregate, beside a raw publish with an expectation")
    deciding = bench.deciding()
    sample = await bench.codec.encode(
        Moved(home_id=str(uuid4()), address="12 Phố Huế, Hà Nội", times=1),
        subject="event.bench.home.x",
        expected=0,
        key_name="household/bench",
        because=bench.codec.because(move(""), None, None),
    )
    for callers, wanted in ((1, 600), (64, 6_000), (256, 12_000)):
        homes = [str(uuid4()) for _ in range(callers)]
        for home in homes:
            await deciding.handle(move(home))
        raw, ours, appended = [], [], []
        floor = Raw(bench.nc, uuid4().hex, sample.body)
        append = Appending(bench, callers, sample)
        for _ in range(bench.turns):
            raw.append(await turn(floor.publish, callers, bench.operations(wanted)))
            appended.append(await turn(append.once, callers, bench.operations(wanted)))
            ours.append(
                await turn(
                    lambda caller, number: deciding.handle(move(homes[caller])),  # noqa: B023
                    callers,
                    bench.operations(wanted),
                )
            )
        show(f"raw publish, {callers} at once", median(raw))
        show(f"append through the log, {callers} at once", median(appended))
        show(f"command, {callers} at once", median(ours))
        append_ratio = statistics.median(a.rate / r.rate for a, r in zip(appended, raw, strict=True))
        told, floor_told = rate(median(ours)), rate(median(raw))
        what = f"append of a sealed event / raw publish, {callers} at once"
        judge("", what, append_ratio, None, ours=rate(median(appended)), floor=floor_told)
        ratio = statistics.median(o.rate / r.rate for o, r in zip(ours, raw, strict=True))
        judge("", f"command / raw publish, rate, {callers} at once", ratio, None, ours=told, floor=floor_told)
        if callers == 1:
            judge_latency("command on a cached aggregate / raw publish, p50", ours, raw, 1.3)


def judge_latency(what: str, ours: list[Timing], raw: list[Timing], bound: float) -> None:
    latency = statistics.median(o.p50 / r.p50 for o, r in zip(ours, raw, strict=True))
    judge("G3", what, latency, bound, at_most=True, ours=p50(median(ours)), floor=p50(median(raw)))


class Appending:
    """Appends of one ready-made message: the log without deciding and sealing."""

    def __init__(self, bench: Bench, callers: int, sample: NewMessage) -> None:
        self._log = bench.log
        self._subjects = [bench.codec.subject(Ref("home", uuid4().hex)) for _ in range(callers)]
        self._last = [0] * callers
        self._sample = sample

    async def once(self, caller: int, number: int) -> None:
        message = replace(self._sample, subject=self._subjects[caller], id=str(uuid4()), expected=self._last[caller])
        (self._last[caller],) = await self._log.append((message,))


async def uncached(bench: Bench) -> None:
    heading(f"A command on an aggregate of {FIVE} events that nothing remembers (G3)")
    count = bench.operations(600)
    homes = [str(uuid4()) for _ in range(count * bench.turns)]
    await bench.fill(homes, FIVE)
    random.shuffle(homes)
    deciding = bench.deciding(cache=0)
    raw, ours, loads = [], [], []
    floor = Raw(bench.nc, uuid4().hex, b"x" * 300)
    for part in range(bench.turns):
        some = homes[part * count : (part + 1) * count]
        raw.append(await turn(floor.publish, 1, count))
        loads.append(await turn(lambda caller, number: deciding.load(Ref("home", some[number])), 1, count))  # noqa: B023
        ours.append(await turn(lambda caller, number: deciding.handle(move(some[number])), 1, count))  # noqa: B023
    show("raw publish", median(raw))
    show(f"load of {FIVE} events", median(loads))
    show(f"command after a load of {FIVE} events", median(ours))
    judge_latency(f"command, {FIVE} events to load / raw publish, p50", ours, raw, 2.5)


async def peer(bench: Bench, folder: Path) -> None:
    heading("Load, change, save: beside the eventsourcing package on SQLite (G17)")
    application = Peer({"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "peer.sqlite")})
    save_peer, save, save64, change_peer, change, change_cached = [], [], [], [], [], []
    count = bench.operations(600)
    for _ in range(bench.turns):
        peers = [PeerHome() for _ in range(count)]
        save_peer.append(block(lambda number: application.save(peers[number]), count))  # noqa: B023

        def load_change_save(number: int) -> None:
            home: PeerHome = application.repository.get(peers[number].id)  # noqa: B023
            home.move("12 Phố Huế, Hà Nội", home.times + 1)
            application.save(home)

        change_peer.append(block(load_change_save, count))
        homes = [str(uuid4()) for _ in range(count)]
        deciding = bench.deciding()
        save.append(await turn(lambda caller, number: deciding.handle(move(homes[number])), 1, count))  # noqa: B023
        change_cached.append(await turn(lambda caller, number: deciding.handle(move(homes[number])), 1, count))  # noqa: B023
        forgetful = bench.deciding(cache=0)
        change.append(await turn(lambda caller, number: forgetful.handle(move(homes[number])), 1, count))  # noqa: B023
        many = [str(uuid4()) for _ in range(count * 8)]
        save64.append(await turn(lambda caller, number: deciding.handle(move(many[number])), 64, len(many)))  # noqa: B023
    show("peer: save a new aggregate", median(save_peer))
    show("command on a new aggregate", median(save))
    show("command on a new aggregate, 64 at once", median(save64))
    show("peer: load, change, save", median(change_peer))
    show("load, change, save", median(change))
    show("load, change, save, remembered", median(change_cached))

    def compare(what: str, ours: list[Timing], theirs: list[Timing], bound: float | None) -> None:
        ratio = statistics.median(o.rate / t.rate for o, t in zip(ours, theirs, strict=True))
        goal = "" if bound is None else "G17"
        judge(goal, what, ratio, bound, ours=rate(median(ours)), floor=rate(median(theirs)))

    compare("save / peer", save, save_peer, 0.8)
    compare("save, 64 at once / peer, which takes one at a time", save64, save_peer, 4)
    compare("load, change, save / peer", change, change_peer, None)
    compare("load, change, save, remembered / peer", change_cached, change_peer, None)
    await peer_in_bulk(bench, application)
    application.close()


async def peer_in_bulk(bench: Bench, application: Peer) -> None:
    heading("In bulk, fifty events, and the whole log: beside the same (G17)")
    bulk, bulk_peer = [], []
    for _ in range(bench.turns):
        peers = [PeerHome() for _ in range(2000)]
        bulk_peer.append(2000 / seconds(lambda: application.save(*peers)))  # noqa: B023
        began = time.perf_counter()
        await bench.fill([str(uuid4()) for _ in range(2000)], 1)
        bulk.append(2000 / (time.perf_counter() - began))
    print(f"  peer: 2,000 events in one transaction {statistics.median(bulk_peer):15,.0f} events/s")
    print(f"  2,000 events in two batches, sealed {statistics.median(bulk):17,.0f} events/s")
    ratio = statistics.median(a / b for a, b in zip(bulk, bulk_peer, strict=True))
    told = f"{statistics.median(bulk):,.0f}/s", f"{statistics.median(bulk_peer):,.0f}/s"
    judge("G17", "bulk / peer", ratio, 2, ours=told[0], floor=told[1])

    old = PeerHome()
    for number in range(FIFTY - 1):
        old.move("12 Phố Huế, Hà Nội", number)
    application.save(old)
    home = str(uuid4())
    await bench.fill([home], FIFTY)
    deciding = bench.deciding()
    await deciding.load(Ref("home", home))
    count = bench.operations(300)
    peer_loads, loads = [], []
    for _ in range(bench.turns):
        peer_loads.append(block(lambda number: application.repository.get(old.id), count))
        loads.append(await turn(lambda caller, number: deciding.load(Ref("home", home)), 1, count))
    show(f"peer: load {FIFTY} events", median(peer_loads))
    show(f"load {FIFTY} events, remembered, checked for newer", median(loads))
    ratio = statistics.median(o.rate / t.rate for o, t in zip(loads, peer_loads, strict=True))
    told = rate(median(loads)), rate(median(peer_loads))
    judge("G17", f"load of {FIFTY} remembered events / peer", ratio, 8, ours=told[0], floor=told[1])

    read_theirs, read_ours = [], []
    for _ in range(bench.turns):
        read_theirs.append(read_peer(application))
        read_ours.append(await read_log(bench))
    print(f"  peer: read and decode the log {statistics.median(read_theirs):23,.0f} events/s")
    print(f"  read and decode the log, sealed fields opened {statistics.median(read_ours):7,.0f} events/s")
    ratio = statistics.median(o / t for o, t in zip(read_ours, read_theirs, strict=True))
    told = f"{statistics.median(read_ours):,.0f}/s", f"{statistics.median(read_theirs):,.0f}/s"
    judge("G17", "read of the log / peer", ratio, 0.7, ours=told[0], floor=told[1])


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def read_peer(application: Peer) -> float:
    read, after = 0, 1
    began = time.perf_counter()
    while page := application.notification_log.select(after, 500):
        for notification in page:
            application.mapper.to_domain_event(notification)
        read += len(page)
        after = page[-1].id + 1
    return read / (time.perf_counter() - began)


async def read_log(bench: Bench, most: int = 20_000) -> float:
    read, last = 0, min(await bench.log.last_seq(), most)
    began = time.perf_counter()
    async for messages in bench.log.follow(0):
        read += len(await bench.codec.decode_many(messages))
        if messages[-1].seq >= last:
            break
    return read / (time.perf_counter() - began)


async def million(bench: Bench) -> None:
    heading(f"Loads of {FIVE} events among 100,000 and 1,000,000 (G4)")
    warm: dict[int, Timing] = {}
    deciding = bench.deciding(cache=0)
    homes: list[str] = []
    for size in (100_000, 1_000_000):
        more = [str(uuid4()) for _ in range(size // FIVE - len(homes))]
        # In slices, so that the events of one aggregate lie some thousands apart, as they would in life.
        for start in range(0, len(more), 4000):
            await bench.fill(more[start : start + 4000], FIVE)
        homes += more
        some = random.sample(homes, 1000)
        cold = await turn(lambda caller, number: deciding.load(Ref("home", some[number])), 1, len(some))  # noqa: B023
        warm[size] = await turn(lambda caller, number: deciding.load(Ref("home", some[number])), 1, len(some))  # noqa: B023
        show(f"{size:,} events: at random, first time", cold)
        show(f"{size:,} events: the same again", warm[size])
        if size == 1_000_000:
            ratio, told = warm[size].p50 / warm[100_000].p50, (p50(warm[size]), p50(warm[100_000]))
            what = "warm load among 1,000,000 / among 100,000, p50"
            judge("G4", what, ratio, 1.5, at_most=True, ours=told[0], floor=told[1])
            judge(
                "G4",
                "cold load among 1,000,000, p99",
                cold.p99,
                50,
                at_most=True,
                unit=" ms",
                ours=f"p50 {cold.p50:.1f} ms",
            )


async def run(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="smartplus-bench-") as folder:
        async with NatsServer(Path(folder, "nats")) as server:
            nc = await connect(server.url, "bench")
            await open_log(nc, "raw")
            log = await open_log(nc, "bench")
            codec = Codec("bench", (Moved,), MemoryKeys(), Secrets(os.urandom(32)))
            bench = Bench(nc, codec, log, turns=3 if arguments.quick else 7, scale=0.25 if arguments.quick else 1)
            print(f"{load_average()} at the start")
            await commands(bench)
            await uncached(bench)
            await peer(bench, Path(folder))
            if arguments.million:
                await million(bench)
            print(f"\n{load_average()} at the end")
            await nc.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer operations and turns")
    parser.add_argument("--million", action="store_true", help="also among 100,000 and 1,000,000 events")
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
