"""The audit trail: what was done to devices, cameras, homes' access, MACs, imports and batches. It outlives Reset.

Who, when and what kind, never what was said, but for the reason that was given when a MAC was moved. Who claimed a
MAC out of a library is not for that library to know. What devices tell by themselves all day is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypedDict

from contracts.devices.audit import DeviceAuditPage, DeviceAuditRow, ListDeviceAudit
from contracts.devices.autop import AutopSubmitted, ProvisioningForgotten, ProvisioningRetried, RegularProfileChanged
from contracts.devices.cameras import CameraAdded, CameraDescribed, CameraLinked, CameraRemoved, CameraUnlinked
from contracts.devices.commands import (
    DeviceCommandCancelled,
    DeviceCommandDone,
    DeviceCommandExpired,
    DeviceCommandFailed,
    DeviceCommandLost,
    DeviceCommandQueued,
)
from contracts.devices.configuration import (
    ConfigurationApplied,
    ConfigurationRefused,
    DeviceReported,
    MethodChoiceDropped,
)
from contracts.devices.homes import CredentialGranted, CredentialWithdrawn, HomeEmptied, HomeForgotten
from contracts.devices.imports import (
    MacImportAbandoned,
    MacImportCompleted,
    MacImportJudged,
    MacImportOpened,
    MacImportStarted,
)
from contracts.devices.intercoms import (
    ConnectionTypeChosen,
    DeviceBound,
    DeviceDescribed,
    DeviceKeyIssued,
    DeviceUnbound,
    RelaysConfigured,
)
from contracts.devices.library import MacBound, MacClaimed, MacGiven, MacRegistered, MacRemoved, MacTaken, MacUnbound
from contracts.devices.remote_control import (
    RemoteControlClaimed,
    RemoteControlClosed,
    RemoteControlOpened,
    RemoteControlUsed,
)
from contracts.message import Actor, Event, Recorded, Role
from contracts.refusals import refused
from kernel.keeping.mongo import Database
from kernel.keeping.opaque import Opaque
from kernel.reading.readmodel import Index, ReadModel, Row
from kernel.service.declaration import Tools
from services.devices.owners.owners import installers_of, names_of_staff

_STAFF = (Role.SUPER_MANAGER, Role.DISTRIBUTOR, Role.INSTALLER, Role.PROPERTY_MANAGER)

# Which of an event's ids name what it was done to. An event that is not here only went along with another one, or is
# told by devices all day: presence, deliveries, the weather, what happens at doors.
_ABOUT: dict[type[Event], tuple[str, ...]] = {
    **dict.fromkeys((MacRegistered, MacRemoved, MacTaken, MacGiven, MacClaimed, MacBound, MacUnbound), ("mac",)),
    **dict.fromkeys(
        (MacImportOpened, MacImportJudged, MacImportStarted, MacImportCompleted, MacImportAbandoned),
        ("import_id",),
    ),
    **dict.fromkeys((DeviceBound, DeviceUnbound), ("device_id", "user_id")),
    **dict.fromkeys(
        (
            DeviceDescribed,
            RelaysConfigured,
            ConnectionTypeChosen,
            DeviceKeyIssued,
            DeviceReported,
            MethodChoiceDropped,
            ConfigurationApplied,
            ConfigurationRefused,
            DeviceCommandQueued,
            DeviceCommandDone,
            DeviceCommandFailed,
            DeviceCommandExpired,
            DeviceCommandCancelled,
            DeviceCommandLost,
            RegularProfileChanged,
            RemoteControlOpened,
            RemoteControlClaimed,
            RemoteControlUsed,
            RemoteControlClosed,
        ),
        ("device_id",),
    ),
    **dict.fromkeys((AutopSubmitted, ProvisioningRetried, ProvisioningForgotten), ("provisioning_id",)),
    **dict.fromkeys((CameraAdded, CameraRemoved), ("camera_id", "user_id")),
    CameraDescribed: ("camera_id",),
    **dict.fromkeys((CredentialGranted, CredentialWithdrawn), ("user_id", "credential_id")),
    **dict.fromkeys((HomeEmptied, HomeForgotten), ("user_id",)),
}


ANOTHER = "another"
"""Whoever acted, where that is not for the reader to know."""

# What the service did by itself with something that says not whose it is, such as an import.
_ITS_OWN_DOING = {"installer_id": None, "distributor_id": None}


class AuditDocument(TypedDict):
    """One event. `about` are the ids whose trail shows it. Whose it is: `distributor_id` may be unknown here."""

    stream: str
    seq: int
    at: datetime
    type: str
    about: list[str]
    installer_id: str | None
    distributor_id: str | None
    actor_id: str
    actor_role: str
    actor_place: list[str]
    impersonator_id: str | None
    address: str | None
    reason: str | None


def keys(recorded: Recorded) -> Iterable[str]:
    return (recorded.event_id,) if _about(recorded) else ()


def fold(row: Row | None, recorded: Recorded) -> Row:
    actor, event = recorded.actor, recorded.event
    distributor_id, installer_id = _place(event, actor)
    document: AuditDocument = {
        "stream": recorded.stream,
        "seq": recorded.seq,
        "at": recorded.at,
        "type": type(event).__name__,
        "about": list(_about(recorded)),
        "installer_id": installer_id,
        "distributor_id": distributor_id,
        "actor_id": actor.account_id,
        "actor_role": actor.role,
        "actor_place": [each for each in (actor.distributor_id, actor.installer_id) if each],
        "impersonator_id": actor.impersonator_id,
        # Where residents are is theirs to know.
        "address": actor.address if actor.role in _STAFF else None,
        "reason": event.reason if isinstance(event, MacTaken | MacGiven) else None,
    }
    return {**document}


def _place(event: Event, actor: Actor) -> tuple[str | None, str | None]:
    """The distributor and the installer whose trail shows it."""
    if isinstance(event, MacRemoved | MacClaimed):
        # Out of a library: whose it was, which is not always the actor's.
        return event.distributor_id, event.installer_id
    return (
        getattr(event, "distributor_id", None) or actor.distributor_id,
        getattr(event, "installer_id", None) or actor.installer_id,
    )


def _about(recorded: Recorded) -> tuple[str, ...]:
    event = recorded.event
    # A link is told of the camera and of the device, in one step: each shows its own.
    if isinstance(event, CameraLinked | CameraUnlinked):
        return (recorded.aggregate_id,)
    return tuple(getattr(event, field) for field in _ABOUT.get(type(event), ()))


AUDIT = ReadModel(
    name="audit", version=3, keys=keys, fold=fold, indexes=(Index([("about", 1), ("seq", -1)]),), grows=True
)


async def list_device_audit(query: ListDeviceAudit, tools: Tools) -> DeviceAuditPage:
    collection, about = tools.database[AUDIT.name], {"about": query.subject_id}
    own = await _own(query.actor, tools.database)
    if await collection.find_one({**about, "$or": own}, {"_id": 1}) is None:
        raise refused("subject-unknown")
    filter: dict[str, Any] = {**about, "$or": [*own, _ITS_OWN_DOING]}
    cursors = Opaque(tools.secrets, "audit-cursor")
    if query.cursor is not None:
        filter["seq"] = {"$lt": _seq(cursors.opened(query.cursor, query.subject_id))}
    found = await collection.find(filter, limit=query.limit + 1).sort("seq", -1).to_list()
    shown = found[: query.limit]
    ids = {row[field] for row in shown for field in ("actor_id", "impersonator_id") if row[field]}
    names = await names_of_staff(tools.database, ids)
    return DeviceAuditPage(
        rows=tuple(_shown(_as_seen_by(query.actor, row), query.subject_id, names) for row in shown),
        next=cursors.sealed(f"{shown[-1]['seq']:018d}", query.subject_id) if len(found) > len(shown) else None,
    )


async def _own(actor: Actor, database: Database) -> list[dict[str, Any]]:
    """What of a subject's trail is the actor's own: a MAC may have been another's before."""
    if actor.role is Role.SUPER_MANAGER:
        return [{}]
    if actor.installer_id:
        for_any = {"installer_id": None, "distributor_id": actor.distributor_id}
        return [{"installer_id": actor.installer_id}, for_any]
    if actor.distributor_id:
        installers = await installers_of(database, actor.distributor_id)
        return [{"distributor_id": actor.distributor_id}, {"installer_id": {"$in": installers}}]
    raise refused("forbidden")


def _as_seen_by(actor: Actor, row: Row) -> Row:
    """The row, less who it was where that is somebody of another tree who took something out of this one."""
    place = row["actor_place"]
    own = actor.installer_id or actor.distributor_id
    if actor.role is Role.SUPER_MANAGER or row["actor_role"] != Role.INSTALLER or not place or own in place:
        return row
    return {**row, "actor_id": ANOTHER, "impersonator_id": None, "address": None}


def _shown(row: Row, subject_id: str, names: dict[str, str]) -> DeviceAuditRow:
    return DeviceAuditRow(
        event_id=row["_id"],
        at=row["at"],
        type=row["type"],
        about=subject_id,
        actor_id=row["actor_id"],
        actor_role=row["actor_role"],
        actor_name=names.get(row["actor_id"]),
        impersonator_id=row["impersonator_id"],
        impersonator_name=names.get(row["impersonator_id"]),
        address=row["address"],
        reason=row["reason"],
    )


def _seq(opened: str | None) -> int:
    if opened is None:
        raise refused("cursor-invalid", "cursor")
    return int(opened)
