"""Access: who gets in at a household's doors by what, without what it is that opens.

One document per home: a device that leaves or a home that is emptied changes one document. A credential counts as
delivered once each of its devices has applied a configuration that was issued after it was granted.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict

from contracts.devices.configuration import ConfigurationApplied, ConfigurationIssued
from contracts.devices.homes import (
    CredentialGranted,
    CredentialKind,
    CredentialList,
    CredentialRow,
    CredentialWithdrawn,
    DeviceMovedOut,
    HomeEmptied,
    HomeForgotten,
    ListCredentials,
)
from contracts.devices.intercoms import DeviceBound, RelaysConfigured
from contracts.message import Recorded
from contracts.permissions import own_installer
from kernel.reading.readmodel import ReadModel, Row
from kernel.service.declaration import Tools
from services.devices.homes.home import METHOD_OF


class RelayDocument(TypedDict):
    """One relay of one device."""

    device_id: str
    relay: int


class CredentialDocument(TypedDict):
    """A credential within its home."""

    credential_id: str
    kind: str
    holder: str
    relays: list[RelayDocument]
    valid_from: datetime | None
    valid_to: datetime | None
    created_at: datetime
    seq: int


class DeviceDocument(TypedDict):
    """Which configuration a device was last to have, from which event on, whether it has it, and what opens its relays.

    `opens` has the methods of each relay that is on, by its number.
    """

    issued: str | None
    seq: int
    applied: bool
    opens: dict[str, list[str]]


class HomeDocument(TypedDict):
    """A home with devices."""

    installer_id: str
    credentials: list[CredentialDocument]
    devices: dict[str, DeviceDocument]


AccessEvent = (
    CredentialGranted
    | CredentialWithdrawn
    | DeviceBound
    | RelaysConfigured
    | ConfigurationIssued
    | ConfigurationApplied
    | DeviceMovedOut
    | HomeEmptied
    | HomeForgotten
)


def keys(recorded: Recorded) -> Iterable[str]:
    event = recorded.event
    return (event.user_id,) if isinstance(event, AccessEvent) else ()


def fold(row: Row | None, recorded: Recorded) -> Row | None:
    event = recorded.event
    if isinstance(event, DeviceBound | CredentialGranted) and row is None:
        home: HomeDocument = {"installer_id": event.installer_id, "credentials": [], "devices": {}}
        row = {**home}
    if row is None or isinstance(event, HomeForgotten):
        return None
    match event:
        case CredentialGranted():
            left = [*row["credentials"], _credential(event, recorded)]
        case HomeEmptied():
            left = []
        case DeviceBound() | RelaysConfigured():
            known = row["devices"].get(event.device_id) or {"issued": None, "seq": recorded.seq, "applied": False}
            opens = {str(each.number): [*map(str, each.methods)] for each in event.relays if each.enabled}
            return {**row, "devices": {**row["devices"], event.device_id: {**known, "opens": opens}}}
        case ConfigurationIssued():
            known = row["devices"].get(event.device_id) or {"opens": {}}
            told = {**known, "issued": event.configuration, "seq": recorded.seq, "applied": False}
            return {**row, "devices": {**row["devices"], event.device_id: told}}
        case ConfigurationApplied():
            known = row["devices"].get(event.device_id)
            if known is None:
                return row
            applied = {**known, "applied": known["issued"] == event.configuration}
            return {**row, "devices": {**row["devices"], event.device_id: applied}}
        case CredentialWithdrawn():
            left = [each for each in row["credentials"] if each["credential_id"] != event.credential_id]
        case DeviceMovedOut():
            without = (_without_device(each, event.device_id) for each in row["credentials"])
            left = [each for each in without if each["relays"]]
            row = {**row, "devices": {id: each for id, each in row["devices"].items() if id != event.device_id}}
        case _:
            raise AssertionError("not among the events that have keys here")
    return {**row, "credentials": left} if left or row["devices"] else None


def _credential(event: CredentialGranted, recorded: Recorded) -> CredentialDocument:
    return {
        "credential_id": event.credential_id,
        "kind": event.kind.value,
        "holder": event.holder,
        "relays": [{"device_id": ref.device_id, "relay": ref.relay} for ref in event.relays],
        "valid_from": event.valid_from,
        "valid_to": event.valid_to,
        "created_at": recorded.at,
        "seq": recorded.seq,
    }


def _without_device(credential: CredentialDocument, device_id: str) -> CredentialDocument:
    return {**credential, "relays": [ref for ref in credential["relays"] if ref["device_id"] != device_id]}


ACCESS = ReadModel(name="access", version=2, keys=keys, fold=fold)


async def list_credentials(query: ListCredentials, tools: Tools) -> CredentialList:
    installer_id = own_installer(query.actor)
    home = await tools.database[ACCESS.name].find_one({"_id": query.user_id, "installer_id": installer_id})
    rows = (shown(each, home["devices"]) for each in reversed(home["credentials"])) if home else ()
    return CredentialList(rows=tuple(rows))


def shown(credential: CredentialDocument, devices: dict[str, DeviceDocument]) -> CredentialRow:
    """The credential as lists have it."""
    method = METHOD_OF[CredentialKind(credential["kind"])]
    closed = [
        ref
        for ref in credential["relays"]
        if (known := devices.get(ref["device_id"])) is None or method not in known["opens"].get(str(ref["relay"]), ())
    ]
    told = [devices.get(ref["device_id"]) for ref in credential["relays"]]
    delivered = all(each is not None and each["applied"] and each["seq"] > credential["seq"] for each in told)
    row = {name: value for name, value in credential.items() if name != "seq"}
    return CredentialRow.model_validate({**row, "closed": closed, "delivered": delivered})
