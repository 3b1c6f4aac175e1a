"""What accounts empties or deletes, devices empties or forgets: Reset and Delete, from one service to the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from contracts.accounts.leaving import DeleteUser, ResetUser
from contracts.devices.cameras import GetCamera, ListCameras
from contracts.devices.commands import DeviceCommandQueued, DeviceCommandState, ListDeviceCommands, QueueOneTimeAutop
from contracts.devices.doors import ListDoorEvents
from contracts.devices.homes import HomeEmptied, HomeForgotten, ListCredentials
from contracts.devices.intercoms import BindDevice, DeviceKind, GetDevice, ListDevices
from contracts.devices.library import ListMacs, MacUse, RegisterMac
from contracts.message import Actor, Recorded, Refused
from contracts.permissions import SYSTEM
from kernel.deciding.decider import Ref
from services.devices.commands import device_command
from services.devices.homes import home
from services.devices.homes.home import Home
from services.devices.numbers import sip
from tests.devices.conftest import Region
from tests.devices.doors.test_credentials import grant
from tests.devices.doors.test_door_events import happens
from tests.devices.world import FRONT_DOOR, NOW


async def soon(holds: Callable[[], Awaitable[bool]]) -> None:
    """Returns when it holds. Raises `TimeoutError`."""
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110 (done by a reaction)
            await asyncio.sleep(0.02)


async def home_of(region: Region, user_id: str) -> Home:
    """The home as it is; what is asked afterwards contains everything that was decided with its last event."""
    state, _ = await region.devices.deciding.load(home.ref(user_id))
    region.positions["DEVICES"] = f"DEVICES.{await region.devices.log.last_seq()}"
    assert isinstance(state, Home)
    return state


async def until_emptied(region: Region, user_id: str, times: int = 1) -> None:
    async def emptied() -> bool:
        return (await home_of(region, user_id)).generation >= times

    await soon(emptied)


async def until_forgotten(region: Region, user_id: str) -> None:
    async def forgotten() -> bool:
        return (await home_of(region, user_id)).forgotten

    await soon(forgotten)


async def facts(region: Region, ref: Ref) -> list[Recorded]:
    log, codec = region.devices.log, region.devices.codec
    return await codec.decode_many(await log.read_subject(codec.subject(ref)))


async def lived_in(region: Region, who: Actor) -> tuple[str, str, str]:
    """A household with a gate, a camera, a PIN and somebody who went through the gate."""
    user_id = await region.user(who, premium=True)
    device_id, _ = await region.device(who, user_id, relays=(FRONT_DOOR,))
    camera_id = await region.camera(who, user_id, linked_device_id=device_id)
    await grant(region, who, user_id, device_id)
    await happens(region, user_id, device_id, NOW)
    return user_id, device_id, camera_id


@pytest.mark.row("U-39", "U-41", "R-14")
async def test_reset_takes_credentials_and_the_door_log_and_leaves_devices_cameras_and_macs(region: Region) -> None:
    who = await region.installer()
    user_id, device_id, camera_id = await lived_in(region, who)
    before = await region.see(GetDevice, who, device_id=device_id)
    await region.tell(ResetUser, who, user_id=user_id)
    await until_emptied(region, user_id)

    assert (await region.see(ListCredentials, who, user_id=user_id)).rows == ()
    assert (await region.see(ListDoorEvents, who, user_id=user_id)).rows == ()
    assert (await region.see(ListDoorEvents, who, device_id=device_id)).rows == ()
    after = await region.see(GetDevice, who, device_id=device_id)
    kept = ("mac", "name", "sip", "relays", "kind", "user_id", "linked_camera_id")
    assert [getattr(after, each) for each in kept] == [getattr(before, each) for each in kept]
    assert (await region.see(GetCamera, who, camera_id=camera_id)).linked_device_id == device_id
    bound = await region.see(ListMacs, who, use=MacUse.BOUND)
    assert [each.device_id for each in bound.rows] == [device_id]


@pytest.mark.row("U-39")
async def test_every_reset_empties_the_home_once_also_one_that_has_nothing(region: Region) -> None:
    who = await region.installer()
    user_id = await region.user(who)
    wish: dict[str, Any] = {"user_id": user_id, "command_id": uuid4()}
    await region.tell(ResetUser, who, **wish)
    await region.tell(ResetUser, who, **wish)
    await region.tell(ResetUser, who, user_id=user_id)
    await until_emptied(region, user_id, times=2)
    told = [each.event for each in await facts(region, home.ref(user_id))]
    assert [type(each) for each in told] == [HomeEmptied, HomeEmptied]
    assert [each.erased_key for each in told if isinstance(each, HomeEmptied)] == [
        f"home.{user_id}.0",
        f"home.{user_id}.1",
    ]


@pytest.mark.row("U-41")
async def test_the_next_residents_get_in_and_are_logged(region: Region) -> None:
    who = await region.installer()
    user_id, device_id, _ = await lived_in(region, who)
    await region.tell(ResetUser, who, user_id=user_id)
    await until_emptied(region, user_id)
    emptied_at = (await home_of(region, user_id)).emptied_at
    assert emptied_at is not None
    credential_id = str(uuid4())
    await grant(region, who, user_id, device_id, holder="Next", credential_id=credential_id)
    # What a device tells later may be of before: it does not vanish, and names nobody.
    await happens(region, user_id, device_id, emptied_at, who="Old news")
    await happens(region, user_id, device_id, emptied_at.replace(year=emptied_at.year + 1), who=credential_id)
    assert [each.holder for each in (await region.see(ListCredentials, who, user_id=user_id)).rows] == ["Next"]
    assert [each.who for each in (await region.see(ListDoorEvents, who, user_id=user_id)).rows] == ["Next", None]


async def told_once(region: Region, device_id: str) -> str:
    """A one-time AutoP that waits for a device that is off."""
    device_command_id = str(uuid4())
    lines = ("Config.Account1.GENERAL.Label = Gate",)
    named = {"device_command_id": device_command_id, "device_id": device_id, "provisioning_id": str(uuid4())}
    await region.tell(QueueOneTimeAutop, SYSTEM, **named, lines=lines)
    return device_command_id


async def state_of(region: Region, device_command_id: str) -> DeviceCommandState:
    told, _ = await region.devices.deciding.load(device_command.ref(device_command_id))
    return DeviceCommandState(told.state)


@pytest.mark.row("U-39", "R-14")
async def test_what_devices_are_to_do_once_stays_valid_after_a_reset(region: Region) -> None:
    who = await region.installer()
    user_id, device_id, _ = await lived_in(region, who)
    device_command_id = await told_once(region, device_id)
    await region.tell(ResetUser, who, user_id=user_id)
    await until_emptied(region, user_id)
    assert await state_of(region, device_command_id) is DeviceCommandState.QUEUED
    listed = await region.see(ListDeviceCommands, who, device_id=device_id)
    assert [(each.device_command_id, each.state) for each in listed.rows] == [(device_command_id, "queued")]
    (queued, *_) = await facts(region, device_command.ref(device_command_id))
    assert isinstance(queued.event, DeviceCommandQueued)
    assert queued.event.lines == ("Config.Account1.GENERAL.Label = Gate",)


@pytest.mark.row("R-12")
async def test_what_devices_were_still_to_do_is_cancelled_with_the_household(region: Region) -> None:
    who = await region.installer()
    user_id, device_id, _ = await lived_in(region, who)
    device_command_id = await told_once(region, device_id)
    await region.tell(DeleteUser, who, user_id=user_id)
    await until_forgotten(region, user_id)

    async def cancelled() -> bool:
        return await state_of(region, device_command_id) is DeviceCommandState.CANCELLED

    await soon(cancelled)


@pytest.mark.row("U-34", "R-12", "D-21")
async def test_delete_takes_devices_and_cameras_and_frees_their_macs(region: Region) -> None:
    who = await region.installer()
    user_id, device_id, camera_id = await lived_in(region, who)
    device = await region.see(GetDevice, who, device_id=device_id)
    await region.tell(DeleteUser, who, user_id=user_id)
    await until_forgotten(region, user_id)

    assert (await region.see(ListDevices, who)).rows == ()
    assert (await region.see(ListCameras, who)).rows == ()
    with pytest.raises(Refused, match="device-unknown"):
        await region.see(GetDevice, who, device_id=device_id)
    with pytest.raises(Refused, match="camera-unknown"):
        await region.see(GetCamera, who, camera_id=camera_id)
    assert (await region.see(ListDoorEvents, who, user_id=user_id)).rows == ()
    free = await region.see(ListMacs, who, use=MacUse.UNBOUND)
    assert [each.mac for each in free.rows] == [device.mac]
    number, _ = await region.devices.deciding.load(sip.ref(device.sip))
    assert (number.device_id, number.free_at is not None) == (None, True)

    other = await region.user(who)
    again = str(uuid4())
    form = {"kind": DeviceKind.DOORPHONE_SINGLE, "name": "Gate", "mac": device.mac}
    await region.tell(BindDevice, who, device_id=again, user_id=other, **form)
    assert (await region.see(GetDevice, who, device_id=again)).mac == device.mac
    told = [each.event for each in await facts(region, home.ref(user_id))]
    assert [type(each) for each in told].count(HomeForgotten) == 1


@pytest.mark.row("R-12")
async def test_nothing_moves_into_a_home_that_is_forgotten(region: Region) -> None:
    """Also when accounts was asked a moment before the household was deleted."""
    who = await region.installer()
    user_id = await region.user(who)
    mac = f"0C1105{uuid4().hex[:6]}".upper()
    await region.tell(RegisterMac, who, mac=mac)
    await region.tell(DeleteUser, who, user_id=user_id)
    await until_forgotten(region, user_id)
    late = BindDevice(
        command_id=uuid4(),
        at=NOW,
        actor=SYSTEM,
        device_id=str(uuid4()),
        user_id=user_id,
        mac=mac,
        kind=DeviceKind.DOORPHONE_SINGLE,
        name="Gate",
        key_hash="5" * 64,
        installer_id=who.installer_id,
        distributor_id=who.distributor_id,
    )
    with pytest.raises(Refused) as refusal:
        await region.devices.deciding.handle(late)
    assert refusal.value.code == "user-unknown"


@pytest.mark.row("R-12")
async def test_a_household_of_many_devices_is_forgotten_whole(region: Region) -> None:
    who = await region.installer()
    user_id = await region.user(who)
    for n in range(12):
        await region.device(who, user_id, name=f"Door {n}")
    assert (await region.see(ListDevices, who)).total == 12
    await region.tell(DeleteUser, who, user_id=user_id)
    await until_forgotten(region, user_id)
    assert (await region.see(ListDevices, who)).total == 0
    assert (await region.see(ListMacs, who, use=MacUse.UNBOUND)).total == 12
