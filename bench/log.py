"""How far is the log from what nats-py and nats-server can do? Appends and reads, each beside its floor.

    python -m bench.log            half a minute
    python -m bench.log --quick    a few seconds, rough

Floors: `Client.request` publishing the same message with the same expectation, and nats-py's `fetch(500)`. Floor and
log take turns, and each ratio is the median over the turns, because the machine may be shared.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from uuid import uuid4

import uvloop
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig

from bench.report import Timing, heading, judge, load_average, median, rate, show, timing, turn
from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.log.jetstream import JetStreamLog
from kernel.log.promise import NewMessage
from ops.servers import NatsServer

BODY = b"x" * 427
HEADERS = {"ce-type": "accounts.UserAdded.v1", "ce-source": "accounts", "ce-time": "2026-11-22T10:00:00Z"}


class Bench:
    """One log, appended to through the kernel and raw; every message goes to a subject of its own."""

    def __init__(self, nc: Client, log: JetStreamLog, turns: int, scale: float) -> None:
        self.nc, self.log, self.turns, self.scale = nc, log, turns, scale
        self.prefix = f"event.{log.stream.lower()}.thing."

    async def append(self, caller: int, number: int) -> None:
        own_id = uuid4().hex
        await self.log.append([NewMessage(self.prefix + own_id, own_id, HEADERS, BODY, 0)])

    async def publish(self, caller: int, number: int) -> None:
        own_id = uuid4().hex
        headers = {**HEADERS, "Nats-Msg-Id": own_id, "Nats-Expected-Last-Subject-Sequence": "0"}
        answer = await self.nc.request(self.prefix + own_id, BODY, timeout=10, headers=headers)
        assert b'"seq"' in answer.data, answer.data


async def appends(bench: Bench) -> None:
    heading("Append one message")
    for callers, operations in ((1, 600), (8, 1500), (64, 4000), (256, 8000)):
        wanted = max(callers * 4, int(operations * bench.scale))
        raw, ours = [], []
        for _ in range(bench.turns):
            raw.append(await turn(bench.publish, callers, wanted))
            ours.append(await turn(bench.append, callers, wanted))
        show(f"{callers} at once: raw publish", median(raw))
        show(f"{callers} at once: append", median(ours))
        ratio = statistics.median(mine.rate / floor.rate for mine, floor in zip(ours, raw, strict=True))
        told = rate(median(ours)), rate(median(raw))
        p99 = statistics.median(mine.p99 / floor.p99 for mine, floor in zip(ours, raw, strict=True))
        if callers == 1:
            judge("G1", "append / raw publish, rate", ratio, 0.85, ours=told[0], floor=told[1])
        elif callers == 8:
            judge("", "append / raw publish, rate, 8 at once", ratio, None, ours=told[0], floor=told[1])
        else:
            wanted_rate = 2.3 if callers == 64 else 4.5
            what = f"append / raw publish, rate, {callers} at once"
            judge("G2", what, ratio, wanted_rate, ours=told[0], floor=told[1])
            late = f"{median(ours).p99:.1f} ms", f"{median(raw).p99:.1f} ms"
            what = f"append / raw publish, p99, {callers} at once"
            judge("G2", what, p99, 1.0, at_most=True, ours=late[0], floor=late[1])


async def batches(bench: Bench) -> None:
    heading("Append a batch")
    for size in (2, 50, 1000):

        async def batch(caller: int, number: int, size: int = size) -> None:
            ids = [uuid4().hex for _ in range(size)]
            await bench.log.append([NewMessage(bench.prefix + own_id, own_id, HEADERS, BODY, 0) for own_id in ids])

        found = await turn(batch, 1, max(4, int(20 * bench.scale)))
        show(f"{size} messages", f"{found.rate * size:9,.0f} messages/s, {found.p50:.1f} ms a batch")


async def catching_up(bench: Bench) -> None:
    last = await bench.log.last_seq()
    heading(f"Read {last:,} messages from the start")
    ours, floors = [], []
    for _ in range(bench.turns):
        floors.append(await fetch_all(bench, last))
        began, cpu = time.perf_counter(), time.process_time()
        async with aclosing(bench.log.follow(0)) as followed:
            async for messages in followed:
                if messages[-1].seq >= last:
                    break
        elapsed = time.perf_counter() - began
        ours.append(Timing(last / elapsed, 0, 0, (time.process_time() - cpu) / last * 1e6))
    for name, timings in (("nats-py fetch(500)", floors), ("follow", ours)):
        found = median(timings)
        show(name, f"{found.rate:9,.0f} messages/s  {found.cpu_us:5.1f} us of our CPU")
    ratio = statistics.median(mine.rate / floor.rate for mine, floor in zip(ours, floors, strict=True))
    judge("G6", "follow / fetch(500), rate", ratio, 1.7, ours=rate(median(ours)), floor=rate(median(floors)))


async def fetch_all(bench: Bench, last: int) -> Timing:
    settings = ConsumerConfig(ack_policy=AckPolicy.NONE)
    reader = await bench.nc.jetstream().pull_subscribe(f"{bench.prefix}>", stream=bench.log.stream, config=settings)
    began, cpu, count = time.perf_counter(), time.process_time(), 0
    while count < last:
        count += len(await reader.fetch(500, timeout=5))
    elapsed, cpu = time.perf_counter() - began, time.process_time() - cpu
    await reader.unsubscribe()
    return Timing(last / elapsed, 0, 0, cpu / last * 1e6)


async def live(bench: Bench) -> None:
    """From the moment before the append to the moment the follower holds the message, at a steady pace."""
    heading("Live, 200 messages a second")
    wanted = max(100, int(1000 * bench.scale))
    sent: dict[str, float] = {}
    appended: list[float] = []
    arrived: list[float] = []
    jitter: list[float] = []

    async def read(after: int) -> None:
        async with aclosing(bench.log.follow(after)) as followed:
            async for messages in followed:
                now = time.perf_counter()
                arrived.extend(now - sent[message.headers["Nats-Msg-Id"]] for message in messages)
                if len(arrived) >= wanted:
                    return

    async def send(own_id: str) -> None:
        sent[own_id] = time.perf_counter()
        await bench.log.append([NewMessage(bench.prefix + own_id, own_id, HEADERS, BODY, 0)])
        appended.append(time.perf_counter() - sent[own_id])

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        group.create_task(read(await bench.log.last_seq()))
        for number in range(wanted):
            due = began + number / 200
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            jitter.append(max(0.0, time.perf_counter() - due))
            group.create_task(send(uuid4().hex))
    elapsed = time.perf_counter() - began
    for name, latencies in (
        ("this run's timer jitter", jitter),
        ("append", appended),
        ("in the follower's hands", arrived),
    ):
        found = timing(latencies, elapsed)
        show(name, f"p50 {found.p50:6.2f}  p99 {found.p99:6.2f} ms")


async def run(quick: bool) -> None:
    print(f"{load_average()} at the start")
    with tempfile.TemporaryDirectory(prefix="bench-log-") as folder:
        async with NatsServer(Path(folder)) as server:
            nc = await connect(server.url, "bench")
            log = await open_log(nc, "bench", max_bytes=2**30)
            bench = Bench(nc, log, turns=1 if quick else 3, scale=0.2 if quick else 1.0)
            await turn(bench.append, 8, 200)  # the first ones pay for opening files
            await appends(bench)
            await batches(bench)
            await catching_up(bench)
            await live(bench)
            await nc.close()
    print(f"\n{load_average()} at the end")


def main() -> None:
    parser = argparse.ArgumentParser(description="The log beside its floors.")
    parser.add_argument("--quick", action="store_true", help="a few seconds, rough")
    uvloop.run(run(parser.parse_args().quick))


if __name__ == "__main__":
    main()
