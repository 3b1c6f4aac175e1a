"""What happened at a door, as its device tells it: recorded once, and of people who live there now only.

One aggregate for each, so nothing long is ever loaded; the device gives the id, so telling it again changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, assert_never

from contracts.devices import (
    AlarmRaised,
    DoorEventErased,
    DoorEventKind,
    DoorOpened,
    EntryRefused,
    EraseDoorEvent,
    RecordDoorEvent,
)
from kernel.decider import Aggregate, Decision, Neighbours, Outcome, Ref
from services.devices import home
from services.devices.device import Device
from services.devices.home import Home
from services.devices.refusing import refused

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
    """What a device kept from before its home was emptied is about former residents: it is not taken."""
    if door_event.is_known:
        return []
    lived_in: Home = there[home.of(command.user_id)]
    device: Device = there[_device(command.device_id)]
    if command.device_id not in lived_in.devices:
        raise refused("device-unknown")
    if lived_in.emptied_at is not None and command.happened_at <= lived_in.emptied_at:
        return []
    told: dict[str, Any] = {
        "door_event_id": command.door_event_id,
        "device_id": command.device_id,
        "user_id": command.user_id,
        "installer_id": device.installer_id,
        # A clock that is fast would keep its event at the head of the log.
        "happened_at": min(command.happened_at, command.at),
        "key": lived_in.key,
    }
    who = _who(command.who, lived_in)
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


def _who(told: str | None, home: Home) -> str | None:
    """Devices know credentials by their ids; people are called by their names."""
    credential = home.credentials.get(told or "")
    return credential.holder if credential else told


def _device(device_id: str) -> Ref:
    return Ref("device", device_id)


def _around(command: RecordDoorEvent, door_event: DoorEvent) -> list[Ref]:
    return [] if door_event.is_known else [home.of(command.user_id), _device(command.device_id)]


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
