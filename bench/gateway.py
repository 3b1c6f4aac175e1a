"""How long does a person wait? Lists, commands and their visibility through the gateway of a whole running house.

    python -m bench.gateway                10,000 households, some minutes
    python -m bench.gateway --quick        a minute, rough
    python -m bench.gateway --million      1,000,000 households as well: a quarter of an hour more, 8 GB of disk
    python -m bench.gateway --big 200000   that many instead of a million

Real servers, `accounts` and the gateway as processes of their own; the load generator shares the processors with them.
Open load arrives at random (Poisson), and its p99 stands beside how late the run's own timer was. Floors: the same page
asked of MongoDB, a request between two processes on NATS, a publish with an expectation that is flushed to the disk.
"""

import argparse
import asyncio
import json
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import uvloop

from bench import echo
from bench.processes import Spent, memory_mb, pids
from bench.report import (
    Failed,
    Load,
    Once,
    Timing,
    heading,
    judge,
    load_average,
    median,
    open_load,
    p50,
    show,
    timing,
    turn,
)
from bench.seeding import BATCH, Household, Seeding, seeding
from bench.wire import Answer, Visitor
from kernel.connecting.stream import open_log
from kernel.reading.projection import Projector
from kernel.reading.source import Source
from services.accounts.__main__ import SERVICE
from services.accounts.households.households import DIRECTORY
from tests.house import House, distributor, house, installer, super_manager

INSTALLERS = 4
HOUSEHOLDS = 10_000
MILLION = 1_000_000
NEWEST_FIRST = [("created_at", -1), ("_id", -1)]
LIST_P99_MS = 14.0
SEARCH_P99_MS = 5.0
# A first and a last name, one as another keyboard writes it, the beginning of all e-mails, a number by its end.
SEARCHES = ("Anna", "Dubois", "yilmaz", "home-1", "30012345", "2345")


@dataclass
class Bench:
    """A house with installers at work in it."""

    house: House
    seeding: Seeding
    visitors: list[Visitor]
    scale: float
    turns: int
    edited: int = 0
    stale: int = 0

    def operations(self, wanted: int) -> int:
        return max(100, int(wanted * self.scale))

    def next_household(self) -> Household:
        """Another one each time, far from the last: what is remembered of it is what a service would remember."""
        self.edited += 1
        # Only among the first: those have a data key each.
        return self.seeding.households[self.edited * 7919 % HOUSEHOLDS]

    def visitor_of(self, household: Household) -> Visitor:
        return self.visitors[household.owner]

    async def page(self, number: int) -> None:
        answer = await self.visitors[number % INSTALLERS].get("/users")
        _require_success(answer)
        assert answer.body.count(b'"user_id"') == 10, answer

    async def mongo_page(self, number: int) -> None:
        wanted = {"installer_id": self.seeding.installers[number % INSTALLERS].installer_id}
        cursor = self.seeding.database[DIRECTORY.name].find(wanted, {"tokens": 0}, limit=10).sort(NEWEST_FIRST)
        assert len(await cursor.to_list()) == 10

    async def request(self, number: int) -> None:
        assert len((await self.seeding.nc.request(echo.SUBJECT, b"x" * 200)).data) == len(echo.ANSWER)

    async def publish(self, number: int) -> None:
        headers = {"Nats-Msg-Id": uuid4().hex, "Nats-Expected-Last-Subject-Sequence": "0"}
        subject = f"event.bench.thing.{uuid4().hex}"
        answer = await self.seeding.nc.request(subject, b"x" * 427, timeout=10, headers=headers)
        assert b'"seq"' in answer.data, answer.data

    async def edit(self, number: int) -> None:
        await self.edited_to(self.next_household(), str(number))

    async def edited_to(self, household: Household, address: str) -> str:
        """Another address for the household: one event. Returns its position."""
        path = f"/users/{household.user_id}"
        return _position(await self.visitor_of(household).send("PUT", path, household.form(address)))

    async def edit_and_see(self, number: int) -> None:
        household = self.next_household()
        path, address = f"/users/{household.user_id}", f"moved {uuid4().hex}"
        position = await self.edited_to(household, address)
        answer = await self.visitor_of(household).get(f"{path}?after={position}")
        _require_success(answer)
        self.stale += answer.json()["address"] != address

    async def add(self, number: int) -> None:
        """A new household with its master account: seven events on as many aggregates, all or none."""
        household = Household(random.randrange(10**6, 9 * 10**6), str(uuid4()), number % INSTALLERS)
        _position(await self.visitor_of(household).send("POST", "/users", household.form()))


