"""Let a command to a device expire: after five seconds for a door, after a week for what waits.

The decision is the command's: a timer that comes late, twice or after the device's answer records nothing wrong, so
none is called back.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid5

from contracts.devices.commands import DeviceCommandQueued, DeviceCommandState, NoteDeviceCommand
from contracts.message import Command, Recorded
from contracts.permissions import SYSTEM
from kernel.reacting.reaction import Context, Reaction
from kernel.reacting.timers import Due

COMMAND_EXPIRY = "expiry"


async def await_expiry(recorded: Recorded, context: Context) -> Iterable[Command]:
    event = recorded.event
    assert isinstance(event, DeviceCommandQueued)
    await context.timers.set(f"device_command.{event.device_command_id}", COMMAND_EXPIRY, event.expires_at)
    return ()


def expire(due: Due) -> NoteDeviceCommand:
    """What to do when that time has come."""
    return NoteDeviceCommand(
        command_id=uuid5(due.id, COMMAND_EXPIRY),
        at=due.at,
        actor=SYSTEM,
        device_command_id=due.owner.removeprefix("device_command."),
        state=DeviceCommandState.EXPIRED,
    )


AWAIT_COMMAND_EXPIRY = Reaction(
    name="expire_device_command_when_time_is_up", follows="devices", on={DeviceCommandQueued: await_expiry}
)
