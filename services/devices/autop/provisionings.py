"""Provisionings, as their pages show them: each batch with how far each of its devices is, live.

No line is kept here with its secret, and none once no device of the batch is left. A One Time batch is as far as its
commands; a Regular one as far as the configurations that came of the profiles it changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict

from contracts.devices.autop import AutopSubmitted, ProvisioningForgotten, ProvisioningRetried, RegularProfileChanged
from contracts.devices.configuration import ConfigurationApplied, ConfigurationIssued, ConfigurationRefused
from contracts.devices.intercoms import DeviceUnbound
from contracts.message import Recorded
from kernel.reading.readmodel import Index, ReadModel, Row
from services.devices.autop import profile
from services.devices.autop.autop import masked
from services.devices.autop.provisioning import ProvisioningEvent

REMEMBERED_BATCHES = 50


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
                batches = [event.provisioning_id, *batches][:REMEMBERED_BATCHES]
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
