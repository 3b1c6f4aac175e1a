"""The audit trail of households, installers and distributors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from contracts.message import Command, Query, Role, View
from contracts.moments import RecordedMoment
from contracts.words import Id, PerPage


class AuditRow(View):
    """One line of the audit trail: names are those of staff, ids those of residents.

    `reason` is what the distributor gave when it switched into an installer's account, or a super manager when it set
    a budget. Of a Reset or Delete `erased_by`
    says by when nothing is left in any copy that a store makes, and `erased_at` since when nothing is.
    """

    event_id: str
    at: RecordedMoment
    type: str
    about: str
    about_kind: str
    actor_id: str
    actor_role: Role
    actor_name: str | None
    impersonator_id: str | None
    impersonator_name: str | None
    address: str | None
    reason: str | None
    erased_by: RecordedMoment | None = None
    erased_at: RecordedMoment | None = None


class AuditPage(View):
    """Lines of the audit trail, newest first; `next` is the cursor of the following page."""

    rows: tuple[AuditRow, ...]
    next: str | None


class ListAudit(Query):
    """What was done to a household, an installer or a distributor; the caller's own account when none is named."""

    subject_id: Id | None = None
    cursor: Annotated[str | None, Field(max_length=64)] = None
    limit: PerPage = 50


QUERIES: Mapping[type[Query], type[View]] = {
    ListAudit: AuditPage,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    ListAudit: "S D I . . . +",
}
# fmt: on
