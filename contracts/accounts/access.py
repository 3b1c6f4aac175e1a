"""Who may log in: passwords, sessions, account access, and the logins that lead to an account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from contracts.accounts.words import CredentialAnswer
from contracts.message import Answer, Command, Event, Open, Personal, Query, Role, View
from contracts.moments import RecordedMoment
from contracts.reasons import Kind, Reason
from contracts.text import FilledLine, labelled
from contracts.words import Filled, Id
from contracts.zones import ZoneName

SessionId = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the session token")]
IMPERSONATION_MINUTES = 60


class LoginAnswer(Answer):
    """What the door shows to whoever came in."""

    role: Open[Role]
    must_change_password: Open[bool]


class OpenSession(Command[LoginAnswer]):
    """Log in. `identifier` is an e-mail address, a mobile number as it is written where installers work, or a UID."""

    identifier: Annotated[str, Field(min_length=1, max_length=254)]
    password: Annotated[str, Field(min_length=1, max_length=256, repr=False)]
    session_id: SessionId
    agent: Annotated[str, Field(max_length=256), labelled(256)] = ""
    account_id: Filled = None
    verified_hash: Filled = None
    address: Filled = None


class CloseSession(Command):
    """Log out, or end one of one's own other sessions."""

    account_id: Id
    session_id: SessionId


class KeepSession(Command):
    """A session was used: it lasts on. Sent by the gateway, for a login and never for account access."""

    account_id: Id
    session_id: SessionId


class ChangePassword(Command):
    """Replace one's own password. Ends all other sessions of the account."""

    account_id: Id
    current_password: Annotated[str, Field(max_length=256, repr=False)]
    new_password: Annotated[str, Field(min_length=10, max_length=256, repr=False)]
    current_hash: Filled = None
    password_hash: Filled = None


class StartImpersonation(Command):
    """A distributor switches into an installer's account, for at most 60 minutes, with a reason."""

    installer_id: Id
    reason: FilledLine
    session_id: SessionId
    agent: Annotated[str, Field(max_length=256), labelled(256)] = ""


class EndImpersonation(Command):
    """The distributor goes back, or time is up."""

    installer_id: Id
    session_id: SessionId


class ResetPassword(Command[CredentialAnswer]):
    """Issue a new initial password to the master or a member, and end their sessions (U-35)."""

    user_id: Id
    account_id: Id
    password_hash: Filled = None


class AccessOpened(Event):
    """An account may log in. `household_id` is set for residents, `name` for whoever has no aggregate of their own."""

    account_id: str
    role: Role
    distributor_id: str | None
    installer_id: str | None
    household_id: str | None
    name: Personal | None = None
    password_hash: Personal
    key: str


class AccessClosed(Event):
    """An account may no longer log in; all its sessions are over."""

    account_id: str


class PasswordIssued(Event):
    """A new initial password was issued; it must be changed at the next login, and all sessions are over."""

    account_id: str
    password_hash: Personal
    key: str


class PasswordRevoked(Event):
    """Nobody can log in to the account until a password is issued; all its sessions are over."""

    account_id: str
    key: str


class PasswordChanged(Event):
    """The holder chose a password; every session but the one that did it is over."""

    account_id: str
    password_hash: Personal
    kept_session_id: str | None


class SessionOpened(Event):
    """Somebody logged in, or switched in (`impersonator_id`)."""

    account_id: str
    session_id: str
    expires_at: RecordedMoment
    agent: Personal
    address: Personal | None = None
    impersonator_id: str | None = None
    reason: Personal | None = None


class SessionClosed(Event):
    """A session is over."""

    account_id: str
    session_id: str


class SessionKept(Event):
    """A session was used and lasts on."""

    account_id: str
    session_id: str
    expires_at: RecordedMoment


class LoginClaimed(Event):
    """An identifier (e-mail address, mobile number, UID) leads to this account and to no other."""

    account_id: str


class LoginReleased(Event):
    """The identifier is free."""

    account_id: str


class SessionRow(View):
    """One open session of an account."""

    session_id: str
    opened_at: RecordedMoment
    expires_at: RecordedMoment
    agent: str
    address: str | None
    impersonator_id: str | None


class SessionList(View):
    """The caller's open sessions, newest first."""

    rows: tuple[SessionRow, ...]


class ListSessions(Query):
    """The caller's own open sessions."""


class SessionView(View):
    """Who holds a session, and what their console may show."""

    session_id: str
    account_id: str
    role: Role
    name: str
    distributor_id: str | None
    installer_id: str | None
    household_id: str | None
    must_change_password: bool
    account_access_offered: bool
    permission_granted: bool
    offline_solution: bool
    time_zone: ZoneName
    expires_at: RecordedMoment
    impersonator_id: str | None
    impersonator_name: str | None
    reason: str | None


class GetSession(Query):
    """The holder of a session, or `session-unknown`. Asked by the gateway itself, before it knows an actor."""

    session_id: SessionId


class LoginOwner(View):
    """Whom an identifier leads to, or nobody; `login` is the same text for every spelling of the identifier."""

    account_id: str | None
    login: str


class FindLoginOwner(Query):
    """Whom an identifier leads to. Asked by the gateway alone, which counts wrong passwords; no route shows it."""

    identifier: Annotated[str, Field(min_length=1, max_length=254)]


QUERIES: Mapping[type[Query], type[View]] = {
    ListSessions: SessionList,
    GetSession: SessionView,
    FindLoginOwner: LoginOwner,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    StartImpersonation: ". D . . . . .",
    EndImpersonation:   ". D I . . . +",
    OpenSession:        "S D I P M F .",
    CloseSession:       "S D I P M F +",
    KeepSession:        ". . . . . . .",
    ChangePassword:     "S D I P M F .",
    GetSession:         "S D I P M F +",
    FindLoginOwner:     ". . . . . . +",
    ListSessions:       "S D I P M F +",
    ResetPassword:      ". . I . . . .",
}
# fmt: on

REFUSALS: Mapping[str, Reason] = {
    "login-failed": Reason(Kind.UNAUTHENTICATED, "The account and the password do not match."),
    "session-unknown": Reason(Kind.UNAUTHENTICATED, "The session is over. Log in again."),
    "account-unknown": Reason(Kind.UNKNOWN, "There is no such account."),
    "password-wrong": Reason(Kind.INVALID, "The present password is not right."),
    "password-weak": Reason(Kind.INVALID, "This password is among those that are guessed first. Choose another."),
    "password-same": Reason(Kind.INVALID, "The new password is the present one. Choose another."),
    "login-taken": Reason(Kind.CONFLICT, "Another account uses this already."),
}
