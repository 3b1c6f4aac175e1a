"""Accounts with their open sessions: who somebody is, where in the tenant tree, and which logins are still good.

One document per account, so that whatever ends all its sessions ends them with one change. The document stays when the
account is closed, without a name: it says in whose tree the audit trail of that id lies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypedDict

from contracts.accounts.access import (
    AccessClosed,
    AccessOpened,
    GetSession,
    ListSessions,
    PasswordChanged,
    PasswordIssued,
    PasswordRevoked,
    SessionClosed,
    SessionKept,
    SessionList,
    SessionOpened,
    SessionRow,
    SessionView,
)
from contracts.accounts.households import ResidenceDescribed, UserAdded
from contracts.accounts.leaving import UserDeleted, UserReset
from contracts.accounts.members import MemberAdded, MemberDeleted, MemberEdited
from contracts.accounts.partners import DistributorCreated, InstallerCreated, PropertyManagerCreated
from contracts.message import Recorded, Role
from contracts.refusals import refused
from kernel.keeping.mongo import Database
from kernel.reading.readmodel import Index, ReadModel, Row
from kernel.service.declaration import Tools
from services.accounts.access.access import UNUSABLE, AccessEvent
from services.accounts.households.queries import zone_of_installer
from services.accounts.partners.partners import offline_solution_of


class SessionDocument(TypedDict):
    """An open session within its account.

    Under account access `own_session_id` is the session from which the distributor switched in.
    """

    session_id: str
    opened_at: datetime
    expires_at: datetime
    agent: str
    address: str | None
    impersonator_id: str | None
    own_session_id: str | None
    reason: str | None


class AccountDocument(TypedDict):
    """An account."""

    role: str | None
    distributor_id: str | None
    installer_id: str | None
    household_id: str | None
    name: str | None
    time_zone: str | None
    must_change: bool
    has_password: bool
    closed: bool
    sessions: list[SessionDocument]


_UNKNOWN: AccountDocument = {
    "role": None,
    "distributor_id": None,
    "installer_id": None,
    "household_id": None,
    "name": None,
    "time_zone": None,
    "must_change": False,
    "has_password": False,
    "closed": False,
    "sessions": [],
}


def keys(recorded: Recorded) -> Iterable[str]:
    event = recorded.event
    if isinstance(event, AccessEvent):
        return (event.account_id,)
    match event:
        case InstallerCreated():
            return (event.installer_id,)
        case DistributorCreated():
            return (event.distributor_id,)
        case PropertyManagerCreated():
            return (event.property_manager_id,)
        case UserAdded() | ResidenceDescribed():
            return (event.user_id,)
        case MemberAdded() | MemberEdited() | MemberDeleted():
            return (event.member_id,)
        case UserReset() | UserDeleted():
            return (event.user_id, *event.members)
        case _:
            return ()


def fold(row: Row | None, recorded: Recorded) -> Row:
    account = row or _UNKNOWN
    event = recorded.event
    match event:
        case InstallerCreated() | DistributorCreated():
            return {**account, "name": event.name, "time_zone": event.time_zone}
        case PropertyManagerCreated() | UserAdded() | ResidenceDescribed() | MemberAdded() | MemberEdited():
            return {**account, "name": event.name}
        case UserReset():
            is_master = account.get("_id") == event.user_id
            return {**account, "name": event.name if is_master else None}
        case UserDeleted() | MemberDeleted():
            return {**account, "name": None}
        case AccessOpened():
            return {
                **account,
                "role": event.role,
                "distributor_id": event.distributor_id,
                "installer_id": event.installer_id,
                "household_id": event.household_id,
                "name": event.name or account["name"],
                "must_change": True,
                "has_password": event.password_hash != UNUSABLE,
            }
        case AccessClosed():
            return {**account, "closed": True, "sessions": []}
        case PasswordIssued():
            has_password = event.password_hash != UNUSABLE
            return {**account, "must_change": True, "has_password": has_password, "sessions": []}
        case PasswordRevoked():
            return {**account, "must_change": True, "has_password": False, "sessions": []}
        case PasswordChanged():
            kept = [each for each in account["sessions"] if each["session_id"] == event.kept_session_id]
            return {**account, "must_change": False, "sessions": kept}
        case SessionOpened():
            alive = [each for each in account["sessions"] if each["expires_at"] > recorded.at]
            return {**account, "sessions": [*alive, _session(event, recorded)]}
        case SessionKept():
            moved = [
                {**each, "expires_at": event.expires_at} if each["session_id"] == event.session_id else each
                for each in account["sessions"]
            ]
            return {**account, "sessions": moved}
        case SessionClosed():
            others = [each for each in account["sessions"] if each["session_id"] != event.session_id]
            return {**account, "sessions": others}
        case _:
            raise AssertionError("not among the events that have keys here")


def _session(event: SessionOpened, recorded: Recorded) -> SessionDocument:
    return {
        "session_id": event.session_id,
        "opened_at": recorded.at,
        "expires_at": event.expires_at,
        "agent": event.agent,
        "address": event.address,
        "impersonator_id": event.impersonator_id,
        # Whoever switches in acts in a session of their own at that moment.
        "own_session_id": recorded.actor.session_id if event.impersonator_id else None,
        "reason": event.reason,
    }


ACCOUNTS = ReadModel(
    name="accounts",
    version=2,
    keys=keys,
    fold=fold,
    indexes=(Index([("sessions.session_id", 1)]), Index([("household_id", 1)])),
)


async def get_session(query: GetSession, tools: Tools) -> SessionView:
    database = tools.database
    account = await database[ACCOUNTS.name].find_one({"sessions.session_id": query.session_id})
    session = _living(account, query.session_id)
    if account is None or session is None:
        raise refused("session-unknown")
    installer, zone, offline_solution, impersonator = await asyncio.gather(
        _installer(database, account["installer_id"]),
        _zone(database, account),
        offline_solution_of(database, account["distributor_id"]),
        _account(database, session["impersonator_id"]),
    )
    offered = bool(installer and installer["offered"])
    granted = offered and bool(installer and installer["granted"])
    if session["impersonator_id"] and not (granted and _is_there_still(impersonator, session)):
        raise refused("session-unknown")
    return SessionView(
        session_id=query.session_id,
        account_id=account["_id"],
        role=account["role"],
        name=account["name"] or "",
        distributor_id=account["distributor_id"],
        installer_id=account["installer_id"],
        household_id=account["household_id"],
        # An impersonator knows no password of this account, so there is none to change.
        must_change_password=account["must_change"] and session["impersonator_id"] is None,
        account_access_offered=account["role"] == Role.INSTALLER and offered,
        permission_granted=account["role"] == Role.INSTALLER and granted,
        offline_solution=offline_solution,
        time_zone=zone,
        expires_at=session["expires_at"],
        impersonator_id=session["impersonator_id"],
        impersonator_name=impersonator["name"] if impersonator else None,
        reason=session["reason"],
    )


async def list_sessions(query: ListSessions, tools: Tools) -> SessionList:
    account = await _account(tools.database, query.actor.account_id)
    now = datetime.now(UTC)
    rows = [
        SessionRow(**{name: each[name] for name in SessionRow.model_fields})
        for each in reversed(account["sessions"] if account else [])
        # Whoever switched in sees its own session and not where the installer is logged in.
        if each["expires_at"] > now
        and (query.actor.impersonator_id is None or each["session_id"] == query.actor.session_id)
    ]
    return SessionList(rows=tuple(rows))


def _living(account: Row | None, session_id: str) -> Row | None:
    if account is None or account["closed"]:
        return None
    now = datetime.now(UTC)
    living = (each for each in account["sessions"] if each["session_id"] == session_id and each["expires_at"] > now)
    return next(living, None)


def _is_there_still(impersonator: Row | None, session: Row) -> bool:
    """Whether the distributor still holds the session from which it switched in: account access ends with it."""
    if impersonator is None or impersonator["closed"]:
        return False
    own_session_id = session["own_session_id"]
    return own_session_id is None or _living(impersonator, own_session_id) is not None


async def _account(database: Database, account_id: str | None) -> dict[str, Any] | None:
    return await database[ACCOUNTS.name].find_one({"_id": account_id}) if account_id else None


async def _installer(database: Database, installer_id: str | None) -> dict[str, Any] | None:
    return await database["installers"].find_one({"_id": installer_id}) if installer_id else None


async def _zone(database: Database, account: Row) -> str:
    if account["time_zone"]:
        return str(account["time_zone"])
    if household_id := account["household_id"]:
        household = await database["directory"].find_one({"_id": household_id}, {"time_zone": 1})
        if household and household["time_zone"]:
            return str(household["time_zone"])
    return await zone_of_installer(database, account["installer_id"])
