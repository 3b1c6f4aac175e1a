"""The access log: what happened at the doors of a household, newest first.

It goes with the residents: when a home is emptied or forgotten, or its device deleted, nothing of it stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

from contracts.devices.doors import (
    AlarmRaised,
    DoorEventErased,
    DoorEventKind,
    DoorEventPage,
    DoorEventRow,
    DoorOpened,
    EntryRefused,
    ListDoorEvents,
)
from contracts.devices.homes import HomeEmptied, HomeForgotten
from contracts.devices.intercoms import DeviceUnbound
from contracts.message import Recorded
from contracts.permissions import own_installer
from contracts.refusals import refused
from kernel.keeping.mongo import Database
from kernel.reading.readmodel import Drop, Index, ReadModel, Row
from kernel.service.declaration import Tools
from services.devices.intercoms.devices import FLEET

_CURSOR = re.compile(r"([0-9]{1,13})\.([0-9a-f-]{36})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DoorEventDocument(TypedDict):
    """A line of the log."""

    user_id: str
    device_id: str
    installer_id: str
    kind: str
    relay: int | None
    method: str | None
    who: str | None
    detail: str | None
    happened_at: datetime
    clock_wrong: bool


def keys(recorded: Recorded) -> Iterable[str]:
    event = recorded.event
    if isinstance(event, DoorOpened | EntryRefused | AlarmRaised | DoorEventErased):
        return (event.door_event_id,)
    return ()


def fold(row: Row | None, recorded: Recorded) -> DoorEventDocument | None:
    match event := recorded.event:
        case DoorOpened():
            return _line(event, DoorEventKind.OPENED, relay=event.relay, method=event.method, who=event.who)
        case EntryRefused():
            return _line(event, DoorEventKind.REFUSED, method=event.method, who=event.who)
        case AlarmRaised():
            return _line(event, DoorEventKind.ALARM, detail=event.detail)
        case _:
            return None


def _line(
    event: DoorOpened | EntryRefused | AlarmRaised,
    kind: DoorEventKind,
    *,
    relay: int | None = None,
    method: str | None = None,
    who: str | None = None,
    detail: str | None = None,
) -> DoorEventDocument:
    return {
        "user_id": event.user_id,
        "device_id": event.device_id,
        "installer_id": event.installer_id,
        "kind": kind.value,
        "relay": relay,
        "method": method,
        "who": who,
        "detail": detail,
        "happened_at": event.happened_at,
        "clock_wrong": event.clock_wrong,
    }


def drops(recorded: Recorded) -> Drop | None:
    match event := recorded.event:
        case HomeEmptied() | HomeForgotten():
            return Drop("user_id", event.user_id)
        case DeviceUnbound():
            return Drop("device_id", event.device_id)
        case _:
            return None


ACCESS_LOG = ReadModel(
    name="access_log",
    version=2,
    keys=keys,
    fold=fold,
    drops=drops,
    indexes=(
        Index([("user_id", 1), ("happened_at", -1), ("_id", -1)]),
        Index([("device_id", 1), ("happened_at", -1), ("_id", -1)]),
    ),
)


async def list_door_events(query: ListDoorEvents, tools: Tools) -> DoorEventPage:
    installer_id = own_installer(query.actor)
    wanted: dict[str, Any] = {"installer_id": installer_id}
    if query.user_id is not None:
        wanted["user_id"] = query.user_id
    if query.device_id is not None:
        wanted["device_id"] = query.device_id
        if not await tools.database[FLEET.name].count_documents(
            {"_id": query.device_id, "installer_id": installer_id}, limit=1
        ):
            raise refused("device-unknown")
    if query.user_id is None and query.device_id is None:
        raise refused("user-unknown")
    if query.cursor is not None:
        wanted |= _before(query.cursor)
    found = tools.database[ACCESS_LOG.name].find(wanted, limit=query.limit + 1)
    rows = await found.sort([("happened_at", -1), ("_id", -1)]).to_list()
    shown = rows[: query.limit]
    devices = await _devices(tools.database, {row["device_id"] for row in shown})
    return DoorEventPage(
        rows=tuple(_shown(row, devices.get(row["device_id"])) for row in shown),
        next=_cursor(shown[-1]) if len(rows) > len(shown) else None,
    )


async def _devices(database: Database, ids: Iterable[str]) -> dict[str, Row]:
    found = database[FLEET.name].find({"_id": {"$in": list(ids)}}, {"name": 1, "relays": 1})
    return {device["_id"]: device async for device in found}


def _shown(row: Row, device: Row | None) -> DoorEventRow:
    relays = device["relays"] if device else []
    return DoorEventRow(
        door_event_id=row["_id"],
        kind=row["kind"],
        device_id=row["device_id"],
        device_name=device["name"] if device else "",
        relay=row["relay"],
        relay_name=next((relay["name"] for relay in relays if relay["number"] == row["relay"]), None),
        method=row["method"],
        who=row["who"],
        detail=row["detail"],
        happened_at=row["happened_at"],
        clock_wrong=row["clock_wrong"],
    )


def _cursor(row: Row) -> str:
    return f"{(row['happened_at'] - _EPOCH) // timedelta(milliseconds=1)}.{row['_id']}"


def _before(cursor: str) -> dict[str, Any]:
    read = _CURSOR.fullmatch(cursor)
    if read is None:
        raise refused("cursor-invalid", "cursor")
    at = _EPOCH + timedelta(milliseconds=int(read[1]))
    older, as_old = {"happened_at": {"$lt": at}}, {"happened_at": at, "_id": {"$lt": read[2]}}
    return {"happened_at": {"$lte": at}, "$or": [older, as_old]}
