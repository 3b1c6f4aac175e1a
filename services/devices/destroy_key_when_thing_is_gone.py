"""Destroy the data key of a device or a camera once it is deleted: its name, its address, what it was told."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.devices.cameras import CameraRemoved
from contracts.devices.intercoms import DeviceUnbound
from contracts.message import Command, Recorded
from kernel.reacting.reaction import Context, Reaction
from kernel.runtime.crash import crash_here


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
