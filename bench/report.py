"""Timings and how they are printed: every figure beside the floor of the same run, medians over alternating turns."""

import asyncio
import json
import math
import os
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

VERDICTS = "SMARTPLUS_BENCH_VERDICTS"
"""The environment variable that names the file to which `judge` adds its verdicts, for `python -m bench`."""

Once = Callable[[int, int], Awaitable[object]]
"""One operation: the number of the caller, and of the operation within the turn."""


@dataclass(frozen=True)
class Timing:
    """One turn: operations per second, the latency of one in milliseconds, and our own processor time."""

    rate: float
    p50: float
    p99: float
    cpu_us: float = 0.0

    def __str__(self) -> str:
        cpu = f"  {self.cpu_us:5.0f} us of our CPU" if self.cpu_us else ""
        return f"{self.rate:9,.0f}/s  p50 {self.p50:7.2f}  p99 {self.p99:7.2f} ms{cpu}"


@dataclass(frozen=True)
class Verdict:
    """A figure beside its goal: `ours` and `floor` in words, `value` what the goal bounds."""

    goal: str
    what: str
    ours: str
    floor: str
    value: float
    unit: str
    bound: float | None
    at_most: bool

    @property
    def is_met(self) -> bool:
        """Also when there is no goal."""
        if self.bound is None:
            return True
        return self.value <= self.bound if self.at_most else self.value >= self.bound

    @property
    def told(self) -> str:
        return f"{self.value:.2f}{self.unit}" if math.isfinite(self.value) else "failures"

    @property
    def wanted(self) -> str:
        return "" if self.bound is None else f"{'<=' if self.at_most else '>='} {self.bound:g}{self.unit}"

    @property
    def outcome(self) -> str:
        return "" if self.bound is None else "met" if self.is_met else "NOT MET"


def timing(latencies_s: Sequence[float], elapsed_s: float, cpu_s: float = 0.0) -> Timing:
    ordered = sorted(latencies_s)
    count = len(ordered)
    if not count:
        return Timing(0.0, math.nan, math.nan)
    middle, late = ordered[count // 2] * 1000, ordered[int(count * 0.99)] * 1000
    return Timing(count / elapsed_s, middle, late, cpu_s / count * 1e6)


async def turn(once: Once, callers: int, operations: int) -> Timing:
    """`operations` of them, shared out among `callers` that each wait for their own."""
    latencies: list[float] = []

    async def call(caller: int) -> None:
        for number in range(caller, operations, callers):
            began = time.perf_counter()
            await once(caller, number)
            latencies.append(time.perf_counter() - began)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(call(caller) for caller in range(callers)))
    return timing(latencies, time.perf_counter() - began, time.process_time() - cpu)


class Failed(Exception):
    """An operation was refused or not answered. Under load that is counted, and its time is not."""


@dataclass(frozen=True)
class Load:
    """What an open load met, how late this run's own timer was, and how many operations failed."""

    found: Timing
    jitter: Timing
    failed: int


async def open_load(once: Callable[[int], Awaitable[object]], per_second: float, operations: int) -> Load:
    """Arrivals at random (Poisson), whether or not the earlier ones are answered.

    Latency counts from when the arrival was due, so that a queue is seen and not forgiven.
    """
    latencies: list[float] = []
    late: list[float] = []

    async def arrive(number: int, due: float) -> None:
        try:
            await once(number)
        except Failed:
            return
        latencies.append(time.perf_counter() - due)

    began = due = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(operations):
            due += random.expovariate(per_second)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            late.append(max(0.0, time.perf_counter() - due))
            group.create_task(arrive(number, due))
    elapsed = time.perf_counter() - began
    return Load(timing(latencies, elapsed), timing(late, elapsed), operations - len(latencies))


def p50(timed: Timing) -> str:
    return f"{timed.p50:.2f} ms"


def rate(timed: Timing) -> str:
    return f"{timed.rate:,.0f}/s"


def median(timings: Sequence[Timing]) -> Timing:
    return sorted(timings, key=lambda each: each.rate)[len(timings) // 2]


def heading(title: str) -> None:
    print(f"\n{title}", flush=True)


def show(name: str, what: object) -> None:
    print(f"  {name:46} {what}", flush=True)


def load_average() -> str:
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def judge(
    goal: str,
    what: str,
    value: float,
    bound: float | None,
    *,
    at_most: bool = False,
    unit: str = "x",
    ours: object = "",
    floor: object = "",
) -> None:
    """A ratio to the floor (or, with a unit, a figure) beside its goal of `performance.md`, if it has one."""
    verdict = Verdict(goal, what, str(ours), str(floor), round(value, 3), unit, bound, at_most)
    wanted = f"goal {verdict.wanted:12} {verdict.outcome}" if verdict.wanted else ""
    print(f"  {goal:4} {what:54} {verdict.told:>10}  {wanted}".rstrip(), flush=True)
    if file := os.environ.get(VERDICTS):
        with Path(file).open("a") as lines:
            lines.write(json.dumps(asdict(verdict)) + "\n")
