"""What is shown of devices: an installer's list of them, and one with how it is now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from contracts.devices.commands import OPEN_STATES, DeviceCommandKind, DeviceCommandState
from contracts.devices.intercoms import DeviceDetail, DevicePage, DeviceRow, GetDevice, ListDevices
from contracts.devices.relays import AccessMethod, RelayView
from contracts.notations import mac_digits
from contracts.permissions import own_installer, owned
from kernel.keeping.mongo import Database
from kernel.keeping.opaque import Opaque
from kernel.reading.listing import Tallied, listed, search_page
from kernel.reading.readmodel import Row
from kernel.service.declaration import Tools
from kernel.spelling import search
from services.devices.intercoms.device import configuration_state
from services.devices.intercoms.devices import FLEET, RelayDocument
from services.devices.models.model import Models
from services.devices.owners.owners import offline_solution_of, owners_found, owners_of
from services.devices.tallies import TALLIES, devices_of

_COMMANDS = "commands"


async def list_devices(query: ListDevices, tools: Tools) -> DevicePage:
    installer_id = own_installer(query.actor)
    collection = tools.database[FLEET.name]
    own = {"installer_id": installer_id, **({"user_id": query.user_id} if query.user_id else {})}
    if query.q.strip():
        if not (ways := await _ways(query, installer_id, tools.database)):
            return DevicePage(rows=(), total=0, page=query.page, per_page=query.per_page)
        page = await search_page(collection, {**own, "$or": ways}, query)
    else:
        # What a home has is few, and counted.
        tallied = None if query.user_id else Tallied(TALLIES, (devices_of(installer_id),))
        page = await listed(collection, own, query, tallied=tallied)
    owners = await owners_of(tools.database, (row["user_id"] for row in page.rows))
    rows = tuple(DeviceRow(**_shown(row, owners)) for row in page.rows)
    return DevicePage(rows=rows, total=page.total, page=query.page, per_page=query.per_page)


async def get_device(query: GetDevice, tools: Tools) -> DeviceDetail:
    found = await tools.database[FLEET.name].find_one({"_id": query.device_id}, {"tokens": 0})
    row = owned(found, query.actor, "device-unknown")
    owners, offline_solution, open_commands, armed = await asyncio.gather(
        owners_of(tools.database, [row["user_id"]]),
        offline_solution_of(tools.database, row["distributor_id"]),
        _open_commands(tools.database, row["_id"]),
        _armed(tools.database, row),
    )
    models: Models = tools.tables
    return DeviceDetail(
        **_shown(row, owners),
        installer_id=row["installer_id"],
        distributor_id=row["distributor_id"],
        relays=_relay_views(row["relays"]),
        security_relays=_relay_views(row["security_relays"]),
        internet_access=row["internet_access"],
        transfer_ip=row["transfer_ip"],
        works_offline=row["works_offline"],
        arming_function=row["arming_function"],
        armed=armed,
        connection_type=row["connection_type"],
        offline_solution=offline_solution,
        max_relays=models.max_relays(row["model"]),
        methods_gate=models.gate_shown(row["model"], row["firmware"]),
        method_choice_dropped=row["method_choice_dropped"],
        shows_weather=models.shows_weather(row["model"], row["firmware"]),
        issued_version=row["issued_version"],
        applied_version=row["applied_version"],
        configuration_reason=row["refused_because"],
        open_commands=open_commands,
        linked_camera_id=row["linked_camera_id"],
        regular_lines=row["regular_lines"],
        waits_for_key=row["waits_for_key"],
        revision=Opaque(tools.secrets, "revision").sealed(f"{row['form_seq']:018d}", row["_id"]),
    )


async def _ways(query: ListDevices, installer_id: str, database: Database) -> list[Mapping[str, Any]]:
    """In which ways a device may be found by what was typed; none when it can be found in no way."""
    asked = (query.key,) if query.key else ("mac", "owner", "name")
    prefixes = []
    if "mac" in asked and (digits := mac_digits(query.q)):
        prefixes += search.typed_ends("a", digits.lower())
    if "name" in asked:
        prefixes.append(search.typed_name(query.q))
    ways: list[Mapping[str, Any]] = [search.beginning_with(prefixes)] if prefixes else []
    if "owner" in asked and (owners := await owners_found(database, installer_id, query.q)):
        ways.append({"user_id": {"$in": owners}})
    return ways


async def _open_commands(database: Database, device_id: str) -> int:
    return await database[_COMMANDS].count_documents({"device_id": device_id, "state": {"$in": list(OPEN_STATES)}})


async def _armed(database: Database, row: Row) -> bool | None:
    """What the device was last made to be, for one that can; nobody knows before it was."""
    if not row["arming_function"]:
        return None
    switched = await database[_COMMANDS].find_one(
        {
            "device_id": row["_id"],
            "kind": {"$in": [DeviceCommandKind.ARM, DeviceCommandKind.DISARM]},
            "state": DeviceCommandState.DONE,
        },
        {"kind": 1},
        sort=[("created_at", -1)],
    )
    return switched["kind"] == DeviceCommandKind.ARM if switched else None


def _shown(row: Row, owners: Mapping[str, Row]) -> dict[str, Any]:
    owner = owners.get(row["user_id"])
    return {
        "device_id": row["_id"],
        "mac": row["mac"],
        "user_id": row["user_id"],
        "uid": owner["uid"] if owner else "",
        "owner": owner["name"] if owner else "",
        "name": row["name"],
        "sip": row["sip"],
        "kind": row["kind"],
        "model": row["model"],
        "firmware": row["firmware"],
        "online": row["online"],
        "last_connected_at": row["last_connected_at"],
        "configuration": configuration_state(row["issued_version"], row["applied_version"], row["refused_version"]),
        "created_at": row["created_at"],
    }


def _relay_views(relays: Iterable[RelayDocument]) -> tuple[RelayView, ...]:
    return tuple(
        RelayView(**{**relay, "methods": tuple(AccessMethod(method) for method in relay["methods"])})
        for relay in relays
    )
