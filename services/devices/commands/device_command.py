"""A command to a device, from being queued to the device's word that it did it, or to nobody knowing.

Reboots, resets and one-time AutoP wait for a device that is off. The rule it protects: a door is never opened late.
Unlocking and arming need the device there now, live five seconds, and a lost answer is called unknown, not failed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from contracts.devices.commands import (
    COMMAND_DAYS,
    IMMEDIATE,
    OPEN_STATES,
    UNLOCK_SECONDS,
    CancelDeviceCommand,
    DeviceCommandCancelled,
    DeviceCommandDelivered,
    DeviceCommandDone,
    DeviceCommandExpired,
    DeviceCommandFailed,
    DeviceCommandKind,
    DeviceCommandLost,
    DeviceCommandQueued,
    DeviceCommandSent,
    DeviceCommandState,
    NoteDeviceCommand,
    QueueOneTimeAutop,
    RebootDevice,
    ResetDevice,
    ResetScope,
    SwitchArming,
    UnlockDoor,
)
from contracts.devices.intercoms import DeviceKind
from contracts.devices.relays import APP_METHODS
from contracts.message import Actor, Command, Role
from contracts.notations import mac_address
from contracts.permissions import within
from contracts.refusals import refused
from kernel.deciding.decider import Aggregate, Decision, Neighbours, Outcome, Ref
from services.devices.intercoms import device
from services.devices.intercoms.device import Device
from services.devices.link import presence

DeviceCommandEvent = (
    DeviceCommandQueued
    | DeviceCommandSent
    | DeviceCommandDelivered
    | DeviceCommandDone
    | DeviceCommandFailed
    | DeviceCommandExpired
    | DeviceCommandCancelled
    | DeviceCommandLost
)
State = DeviceCommandState

_RESIDENTS = (Role.FAMILY_MASTER, Role.FAMILY_MEMBER)


@dataclass(frozen=True, slots=True)
class DeviceCommand:
    """What a device is to do, and how far that is. Its lines stay in the log until they are sent."""

    device_command_id: str = ""
    device_id: str = ""
    mac: str = ""
    user_id: str = ""
    installer_id: str = ""
    kind: DeviceCommandKind = DeviceCommandKind.REBOOT
    relay: int | None = None
    provisioning_id: str | None = None
    nonce: str = ""
    expires_at: datetime | None = None
    state: DeviceCommandState = State.QUEUED

    @property
    def absent(self) -> bool:
        return not self.device_command_id

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES


def evolve(told: DeviceCommand, event: DeviceCommandEvent) -> DeviceCommand:
    match event:
        case DeviceCommandQueued():
            return DeviceCommand(
                device_command_id=event.device_command_id,
                device_id=event.device_id,
                mac=event.mac,
                user_id=event.user_id,
                installer_id=event.installer_id,
                kind=event.kind,
                relay=event.relay,
                provisioning_id=event.provisioning_id,
                nonce=event.nonce,
                expires_at=event.expires_at,
            )
        case DeviceCommandSent():
            return replace(told, state=State.SENT)
        case DeviceCommandDelivered():
            return replace(told, state=State.DELIVERED)
        case DeviceCommandDone():
            return replace(told, state=State.DONE)
        case DeviceCommandFailed():
            return replace(told, state=State.FAILED)
        case DeviceCommandExpired():
            return replace(told, state=State.EXPIRED)
        case DeviceCommandCancelled():
            return replace(told, state=State.CANCELLED)
        case DeviceCommandLost():
            return replace(told, state=State.UNKNOWN)
        case _:
            assert_never(event)


# --- Wishes -----------------------------------------------------------------------------------------------------------


def reboot(command: RebootDevice, told: DeviceCommand, there: Neighbours) -> Outcome:
    return _queued(command, told, there, DeviceCommandKind.REBOOT)


def reset(command: ResetDevice, told: DeviceCommand, there: Neighbours) -> Outcome:
    target: Device = there[device.ref(command.device_id)]
    device.check(command.actor, target)
    if command.scope is ResetScope.CONFIGURATION:
        return _queued(command, told, there, DeviceCommandKind.CONFIGURATION_RESET)
    if not _is_typed(command.confirmed_mac, target.mac):
        raise refused("mac-not-confirmed", "confirmed_mac")
    return _queued(command, told, there, DeviceCommandKind.FACTORY_RESET)


def unlock(command: UnlockDoor, told: DeviceCommand, there: Neighbours) -> Outcome:
    target: Device = there[device.ref(command.device_id)]
    device.check(command.actor, target)
    relay = target.relay(command.relay)
    if relay is None or not relay.enabled:
        raise refused("relay-unknown", "relay")
    # The app's two buttons are methods of the relay: whoever has neither sees no such door (D-27, D-28).
    if command.actor.role in _RESIDENTS and not set(APP_METHODS) & set(relay.methods):
        raise refused("relay-unknown", "relay")
    return _queued(command, told, there, DeviceCommandKind.UNLOCK, relay=command.relay)


def switch_arming(command: SwitchArming, told: DeviceCommand, there: Neighbours) -> Outcome:
    target: Device = there[device.ref(command.device_id)]
    device.check(command.actor, target)
    if target.kind is not DeviceKind.INDOOR_MONITOR or not target.arming_function:
        raise refused("arming-not-available")
    return _queued(command, told, there, DeviceCommandKind.ARM if command.armed else DeviceCommandKind.DISARM)


def queue_one_time_autop(command: QueueOneTimeAutop, told: DeviceCommand, there: Neighbours) -> Outcome:
    if there[device.ref(command.device_id)].absent:
        # It was deleted since the batch was submitted. The others of the batch go on.
        return []
    more = {"lines": command.lines, "provisioning_id": command.provisioning_id}
    return _queued(command, told, there, DeviceCommandKind.ONE_TIME_AUTOP, **more)


def _queued(
    command: RebootDevice | ResetDevice | UnlockDoor | SwitchArming | QueueOneTimeAutop,
    told: DeviceCommand,
    there: Neighbours,
    kind: DeviceCommandKind,
    **more: Any,
) -> Outcome:
    target: Device = there[device.ref(command.device_id)]
    device.check(command.actor, target)
    if not told.absent:
        if (told.device_id, told.kind, told.relay) != (command.device_id, kind, more.get("relay")):
            raise refused("id-taken")
        return []
    if kind in IMMEDIATE and not there[presence.ref(command.device_id)].online:
        raise refused("device-offline")
    lasts = timedelta(seconds=UNLOCK_SECONDS) if kind in IMMEDIATE else timedelta(days=COMMAND_DAYS)
    queued = DeviceCommandQueued(
        **{"relay": None, "lines": (), "provisioning_id": None, **more},
        device_command_id=command.device_command_id,
        device_id=target.device_id,
        mac=target.mac,
        user_id=target.user_id,
        installer_id=target.installer_id,
        kind=kind,
        nonce=_nonce(command, target.device_id),
        expires_at=command.at + lasts,
    )
    return [queued]


def _nonce(command: Command, device_id: str) -> str:
    """What the device remembers, to do it once. Its own wish each time, whatever ids a client reuses."""
    return hashlib.sha256(f"{command.command_id}/{device_id}/{command.at.isoformat()}".encode()).hexdigest()[:32]


def _is_typed(typed: str | None, mac: str) -> bool:
    try:
        return mac_address(typed or "") == mac
    except ValueError:
        return False


# --- What becomes of them ---------------------------------------------------------------------------------------------


def cancel(command: CancelDeviceCommand, told: DeviceCommand, _: Neighbours) -> Outcome:
    check(command.actor, told)
    if told.state is State.CANCELLED:
        return []
    if told.state is not State.QUEUED:
        raise refused("device-command-begun")
    return [DeviceCommandCancelled(**_names(told), reason="taken-back")]


def note(command: NoteDeviceCommand, told: DeviceCommand, _: Neighbours) -> Outcome:
    """Whatever comes late or twice changes nothing, but for the word of a device that was given up."""
    check(command.actor, told)
    names, state = _names(told), told.state
    match command.state:
        case State.SENT if state is State.QUEUED:
            return [DeviceCommandSent(**names)]
        case State.DELIVERED if state in (State.QUEUED, State.SENT):
            return [DeviceCommandDelivered(**names)]
        case State.DONE if told.is_open or state is State.UNKNOWN:
            return [DeviceCommandDone(**names)]
        case State.FAILED if told.is_open or state is State.UNKNOWN:
            return [DeviceCommandFailed(**names, reason=command.reason or "refused")]
        case State.CANCELLED if told.is_open:
            return [DeviceCommandCancelled(**names, reason=command.reason or "cancelled")]
        case State.EXPIRED if told.is_open and told.expires_at is not None and command.at >= told.expires_at:
            return [DeviceCommandExpired(**names) if state is State.QUEUED else DeviceCommandLost(**names)]
        case _:
            return []


def check(actor: Actor, told: DeviceCommand) -> None:
    """Refuses (`device-command-unknown`) a command that is not there or is about somebody else's device."""
    known = not told.absent and within(
        actor, distributor_id=None, installer_id=told.installer_id, household_id=told.user_id
    )
    if not known:
        raise refused("device-command-unknown")


