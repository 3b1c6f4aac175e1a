"""What happened at a door, as its device tells it: recorded once, and of people who live there now only.

One aggregate for each, so nothing long is ever loaded; the device gives the id, so telling it again changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from contracts.devices.doors import (
    AlarmRaised,
    DoorEventErased,
    DoorEventKind,
    DoorOpened,
    EntryRefused,
    EraseDoorEvent,
    RecordDoorEvent,
)
from contracts.refusals import refused
from kernel.deciding.decider import Aggregate, Decision, Neighbours, Outcome, Ref
from services.devices.homes import home
from services.devices.homes.home import Home
from services.devices.intercoms.device import Device
from services.devices.intercoms.device import ref as device_of

# How long a device may keep what it could not tell, and by how much its clock may be fast.
OLDEST = timedelta(days=90)
FASTEST = timedelta(minutes=5)
_CREDENTIAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

DoorEventFact = DoorOpened | EntryRefused | AlarmRaised | DoorEventErased


@dataclass(frozen=True, slots=True)
class DoorEvent:
    """Whether it is known, and under which data key it is sealed."""

    user_id: str = ""
    installer_id: str = ""
    key: str = ""
    erased: bool = False

    @property
    def is_known(self) -> bool:
        return bool(self.user_id)


def evolve(door_event: DoorEvent, event: DoorEventFact) -> DoorEvent:
    match event:
        case DoorOpened() | EntryRefused() | AlarmRaised():
            return DoorEvent(event.user_id, event.installer_id, event.key)
        case DoorEventErased():
            return replace(door_event, erased=True)
        case _:
            assert_never(event)


def record(command: RecordDoorEvent, door_event: DoorEvent, there: Neighbours) -> Outcome:
    """What comes before its home was emptied is about former residents: it is not taken.

    What is told later may still be of before, for devices keep what they cannot tell. No clock of a device decides
    about that: an alarm or an opened door does not vanish, but nobody is named whom the present residents may not know.
    """
    if door_event.is_known:
        return []
    lived_in: Home = there[home.ref(command.user_id)]
    device: Device = there[device_of(command.device_id)]
    if command.device_id not in lived_in.devices:
        raise refused("device-unknown")
    if lived_in.emptied_at is not None and command.at <= lived_in.emptied_at:
        return []
    happened_at = believed(command.happened_at, command.at, lived_in.emptied_at)
    told: dict[str, Any] = {
        "door_event_id": command.door_event_id,
        "device_id": command.device_id,
        "user_id": command.user_id,
        "installer_id": device.installer_id,
        # A clock that is fast would keep its event at the head of the log.
        "happened_at": command.at if happened_at is None else min(happened_at, command.at),
        "clock_wrong": happened_at is None,
        "key": lived_in.key,
    }
    who = _who(command.who, lived_in, device, is_of_now=happened_at is not None)
    match command.kind:
        case DoorEventKind.OPENED:
            return [DoorOpened(**told, relay=command.relay, method=command.method, who=who)]
        case DoorEventKind.REFUSED:
            return [EntryRefused(**told, method=command.method, who=who)]
        case DoorEventKind.ALARM:
            return [AlarmRaised(**told, detail=command.detail)]


def erase(command: EraseDoorEvent, door_event: DoorEvent, _: Neighbours) -> Outcome:
    if not door_event.is_known or door_event.erased:
        return []
    erased = DoorEventErased(
        door_event_id=command.door_event_id, user_id=door_event.user_id, installer_id=door_event.installer_id
    )
    return [erased]


def believed(told: datetime | None, arrived: datetime, emptied_at: datetime | None) -> datetime | None:
    """The time that a device says, unless it cannot be: later than it came, long before, or of former residents."""
    if told is None or not arrived - OLDEST <= told <= arrived + FASTEST:
        return None
    return None if emptied_at is not None and told <= emptied_at else told


def _who(told: str | None, home: Home, device: Device, *, is_of_now: bool) -> str | None:
    """Devices know credentials by their ids; people are called by their names."""
    credential = home.credentials.get(told or "")
    if credential is not None:
        return credential.holder
    if home.emptied_at is None:
        return told
    # It may be somebody of before: surely one by a credential that is no more; whoever comes before the device has what
    # was issued for those who live there now, if only nothing was issued since; and whoever came at no time of now.
    knows_residents = device.issued_for == home.generation and device.applied_version == device.issued_version
    return told if is_of_now and knows_residents and not _CREDENTIAL.fullmatch(told or "") else None


def _around(command: RecordDoorEvent, door_event: DoorEvent) -> list[Ref]:
    return [] if door_event.is_known else [home.ref(command.user_id), device_of(command.device_id)]


DOOR_EVENT: Aggregate[DoorEvent] = Aggregate(
    name="door_event",
    initial=DoorEvent(),
    evolve=evolve,
    events=(DoorOpened, EntryRefused, AlarmRaised, DoorEventErased),
    decisions={
        RecordDoorEvent: Decision("door_event_id", record, _around),
        EraseDoorEvent: Decision("door_event_id", erase),
    },
    key=lambda door_event: door_event.key or None,
)
