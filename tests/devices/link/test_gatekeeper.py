"""Who gets in is who has the key; who is shown as online is who is there, however a connection ended."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import aiomqtt
import pytest

from contracts.devices.intercoms import RotateDeviceKey, UnbindDevice
from kernel.service.running import running
from kernel.talking.admission import Admitted, Login
from ops.servers import NatsServer
from ops.virtual_intercom import VirtualIntercom
from services.accounts.__main__ import SERVICE as ACCOUNTS
from services.devices.__main__ import SERVICE as DEVICES
from services.devices.link.gatekeeper import Gate
from services.devices.link.roster import Roster
from tests.devices.conftest import Region, a_mac, settings_for
from tests.devices.link.test_link import Stand, standing

KEEPALIVE_S = 2


@pytest.fixture
async def stand(region: Region) -> AsyncIterator[Stand]:
    async with standing(region) as made:
        yield made


@asynccontextmanager
async def entering(
    stand: Stand, user: str, password: str, client_id: str | None = None
) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client(
        "127.0.0.1", stand.region.mqtt_port, username=user, password=password, identifier=client_id or user, timeout=10
    ) as client:
        yield client


async def is_let_in(stand: Stand, user: str, password: str, client_id: str | None = None) -> bool:
    try:
        async with entering(stand, user, password, client_id):
            return True
    except aiomqtt.MqttError:
        return False


async def test_a_device_enters_by_its_own_key_under_its_own_name(stand: Stand) -> None:
    own, other = await stand.intercom(connected=False), await stand.intercom(connected=False)
    assert await is_let_in(stand, own.mac, own.key)
    for user, password, client_id in (
        (own.mac, other.key, None),  # another device's key
        (own.mac, own.key[:-1] + "0123456789abcdef"["fedcba9876543210".index(own.key[-1])], None),
        (own.mac, own.key.upper(), None),
        (own.mac, "", None),
        (own.mac, own.key, other.mac),  # would take over the other one's session
        (own.mac, own.key, "anything"),
        (other.mac, own.key, None),
        (own.mac.lower(), own.key, None),
        (a_mac(), own.key, None),  # nobody's MAC
        ("app", own.key, None),
        ("*", own.key, None),
        (f"{own.mac}.>", own.key, None),
    ):
        assert not await is_let_in(stand, user, password, client_id), (user, client_id)


async def test_a_device_hears_and_says_what_is_its_own_only(stand: Stand) -> None:
    own, other = await stand.intercom(connected=False), await stand.intercom(connected=False)
    async with entering(stand, own.mac, own.key) as client:
        for topic in (
            f"d/{other.mac}/cmd",
            "d/+/cmd",
            "d/#",
            "#",
            "$SYS/#",
            "$JS/#",
            f"device/{other.mac}/cmd",
            "command/devices/UnlockDoor",
            f"d/{own.mac}/state",
        ):
            (granted,) = await client.subscribe(topic)
            assert granted.is_failure, topic  # type: ignore[union-attr]
        (granted,) = await client.subscribe(f"d/{own.mac}/cmd")
        assert not granted.is_failure  # type: ignore[union-attr]
        forged = {"model": "X916", "firmware": "916.30.10.1", "configuration": "", "boot": "b"}
        for topic in (f"d/{other.mac}/state", f"device/{other.mac}/state", "command/devices/UnlockDoor"):
            await client.publish(topic, json.dumps(forged))
        await client.publish(f"d/{own.mac}/state", json.dumps({**forged, "model": "R29", "firmware": "29.30.1.1"}))
        await stand.until(own, lambda it: it.model == "R29")
    assert (await stand.device(other)).model is None


async def test_a_new_key_shuts_the_former_one_out_at_once(stand: Stand) -> None:
    intercom = await stand.intercom()
    began = time.monotonic()
    accepted = await stand.region.tell(RotateDeviceKey, stand.installer, device_id=stand.id_of(intercom))
    former, intercom.key = intercom.key, str(accepted.extra.device_key)
    await intercom.until(lambda it: not it._connected.is_set(), timeout_s=5)
    assert time.monotonic() - began < 5
    assert not await is_let_in(stand, intercom.mac, former)
    await intercom.until_connected()


async def test_a_deleted_device_is_told_to_forget_and_shut_out(stand: Stand) -> None:
    intercom = await stand.intercom()
    await stand.region.tell(UnbindDevice, stand.installer, device_id=stand.id_of(intercom))
    await intercom.until(lambda it: it.is_forgotten, timeout_s=10)
    assert intercom.document == {}
    assert not await is_let_in(stand, intercom.mac, intercom.key)


async def test_known_and_unknown_macs_are_answered_alike(stand: Stand) -> None:
    bound = [await stand.intercom(connected=False) for _ in range(3)]
    gate = Gate(Roster(), stand.region.devices.deciding.load)

    async def took(mac: str) -> float:
        began = time.perf_counter()
        assert await gate.decide(Login("mqtt", mac, mac, "0" * 64, "127.0.0.1")) is None
        return time.perf_counter() - began

    known, unknown = [], []
    for _ in range(40):
        known.append(await took(bound[len(known) % 3].mac))
        unknown.append(await took(a_mac()))
    assert abs(statistics.median(known) - statistics.median(unknown)) < 0.005


async def test_a_device_may_call_before_the_roster_has_heard_of_it(stand: Stand) -> None:
    intercom = await stand.intercom(connected=False)
    gate = Gate(Roster(), stand.region.devices.deciding.load)
    admitted = await gate.decide(Login("mqtt", intercom.mac, intercom.mac, intercom.key, "127.0.0.1"))
    assert isinstance(admitted, Admitted)
    assert admitted.subscribe == (f"d.{intercom.mac}.cmd",)
    assert await gate.decide(Login("nats", "", intercom.mac, intercom.key, "127.0.0.1")) is None


# --- Presence ---------------------------------------------------------------------------------------------------------


@pytest.mark.row("D-35")
async def test_a_broken_connection_is_seen_within_three_seconds(stand: Stand) -> None:
    intercom = await stand.intercom()
    first = (await stand.device(intercom)).last_connected_at
    intercom.lose_power()
    await stand.until(intercom, lambda it: not it.online, timeout_s=3)
    intercom.power_on()
    shown = await stand.until(intercom, lambda it: it.online)
    assert first is not None
    assert shown.last_connected_at is not None
    assert shown.last_connected_at > first


async def test_a_silent_death_is_seen_within_one_and_a_half_keepalives(stand: Stand) -> None:
    intercom = await stand.intercom(connected=False)
    reader, writer = await asyncio.open_connection("127.0.0.1", stand.region.mqtt_port)
    writer.write(_connect(intercom.mac, intercom.key))
    assert (await reader.readexactly(4))[:2] == b"\x20\x02"
    await stand.until(intercom, lambda it: it.online)
    # Not a word from here on, and the connection stays open.
    await stand.until(intercom, lambda it: not it.online, timeout_s=1.5 * KEEPALIVE_S + 3)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@pytest.mark.timeout(300)
async def test_presence_is_right_again_after_nats_was_killed(tmp_path: Path, mongodb_uri: str) -> None:
    prefix = f"gate_{uuid4().hex[:8]}_"
    async with NatsServer(tmp_path / "nats") as nats:
        settings = settings_for(nats, mongodb_uri, prefix)
        async with (
            running(ACCOUNTS, settings) as accounts,
            running(DEVICES, settings) as devices,
            standing(Region(accounts, devices, {}, nats.mqtt_port)) as stand,
        ):
            stays, leaves = await stand.intercom(), await stand.intercom()
            await nats.kill()
            leaves.lose_power()
            await nats.start()
            await stand.until(leaves, lambda it: not it.online, timeout_s=60)
            await stays.until_connected(timeout_s=60)
            assert (await stand.until(stays, lambda it: it.online, timeout_s=60)).online


async def test_presence_is_right_again_after_devices_was_away(tmp_path: Path, mongodb_uri: str) -> None:
    prefix = f"gate_{uuid4().hex[:8]}_"
    async with (
        NatsServer(tmp_path / "nats") as nats,
        running(ACCOUNTS, settings_for(nats, mongodb_uri, prefix)) as accounts,
    ):
        settings = settings_for(nats, mongodb_uri, prefix, stop_timeout_s=1)
        async with running(DEVICES, settings) as devices:
            region = Region(accounts, devices, {}, nats.mqtt_port)
            async with standing(region) as stand:
                left = await stand.intercom()
                await stand.until(left, lambda it: it.online)
                asked = (stand.installer, stand.user_id, dict(stand.ids))
        # Everybody is gone by now, and nobody was there to see it.
        async with running(DEVICES, settings) as devices:
            again = Stand(Region(accounts, devices, {}, nats.mqtt_port), *asked[:2], ids=asked[2])
            await again.until(left, lambda it: not it.online, timeout_s=60)


# --- Too much, and nonsense -------------------------------------------------------------------------------------------


async def test_a_device_that_floods_is_quarantined_and_costs_nobody_else(stand: Stand) -> None:
    quiet, loud = await stand.intercom(), await stand.intercom()

    async def flood() -> None:
        while loud._client is not None:
            for _ in range(100):
                await loud._publish("event", {"id": str(uuid4()), "kind": "opened"})
            await asyncio.sleep(0.05)

    flooding = asyncio.create_task(flood())
    try:
        await loud.until(lambda it: not it._connected.is_set(), timeout_s=10)
    finally:
        flooding.cancel()
    assert not await is_let_in(stand, loud.mac, loud.key)
    assert (await stand.device(quiet)).online


def _connect(mac: str, key: str) -> bytes:
    """MQTT 3.1.1 CONNECT: a clean session, a user, a password, no will."""

    def text(value: str) -> bytes:
        return len(value).to_bytes(2) + value.encode()

    rest = text("MQTT") + b"\x04\xc2" + KEEPALIVE_S.to_bytes(2) + text(mac) + text(mac) + text(key)
    assert len(rest) < 128
    return b"\x10" + bytes([len(rest)]) + rest


def test_virtual_intercoms_show_no_key() -> None:
    assert "5" * 64 not in repr(VirtualIntercom("127.0.0.1", 1, a_mac(), "5" * 64))
