"""Whether a device is connected, and by which of its connections.

The rule it protects: the end of a connection says nothing about a device that has another one by now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from contracts.devices.presence import DeviceWentOffline, DeviceWentOnline, NoteDeviceOffline, NoteDeviceOnline
from kernel.deciding.decider import Aggregate, Decision, Neighbours, Outcome, Ref
from services.devices.intercoms import device
from services.devices.intercoms.device import Device

PresenceEvent = DeviceWentOnline | DeviceWentOffline


@dataclass(frozen=True, slots=True)
class Presence:
    """How a device is connected; `connection` is the newest, also once it is over."""

    installer_id: str = ""
    online: bool = False
    connection: str | None = None


def evolve(presence: Presence, event: PresenceEvent) -> Presence:
    match event:
        case DeviceWentOnline():
            return Presence(event.installer_id, online=True, connection=event.connection)
        case DeviceWentOffline():
            return Presence(event.installer_id, online=False, connection=presence.connection)
        case _:
            assert_never(event)


def note_online(command: NoteDeviceOnline, presence: Presence, there: Neighbours) -> Outcome:
    target: Device = there[device.ref(command.device_id)]
    device.check(command.actor, target)
    if presence.online and presence.connection == command.connection:
        return []
    online = DeviceWentOnline(
        device_id=command.device_id, installer_id=target.installer_id, connection=command.connection
    )
    return [online]


def note_offline(command: NoteDeviceOffline, presence: Presence, _: Neighbours) -> Outcome:
    if not presence.online or command.connection not in (None, presence.connection):
        return []
    return [DeviceWentOffline(device_id=command.device_id, installer_id=presence.installer_id, reason=command.reason)]


def ref(device_id: str) -> Ref:
    """The presence of that device."""
    return Ref("presence", device_id)


def _device(command: NoteDeviceOnline, _: Presence) -> list[Ref]:
    return [device.ref(command.device_id)]


PRESENCE: Aggregate[Presence] = Aggregate(
    name="presence",
    initial=Presence(),
    evolve=evolve,
    events=(DeviceWentOnline, DeviceWentOffline),
    decisions={
        NoteDeviceOnline: Decision("device_id", note_online, _device),
        NoteDeviceOffline: Decision("device_id", note_offline),
    },
)
