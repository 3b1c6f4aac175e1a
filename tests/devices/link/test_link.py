"""Intercoms that are told and obey, over MQTT, on real servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiomqtt
import pytest

from contracts.accounts.leaving import ResetUser
from contracts.devices.autop import MergeRegularProfile
from contracts.devices.commands import (
    CancelDeviceCommand,
    DeviceCommandKind,
    DeviceCommandRow,
    DeviceCommandState,
    GetDeviceCommand,
    ListDeviceCommands,
    QueueOneTimeAutop,
    RebootDevice,
    ResetDevice,
    ResetScope,
    SwitchArming,
    UnlockDoor,
)
from contracts.devices.doors import DoorEventPage, ListDoorEvents
from contracts.devices.homes import CredentialKind, GrantCredential, WithdrawCredential
from contracts.devices.intercoms import DeviceDetail, DeviceKind, EditDevice, GetDevice
from contracts.devices.relays import Relay, RelayRef
from contracts.message import Accepted, Actor, Refused
from contracts.permissions import SYSTEM
from kernel.log.promise import Unavailable
from kernel.service.running import running
from ops.servers import NatsServer
from ops.virtual_intercom import VirtualIntercom
from services.accounts.__main__ import SERVICE as ACCOUNTS
from services.devices.__main__ import SERVICE as DEVICES
from tests.devices.conftest import Region, a_mac, settings_for

State = DeviceCommandState
FRONT_DOOR, GARAGE = Relay(number=1, name="Front door"), Relay(number=2, name="Garage", enabled=False)


@dataclass
class Stand:
    """A household of one installer, and its intercoms."""

    region: Region
    installer: Actor
    user_id: str
    running: list[asyncio.Task[None]] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    async def intercom(self, *, connected: bool = True, **fields: Any) -> VirtualIntercom:
        """An intercom that was bound and switched on."""
        mac = a_mac()
        form = {"relays": (FRONT_DOOR, GARAGE), **fields}
        device_id, accepted = await self.region.device(self.installer, self.user_id, mac=mac, **form)
        key = str(accepted.extra.device_key)
        intercom = VirtualIntercom("127.0.0.1", self.region.mqtt_port, mac, key, said_again_s=1.0)
        self.ids[mac] = device_id
        if connected:
            self.switch_on(intercom)
            await intercom.until(lambda it: bool(it.configuration))
            await self.until(intercom, lambda it: it.online)
        return intercom

    def switch_on(self, intercom: VirtualIntercom) -> None:
        self.running.append(asyncio.create_task(intercom.run()))

    def id_of(self, intercom: VirtualIntercom) -> str:
        return self.ids[intercom.mac]

    async def refused(self, kind: Any, intercom: VirtualIntercom, **fields: Any) -> str:
        """The code with which it is refused."""
        with pytest.raises(Refused) as no:
            await self.tell(kind, intercom, **fields)
        return no.value.code

    async def one_time(self, intercom: VirtualIntercom, *lines: str) -> str:
        id = str(uuid4())
        fields = {"device_command_id": id, "device_id": self.id_of(intercom), "provisioning_id": str(uuid4())}
        wish = QueueOneTimeAutop(command_id=uuid4(), at=datetime.now(UTC), actor=SYSTEM, lines=lines, **fields)
        handled = await self.region.devices.deciding.handle(wish)
        self.region.positions["DEVICES"] = str(handled.position)
        return id

    async def device(self, intercom: VirtualIntercom) -> DeviceDetail:
        found: DeviceDetail = await self.region.see(GetDevice, self.installer, device_id=self.id_of(intercom))
        return found

    async def until(self, intercom: VirtualIntercom, holds: Any, timeout_s: float = 60.0) -> DeviceDetail:
        """The device as it is shown, once something holds of it. Raises `TimeoutError`."""
        async with asyncio.timeout(timeout_s):
            while True:
                # Whoever comes back from a kill cannot say for a moment.
                with suppress(Unavailable):
                    if holds(found := await self.device(intercom)):
                        return found
                await asyncio.sleep(0.02)

    async def tell(self, kind: Any, intercom: VirtualIntercom, **fields: Any) -> str:
        id = str(uuid4())
        accepted: Accepted = await self.region.tell(
            kind, self.installer, device_command_id=id, device_id=self.id_of(intercom), **fields
        )
        assert accepted.id == id
        return id

    async def command(self, id: str) -> DeviceCommandRow:
        found: DeviceCommandRow = await self.region.see(GetDeviceCommand, self.installer, device_command_id=id)
        return found

    async def commands(self, intercom: VirtualIntercom) -> Sequence[DeviceCommandRow]:
        page = await self.region.see(ListDeviceCommands, self.installer, device_id=self.id_of(intercom))
        rows: Sequence[DeviceCommandRow] = page.rows
        return rows

    async def until_command(self, id: str, state: DeviceCommandState, timeout_s: float = 60.0) -> DeviceCommandRow:
        row: DeviceCommandRow
        async with asyncio.timeout(timeout_s):
            while (row := await self.command(id)).state != state:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return row


@asynccontextmanager
async def standing(region: Region) -> AsyncIterator[Stand]:
    installer = await region.installer()
    made = Stand(region, installer, await region.user(installer))
    try:
        yield made
    finally:
        for task in made.running:
            task.cancel()
        await asyncio.gather(*made.running, return_exceptions=True)


@pytest.fixture
async def stand(region: Region) -> AsyncIterator[Stand]:
    async with standing(region) as made:
        yield made


# --- What it is set to ------------------------------------------------------------------------------------------------


async def test_an_intercom_connects_reports_and_is_configured(stand: Stand) -> None:
    intercom = await stand.intercom()
    shown = await stand.until(intercom, lambda it: it.configuration == "applied")
    assert (shown.model, shown.firmware) == ("R29", "29.30.10.17")
    assert shown.issued_version == shown.applied_version == intercom.configuration
    assert [each["name"] for each in intercom.document["relays"]] == ["Front door", "Garage"]


@pytest.mark.row("D-20")
async def test_a_change_reaches_a_connected_device_and_waits_for_one_that_is_off(stand: Stand) -> None:
    intercom = await stand.intercom()
    form = {"device_id": stand.id_of(intercom), "kind": DeviceKind.DOORPHONE_SINGLE, "relays": (FRONT_DOOR,)}
    await stand.region.tell(EditDevice, stand.installer, **form, name="Courtyard")
    await intercom.until(lambda it: it.document["name"] == "Courtyard")
    intercom.lose_power()
    await stand.until(intercom, lambda it: not it.online)
    await stand.region.tell(EditDevice, stand.installer, **form, name="Back yard")
    await stand.until(intercom, lambda it: it.configuration == "waiting")
    assert intercom.document["name"] == "Courtyard"
    intercom.power_on()
    await intercom.until(lambda it: it.document["name"] == "Back yard")
    await stand.until(intercom, lambda it: it.configuration == "applied")


async def test_a_device_that_cannot_take_its_configuration_says_why(stand: Stand) -> None:
    intercom = await stand.intercom(connected=False)
    intercom.fail("configure", "flash-full")
    stand.switch_on(intercom)
    shown = await stand.until(intercom, lambda it: it.configuration == "refused")
    assert shown.configuration_reason == "flash-full"
    # It is told everything else all the same.
    id = await stand.tell(RebootDevice, intercom)
    await stand.until_command(id, State.DONE)


@pytest.mark.row("D-23", "D-29")
async def test_a_pin_opens_the_door_it_was_granted_for_until_it_is_withdrawn(stand: Stand) -> None:
    intercom = await stand.intercom()
    names = {"credential_id": str(uuid4()), "user_id": stand.user_id}
    relay = RelayRef(device_id=stand.id_of(intercom), relay=1)
    granted = {"kind": CredentialKind.PIN, "holder": "Li Na", "secret": "583921", "relays": (relay,)}
    await stand.region.tell(GrantCredential, stand.installer, **names, **granted)
    await intercom.until(lambda it: bool(it.document["credentials"]))
    assert await intercom.present("pin", "583921") == 1
    page = await _door_events(stand, intercom, 1)
    assert [(row.kind, row.relay, row.method, row.who) for row in page.rows] == [("opened", 1, "pin", "Li Na")]
    await stand.region.tell(WithdrawCredential, stand.installer, **names)
    await intercom.until(lambda it: not it.document["credentials"])
    assert await intercom.present("pin", "583921") is None
    assert [row.kind for row in (await _door_events(stand, intercom, 2)).rows] == ["refused", "opened"]


@pytest.mark.row("U-41")
async def test_after_a_reset_of_the_household_a_device_is_emptied_before_anything_else(stand: Stand) -> None:
    there, away = await stand.intercom(), await stand.intercom()
    for intercom, pin in ((there, "583921"), (away, "583922")):
        relay = RelayRef(device_id=stand.id_of(intercom), relay=1)
        granted = {"kind": CredentialKind.PIN, "holder": "Li Na", "secret": pin, "relays": (relay,)}
        names = {"credential_id": str(uuid4()), "user_id": stand.user_id}
        await stand.region.tell(GrantCredential, stand.installer, **names, **granted)
        await intercom.until(lambda it: bool(it.document["credentials"]))
        await stand.until_command(await stand.tell(UnlockDoor, intercom, relay=1), State.DONE)
    away.lose_power()
    await stand.until(away, lambda it: not it.online)
    rebooted = await stand.tell(RebootDevice, away)
    await stand.region.tell(ResetUser, stand.installer, user_id=stand.user_id)
    await there.until(lambda it: not it.document["credentials"], timeout_s=10)
    await stand.until(away, lambda it: it.configuration == "waiting")
    away.heard.clear()
    away.power_on()
    await stand.until_command(rebooted, State.DONE)
    assert [type for type in away.heard if type != "received"][:2] == ["configure", "reboot"]
    assert await away.present("pin", "583922") is None
    # Which doors the former residents opened is nobody's to read; what waits for a device stays.
    assert [row.kind for row in await stand.commands(there)] == []
    assert [row.kind for row in await stand.commands(away)] == [DeviceCommandKind.REBOOT]


# --- What it is told --------------------------------------------------------------------------------------------------


async def test_a_door_opens(stand: Stand) -> None:
    intercom = await stand.intercom()
    id = await stand.tell(UnlockDoor, intercom, relay=1)
    await stand.until_command(id, State.DONE)
    assert [each.by for each in intercom.openings] == [id]
    assert (await _door_events(stand, intercom, 1)).rows[0].relay == 1


async def test_a_door_of_a_device_that_is_off_is_refused_and_not_opened_later(stand: Stand) -> None:
    intercom = await stand.intercom()
    intercom.lose_power()
    await stand.until(intercom, lambda it: not it.online, timeout_s=3)
    assert await stand.refused(UnlockDoor, intercom, relay=1) == "device-offline"
    intercom.power_on()
    await stand.until(intercom, lambda it: it.online)
    await stand.until_command(await stand.tell(RebootDevice, intercom), State.DONE)
    assert intercom.openings == []


async def test_an_unlock_that_nobody_answers_is_unknown_and_never_done_later(stand: Stand) -> None:
    intercom = await stand.intercom()
    intercom.deaf = True
    id = await stand.tell(UnlockDoor, intercom, relay=1)
    row = await stand.until_command(id, State.UNKNOWN)
    assert (row.expires_at - row.created_at).total_seconds() == 5
    intercom.deaf = False
    await stand.until_command(await stand.tell(RebootDevice, intercom), State.DONE)
    assert intercom.openings == []
    assert (await stand.command(id)).state is State.UNKNOWN


@pytest.mark.row("RA-2")
async def test_a_monitor_is_armed_and_disarmed(stand: Stand) -> None:
    monitor = await stand.intercom(kind=DeviceKind.INDOOR_MONITOR, relays=(), arming_function=True)
    for armed in (True, False):
        await stand.until_command(await stand.tell(SwitchArming, monitor, armed=armed), State.DONE)
        assert monitor.armed is armed
        assert (await stand.device(monitor)).armed is armed


@pytest.mark.row("A-11")
async def test_a_reboot_waits_for_a_device_that_is_off(stand: Stand) -> None:
    intercom = await stand.intercom()
    intercom.lose_power()
    await stand.until(intercom, lambda it: not it.online, timeout_s=3)
    id = await stand.tell(RebootDevice, intercom)
    await stand.until_command(id, State.QUEUED)
    boots = len(intercom.boots)
    intercom.power_on()
    await stand.until_command(id, State.DONE)
    assert len(intercom.boots) == boots + 2


async def test_what_waits_can_be_taken_back_and_is_then_never_done(stand: Stand) -> None:
    intercom = await stand.intercom()
    intercom.lose_power()
    await stand.until(intercom, lambda it: not it.online, timeout_s=3)
    taken_back, kept = await stand.tell(RebootDevice, intercom), await stand.tell(RebootDevice, intercom)
    await stand.region.tell(CancelDeviceCommand, stand.installer, device_command_id=taken_back)
    boots = len(intercom.boots)
    intercom.power_on()
    await stand.until_command(kept, State.DONE)
    assert (await stand.command(taken_back)).state is State.CANCELLED
    assert len(intercom.boots) == boots + 2


async def test_what_a_device_refuses_has_failed_with_its_reason(stand: Stand) -> None:
    intercom = await stand.intercom()
    intercom.fail("reboot", "call-in-progress")
    row = await stand.until_command(await stand.tell(RebootDevice, intercom), State.FAILED)
    assert row.reason == "call-in-progress"


async def test_what_is_not_answered_is_sent_again_and_done_once(stand: Stand) -> None:
    intercom = await stand.intercom()
    heard = len(intercom.heard)
    # It obeys, and its answer is lost.
    intercom._publish = lost_once(intercom)  # type: ignore[method-assign]
    id = await stand.one_time(intercom, "Config.A.B = 1")
    await stand.until_command(id, State.DONE)
    assert intercom.lines_run == ["Config.A.B = 1"]
    assert "autop" in intercom.heard[heard:]


def lost_once(intercom: VirtualIntercom) -> Any:
    publish, lost = intercom._publish, []

    async def publishing(kind: str, message: dict[str, Any]) -> None:
        if kind == "ack" and not lost:
            lost.append(message)
        else:
            await publish(kind, message)

    return publishing


@pytest.mark.row("A-15")
async def test_one_time_lines_run_once_in_their_order(stand: Stand) -> None:
    intercom = await stand.intercom()
    intercom.lose_power()
    await stand.until(intercom, lambda it: not it.online, timeout_s=3)
    first, second = await stand.one_time(intercom, "Config.A.B = 1"), await stand.one_time(intercom, "Config.A.B = 2")
    intercom.power_on()
    await stand.until_command(second, State.DONE)
    assert (await stand.command(first)).state is State.DONE
    for _ in range(3):
        intercom.lose_power()
        await stand.until(intercom, lambda it: not it.online)
        intercom.power_on()
        await stand.until(intercom, lambda it: it.online)
    assert intercom.lines_run == ["Config.A.B = 1", "Config.A.B = 2"]


@pytest.mark.row("A-07", "A-08", "R-33")
@pytest.mark.parametrize("scope", list(ResetScope))
async def test_a_reset_ends_one_time_lines_and_brings_regular_ones_back(stand: Stand, scope: ResetScope) -> None:
    intercom = await stand.intercom()
    device_id = stand.id_of(intercom)
    merge = {"device_id": device_id, "provisioning_id": str(uuid4()), "lines": ("Config.Regular.A = 1",)}
    await stand.region.tell(MergeRegularProfile, SYSTEM, **merge)
    await intercom.until(lambda it: it.settings.get("Config.Regular.A") == "1")
    intercom.lose_power()
    await stand.until(intercom, lambda it: not it.online, timeout_s=3)
    reset = await stand.tell(ResetDevice, intercom, scope=scope, confirmed_mac=intercom.mac)
    one_time = await stand.one_time(intercom, "Config.Once.A = 1")
    # Whatever it was told before the reset is done is void by then.
    intercom.power_on()
    await stand.until_command(reset, State.DONE)
    row = await stand.until_command(one_time, State.CANCELLED)
    assert row.reason == "device-reset"
    await stand.until(intercom, lambda it: it.configuration == "applied")
    await intercom.until(lambda it: it.settings == {"Config.Regular.A": "1"})
    assert intercom.lines_run == []


@pytest.mark.row("A-07", "R-33")
@pytest.mark.parametrize("scope", list(ResetScope))
async def test_one_time_lines_that_wait_are_dropped_when_a_reset_is_asked_for(stand: Stand, scope: ResetScope) -> None:
    intercom = await stand.intercom()
    intercom.lose_power()
    await stand.until(intercom, lambda it: not it.online)
    one_time = await stand.one_time(intercom, "Config.Once.A = 1")
    reboot = await stand.tell(RebootDevice, intercom)
    reset = await stand.tell(ResetDevice, intercom, scope=scope, confirmed_mac=intercom.mac)
    row = await stand.until_command(one_time, State.CANCELLED)
    assert row.reason == "device-reset"
    intercom.power_on()
    await stand.until_command(reset, State.DONE)
    assert (await stand.command(reboot)).state is State.DONE
    assert intercom.lines_run == []


async def test_a_device_that_never_says_how_it_is_is_told_all_the_same(stand: Stand) -> None:
    silent = await stand.intercom(connected=False)
    who: dict[str, Any] = {"username": silent.mac, "password": silent.key, "identifier": silent.mac}
    async with aiomqtt.Client("127.0.0.1", stand.region.mqtt_port, **who) as device, asyncio.timeout(40):
        await device.subscribe(f"d/{silent.mac}/cmd")
        message = await anext(aiter(device.messages))
    assert isinstance(message.payload, bytes)
    assert json.loads(message.payload)["type"] == "configure"


async def test_what_a_device_was_told_goes_with_it(stand: Stand) -> None:
    intercom = await stand.intercom(connected=False)
    await stand.tell(RebootDevice, intercom)
    page = await stand.region.see(ListDeviceCommands, stand.installer, device_id=stand.id_of(intercom))
    assert [row.state for row in page.rows] == [State.QUEUED]


async def test_commands_survive_a_restart_of_the_service(tmp_path: Path, mongodb_uri: str) -> None:
    prefix = f"link_{uuid4().hex[:8]}_"
    async with (
        NatsServer(tmp_path / "nats") as nats,
        running(ACCOUNTS, settings_for(nats, mongodb_uri, prefix)) as accounts,
    ):
        settings = settings_for(nats, mongodb_uri, prefix, stop_timeout_s=1)
        async with running(DEVICES, settings) as devices:
            region = Region(accounts, devices, {}, nats.mqtt_port)
            installer = await region.installer()
            first = Stand(region, installer, await region.user(installer))
            intercom = await first.intercom()
            intercom.lose_power()
            await first.until(intercom, lambda it: not it.online)
            waiting = await first.one_time(intercom, "Config.A.B = 1")
        async with running(DEVICES, settings) as devices:
            region = Region(accounts, devices, dict(region.positions), nats.mqtt_port)
            stand = Stand(region, installer, first.user_id, ids=first.ids)
            await stand.until_command(waiting, State.QUEUED)
            intercom.power_on()
            await stand.until_command(waiting, State.DONE, timeout_s=30)
            assert intercom.lines_run == ["Config.A.B = 1"]
        for task in first.running:
            task.cancel()
        await asyncio.gather(*first.running, return_exceptions=True)


async def _door_events(stand: Stand, intercom: VirtualIntercom, count: int) -> DoorEventPage:
    """The access log of the device, once it has that many lines."""
    page: DoorEventPage
    async with asyncio.timeout(15):
        while True:
            page = await stand.region.see(ListDoorEvents, stand.installer, device_id=stand.id_of(intercom))
            if len(page.rows) >= count:
                return page
            await asyncio.sleep(0.02)
