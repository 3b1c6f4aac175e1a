"""What the service finds out before it decides: whose the household is, what it may have, and the key of a device.

The rule it protects: accounts says what is true of households, asked in the name of whoever acts; and a device's key
is told once, to whoever hands it over, and kept nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from contracts.accounts.households import GetUser, UserDetail
from contracts.accounts.partners import GetInstaller, InstallerDetail
from contracts.accounts.terms import PremiumStatus
from contracts.acting import hands_over
from contracts.devices.cameras import AddCamera
from contracts.devices.intercoms import (
    BindDevice,
    DeviceBound,
    DeviceKeyAnswer,
    DeviceKeyIssued,
    EditDevice,
    NewDeviceAnswer,
    RotateDeviceKey,
)
from contracts.devices.library import MoveMac
from contracts.message import Actor, Answer, Command, Refused
from kernel.deciding.handling import Handled
from kernel.service.declaration import Tools
from services.devices.intercoms import device
from services.devices.owners import owners

_A_MOMENT_S = 0.1


async def prepare_binding(command: BindDevice, tools: Tools) -> BindDevice:
    """Refuses (`user-unknown`) what accounts does not show to the actor."""
    household, partner = await household_of(command.user_id, command.actor, tools)
    return command.model_copy(
        update={
            "installer_id": household.installer_id,
            "distributor_id": partner.distributor_id,
            "offline_solution": partner.offline_solution,
            # Whoever hands no key over binds a device that waits for one.
            "key_hash": _key_hash(command, tools) if hands_over(command.actor) else device.NO_KEY,
        }
    )


async def prepare_edit(command: EditDevice, tools: Tools) -> EditDevice:
    """Asks only for what needs the distributor's switch."""
    if command.internet_access and not command.works_offline:
        return command
    present, _ = await tools.load(device.ref(command.device_id))
    device.check(command.actor, present)
    partner = await _installer(present.installer_id, command.actor, tools)
    return command.model_copy(update={"offline_solution": partner.offline_solution})


async def make_key(command: RotateDeviceKey, tools: Tools) -> RotateDeviceKey:
    return command.model_copy(update={"key_hash": _key_hash(command, tools)})


async def prepare_camera(command: AddCamera, tools: Tools) -> AddCamera:
    """Refuses (`user-unknown`) what accounts does not show to the actor."""
    household, partner = await household_of(command.user_id, command.actor, tools)
    return command.model_copy(
        update={
            "installer_id": household.installer_id,
            "distributor_id": partner.distributor_id,
            "premium": household.premium is PremiumStatus.NORMAL,
        }
    )


async def find_place(command: MoveMac, tools: Tools) -> MoveMac:
    """Say whether there is such a place in the tree, as far as it is known here yet."""
    is_place = await owners.is_place(tools.database, command.distributor_id, command.installer_id)
    return command.model_copy(update={"is_place": is_place})


def tell_key(command: RotateDeviceKey, handled: Handled, tools: Tools) -> DeviceKeyAnswer:
    return DeviceKeyAnswer(device_key=_issued_key(command, handled, tools))


def tell_new_device(command: BindDevice, handled: Handled, tools: Tools) -> NewDeviceAnswer:
    bound: device.Device = handled.state
    return NewDeviceAnswer(device_key=_issued_key(command, handled, tools), sip=bound.sip)


def _issued_key(command: BindDevice | RotateDeviceKey, handled: Handled, tools: Tools) -> str | None:
    """The key, while this command is the one that issued it."""
    issued = _key_hash(command, tools)
    is_issued = any(
        event.key_hash == issued for event in handled.events if isinstance(event, DeviceBound | DeviceKeyIssued)
    )
    return _key(command, tools) if is_issued else None


async def household_of(user_id: str, actor: Actor, tools: Tools) -> tuple[UserDetail, InstallerDetail]:
    """A household and its installer, as accounts shows them to the actor. Raises `Refused` or `Unavailable`."""
    wish = GetUser(actor=actor, user_id=user_id)
    try:
        household = await tools.caller.view(wish, UserDetail)
    except Refused as refusal:
        if refusal.code != "user-unknown":
            raise
        # Whoever added the household a moment ago may be faster than what accounts shows.
        await asyncio.sleep(_A_MOMENT_S)
        household = await tools.caller.view(wish, UserDetail)
    return household, await _installer(household.installer_id, actor, tools)


async def _installer(installer_id: str, actor: Actor, tools: Tools) -> InstallerDetail:
    return await tools.caller.view(GetInstaller(actor=actor, installer_id=installer_id), InstallerDetail)


def _key_hash(command: BindDevice | RotateDeviceKey, tools: Tools) -> str:
    return device.hash_of_key(_key(command, tools))


def _key(command: BindDevice | RotateDeviceKey, tools: Tools) -> str:
    # Made of the command's id, so that a repeat of the command tells the same key and nothing keeps it.
    return tools.secrets.derive("device-key", str(command.command_id), command.device_id).hex()


PREPARE: dict[type[Command], Callable[[Any, Tools], Awaitable[Command]]] = {
    BindDevice: prepare_binding,
    EditDevice: prepare_edit,
    RotateDeviceKey: make_key,
    AddCamera: prepare_camera,
    MoveMac: find_place,
}
ANSWERS: dict[type[Command], Callable[[Any, Handled, Tools], Answer]] = {
    BindDevice: tell_new_device,
    RotateDeviceKey: tell_key,
}
