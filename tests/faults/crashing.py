"""Arming a service of a house to die at a step, so that what a test wishes is the first that passes there."""

import asyncio
from collections.abc import Callable
from typing import Any

from pymongo import AsyncMongoClient

from tests.faults.checks import settings_of
from tests.house import House

SOON_S = 90
_CALM_LOOKS = 10


def pid_of(world: House, service: str) -> int | None:
    """The process that the service is now, none while it is dead."""
    return world.programs[service].pid


async def soon(holds: Callable[[], bool]) -> None:
    """Returns when it holds. Raises `TimeoutError`."""
    async with asyncio.timeout(SOON_S):
        while not holds():  # noqa: ASYNC110 (a process is watched from outside)
            await asyncio.sleep(0.05)


async def settled(world: House, service: str) -> None:
    """Returns when the service's read models and reactions have not moved for a second."""
    settings = settings_of(world)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.mongodb_uri)
    async with client, asyncio.timeout(SOON_S):
        database, before, calm = client[settings.database(service)], None, 0
        while calm < _CALM_LOOKS:
            reactions = await database["reactions"].find({}, {"seq": 1}).sort("_id", 1).to_list()
            now = (reactions, await database["_checkpoint"].find().to_list())
            calm, before = (calm + 1 if now == before else 0), now
            await asyncio.sleep(0.1)


async def crash_at(world: House, service: str, step: str) -> int:
    """From now on the service dies at that step, once; the process that will."""
    program, file = world.programs[service], world.folder / f"{service}.crash"
    if "CRASH_FILE" not in program.environment:
        # A process that was started without it cannot be told.
        program.environment["CRASH_FILE"] = str(file)
        before = program.pid
        program.kill()
        await soon(lambda: pid_of(world, service) not in (before, None))
        await world.until_ready()
    await settled(world, service)
    doomed = pid_of(world, service)
    assert doomed is not None
    told = file.with_suffix(".told")
    told.write_text(step)
    told.rename(file)
    return doomed
