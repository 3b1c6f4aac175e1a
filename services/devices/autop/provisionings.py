"""Provisionings, as their pages show them: each batch with how far each of its devices is, live.

No line is kept here with its secret, and none once no device of the batch is left. A One Time batch is as far as its
commands; a Regular one as far as the configurations that came of the profiles it changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from contracts.devices.autop import (
    AutopChange,
    AutopKind,
    AutopLine,
    AutopPreview,
    AutopSubmitted,
    GetProvisioning,
    GetRegularProfile,
    ListProvisionings,
    MergeRegularProfile,
    PreviewAutop,
    ProvisionedDevice,
    ProvisioningDetail,
    ProvisioningForgotten,
    ProvisioningPage,
    ProvisioningRetried,
    ProvisioningRow,
    RegularProfile,
    RegularProfileChanged,
    RetryProvisioning,
)
from contracts.devices.commands import DeviceCommandState
from contracts.devices.configuration import (
    ConfigurationApplied,
    ConfigurationIssued,
    ConfigurationRefused,
    ConfigurationState,
)
from contracts.devices.intercoms import DeviceUnbound
from contracts.message import Actor, Recorded
from contracts.permissions import within
from kernel.deciding.decider import Refused
from kernel.keeping.mongo import Database
from kernel.reading.listing import listed
from kernel.reading.readmodel import Index, ReadModel, Row
from kernel.service.declaration import Reading, Working
from services.devices.autop import autop, profile
from services.devices.autop.autop import masked, shown_to
from services.devices.autop.profile import Profile
from services.devices.autop.provisioning import ProvisioningEvent, judged_whole
from services.devices.commands.device_commands import COMMANDS
from services.devices.intercoms.device import configuration_state
from services.devices.intercoms.devices import FLEET
from services.devices.refusing import refused

_REMEMBERED_BATCHES = 50
_PREVIEW_CHARACTERS = 400_000
_LOADED_AT_ONCE = 64

FAILED = (DeviceCommandState.FAILED, DeviceCommandState.EXPIRED, DeviceCommandState.UNKNOWN)
"""What a retry sends again. What was taken back stays so."""
OVER = (DeviceCommandState.DONE, DeviceCommandState.CANCELLED, *FAILED)


class ProvisioningDocument(TypedDict):
    """A batch. `lines` are masked; `retried` says which of its devices were sent it again, and when last."""

    installer_id: str
    distributor_id: str
    kind: str
    lines: list[str]
    device_ids: list[str]
    dropped: int
    overridden: int
    created_at: datetime
    retried: dict[str, datetime]


class ProfileDocument(TypedDict):
    """How far a device is with its profile: `issued` is the digest of the lines that its configuration came of."""

    digest: str
    issued: str
    batches: list[str]
    changed_at: datetime


def keys(recorded: Recorded) -> Iterable[str]:
    event = recorded.event
    return (event.provisioning_id,) if isinstance(event, ProvisioningEvent) else ()


def fold(row: Row | None, recorded: Recorded) -> Row | None:
    event = recorded.event
    if isinstance(event, AutopSubmitted):
        submitted: ProvisioningDocument = {
            "installer_id": event.installer_id,
            "distributor_id": event.distributor_id,
            "kind": event.kind,
            "lines": [masked(line) for line in event.lines],
            "device_ids": list(event.device_ids),
            "dropped": event.dropped,
            "overridden": event.overridden,
            "created_at": recorded.at,
            "retried": {},
        }
        return {**submitted}
    assert row is not None
    if isinstance(event, ProvisioningForgotten):
        return {**row, "lines": []}
    assert isinstance(event, ProvisioningRetried)
    return {**row, "retried": {**row["retried"], **dict.fromkeys(event.device_ids, recorded.at)}}


PROVISIONINGS = ReadModel(
    name="provisionings",
    keys=keys,
    fold=fold,
    indexes=(Index([("installer_id", 1), ("created_at", -1), ("_id", -1)]),),
)

_ProfileEvent = (
    RegularProfileChanged | ConfigurationIssued | ConfigurationApplied | ConfigurationRefused | DeviceUnbound
)


def keys_of_profile(recorded: Recorded) -> Iterable[str]:
    return (recorded.event.device_id,) if isinstance(recorded.event, _ProfileEvent) else ()


def fold_profile(row: Row | None, recorded: Recorded) -> Row | None:
    match recorded.event:
        case RegularProfileChanged() as event:
            batches = row["batches"] if row else []
            if event.provisioning_id is not None:
                batches = [event.provisioning_id, *batches][:_REMEMBERED_BATCHES]
            changed: ProfileDocument = {
                "digest": event.digest,
                "issued": row["issued"] if row else profile.NOTHING,
                "batches": batches,
                "changed_at": recorded.at,
            }
            return {**changed}
        case ConfigurationIssued():
            return {**row, "issued": row["digest"], "changed_at": recorded.at} if row else None
        case ConfigurationApplied() | ConfigurationRefused():
            return {**row, "changed_at": recorded.at} if row else None
        case _:
            return None


PROFILES = ReadModel(name="profiles", keys=keys_of_profile, fold=fold_profile)


# --- Queries ----------------------------------------------------------------------------------------------------------


async def list_provisionings(query: ListProvisionings, reading: Reading) -> ProvisioningPage:
    installer_id = query.actor.installer_id
    if installer_id is None:
        raise refused("forbidden")
    own = {"installer_id": installer_id}
    page = await listed(reading.database[PROVISIONINGS.name], own, query, without=("lines",))
    progress = await _progress(reading.database, page.rows)
    rows = tuple(ProvisioningRow(**_counted(row, progress[row["_id"]])) for row in page.rows)
    return ProvisioningPage(rows=rows, total=page.total, page=query.page, per_page=query.per_page)


async def get_provisioning(query: GetProvisioning, reading: Reading) -> ProvisioningDetail:
    row = await _batch(query.actor, query.provisioning_id, reading.database)
    progress = (await _progress(reading.database, [row]))[row["_id"]]
    return ProvisioningDetail(
        **_counted(row, progress),
        lines=shown_to(query.actor, row["lines"]),
        dropped=row["dropped"],
        overridden=row["overridden"],
        rows=tuple(progress),
    )


async def get_profile(query: GetRegularProfile, reading: Reading) -> RegularProfile:
    await _own_devices(query.actor, [query.device_id], reading)
    stored: Profile = (await reading.load(profile.of(query.device_id)))[0]
    return RegularProfile(device_id=query.device_id, lines=shown_to(query.actor, map(masked, stored.lines)))


async def preview(query: PreviewAutop, reading: Reading) -> AutopPreview:
    judged = judged_whole(query.text)
    devices = await _own_devices(query.actor, query.device_ids, reading)
    changes: list[AutopChange] = []
    if query.kind is AutopKind.REGULAR:
        room = _PREVIEW_CHARACTERS
        for row, stored in zip(devices, await _profiles(devices, reading), strict=True):
            change = autop.difference(stored.lines, judged.lines)
            cost = sum(map(len, (*change.added, *change.changed)))
            is_listed = cost <= room
            room -= cost if is_listed else 0
            changes.append(
                AutopChange(
                    device_id=row["_id"],
                    device_name=row["name"],
                    mac=row["mac"],
                    added=change.added if is_listed else (),
                    changed=change.changed if is_listed else (),
                    same=change.same,
                    omitted=0 if is_listed else len(change.added) + len(change.changed),
                )
            )
    lines = tuple(
        AutopLine(number=each.number, text=masked(each.text), verdict=each.verdict, danger=each.is_dangerous)
        for each in judged.settings
    )
    return AutopPreview(lines=lines, dangerous=judged.is_dangerous, changes=tuple(changes))


async def _own_devices(actor: Actor, device_ids: Sequence[str], reading: Reading) -> list[Row]:
    """The devices in that order, each once. Refuses (`device-unknown`) when one is not there or somebody else's."""
    wanted = list(dict.fromkeys(device_ids))
    fields = {"mac": 1, "name": 1, "installer_id": 1, "distributor_id": 1}
    rows = {row["_id"]: row async for row in reading.database[FLEET.name].find({"_id": {"$in": wanted}}, fields)}
    for device_id in wanted:
        row = rows.get(device_id)
        if row is None or not _is_within(actor, row):
            raise refused("device-unknown", "device_ids")
    return [rows[device_id] for device_id in wanted]


