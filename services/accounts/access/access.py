"""The access of one account: its place in the tenant tree, its password and its open sessions.

Whoever loses access loses it in the same atomic step as what took it away, so no session outlives its right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from contracts.accounts.access import (
    AccessClosed,
    AccessOpened,
    ChangePassword,
    CloseSession,
    EndImpersonation,
    KeepSession,
    OpenSession,
    PasswordChanged,
    PasswordIssued,
    PasswordRevoked,
    SessionClosed,
    SessionKept,
    SessionOpened,
)
from contracts.accounts.partners import CreateSuperManager
from contracts.message import Event, Role
from contracts.permissions import within
from contracts.refusals import refused
from contracts.session_time import SESSIONS_MAX, idle_time, is_worth_keeping
from kernel.deciding.decider import Aggregate, Decision, Elsewhere, Neighbours, Outcome, Ref
from services.accounts.access import login

AccessEvent = (
    AccessOpened
    | AccessClosed
    | PasswordIssued
    | PasswordRevoked
    | PasswordChanged
    | SessionOpened
    | SessionKept
    | SessionClosed
)

UNUSABLE = "!"
"""A password hash that no password has: nobody logs in until a password is issued."""


@dataclass(frozen=True, slots=True)
class Session:
    """One login, or one switch into the account by its distributor."""

    expires_at: datetime
    impersonator_id: str | None


@dataclass(frozen=True)
class Access:
    """What decides whether somebody gets in."""

    account_id: str = ""
    role: Role = Role.FAMILY_MEMBER
    distributor_id: str | None = None
    installer_id: str | None = None
    household_id: str | None = None
    key: str = ""
    password_hash: str = UNUSABLE
    must_change: bool = False
    closed: bool = False
    sessions: Mapping[str, Session] = field(default_factory=dict)

    @property
    def absent(self) -> bool:
        return not self.account_id

    @property
    def is_open(self) -> bool:
        return not self.absent and not self.closed


def evolve(access: Access, event: AccessEvent) -> Access:
    match event:
        case AccessOpened():
            return Access(
                account_id=event.account_id,
                role=event.role,
                distributor_id=event.distributor_id,
                installer_id=event.installer_id,
                household_id=event.household_id,
                key=event.key,
                password_hash=event.password_hash,
                must_change=True,
            )
        case AccessClosed():
            return replace(access, closed=True, password_hash=UNUSABLE, sessions={})
        case PasswordIssued():
            return replace(access, key=event.key, password_hash=event.password_hash, must_change=True, sessions={})
        case PasswordRevoked():
            return replace(access, key=event.key, password_hash=UNUSABLE, must_change=True, sessions={})
        case PasswordChanged():
            kept = {id: each for id, each in access.sessions.items() if id == event.kept_session_id}
            return replace(access, password_hash=event.password_hash, must_change=False, sessions=kept)
        case SessionOpened():
            # No session begins with more than this, so whatever had expired when this one opened can be forgotten.
            opened_at = event.expires_at - idle_time(access.role)
            alive = {id: each for id, each in access.sessions.items() if each.expires_at > opened_at}
            opened = Session(event.expires_at, event.impersonator_id)
            return replace(access, sessions={**alive, event.session_id: opened})
        case SessionKept():
            session = access.sessions.get(event.session_id)
            if session is None:
                return access
            moved = replace(session, expires_at=event.expires_at)
            return replace(access, sessions={**access.sessions, event.session_id: moved})
        case SessionClosed():
            others = {id: each for id, each in access.sessions.items() if id != event.session_id}
            return replace(access, sessions=others)
        case _:
            assert_never(event)


def create_super_manager(command: CreateSuperManager, access: Access, logins: Neighbours) -> Outcome:
    claimed = login.claim(login.by_contacts(command.email, None), command.account_id, logins)
    if not access.absent:
        if claimed or access.role is not Role.SUPER_MANAGER:
            raise refused("id-taken")
        return []
    assert command.password_hash
    opened = AccessOpened(
        account_id=command.account_id,
        role=Role.SUPER_MANAGER,
        distributor_id=None,
        installer_id=None,
        household_id=None,
        name=command.name,
        password_hash=command.password_hash,
        key=staff_key(command.account_id),
    )
    return [opened, *claimed]


def open_session(command: OpenSession, access: Access, _: Neighbours) -> Outcome:
    # The password was verified before this was decided; it must still be the one.
    if not access.is_open or command.verified_hash != access.password_hash:
        raise refused("login-failed")
    if command.session_id in access.sessions:
        return []
    opened = SessionOpened(
        account_id=access.account_id,
        session_id=command.session_id,
        expires_at=command.at + idle_time(access.role),
        agent=command.agent,
        address=command.address,
    )
    return [*crowded_out(access, None, command.at), opened]


def keep_session(command: KeepSession, access: Access, _: Neighbours) -> Outcome:
    session = access.sessions.get(command.session_id)
    if session is None or session.impersonator_id is not None:
        return []
    if not is_worth_keeping(access.role, session.expires_at, command.at):
        return []
    expires_at = command.at + idle_time(access.role)
    return [SessionKept(account_id=access.account_id, session_id=command.session_id, expires_at=expires_at)]


def crowded_out(access: Access, impersonator_id: str | None, now: datetime) -> list[SessionClosed]:
    """The sessions of one person in this account that end so that another one may open: the longest unused."""
    own = [
        (session.expires_at, session_id)
        for session_id, session in access.sessions.items()
        if session.impersonator_id == impersonator_id and session.expires_at > now
    ]
    crowd = sorted(own)[: max(0, len(own) - SESSIONS_MAX + 1)]
    return [SessionClosed(account_id=access.account_id, session_id=session_id) for _, session_id in crowd]


def close_session(command: CloseSession, access: Access, _: Neighbours) -> Outcome:
    if command.account_id != command.actor.account_id or not access.is_open:
        raise refused("account-unknown")
    if command.actor.impersonator_id and command.session_id != command.actor.session_id:
        raise refused("forbidden-while-impersonating")
    return end_session(command.session_id, access)


def end_session(session_id: str, access: Access) -> list[SessionClosed]:
    """Nothing when it is over already."""
    if session_id not in access.sessions:
        return []
    return [SessionClosed(account_id=access.account_id, session_id=session_id)]


def change_password(command: ChangePassword, access: Access, _: Neighbours) -> Outcome:
    if command.account_id != command.actor.account_id or not access.is_open:
        raise refused("account-unknown")
    if command.current_hash != access.password_hash:
        raise refused("password-wrong", "current_password")
    if command.password_hash == access.password_hash:
        return []
    assert command.password_hash
    changed = PasswordChanged(
        account_id=access.account_id,
        password_hash=command.password_hash,
        kept_session_id=command.actor.session_id,
    )
    return [changed]


def end_impersonation(command: EndImpersonation, access: Access, _: Neighbours) -> Outcome:
    in_tree = within(command.actor, distributor_id=access.distributor_id, installer_id=access.installer_id)
    if not access.is_open or access.role is not Role.INSTALLER or not in_tree:
        raise refused("installer-unknown")
    session = access.sessions.get(command.session_id)
    if session is None or session.impersonator_id is None:
        return []
    return end_session(command.session_id, access)


def ref(account_id: str) -> Ref:
    """The access of that account."""
    return Ref("access", account_id)


def opened(
    account_id: str,
    role: Role,
    password_hash: str | None,
    key: str,
    *,
    distributor_id: str | None,
    installer_id: str | None = None,
    household_id: str | None = None,
) -> Elsewhere:
    """Let a new account in, with the password that was made for it."""
    assert password_hash, "the service makes the password before it decides"
    event: Event = AccessOpened(
        account_id=account_id,
        role=role,
        distributor_id=distributor_id,
        installer_id=installer_id,
        household_id=household_id,
        password_hash=password_hash,
        key=key,
    )
    return Elsewhere(ref(account_id), event)


def staff_key(account_id: str) -> str:
    """The data key of an account that belongs to no household."""
    return f"{account_id}.0"


def _login_of(command: CreateSuperManager, _: Access) -> list[Ref]:
    return [*login.by_contacts(command.email, None).values()]


ACCESS = Aggregate(
    name="access",
    initial=Access(),
    evolve=evolve,
    events=(
        AccessOpened,
        AccessClosed,
        PasswordIssued,
        PasswordRevoked,
        PasswordChanged,
        SessionOpened,
        SessionKept,
        SessionClosed,
    ),
    decisions={
        CreateSuperManager: Decision("account_id", create_super_manager, _login_of),
        OpenSession: Decision("account_id", open_session),
        KeepSession: Decision("account_id", keep_session),
        CloseSession: Decision("account_id", close_session),
        ChangePassword: Decision("account_id", change_password),
        EndImpersonation: Decision("installer_id", end_impersonation),
    },
    key=lambda access: access.key or None,
)
