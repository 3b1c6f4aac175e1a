"""The audit trail: what was done to devices, cameras, homes' access, MACs, imports and batches. It outlives Reset.

Who, when and what kind, never what was said, but for the reason that was given when a MAC was moved. Who claimed a
MAC out of a library is not for that library to know. What devices tell by themselves all day is not in it.
"""

from __future__ import annotations

from typing import Any

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
from kernel.reading.readmodel import Row
from kernel.reading.trail import part_of, trail
from kernel.service.declaration import Tools
from services.devices.owners.owners import installers_of, names_of_staff

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


def _place(event: Event, actor: Actor) -> tuple[str | None, str | None]:
    """The distributor and the installer whose trail shows it."""
    if isinstance(event, MacRemoved | MacClaimed):
        # Out of a library: whose it was, which is not always the actor's.
        return event.distributor_id, event.installer_id
    return (
        getattr(event, "distributor_id", None) or actor.distributor_id,
        getattr(event, "installer_id", None) or actor.installer_id,
    )


def about(recorded: Recorded) -> tuple[str, ...]:
    """The ids whose trail shows it."""
    event = recorded.event
    # A link is told of the camera and of the device, in one step: each shows its own.
    if isinstance(event, CameraLinked | CameraUnlinked):
        return (recorded.aggregate_id,)
    return tuple(getattr(event, field) for field in _ABOUT.get(type(event), ()))


def more(recorded: Recorded) -> dict[str, Any]:
    """Whose it is (its distributor may be unknown here), where who acted stands, and why a MAC was moved."""
    actor, event = recorded.actor, recorded.event
    distributor_id, installer_id = _place(event, actor)
    return {
        "installer_id": installer_id,
        "distributor_id": distributor_id,
        "actor_place": [each for each in (actor.distributor_id, actor.installer_id) if each],
        "reason": event.reason if isinstance(event, MacTaken | MacGiven) else None,
    }


AUDIT = trail(about, more, version=3)


async def list_device_audit(query: ListDeviceAudit, tools: Tools) -> DeviceAuditPage:
    own = await _own(query.actor, tools.database)
    if await tools.database[AUDIT.name].find_one({"about": query.subject_id, "$or": own}, {"_id": 1}) is None:
        raise refused("subject-unknown")
    wanted = {"about": query.subject_id, "$or": [*own, _ITS_OWN_DOING]}
    part = await part_of(query.subject_id, query, wanted, tools.database, tools.secrets)
    ids = {row[field] for row in part.rows for field in ("actor_id", "impersonator_id") if row[field]}
    names = await names_of_staff(tools.database, ids)
    return DeviceAuditPage(
        rows=tuple(_shown(_as_seen_by(query.actor, row), query.subject_id, names) for row in part.rows),
        next=part.next,
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