async def _profiles(devices: Sequence[Row], reading: Reading) -> list[Profile]:
    turns = asyncio.Semaphore(_LOADED_AT_ONCE)

    async def load(device_id: str) -> Profile:
        async with turns:
            stored: Profile = (await reading.load(profile.of(device_id)))[0]
            return stored

    return await asyncio.gather(*(load(row["_id"]) for row in devices))


async def _batch(actor: Actor, provisioning_id: str, database: Database) -> Row:
    row = await database[PROVISIONINGS.name].find_one({"_id": provisioning_id})
    if row is None or not _is_within(actor, row):
        raise refused("provisioning-unknown")
    return row


def _is_within(actor: Actor, row: Row) -> bool:
    return within(actor, distributor_id=row["distributor_id"], installer_id=row["installer_id"])


def _counted(row: Row, progress: Sequence[ProvisionedDevice]) -> dict[str, Any]:
    done = sum(each.state is DeviceCommandState.DONE for each in progress)
    waiting = sum(each.state not in OVER for each in progress)
    return {
        "provisioning_id": row["_id"],
        "kind": row["kind"],
        "devices": len(progress),
        "done": done,
        "failed": len(progress) - done - waiting,
        "waiting": waiting,
        "created_at": row["created_at"],
    }


# --- How far each device is -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Seen:
    """What is known of the devices of some batches, by id."""

    fleet: Mapping[str, Row]
    profiles: Mapping[str, Row]
    commands: Mapping[tuple[str, str], Row]


