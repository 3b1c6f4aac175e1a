"""What follows when a device is bound or deleted."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.accounts.households import NoteIndoorMonitor
from contracts.devices.cameras import CameraRemoved
from contracts.devices.intercoms import DeviceBound, DeviceDescribed, DeviceKind, DeviceUnbound
from contracts.message import Command, Recorded
from contracts.permissions import SYSTEM
from kernel.reacting.reaction import Context, Reaction
from kernel.runtime.crash import crash_here

AT_ONCE = 16


async def note(recorded: Recorded, context: Context) -> Iterable[Command]:
    event = recorded.event
    assert isinstance(event, DeviceBound | DeviceDescribed)
    if event.kind is not DeviceKind.INDOOR_MONITOR:
        return ()
    # It is the region's own conclusion, and no wish of whoever bound the device.
    return (NoteIndoorMonitor(**{**context.stamp(), "actor": SYSTEM}, user_id=event.user_id),)


NOTE_INDOOR_MONITOR = Reaction(
    name="note_indoor_monitor_when_bound",
    follows="devices",
    on={DeviceBound: note, DeviceDescribed: note},
    at_once=AT_ONCE,
)
"""Tell accounts that an indoor monitor stands in a household, when one is bound or a device is made one (U-45, R-14).

Accounts decides whether that changes anything: what a person chose stays.
"""


async def destroy_key(recorded: Recorded, context: Context) -> Iterable[Command]:
    event = recorded.event
    assert isinstance(event, DeviceUnbound | CameraRemoved)
    thing = f"device.{event.device_id}" if isinstance(event, DeviceUnbound) else f"camera.{event.camera_id}"
    crash_here("forget.before_key")
    await context.keys.destroy(thing)
    return ()


DESTROY_KEY = Reaction(
    name="destroy_key_when_thing_is_gone",
    follows="devices",
    on={DeviceUnbound: destroy_key, CameraRemoved: destroy_key},
)
"""Destroy the data key of a device or a camera once it is deleted: its name, its address, what it was told."""