def _require_success(answer: Answer) -> None:
    if answer.status not in (200, 201):
        raise Failed(f"{answer.status} {answer.body[:300]!r}")


def _position(answer: Answer) -> str:
    _require_success(answer)
    return str(answer.json()["position"])


async def filling(bench: Bench) -> None:
    heading(f"{HOUSEHOLDS:,} households come into the log at once, sealed, each under a key of its own")
    began = time.perf_counter()
    batches = [messages async for messages in bench.seeding.batches(HOUSEHOLDS)]
    show("made: sealed, encoded, keys in the vault", _rate(HOUSEHOLDS, time.perf_counter() - began))
    spent = Spent(bench.house)
    began = time.perf_counter()
    for messages in batches:
        await bench.seeding.append(messages)
    appended = time.perf_counter() - began
    await bench.seeding.until_visible()
    visible = HOUSEHOLDS / (time.perf_counter() - began)
    show(f"floor: appended, {BATCH:,} at once", _rate(HOUSEHOLDS, appended))
    floor = statistics.median([await read_log(bench) for _ in range(3)])
    show("floor: own pull, nothing else", f"{floor:9,.0f} events/s")
    show("visible: fold, three documents each", f"{visible:9,.0f} events/s")
    show("processor time for each event", spent.told(HOUSEHOLDS))
    judge(
        "G5",
        "catch up of accounts / own pull, rate",
        visible / floor,
        0.18,
        ours=f"{visible:,.0f}/s",
        floor=f"{floor:,.0f}/s",
    )
    seeder = bench.seeding
    projector = Projector(
        SERVICE.name,
        [Source(SERVICE.name, seeder.log, seeder.codec)],
        SERVICE.read_models,
        seeder.database,
        announce=seeder.nc.publish,
    )
    began = time.perf_counter()
    await projector.rebuild()
    rebuilt = await seeder.log.last_seq() / (time.perf_counter() - began)
    show("rebuilt beside the living read models", f"{rebuilt:9,.0f} events/s")
    judge(
        "G14",
        "rebuild of accounts / own pull, rate",
        rebuilt / floor,
        0.5,
        ours=f"{rebuilt:,.0f}/s",
        floor=f"{floor:,.0f}/s",
    )


async def read_log(bench: Bench) -> float:
    last, began = await bench.seeding.log.last_seq(), time.perf_counter()
    async with aclosing(bench.seeding.log.follow(0)) as following:
        async for messages in following:
            if messages[-1].seq >= last:
                break
    return last / (time.perf_counter() - began)


def _rate(count: int, elapsed: float) -> str:
    return f"{count / elapsed:9,.0f} events/s"


async def alone(bench: Bench) -> None:
    heading("One caller at a time")
    names: dict[str, Callable[[int], Awaitable[None]]] = {
        "floor: the page of MongoDB": bench.mongo_page,
        "floor: a request on NATS": bench.request,
        "list page": bench.page,
        "floor: a flushed publish": bench.publish,
        "edit": bench.edit,
        "edit, and see it": bench.edit_and_see,
        "add a household": bench.add,
    }
    found: dict[str, list[Timing]] = {name: [] for name in names}
    for _ in range(bench.turns):
        for name, once in names.items():
            found[name].append(await turn(_numbered(once), 1, bench.operations(400)))
    for name, timings in found.items():
        show(name, median(timings))
    page, floor = found["list page"], found["floor: the page of MongoDB"]
    judge_ratio("G9", "list page alone / page of MongoDB, p50", page, floor, 3.0)
    edit, publish = found["edit"], found["floor: a flushed publish"]
    for name, ours in (
        ("edit", edit),
        ("edit and see it", found["edit, and see it"]),
        ("add", found["add a household"]),
    ):
        told = p50(median(ours)), p50(median(publish))
        what, ratio = f"{name} alone / flushed publish, p50", _ratio(ours, publish)
        judge("", what, ratio, None, at_most=True, ours=told[0], floor=told[1])


def judge_ratio(goal: str, what: str, ours: list[Timing], floor: list[Timing], bound: float) -> None:
    told = p50(median(ours)), p50(median(floor))
    judge(goal, what, _ratio(ours, floor), bound, at_most=True, ours=told[0], floor=told[1])


def _ratio(ours: list[Timing], floor: list[Timing]) -> float:
    return statistics.median(mine.p50 / raw.p50 for mine, raw in zip(ours, floor, strict=True))


def _numbered(once: Callable[[int], Awaitable[None]]) -> Once:
    return lambda caller, number: once(number)


