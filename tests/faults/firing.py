"""Writing while things are killed, and everything that must hold afterwards."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults import checks
from tests.faults.history import History, Outcome, write
from tests.house import House, Person, distributor, house, installer, super_manager

CLIENTS = 50
LONG = os.environ.get("SMARTPLUS_FAULTS") == "long"
ROUNDS = 10 if LONG else 1
TIMEOUT_S = 3600 if LONG else 240
CALM_S = 3.0


@dataclass(frozen=True)
class Range:
    """A house with the installers who write in it."""

    house: House
    installers: list[Person]
    history: History


@asynccontextmanager
async def firing_range(folder: Path, nats_servers: int = 1) -> AsyncIterator[Range]:
    """A house with one distributor and three installers."""
    async with house(folder, nats_servers=nats_servers) as built:
        root = await super_manager(built)
        above = await distributor(built, root)
        installers = [await installer(built, above, f"Installer {number}") for number in range(3)]
        yield Range(built, installers, History())
        for person in (root, above, *installers):
            await person.http.aclose()


async def kill_and_check(place: Range, part: str) -> None:
    """Kill that part while 50 clients write, as often as asked; then check every invariant on the system at rest."""
    here = await _under_fire(place, part)
    counts = ", ".join(f"{len(here.of(outcome))} {outcome.value}" for outcome in Outcome)
    print(f"\n{part} killed {ROUNDS} times: {counts}; longest silence {here.longest_silence_s():.1f} s")
    assert len(here.of(Outcome.OK)) > CLIENTS
    place.history.operations.extend(here.operations)
    found = await checks.at_rest(place.house)
    checks.nothing_lost(place.house, place.history, found)
    checks.nothing_invented(place.history, found)
    checks.nothing_twice(found)
    checks.chains_whole(found)
    await checks.audit_whole(place.house, found)
    await checks.models_true(place.house)
    checks.no_secret_in_the_clear(place.house, place.history)
    await checks.erased_stays_erased(place.house, place.history, found)


async def _under_fire(place: Range, part: str) -> History:
    history, until = History(), asyncio.Event()
    writing = asyncio.create_task(write(place.installers, history, CLIENTS, until))
    try:
        for _ in range(ROUNDS):
            await asyncio.sleep(CALM_S)
            await place.house.kill(part)
            await asyncio.sleep(1)
            await place.house.until_ready()
        await asyncio.sleep(CALM_S)
    finally:
        until.set()
        await writing
    await place.house.until_ready()
    return history
