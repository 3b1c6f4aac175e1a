"""The device link over three nats-servers, each with devices of its own, one of which dies."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from contracts.devices.commands import DeviceCommandState, UnlockDoor
from kernel.service.running import running
from ops.servers import NatsCluster
from ops.virtual_intercom import VirtualIntercom
from services.accounts.__main__ import SERVICE as ACCOUNTS
from services.devices.__main__ import SERVICE as DEVICES
from tests.devices.conftest import Region, settings_for
from tests.devices.link.test_link import Stand, standing


async def opens(stand: Stand, intercom: VirtualIntercom) -> None:
    """Its door is opened from the cloud, once."""
    before = len(intercom.openings)
    id = await stand.tell(UnlockDoor, intercom, relay=1)
    await stand.until_command(id, DeviceCommandState.DONE)
    assert len(intercom.openings) == before + 1


@pytest.mark.timeout(300)
async def test_devices_of_every_server_are_reached_and_those_of_a_dead_one_come_back_by_another(
    tmp_path: Path, mongodb_uri: str
) -> None:
    async with NatsCluster(tmp_path / "cluster") as cluster:
        settings = settings_for(cluster, mongodb_uri, f"cluster_{uuid4().hex[:8]}_", replicas=3)
        async with (
            running(ACCOUNTS, settings) as accounts,
            running(DEVICES, settings) as devices,
            standing(Region(accounts, devices, {}, cluster.nodes[0].mqtt_port)) as stand,
        ):
            first, second, third = [await stand.intercom(connected=False) for _ in cluster.nodes]
            since = {}
            # One after the other: for the first of all, nats-server makes what MQTT needs, and servers doing so at once
            # may leave a device without an answer.
            for intercom, node in zip((first, second, third), cluster.nodes, strict=True):
                intercom.port = node.mqtt_port
                stand.switch_on(intercom)
                since[intercom.mac] = (await stand.until(intercom, lambda it: it.online)).last_connected_at
                await intercom.until(lambda it: bool(it.configuration))
                await opens(stand, intercom)

            await cluster.nodes[2].kill()
            # It says nothing of its end; that is noticed long before the lists are compared anyway.
            await stand.until(third, lambda it: not it.online, timeout_s=25)
            third.port = cluster.nodes[0].mqtt_port
            await stand.until(third, lambda it: it.online)
            for intercom in (first, second, third):
                await opens(stand, intercom)
            # Nobody else was ever said to be gone.
            for intercom in (first, second):
                shown = await stand.device(intercom)
                assert (shown.online, shown.last_connected_at) == (True, since[intercom.mac])

            await cluster.nodes[2].start()
            await cluster.until_healthy()
            second.port = cluster.nodes[2].mqtt_port
            second.lose_power()
            await stand.until(second, lambda it: not it.online)
            second.power_on()
            await stand.until(second, lambda it: it.online)
            await opens(stand, second)