async def loaded(bench: Bench, name: str, once: Callable[[int], Awaitable[None]], rate: int, seconds: int) -> Load:
    count = max(rate * 2, int(rate * seconds * bench.scale))
    spent = Spent(bench.house)
    load = await open_load(once, rate, count)
    show(f"{name}, {rate} a second", load.found)
    show("   the run's timer was late by", f"p50 {load.jitter.p50:7.2f}  p99 {load.jitter.p99:7.2f} ms")
    show("   processor time for each", spent.told(count))
    told = f"{name}, {rate}/s: processor time for each"
    judge("", told, sum(spent.each_us(count).values()) / 1000, None, at_most=True, unit=" ms")
    if load.failed:
        show("   failed, not counted above", load.failed)
    return load


async def together(bench: Bench) -> None:
    heading("Open load")
    page = await loaded(bench, "list page", bench.page, 200, 20)
    judge_p99("G9", f"list page among {HOUSEHOLDS:,}, p99 at 200/s", page, LIST_P99_MS)
    command = await loaded(bench, "edit", bench.edit, 200, 20)
    judge_p99("G8", "command, p99 at 200/s", command, 15)
    judge(
        "G8",
        "command p99 / timer jitter p99, 200/s",
        command.found.p99 / command.jitter.p99,
        10,
        at_most=True,
        ours=f"{command.found.p99:.1f} ms",
        floor=f"{command.jitter.p99:.1f} ms",
    )
    command = await loaded(bench, "edit", bench.edit, 400, 10)
    judge_p99("G8", "command, p99 at 400/s", command, 30)
    seen = await loaded(bench, "edit, and see it", bench.edit_and_see, 100, 20)
    judge_p99("G16", "command, then read it, p99 at 100/s", seen, 30)
    seen = await loaded(bench, "edit, and see it", bench.edit_and_see, 200, 20)
    judge_p99("G16", "command, then read it, p99 at 200/s", seen, 30)
    judge("G16", "answers older than the position asked for", bench.stale, 0, at_most=True, unit="", ours=bench.stale)
    await loaded(bench, "add a household", bench.add, 50, 20)


def judge_p99(goal: str, what: str, load: Load, bound: float) -> None:
    failed = f", {load.failed} failed" if load.failed else ""
    ours = f"p50 {load.found.p50:.1f}, p99 {load.found.p99:.1f} ms{failed}"
    late = f"timer late by {load.jitter.p99:.1f} ms"
    # What failed would have been slower than what was answered.
    value = math.inf if load.failed else load.found.p99
    judge(goal, what, value, bound, at_most=True, unit=" ms", ours=ours, floor=late)


async def live(bench: Bench) -> None:
    heading("From a command to the notice in another browser, 50 a second")
    sent: dict[str, float] = {}
    arrived: list[float] = []
    rest = bytearray()

    def hear(piece: bytes) -> None:
        now = time.perf_counter()
        rest.extend(piece)
        *lines, last = rest.split(b"\n")
        rest[:] = last
        for line in lines:
            if line.startswith(b"data: {"):
                arrived.extend(now - sent.pop(each) for each in json.loads(line[6:]).get("ids", ()) if each in sent)

    owned = [each for each in bench.seeding.households[:HOUSEHOLDS] if each.owner == 0]
    random.shuffle(owned)

    async def once(number: int) -> None:
        household = owned[number % len(owned)]
        sent[household.user_id] = time.perf_counter()
        await bench.edited_to(household, f"told {uuid4().hex}")

    count = bench.operations(1000)
    async with bench.visitors[0].listening("/live", hear):
        began = time.perf_counter()
        load = await open_load(once, 50, count)
        async with asyncio.timeout(10):
            while len(arrived) < count - load.failed:  # noqa: ASYNC110 (what arrives is parsed by a protocol, not by a task)
                await asyncio.sleep(0.005)
    noticed = replace(load, found=timing(arrived, time.perf_counter() - began))
    show("noticed", noticed.found)
    judge_p99("live", "command to notice in another browser, p99", noticed, 1000)


