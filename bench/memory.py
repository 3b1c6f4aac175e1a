"""What does each process of a whole house hold in memory, at its start and with 10,000 households?

    python -m bench.memory            half a minute
    python -m bench.memory --quick    with 2,000 households

Resident memory, beside a Python that has only imported the same libraries, and one that has imported the program.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import uvloop

from bench.processes import memory_mb, pids
from bench.report import heading, judge, load_average, show
from bench.seeding import seeding
from bench.wire import Visitor
from tests.house import distributor, house, installer, super_manager

HOUSEHOLDS = 10_000
REQUESTS = 500
_TELL = "print(next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmRSS:')) / 1024)"
_BUS = "import asyncio, uvloop, structlog, faststream.nats, faststream.nats.prometheus, faststream.nats.opentelemetry"
_BOTH = f"{_BUS}, opentelemetry.sdk.trace, uvicorn, phonenumbers"
LIBRARIES = {
    "accounts": f"{_BOTH}, pymongo, argon2, cryptography.hazmat.primitives.ciphers.aead",
    "gateway": f"{_BOTH}, litestar, babel",
}


async def imported(code: str) -> float:
    """Resident megabytes of a Python that has done only this."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", f"{code}\n{_TELL}", stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert process.returncode == 0, code
    return float(told)


async def run(quick: bool) -> None:
    print(f"{load_average()} at the start")
    households = 2000 if quick else HOUSEHOLDS
    heading("Floors: a Python that has only imported")
    floors: dict[str, float] = {}
    for name, libraries in LIBRARIES.items():
        floors[name] = await imported(f"import services.{name}.__main__")
        show(f"the libraries of {name}", f"{await imported(libraries):7,.0f} MB")
        show(f"{name} itself", f"{floors[name]:7,.0f} MB")
    with tempfile.TemporaryDirectory(prefix="bench-memory-", ignore_cleanup_errors=True) as folder:
        async with house(Path(folder)) as running:
            root = await super_manager(running)
            above = await distributor(running, root)
            person = await installer(running, above)
            heading("At the start")
            start = {name: memory_mb(pid) for name, pid in pids(running).items()}
            for name, mb in start.items():
                show(name, f"{mb:7,.0f} MB")
            async with seeding(running, [person]) as seeder:
                await seeder.add(households)
                await seeder.until_visible()
            visitor = Visitor(person)
            for number in range(REQUESTS):
                assert (await visitor.get(f"/users?page={number % 50 + 1}")).status == 200
            visitor.close()
            heading(f"With {households:,} households, after {REQUESTS} lists")
            after = {name: memory_mb(pid) for name, pid in pids(running).items()}
            for name, mb in after.items():
                show(name, f"{mb:7,.0f} MB")
            for each in (root, above, person):
                await each.http.aclose()
    for name, floor in floors.items():
        told = f"{after[name]:.0f} MB", f"{floor:.0f} MB"
        judge("G15", f"{name} / its imports", after[name] / floor, 1.3, at_most=True, ours=told[0], floor=told[1])
    for name, bound in (("accounts", 75), ("gateway", 70)):
        ours = f"{start[name]:.0f} MB at the start"
        judge("G15", f"{name} with {households:,} households", after[name], bound, at_most=True, unit=" MB", ours=ours)
    judge("G15", f"nats with {households:,} households", after["nats"], 500, at_most=True, unit=" MB")
    judge("", f"mongod with {households:,} households", after["mongod"], None, unit=" MB")
    print(f"\n{load_average()} at the end")


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory of each process.")
    parser.add_argument("--quick", action="store_true", help="with fewer households")
    uvloop.run(run(parser.parse_args().quick))


if __name__ == "__main__":
    main()
