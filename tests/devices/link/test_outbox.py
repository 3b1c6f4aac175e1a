"""Whom the outbox takes to be listening when it takes over. What it tells is specified in test_link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from contracts.devices.configuration import ConfigurationIssued
from contracts.devices.presence import DeviceWentOnline
from contracts.message import Event
from kernel.log.promise import Unavailable
from kernel.runtime.tasks import ended
from kernel.service.declaration import Tools
from services.devices.link.outbox import Outbox
from services.devices.link.roster import Roster
from tests.devices.world import DEVICE, INSTALLER, USER, bound, recorded

issued = ConfigurationIssued(device_id=DEVICE, user_id=USER, installer_id=INSTALLER, configuration="c1", residents=0)
went_online = DeviceWentOnline(device_id=DEVICE, installer_id=INSTALLER, connection="n1:7")


@dataclass
class Takeover:
    """An outbox that waits for its read models before it tells anybody anything."""

    database: Any
    roster: Roster = field(default_factory=Roster)
    turned_to: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it begins to make a configuration, which is the first thing that a device is told."""
    projected_to: int = -1
    has_projected: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, *events: Event) -> None:
        for event in events:
            self.roster.take(recorded(event, self.roster.seq + 1))

    def projected(self) -> None:
        """The read models contain what was heard so far."""
        self.projected_to = self.roster.seq
        self.has_projected.set()

    async def _until_projected(self, seq: int) -> None:
        while self.projected_to < seq:
            self.has_projected.clear()
            await self.has_projected.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Outbox]:
        async def load(ref: Any) -> Any:
            self.turned_to.set()
            raise Unavailable("that is enough to see")

        tools = SimpleNamespace(
            database=self.database,
            until_projected=self._until_projected,
            load=load,
            keys=None,
        )
        outbox = Outbox(self.roster, cast(Tools, tools), self._say)
        running = asyncio.create_task(outbox.run())
        await asyncio.sleep(0)
        try:
            yield outbox
        finally:
            await ended(running)

    async def _say(self, mac: str, message: bytes) -> None:
        raise AssertionError("nothing was made that could be said")


@pytest.fixture
async def takeover(mongodb_uri: str) -> AsyncIterator[Takeover]:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongodb_uri)
    name = f"outbox_{uuid4().hex[:8]}"
    yield Takeover(client[name])
    await client.drop_database(name)
    await client.close()


async def test_a_device_that_was_there_before_has_said_its_state_to_somebody(takeover: Takeover) -> None:
    takeover.hear(bound, issued, went_online)
    async with takeover.running():
        takeover.projected()
        async with asyncio.timeout(10):
            await takeover.turned_to.wait()


async def test_a_device_that_comes_meanwhile_is_told_nothing_before_it_said_its_state(takeover: Takeover) -> None:
    takeover.hear(bound, issued)
    async with takeover.running() as outbox:
        takeover.hear(went_online)
        takeover.projected()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await takeover.turned_to.wait()
        outbox.spoke(DEVICE)
        async with asyncio.timeout(10):
            await takeover.turned_to.wait()
