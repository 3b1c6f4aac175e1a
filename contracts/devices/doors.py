"""What happened at the doors, as devices tell it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field

from contracts.devices.words import DeviceName, DeviceText, DeviceWord
from contracts.message import Command, Event, Personal, Query, View
from contracts.moments import Moment, RecordedMoment, in_utc
from contracts.versions import Upcasts, as_it_is
from contracts.words import Id, PerPage


class DoorEventKind(StrEnum):
    """What a device tells about its door."""

    OPENED = "opened"
    REFUSED = "refused"
    ALARM = "alarm"


class RecordDoorEvent(Command):
    """A device tells what happened at its door. The service sends it to itself.

    `happened_at` is what the device's clock said, and left out when that is no moment.
    """

    door_event_id: Id
    device_id: Id
    user_id: Id
    kind: DoorEventKind
    happened_at: Moment | None
    relay: Annotated[int, Field(ge=1, le=16)] | None = None
    method: DeviceWord | None = None
    who: DeviceName | None = None
    detail: DeviceText | None = None


class EraseDoorEvent(Command):
    """Keep nothing of it. The service sends it to itself."""

    door_event_id: Id


class DoorOpened(Event):
    """A door of the household opened, for whom and how. `key` seals both, for devices say how in their own words.

    `clock_wrong`: the device's clock said what cannot be, and `happened_at` is when it was told.
    """

    version: ClassVar[int] = 3

    door_event_id: str
    device_id: str
    user_id: str
    installer_id: str
    relay: int | None
    method: Personal | None
    who: Personal | None
    happened_at: RecordedMoment
    clock_wrong: bool
    key: str


class EntryRefused(Event):
    """A device let somebody not in.

    `clock_wrong`: the device's clock said what cannot be, and `happened_at` is when it was told.
    """

    version: ClassVar[int] = 3

    door_event_id: str
    device_id: str
    user_id: str
    installer_id: str
    method: Personal | None
    who: Personal | None
    happened_at: RecordedMoment
    clock_wrong: bool
    key: str


class AlarmRaised(Event):
    """A device raised an alarm: tampering, too many wrong codes, an armed sensor.

    `clock_wrong`: the device's clock said what cannot be, and `happened_at` is when it was told.
    """

    version: ClassVar[int] = 2

    door_event_id: str
    device_id: str
    user_id: str
    installer_id: str
    detail: Personal | None
    happened_at: RecordedMoment
    clock_wrong: bool
    key: str


class DoorEventErased(Event):
    """What happened there is not kept: its home was emptied, or its device went, while it was recorded."""

    door_event_id: str
    user_id: str
    installer_id: str


class DoorEventRow(View):
    """A line of the access log. `clock_wrong`: `happened_at` is when it was told, for its device's clock is wrong."""

    door_event_id: str
    kind: DoorEventKind
    device_id: str
    device_name: str
    relay: int | None
    relay_name: str | None
    method: str | None
    who: str | None
    detail: str | None
    happened_at: RecordedMoment
    clock_wrong: bool


class DoorEventPage(View):
    """Lines of the access log, newest first; `next` is the cursor of the following page."""

    rows: tuple[DoorEventRow, ...]
    next: str | None


class ListDoorEvents(Query):
    """What happened at the doors of a household, or at one device."""

    user_id: Id | None = None
    device_id: Id | None = None
    cursor: Annotated[str | None, Field(max_length=64)] = None
    limit: PerPage = 50


def _with_a_mark(body: dict[str, Any]) -> dict[str, Any]:
    """Door events of before believed any clock; what no clock can say reads as the nearest moment, and is marked."""
    try:
        moment = in_utc(datetime.fromisoformat(body["happened_at"]))
    except ValueError:
        moment = None
    return {**body, "clock_wrong": moment is None}


QUERIES: Mapping[type[Query], type[View]] = {
    ListDoorEvents: DoorEventPage,
}

UPCASTS: Upcasts = {
    "devices.DoorOpened.v1": _with_a_mark,
    "devices.DoorOpened.v2": as_it_is,
    "devices.EntryRefused.v1": _with_a_mark,
    "devices.EntryRefused.v2": as_it_is,
    "devices.AlarmRaised.v1": _with_a_mark,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    ListDoorEvents:  ". . I . . . +",
    RecordDoorEvent: ". . . . . . .",
    EraseDoorEvent:  ". . . . . . .",
}
# fmt: on
