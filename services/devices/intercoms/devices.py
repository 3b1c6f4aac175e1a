"""The fleet: an installer's devices as the Device module and a household's page show them, with how each is now.

Whose a device is is joined from `owners` when a list is read. What a device opens with and how it proves itself is in
no document here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypedDict

from contracts.devices.autop import RegularProfileChanged
from contracts.devices.cameras import CameraLinked, CameraUnlinked
from contracts.devices.commands import OPEN_STATES, DeviceCommandKind, DeviceCommandState
from contracts.devices.configuration import (
    ConfigurationApplied,
    ConfigurationIssued,
    ConfigurationRefused,
    DeviceReported,
    MethodChoiceDropped,
)
from contracts.devices.intercoms import (
    ConnectionTypeChosen,
    DeviceBound,
    DeviceDescribed,
    DeviceDetail,
    DeviceKeyIssued,
    DevicePage,
    DeviceRow,
    DeviceUnbound,
    GetDevice,
    ListDevices,
    RelaysConfigured,
)
from contracts.devices.presence import DeviceWentOffline, DeviceWentOnline
from contracts.devices.relays import AccessMethod, RelayView
from contracts.message import Recorded
from contracts.notations import mac_digits
from contracts.permissions import within
from kernel.keeping.mongo import Database
from kernel.keeping.opaque import Opaque
from kernel.reading.listing import Tallied, found, listed
from kernel.reading.readmodel import Index, ReadModel, Row
from kernel.service.declaration import Reading
from kernel.spelling import search
from services.devices.intercoms.device import NO_KEY, configuration_state, fitted
from services.devices.models import models
from services.devices.owners.owners import offline_solution_of, owners_found, owners_of
from services.devices.refusing import refused
from services.devices.tallies import TALLIES, devices_of

_COMMANDS = "commands"

FleetEvent = (
    DeviceBound
    | DeviceDescribed
    | RelaysConfigured
    | ConnectionTypeChosen
    | DeviceKeyIssued
    | DeviceReported
    | MethodChoiceDropped
    | ConfigurationIssued
    | ConfigurationApplied
    | ConfigurationRefused
    | DeviceWentOnline
    | DeviceWentOffline
    | CameraLinked
    | CameraUnlinked
    | RegularProfileChanged
    | DeviceUnbound
)


class RelayDocument(TypedDict):
    """A relay with its name."""

    number: int
    enabled: bool
    name: str
    dtmf: str | None
    methods: list[str]


class DeviceDocument(TypedDict):
    """A device. `form_seq` is the last event that the form shows: the revision that it was filled from."""

    mac: str
    user_id: str
    installer_id: str
    distributor_id: str
    kind: str
    name: str
    sip: str
    relays: list[RelayDocument]
    security_relays: list[RelayDocument]
    method_choice_dropped: bool
    internet_access: bool
    transfer_ip: str | None
    works_offline: bool
    arming_function: bool
    connection_type: str
    model: str | None
    firmware: str | None
    online: bool
    last_connected_at: datetime | None
    issued_version: str | None
    applied_version: str | None
    refused_version: str | None
    refused_because: str | None
    linked_camera_id: str | None
    regular_lines: int
    waits_for_key: bool
    created_at: datetime
    tokens: list[str]
    form_seq: int


def keys(recorded: Recorded) -> Iterable[str]:
    # A link is told of the camera as well; here it counts once.
    if isinstance(recorded.event, CameraLinked | CameraUnlinked) and recorded.aggregate != "device":
        return ()
    return (recorded.event.device_id,) if isinstance(recorded.event, FleetEvent) else ()


def fold(row: Row | None, recorded: Recorded) -> Row | None:
    event = recorded.event
    if isinstance(event, DeviceBound):
        return _searchable({**_bound(event, recorded.at), "form_seq": recorded.seq})
    # Presence may be told late, of a device that is gone.
    if row is None or isinstance(event, DeviceUnbound):
        return None
    match event:
        case DeviceDescribed():
            described = {
                "kind": event.kind,
                "name": event.name,
                "internet_access": event.internet_access,
                "transfer_ip": event.transfer_ip,
                "works_offline": event.works_offline,
                "arming_function": event.arming_function,
            }
            return _searchable({**row, **described, "form_seq": recorded.seq})
        case RelaysConfigured():
            return {**row, **_relays(event), "method_choice_dropped": False, "form_seq": recorded.seq}
        case ConnectionTypeChosen():
            return {**row, "connection_type": event.connection_type}
        case DeviceKeyIssued():
            return {**row, "waits_for_key": event.key_hash == NO_KEY}
        case DeviceReported():
            return {**row, "model": event.model, "firmware": event.firmware}
        case MethodChoiceDropped():
            return {**row, "method_choice_dropped": True}
        case ConfigurationIssued():
            return {**row, "issued_version": event.configuration, "refused_version": None, "refused_because": None}
        case ConfigurationApplied():
            return {**row, "applied_version": event.configuration, "refused_version": None, "refused_because": None}
        case ConfigurationRefused():
            return {**row, "refused_version": event.configuration, "refused_because": event.reason}
        case DeviceWentOnline():
            return {**row, "online": True, "last_connected_at": recorded.at}
        case DeviceWentOffline():
            return {**row, "online": False}
        case CameraLinked():
            return {**row, "linked_camera_id": event.camera_id}
        case CameraUnlinked():
            return {**row, "linked_camera_id": None}
        case RegularProfileChanged():
            return {**row, "regular_lines": len(event.lines)}
        case _:
            return row


def _bound(event: DeviceBound, at: datetime) -> DeviceDocument:
    return {
        "mac": event.mac,
        "user_id": event.user_id,
        "installer_id": event.installer_id,
        "distributor_id": event.distributor_id,
        "kind": event.kind,
        "name": event.name,
        "sip": event.sip,
        **_relays(event),
        "method_choice_dropped": False,
        "internet_access": event.internet_access,
        "transfer_ip": event.transfer_ip,
        "works_offline": event.works_offline,
        "arming_function": event.arming_function,
        "connection_type": event.connection_type,
        "model": None,
        "firmware": None,
        "online": False,
        "last_connected_at": None,
        "issued_version": None,
        "applied_version": None,
        "refused_version": None,
        "refused_because": None,
        "linked_camera_id": None,
        "regular_lines": 0,
        "waits_for_key": event.key_hash == NO_KEY,
        "created_at": at,
        "tokens": [],
        "form_seq": 0,
    }


class _RelayDocuments(TypedDict):
    relays: list[RelayDocument]
    security_relays: list[RelayDocument]


def _relays(event: DeviceBound | RelaysConfigured) -> _RelayDocuments:
    told = ((event.relays, event.relay_names), (event.security_relays, event.security_relay_names))
    relays, security_relays = (
        [
            RelayDocument(
                number=each.number,
                enabled=each.enabled,
                name=each.name,
                dtmf=each.dtmf,
                methods=[str(method) for method in each.methods],
            )
            for each in fitted(settings, names)
        ]
        for settings, names in told
    )
    return {"relays": relays, "security_relays": security_relays}


def _searchable(row: Mapping[str, Any]) -> Row:
    return {**row, "tokens": [*search.end_tokens("a", row["mac"].lower()), *search.name_tokens(row["name"])]}


FLEET = ReadModel(
    name="fleet",
    version=4,
    keys=keys,
    fold=fold,
    indexes=(
        Index([("installer_id", 1), ("created_at", -1), ("_id", -1)]),
        Index([("installer_id", 1), ("user_id", 1), ("created_at", -1), ("_id", -1)]),
        Index([("installer_id", 1), ("tokens", 1)]),
    ),
)


async def list_devices(query: ListDevices, reading: Reading) -> DevicePage:
    installer_id = query.actor.installer_id
    if installer_id is None:
        raise refused("forbidden")
    collection = reading.database[FLEET.name]
    own = {"installer_id": installer_id, **({"user_id": query.user_id} if query.user_id else {})}
    if query.q.strip():
        if not (ways := await _ways(query, installer_id, reading.database)):
            return DevicePage(rows=(), total=0, page=query.page, per_page=query.per_page)
        page = await found(collection, {**own, "$or": ways}, query)
    else:
        # What a home has is few, and counted.
        tallied = None if query.user_id else Tallied(TALLIES, (devices_of(installer_id),))
        page = await listed(collection, own, query, tallied=tallied)
    owners = await owners_of(reading.database, (row["user_id"] for row in page.rows))
    rows = tuple(DeviceRow(**_shown(row, owners)) for row in page.rows)
    return DevicePage(rows=rows, total=page.total, page=query.page, per_page=query.per_page)


async def get_device(query: GetDevice, reading: Reading) -> DeviceDetail:
    row = await reading.database[FLEET.name].find_one({"_id": query.device_id}, {"tokens": 0})
    known = row is not None and within(
        query.actor,
        distributor_id=row["distributor_id"],
        installer_id=row["installer_id"],
        household_id=row["user_id"],
    )
    if row is None or not known:
        raise refused("device-unknown")
    owners, offline_solution, open_commands, armed = await asyncio.gather(
        owners_of(reading.database, [row["user_id"]]),
        offline_solution_of(reading.database, row["distributor_id"]),
        _open_commands(reading.database, row["_id"]),
        _armed(reading.database, row),
    )
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
        revision=Opaque(reading.secrets, "revision").sealed(f"{row['form_seq']:018d}", row["_id"]),
    )


async def names_of_devices(database: Database, device_ids: Iterable[str]) -> dict[str, str]:
    """What the devices of those ids are called; those that are gone are not among them."""
    wanted = list(dict.fromkeys(device_ids))
    devices = database[FLEET.name].find({"_id": {"$in": wanted}}, {"name": 1})
    return {each["_id"]: each["name"] async for each in devices}


async def macs_of_devices(database: Database, device_ids: Iterable[str]) -> dict[str, str]:
    """The MACs of the devices of those ids; those that are gone are not among them."""
    devices = database[FLEET.name].find({"_id": {"$in": list(device_ids)}}, {"mac": 1})
    return {each["_id"]: each["mac"] async for each in devices}


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
