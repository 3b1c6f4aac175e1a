"""The audit trail: one row per event, who and when and what kind, never what was said. It outlives Reset (U-44).

Repeated are a distributor's reason for entering an account, and an operator's for a budget: given to be read there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from contracts.accounts.access import (
    AccessClosed,
    AccessOpened,
    LoginClaimed,
    LoginReleased,
    PasswordChanged,
    PasswordIssued,
    PasswordRevoked,
    SessionClosed,
    SessionKept,
    SessionOpened,
)
from contracts.accounts.audit import AuditPage, AuditRow, ListAudit
from contracts.accounts.budgets import BudgetSet
from contracts.accounts.households import UserAdded
from contracts.accounts.leaving import UserDeleted, UserReset
from contracts.accounts.numbers import SipNumberAllocated, SipNumberReleased
from contracts.accounts.partners import AccountEntered, InstallerCreated, PropertyManagerCreated
from contracts.message import Recorded, Role
from contracts.permissions import owned
from kernel.keeping.mongo import Database
from kernel.reading.readmodel import Row
from kernel.reading.trail import part_of, trail
from kernel.service.declaration import Tools
from services.accounts.access.sessions import ACCOUNTS
from services.accounts.households.household import HouseholdEvent
from services.accounts.partners.distributor import DistributorEvent
from services.accounts.partners.installer import InstallerEvent

_PEOPLE_MAX = 1_000
_ERASING = (UserReset.__name__, UserDeleted.__name__)


def about(recorded: Recorded) -> tuple[str, ...]:
    """Whose pages show it; nobody's, when it only went along with another event of its command."""
    event = recorded.event
    match event:
        case (
            LoginClaimed()
            | LoginReleased()
            | SipNumberAllocated()
            | SipNumberReleased()
            | AccessClosed()
            | PasswordRevoked()
            | SessionKept()
        ):
            return ()
        case AccessOpened():
            return (event.account_id,) if event.role is Role.SUPER_MANAGER else ()
        case SessionOpened():
            return (event.account_id,) if event.impersonator_id is None else ()
        case PasswordIssued() | PasswordChanged() | SessionClosed():
            return (event.account_id,)
        case UserAdded() | UserDeleted():
            return (event.user_id, event.installer_id)
        case InstallerCreated():
            return (event.installer_id, event.distributor_id)
        case BudgetSet():
            return (event.payer_id, recorded.actor.account_id)
        case AccountEntered():
            return (event.installer_id, event.impersonator_id)
        case PropertyManagerCreated():
            return (event.property_manager_id, event.installer_id)
    if isinstance(event, HouseholdEvent):
        return (event.user_id,)
    if isinstance(event, InstallerEvent):
        return (event.installer_id,)
    if isinstance(event, DistributorEvent):
        return (event.distributor_id,)
    return ()


def more(recorded: Recorded) -> dict[str, Any]:
    """What kind of thing it was done to, and the reasons that are given to be read here."""
    event = recorded.event
    return {
        "kind": recorded.aggregate,
        "reason": event.reason if isinstance(event, AccountEntered | BudgetSet) else None,
    }


AUDIT = trail(about, more, version=2, keeps_all=True)


async def list_audit(query: ListAudit, tools: Tools) -> AuditPage:
    subject_id = query.subject_id or query.actor.account_id
    people = await _people_of(query, subject_id, tools.database)
    part = await part_of(subject_id, query, {"about": {"$in": people}}, tools.database, tools.secrets)
    names = await _names(tools.database, part.rows)
    rows = [await _with_erasure(_shown(row, names), tools) for row in part.rows]
    return AuditPage(rows=tuple(rows), next=part.next)


async def _people_of(query: ListAudit, subject_id: str, database: Database) -> list[str]:
    """The subject, and when it is a household everybody who ever had an account in it."""
    found = await database[ACCOUNTS.name].find_one({"_id": subject_id})
    account = owned(found, query.actor, "subject-unknown", household="household_id")
    if account["household_id"] != subject_id:
        return [subject_id]
    people = database[ACCOUNTS.name].find({"household_id": subject_id}, {"_id": 1}, limit=_PEOPLE_MAX)
    return [person["_id"] async for person in people]


async def _names(database: Database, rows: Iterable[Row]) -> dict[str, str | None]:
    """Names of staff. A resident's id stays an id."""
    ids = {row[field] for row in rows for field in ("actor_id", "impersonator_id") if row[field]}
    staff = database[ACCOUNTS.name].find({"_id": {"$in": list(ids)}, "household_id": None}, {"name": 1})
    return {account["_id"]: account["name"] async for account in staff}


def _shown(row: Row, names: dict[str, str | None]) -> AuditRow:
    return AuditRow(
        event_id=row["_id"],
        at=row["at"],
        type=row["type"],
        about=row["about"][0],
        about_kind=row["kind"],
        actor_id=row["actor_id"],
        actor_role=row["actor_role"],
        actor_name=names.get(row["actor_id"]),
        impersonator_id=row["impersonator_id"],
        impersonator_name=names.get(row["impersonator_id"]),
        address=row["address"],
        reason=row["reason"],
    )


async def _with_erasure(row: AuditRow, tools: Tools) -> AuditRow:
    if row.type not in _ERASING:
        return row
    by, at = row.at + tools.settings.erased_within, await tools.erased_since(row.at)
    return row.model_copy(update={"erased_by": by, "erased_at": at})
