"""Erase a door event that was recorded while its home was being emptied, or its device deleted.

Recording looks at the home without writing to it, so nothing guards that moment. What stands in the log before the home
was emptied goes with it; what stands behind it under the former residents' key is found here.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.devices.doors import AlarmRaised, DoorOpened, EntryRefused, EraseDoorEvent
from contracts.message import Command, Recorded
from kernel.reacting.reaction import Context, Reaction
from services.devices.homes import home


async def erase(recorded: Recorded, context: Context) -> Iterable[Command]:
    event = recorded.event
    assert isinstance(event, DoorOpened | EntryRefused | AlarmRaised)
    lived_in, _ = await context.load(home.ref(event.user_id))
    if lived_in.key == event.key and event.device_id in lived_in.devices:
        return ()
    return (EraseDoorEvent(**context.stamp(), door_event_id=event.door_event_id),)


ERASE_DOOR_EVENT = Reaction(
    name="erase_door_event_when_its_home_was_emptied",
    follows="devices",
    on={DoorOpened: erase, EntryRefused: erase, AlarmRaised: erase},
)