async def _progress(database: Database, batches: Sequence[Row]) -> dict[str, list[ProvisionedDevice]]:
    """For each batch its devices, in the order in which they were chosen."""
    device_ids = list({device_id for row in batches for device_id in row["device_ids"]})
    regular = list(
        {device_id for row in batches if row["kind"] == AutopKind.REGULAR for device_id in row["device_ids"]}
    )
    one_time = [row["_id"] for row in batches if row["kind"] == AutopKind.ONE_TIME]
    shown = dict.fromkeys(
        ("name", "mac", "online", "issued_version", "applied_version", "refused_version", "refused_because"), 1
    )
    of_command = dict.fromkeys(("provisioning_id", "device_id", "state", "reason", "created_at", "changed_at"), 1)
    # The type is said so that the index, which has only those with a batch, serves.
    of_batches = {"provisioning_id": {"$in": one_time, "$type": "string"}}
    fleet, profiles, commands = await asyncio.gather(
        database[FLEET.name].find({"_id": {"$in": device_ids}}, shown).to_list(),
        database[PROFILES.name].find({"_id": {"$in": regular}}).to_list(),
        database[COMMANDS.name].find(of_batches, of_command).sort("created_at", 1).to_list(),
    )
    seen = _Seen(
        {row["_id"]: row for row in fleet},
        {row["_id"]: row for row in profiles},
        # Sent again, a device has several: the newest counts.
        {(row["provisioning_id"], row["device_id"]): row for row in commands},
    )
    return {row["_id"]: [_device(row, device_id, seen) for device_id in row["device_ids"]] for row in batches}


def _device(batch: Row, device_id: str, seen: _Seen) -> ProvisionedDevice:
    there = seen.fleet.get(device_id)
    command = seen.commands.get((batch["_id"], device_id))
    if batch["kind"] == AutopKind.ONE_TIME:
        state, reason, changed_at = _state_by_command(batch, device_id, command)
    else:
        state, reason, changed_at = _state_by_configuration(batch, there, seen.profiles.get(device_id))
    if there is None and state not in OVER:
        state, reason = DeviceCommandState.CANCELLED, "device-gone"
    return ProvisionedDevice(
        device_id=device_id,
        device_name=there["name"] if there else "",
        mac=there["mac"] if there else "",
        state=state,
        reason=reason,
        changed_at=changed_at,
    )


_State = tuple[DeviceCommandState, str | None, datetime | None]


def _state_by_command(batch: Row, device_id: str, command: Row | None) -> _State:
    retried_at = batch["retried"].get(device_id)
    if command is None or (retried_at is not None and command["created_at"] < retried_at):
        return DeviceCommandState.QUEUED, None, retried_at
    return DeviceCommandState(command["state"]), command["reason"], command["changed_at"]


def _state_by_configuration(batch: Row, there: Row | None, stored: Row | None) -> _State:
    changed_at = stored["changed_at"] if stored else None
    if there is None or stored is None:
        return DeviceCommandState.QUEUED, None, changed_at
    is_merged = batch["_id"] in stored["batches"] or len(stored["batches"]) == _REMEMBERED_BATCHES
    if not is_merged or stored["digest"] != stored["issued"]:
        return DeviceCommandState.QUEUED, None, changed_at
    match configuration_state(there["issued_version"], there["applied_version"], there["refused_version"]):
        case ConfigurationState.APPLIED:
            return DeviceCommandState.DONE, None, changed_at
        case ConfigurationState.REFUSED:
            return DeviceCommandState.FAILED, there["refused_because"], changed_at
        case _:
            return DeviceCommandState.SENT if there["online"] else DeviceCommandState.QUEUED, None, changed_at


# --- What commands are told before they are decided -------------------------------------------------------------------


async def prepare_retry(command: RetryProvisioning, working: Working) -> RetryProvisioning:
    """Which of the batch's devices failed; none of one that is not visible yet. Whose it is, is the batch's to say."""
    try:
        row = await _batch(command.actor, command.provisioning_id, working.database)
    except Refused:
        return command
    progress = (await _progress(working.database, [row]))[row["_id"]]
    failed = tuple(each.device_id for each in progress if each.state in FAILED)
    return command.model_copy(update={"device_ids": failed})


async def prepare_merge(command: MergeRegularProfile, working: Working) -> MergeRegularProfile:
    key = working.secrets.derive("regular-profile", command.device_id).hex()
    return command.model_copy(update={"digest_key": key})
