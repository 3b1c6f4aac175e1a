"""The fleet: an installer's devices as the Device module and a household's page show them, with how each is now.

Whose a device is is joined from `owners` when a list is read. What a device opens with and how it proves itself is in
no document here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypedDict

from contracts.devices.autop import RegularProfileChanged
from contracts.devices.cameras import CameraLinked, CameraUnlinked
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
    DeviceKeyIssued,
    DeviceUnbound,
    RelaysConfigured,
)
from contracts.devices.presence import DeviceWentOffline, DeviceWentOnline
from contracts.message import Recorded
from kernel.keeping.mongo import Database
from kernel.reading.readmodel import Index, ReadModel, Row
from kernel.spelling import search
from services.devices.intercoms.device import NO_KEY, fitted

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


async def names_of_devices(database: Database, device_ids: Iterable[str]) -> dict[str, str]:
    """What the devices of those ids are called; those that are gone are not among them."""
    wanted = list(dict.fromkeys(device_ids))
    devices = database[FLEET.name].find({"_id": {"$in": wanted}}, {"name": 1})
    return {each["_id"]: each["name"] async for each in devices}


async def macs_of_devices(database: Database, device_ids: Iterable[str]) -> dict[str, str]:
    """The MACs of the devices of those ids; those that are gone are not among them."""
    devices = database[FLEET.name].find({"_id": {"$in": list(device_ids)}}, {"mac": 1})
    return {each["_id"]: each["mac"] async for each in devices}