async def big(bench: Bench, households: int) -> None:
    heading(f"{households:,} households, {households // INSTALLERS:,} an installer")
    small: dict[str, Timing] = {}
    for size in (households // 10, households):
        began, before = time.perf_counter(), len(bench.seeding.households)
        await bench.seeding.add(size - before, to_a_key=BATCH)
        await bench.seeding.until_visible()
        show(f"up to {size:,}: appended and visible", _rate(size - before, time.perf_counter() - began))
        pages, floors = [], []
        for _ in range(bench.turns + 1):
            floors.append(await turn(_numbered(bench.mongo_page), 1, bench.operations(400)))
            pages.append(await turn(_numbered(bench.page), 1, bench.operations(400)))
        show(f"{size:,}: the page of MongoDB, alone", median(floors[1:]))
        show(f"{size:,}: list page with its total, alone", median(pages[1:]))
        if size == households:
            judge_ratio("G9", f"list page alone / page of MongoDB, {households:,}, p50", pages[1:], floors[1:], 3.0)
            big, hundredth = median(pages[1:]), small["page"]
            told = p50(big), p50(hundredth)
            judge(
                "G10",
                f"list page at {households:,} / at a tenth, p50",
                big.p50 / hundredth.p50,
                1.3,
                at_most=True,
                ours=told[0],
                floor=told[1],
            )
        small["page"] = median(pages[1:])
    first = small["page"]
    far = await turn(_numbered(lambda number: _found(bench, number, "page=1000")), 1, bench.operations(200))
    show("page 1,000, alone", far)
    told = p50(far), p50(first)
    judge("G10", "page 1,000 / page 1, p50", far.p50 / first.p50, 3.0, at_most=True, ours=told[0], floor=told[1])
    for typed in SEARCHES:
        searched = await turn(_searching(bench, typed), 1, bench.operations(200))
        show(f"search for {typed} in all keys, alone", searched)
        if typed == "home-1":
            ours = f"p50 {searched.p50:.1f} ms"
            judge("G10", f"search for {typed}, p99", searched.p99, SEARCH_P99_MS, at_most=True, unit=" ms", ours=ours)
    page = await loaded(bench, "list page", bench.page, 200, 20)
    judge_p99("G9", f"list page among {households:,}, p99 at 200/s", page, LIST_P99_MS)
    command = await loaded(bench, "edit", bench.edit, 200, 20)
    judge_p99("G8", f"command among {households:,}, p99 at 200/s", command, 15)
    for name, pid in pids(bench.house).items():
        show(f"memory of {name}", f"{memory_mb(pid):9,.0f} MB")
    nats = memory_mb(pids(bench.house)["nats"])
    judge("G15", f"nats with {households:,} events", nats, 500, at_most=True, unit=" MB")


def _searching(bench: Bench, typed: str) -> Once:
    return _numbered(lambda number: _found(bench, number, f"q={typed}"))


async def _found(bench: Bench, number: int, asked: str) -> None:
    answer = await bench.visitors[number % INSTALLERS].get(f"/users?{asked}")
    _require_success(answer)


@asynccontextmanager
async def at_work(folder: Path, scale: float, turns: int, max_bytes: int) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(house(folder))
        root = await super_manager(running)
        above = await distributor(running, root)
        people = [await installer(running, above, f"Installer {number}") for number in range(INSTALLERS)]
        seeder = await stack.enter_async_context(seeding(running, people, max_bytes))
        await open_log(seeder.nc, "bench")
        echoing = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.echo", running.environment["NATS_URL"], stdout=asyncio.subprocess.PIPE
        )
        assert echoing.stdout is not None
        await echoing.stdout.readline()
        visitors = [Visitor(person) for person in people]
        try:
            yield Bench(running, seeder, visitors, scale, turns)
        finally:
            for visitor in visitors:
                visitor.close()
            echoing.terminate()
            await echoing.wait()
            for person in (root, above, *people):
                await person.http.aclose()


async def run(arguments: argparse.Namespace) -> None:
    print(f"{load_average()} at the start")
    households = MILLION if arguments.million else arguments.big // BATCH * BATCH
    scale, turns = (0.2, 2) if arguments.quick else (1.0, 3)
    with tempfile.TemporaryDirectory(prefix="bench-gateway-", ignore_cleanup_errors=True) as folder:
        async with at_work(Path(folder), scale, turns, 2**33 if households else 2**30) as bench:
            await filling(bench)
            for once in (bench.page, bench.edit_and_see, bench.add):
                await turn(_numbered(once), 8, 200)
            await alone(bench)
            await together(bench)
            await live(bench)
            if households:
                await big(bench, households)
    print(f"\n{load_average()} at the end")


def main() -> None:
    parser = argparse.ArgumentParser(description="How long a person waits.")
    parser.add_argument("--quick", action="store_true", help="a minute, rough")
    parser.add_argument("--million", action="store_true", help="also 1,000,000 households")
    parser.add_argument("--big", type=int, default=0, help="also that many households, 100,000 or more")
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
