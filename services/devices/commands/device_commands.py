"""What devices were told, and what became of it. One-time lines are kept here with their secrets masked only.

Doors that were opened and arming that was switched are a household's history: they go with its residents. What a device
was told to do for its own sake stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypedDict

from contracts.devices.commands import (
    IMMEDIATE,
    DeviceCommandCancelled,
    DeviceCommandDelivered,
    DeviceCommandDone,
    DeviceCommandExpired,
    DeviceCommandFailed,
    DeviceCommandLost,
    DeviceCommandPage,
    DeviceCommandQueued,
    DeviceCommandRow,
    DeviceCommandSent,
    DeviceCommandState,
    GetDeviceCommand,
    ListDeviceCommands,
)
from contracts.devices.homes import HomeEmptied
from contracts.devices.intercoms import DeviceUnbound
from contracts.message import Actor, Event, Recorded
from contracts.permissions import owned, within
from contracts.refusals import refused
from kernel.reading.listing import listed
from kernel.reading.readmodel import Drop, Index, ReadModel, Row
from kernel.service.declaration import Tools
from services.devices.autop.autop import masked, shown_to
from services.devices.commands.device_command import DeviceCommandEvent
from services.devices.intercoms.devices import FLEET, names_of_devices

STATE_OF: Mapping[type[Event], DeviceCommandState] = {
    DeviceCommandQueued: DeviceCommandState.QUEUED,
    DeviceCommandSent: DeviceCommandState.SENT,
    DeviceCommandDelivered: DeviceCommandState.DELIVERED,
    DeviceCommandDone: DeviceCommandState.DONE,
    DeviceCommandFailed: DeviceCommandState.FAILED,
    DeviceCommandExpired: DeviceCommandState.EXPIRED,
    DeviceCommandCancelled: DeviceCommandState.CANCELLED,
    DeviceCommandLost: DeviceCommandState.UNKNOWN,
}


class DeviceCommandDocument(TypedDict):
    """A command to a device. `queued_seq` and `changed_seq` order it against others of the same device.

    `history_of` is the household whose history it is, if it is any.
    """

    device_id: str
    mac: str
    user_id: str
    history_of: str | None
    installer_id: str
    kind: str
    state: str
    reason: str | None
    relay: int | None
    lines: list[str]
    provisioning_id: str | None
    nonce: str
    created_at: datetime
    changed_at: datetime
    expires_at: datetime
    queued_seq: int
    changed_seq: int


def keys(recorded: Recorded) -> Iterable[str]:
    return (recorded.event.device_command_id,) if isinstance(recorded.event, DeviceCommandEvent) else ()


def fold(row: Row | None, recorded: Recorded) -> Row | None:
    event = recorded.event
    if isinstance(event, DeviceCommandQueued):
        return {**_queued(event, recorded)}
    if row is None:
        return None
    return {
        **row,
        "state": STATE_OF[type(event)],
        "reason": getattr(event, "reason", None),
        "changed_at": recorded.at,
        "changed_seq": recorded.seq,
    }


def drops(recorded: Recorded) -> Drop | None:
    match recorded.event:
        case DeviceUnbound() as event:
            return Drop("device_id", event.device_id)
        case HomeEmptied() as event:
            return Drop("history_of", event.user_id)
        case _:
            return None


def _queued(event: DeviceCommandQueued, recorded: Recorded) -> DeviceCommandDocument:
    return {
        "device_id": event.device_id,
        "mac": event.mac,
        "user_id": event.user_id,
        "history_of": event.user_id if event.kind in IMMEDIATE else None,
        "installer_id": event.installer_id,
        "kind": event.kind,
        "state": DeviceCommandState.QUEUED,
        "reason": None,
        "relay": event.relay,
        "lines": [masked(line) for line in event.lines],
        "provisioning_id": event.provisioning_id,
        "nonce": event.nonce,
        "created_at": recorded.at,
        "changed_at": recorded.at,
        "expires_at": event.expires_at,
        "queued_seq": recorded.seq,
        "changed_seq": recorded.seq,
    }


COMMANDS = ReadModel(
    name="commands",
    version=2,
    keys=keys,
    fold=fold,
    drops=drops,
    indexes=(
        Index([("device_id", 1), ("created_at", -1), ("_id", -1)]),
        Index([("device_id", 1), ("state", 1)]),
        Index([("state", 1)]),
        Index([("history_of", 1)], partialFilterExpression={"history_of": {"$type": 2}}),
        Index([("provisioning_id", 1), ("created_at", 1)], partialFilterExpression={"provisioning_id": {"$type": 2}}),
    ),
)


async def list_device_commands(query: ListDeviceCommands, tools: Tools) -> DeviceCommandPage:
    found = await tools.database[FLEET.name].find_one({"_id": query.device_id})
    device = owned(found, query.actor, "device-unknown")
    page = await listed(tools.database[COMMANDS.name], {"device_id": query.device_id}, query)
    rows = tuple(DeviceCommandRow(**_shown(row, device["name"], query.actor)) for row in page.rows)
    return DeviceCommandPage(rows=rows, total=page.total, page=query.page, per_page=query.per_page)


async def get_device_command(query: GetDeviceCommand, tools: Tools) -> DeviceCommandRow:
    row = await tools.database[COMMANDS.name].find_one({"_id": query.device_command_id})
    known = row is not None and within(
        query.actor, distributor_id=None, installer_id=row["installer_id"], household_id=row["user_id"]
    )
    if row is None or not known:
        raise refused("device-command-unknown")
    names = await names_of_devices(tools.database, [row["device_id"]])
    return DeviceCommandRow(**_shown(row, names.get(row["device_id"], ""), query.actor))


def _shown(row: Row, device_name: str, actor: Actor) -> dict[str, Any]:
    return {
        "device_command_id": row["_id"],
        "device_id": row["device_id"],
        "device_name": device_name,
        "mac": row["mac"],
        "kind": row["kind"],
        "state": row["state"],
        "reason": row["reason"],
        "relay": row["relay"],
        "lines": shown_to(actor, row["lines"]),
        "provisioning_id": row["provisioning_id"],
        "created_at": row["created_at"],
        "changed_at": row["changed_at"],
        "expires_at": row["expires_at"],
    }
