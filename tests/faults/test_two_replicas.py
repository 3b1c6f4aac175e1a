"""Two replicas of devices: the one that leads is killed under connected devices, and the other goes on where it was."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from contracts.devices.commands import DeviceCommandState, RebootDevice, UnlockDoor
from kernel.log.promise import Unavailable
from kernel.service.running import running
from ops.servers import NatsServer
from services.accounts.__main__ import SERVICE as ACCOUNTS
from services.devices.__main__ import SERVICE as DEVICES
from services.devices.link.link import LEASE
from tests.devices.conftest import Region, settings_for
from tests.devices.link.test_link import Stand, standing

INTERCOMS = 8
# A dead holder's lease is over after three seconds; an unlock that fell into them is void five seconds after it came.
TAKEN_OVER_S = 20
UNLOCK_LIVES_S = 6


@asynccontextmanager
async def replica(environment: Mapping[str, str]) -> AsyncIterator[Process]:
    """A replica of devices as a process of its own; it may have been killed meanwhile."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.devices", env={**os.environ, **environment}, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def until_led(mongodb_uri: str, prefix: str) -> str:
    """Who holds the lease of the link, once somebody does."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongodb_uri)
    async with client, asyncio.timeout(60):
        while True:
            lease = await client[f"{prefix}devices"]["_lease"].find_one({"_id": LEASE})
            if lease and lease["until"]:
                return str(lease["holder"])
            await asyncio.sleep(0.1)


async def opened(stand: Stand, intercom: Any) -> None:
    """Returns when the door was opened once more. An unlock that became void while nobody led is asked for again."""
    before = len(intercom.openings)
    async with asyncio.timeout(TAKEN_OVER_S):
        while len(intercom.openings) == before:
            with suppress(Unavailable):
                id = await stand.tell(UnlockDoor, intercom, relay=1)
                with suppress(TimeoutError):
                    await intercom.until(lambda it: len(it.openings) > before, timeout_s=UNLOCK_LIVES_S)
                    assert intercom.openings[-1].by == id


@pytest.mark.timeout(300)
async def test_a_killed_leader_is_followed_by_the_other_replica(tmp_path: Path, mongodb_uri: str) -> None:
    prefix = f"replicas_{uuid4().hex[:8]}_"
    async with NatsServer(tmp_path / "nats") as nats:
        settings = settings_for(nats, mongodb_uri, prefix)
        environment = {
            **nats.environment,
            "MONGODB_URI": mongodb_uri,
            "SMARTPLUS_SECRET": "5a" * 32,
            "SMARTPLUS_DATABASE_PREFIX": prefix,
        }
        async with running(ACCOUNTS, settings) as accounts, replica(environment) as leader:
            first = await until_led(mongodb_uri, prefix)
            async with (
                running(DEVICES, settings) as second,
                standing(Region(accounts, second, {}, nats.mqtt_port)) as stand,
            ):
                intercoms = [await stand.intercom() for _ in range(INTERCOMS)]
                off = intercoms[0]
                await opened(stand, intercoms[1])
                off.lose_power()
                await stand.until(off, lambda it: not it.online)
                waiting = await stand.tell(RebootDevice, off)
                assert await until_led(mongodb_uri, prefix) == first

                leader.send_signal(signal.SIGKILL)
                assert await leader.wait() == -signal.SIGKILL
                # Who lost power while nobody led is missed, who stayed is not, and everybody is told again.
                intercoms[2].lose_power()
                await stand.until(intercoms[2], lambda it: not it.online)
                assert await until_led(mongodb_uri, prefix) != first
                for intercom in intercoms[3:]:
                    await opened(stand, intercom)
                    assert (await stand.device(intercom)).online
                off.power_on()
                await stand.until_command(waiting, DeviceCommandState.DONE)
    assert len(off.boots) == len(("bound", "power came back", "rebooted"))
    assert [len(each.openings) for each in intercoms[3:]] == [1] * len(intercoms[3:])
