"""How other services are, asked over the bus: there, not well, or away."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from nats.aio.client import Client

from kernel.connecting.connection import connect
from kernel.process.health import Health, NotReady, Stage
from kernel.talking.modules import AWAY, READY, Modules, answer_for, how_is


@pytest.fixture
async def nc(nats_url: str) -> AsyncIterator[Client]:
    client = await connect(nats_url, "test")
    yield client
    await client.close()


async def test_a_service_says_how_it_is_with_what_is_wrong_and_what_is_remarkable(nc: Client) -> None:
    health = Health(f"t{uuid4().hex[:12]}", "local", stage=Stage.RUNNING)
    trouble: list[str] = []

    async def probe() -> str | None:
        if trouble:
            raise NotReady(trouble[0])
        return None

    async def remark() -> str:
        return "82 % of its room is used"

    health.probes["disk"] = probe
    assert await how_is(nc, health.service) == AWAY
    await answer_for(nc, health)
    assert await how_is(nc, health.service) == READY
    health.probes["room"] = remark
    assert await how_is(nc, health.service) == "ready: room: 82 % of its room is used"
    trouble.append("it is full")
    assert await how_is(nc, health.service) == "disk: it is full"
    trouble.clear()
    health.stage = Stage.STOPPING
    assert await how_is(nc, health.service) == "stopping"


async def test_who_asks_on_sees_a_service_come_and_go(nc: Client, nats_url: str) -> None:
    there, away = f"t{uuid4().hex[:12]}", f"t{uuid4().hex[:12]}"
    modules = Modules(nc, (there, away))
    assert set(modules.states().values()) == {"not asked yet"}
    modules.start()
    service = await connect(nats_url, "test")
    await answer_for(service, Health(there, "local", stage=Stage.RUNNING))
    async with asyncio.timeout(30):
        while modules.states() != {there: READY, away: AWAY}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await service.close()
        while modules.states() != {there: AWAY, away: AWAY}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await modules.stop()