def ref(device_command_id: str) -> Ref:
    """The command of that id."""
    return Ref("device_command", device_command_id)


def _names(told: DeviceCommand) -> dict[str, str]:
    return {
        "device_command_id": told.device_command_id,
        "device_id": told.device_id,
        "installer_id": told.installer_id,
    }


def _device(command: RebootDevice | ResetDevice | QueueOneTimeAutop, _: DeviceCommand) -> list[Ref]:
    return [device.ref(command.device_id)]


def _device_and_presence(command: UnlockDoor | SwitchArming, _: DeviceCommand) -> list[Ref]:
    return [device.ref(command.device_id), presence.ref(command.device_id)]


_DECISIONS: Mapping[type[Command], Decision[DeviceCommand]] = {
    RebootDevice: Decision("device_command_id", reboot, _device),
    ResetDevice: Decision("device_command_id", reset, _device),
    UnlockDoor: Decision("device_command_id", unlock, _device_and_presence),
    SwitchArming: Decision("device_command_id", switch_arming, _device_and_presence),
    QueueOneTimeAutop: Decision("device_command_id", queue_one_time_autop, _device),
    CancelDeviceCommand: Decision("device_command_id", cancel),
    NoteDeviceCommand: Decision("device_command_id", note),
}

DEVICE_COMMAND: Aggregate[DeviceCommand] = Aggregate(
    name="device_command",
    initial=DeviceCommand(),
    evolve=evolve,
    events=(
        DeviceCommandQueued,
        DeviceCommandSent,
        DeviceCommandDelivered,
        DeviceCommandDone,
        DeviceCommandFailed,
        DeviceCommandExpired,
        DeviceCommandCancelled,
        DeviceCommandLost,
    ),
    decisions=_DECISIONS,
    key=lambda told: f"device.{told.device_id}" if told.device_id else None,
)
