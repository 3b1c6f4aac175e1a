"""How far each device of a batch is: a One Time batch as its commands, a Regular one as what came of the profiles."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.devices.autop import AutopKind, ProvisionedDevice
from contracts.devices.commands import DeviceCommandState
from contracts.devices.configuration import ConfigurationState
from kernel.keeping.mongo import Database
from kernel.reading.readmodel import Row
from services.devices.autop.provisionings import PROFILES, REMEMBERED_BATCHES
from services.devices.commands.device_commands import COMMANDS
from services.devices.intercoms.device import configuration_state
from services.devices.intercoms.devices import FLEET

FAILED = (DeviceCommandState.FAILED, DeviceCommandState.EXPIRED, DeviceCommandState.UNKNOWN)
"""What a retry sends again. What was taken back stays so."""
OVER = (DeviceCommandState.DONE, DeviceCommandState.CANCELLED, *FAILED)


@dataclass(frozen=True)
class _Seen:
    """What is known of the devices of some batches, by id."""

    fleet: Mapping[str, Row]
    profiles: Mapping[str, Row]
    commands: Mapping[tuple[str, str], Row]


async def progress_of(database: Database, batches: Sequence[Row]) -> dict[str, list[ProvisionedDevice]]:
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
    is_merged = batch["_id"] in stored["batches"] or len(stored["batches"]) == REMEMBERED_BATCHES
    if not is_merged or stored["digest"] != stored["issued"]:
        return DeviceCommandState.QUEUED, None, changed_at
    match configuration_state(there["issued_version"], there["applied_version"], there["refused_version"]):
        case ConfigurationState.APPLIED:
            return DeviceCommandState.DONE, None, changed_at
        case ConfigurationState.REFUSED:
            return DeviceCommandState.FAILED, there["refused_because"], changed_at
        case _:
            return DeviceCommandState.SENT if there["online"] else DeviceCommandState.QUEUED, None, changed_at
