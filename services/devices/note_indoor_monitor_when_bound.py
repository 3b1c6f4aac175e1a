"""Tell accounts that an indoor monitor stands in a household, when one is bound or a device is made one (U-45, R-14).

Accounts decides whether that changes anything: what a person chose stays.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.accounts.households import NoteIndoorMonitor
from contracts.devices.intercoms import DeviceBound, DeviceDescribed, DeviceKind
from contracts.message import Command, Recorded
from contracts.permissions import SYSTEM
from kernel.reacting.reaction import Context, Reaction

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
