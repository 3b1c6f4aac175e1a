"""The audit trail of devices, cameras, homes' access, MACs, imports and batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from contracts.message import Command, Query, Role, View
from contracts.moments import RecordedMoment
from contracts.words import PerPage


class DeviceAuditRow(View):
    """One line of a device's, camera's or batch's audit trail: who, when, what kind, never what was said.

    `reason` is what a super manager gave when it moved a MAC.
    """

    event_id: str
    at: RecordedMoment
    type: str
    about: str
    actor_id: str
    actor_role: Role
    actor_name: str | None
    impersonator_id: str | None
    impersonator_name: str | None
    address: str | None
    reason: str | None = None


class DeviceAuditPage(View):
    """Lines of the audit trail, newest first; `next` is the cursor of the following page."""

    rows: tuple[DeviceAuditRow, ...]
    next: str | None


class ListDeviceAudit(Query):
    """What was done to a device, a camera, a home's access, a MAC, an import or a batch."""

    subject_id: Annotated[str, Field(pattern=r"^([0-9a-f-]{36}|[0-9A-F]{12})$")]
    cursor: Annotated[str | None, Field(max_length=64)] = None
    limit: PerPage = 50


QUERIES: Mapping[type[Query], type[View]] = {
    ListDeviceAudit: DeviceAuditPage,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    ListDeviceAudit: ". D I . . . +",
}
# fmt: on
