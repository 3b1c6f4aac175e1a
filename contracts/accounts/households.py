"""Households: the form of the master account, what it turned into, and the lists that show it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contracts.accounts.members import MemberView
from contracts.accounts.terms import AccountStatus, PremiumStatus
from contracts.accounts.words import CredentialAnswer, MailLanguage
from contracts.message import Command, Event, Open, Personal, Query, View
from contracts.moments import RecordedMoment
from contracts.reasons import Kind, Reason
from contracts.text import Country, Email, FilledLine, Line, Name, Phone
from contracts.words import Filled, Form, Id, Page, PerPage
from contracts.zones import ZoneName


class CallType(StrEnum):
    """How a household's intercoms and phones reach each other (U-17)."""

    IP_CALL = "ip_call"
    SIP_CALL = "sip_call"


Landlines = Annotated[tuple[Phone | None, Phone | None, Phone | None], Field(description="1st, 2nd, 3rd")]


class UserForm(Form):
    """What is written about a household and its master account."""

    user_id: Id
    name: Name
    room: Line | None = None
    email: Email | None = None
    country: Country | None = None
    address: FilledLine
    mobile: Phone | None = None
    call_type: CallType = CallType.IP_CALL
    time_zone: Line | None = None
    language: MailLanguage = MailLanguage.ENGLISH
    landlines: Landlines = (None, None, None)
    home_automation: bool = False
    premium: bool
    landline_service: bool | None = None
    with_indoor_monitor: bool = False


class NewUserAnswer(CredentialAnswer):
    """The UID with which the master logs in, and the family's number as well."""

    uid: Open[str]
    family_sip: Open[str]


class AddUser(UserForm, Command[NewUserAnswer]):
    """Add a household and its master account (U-08..U-30). Starts inactivated."""

    password_hash: Filled = None


class EditUser(UserForm, Command):
    """Replace what the form shows (U-31, U-32)."""


class NoteIndoorMonitor(Command):
    """An indoor monitor stands in the household: it has one, unless somebody chose otherwise (U-45)."""

    user_id: Id


class UserAdded(Event):
    """A household exists, inactivated, with its SIP numbers. The personal SIP number is also its UID."""

    user_id: str
    installer_id: str
    distributor_id: str
    name: Personal
    room: Personal | None
    email: Personal | None
    country: Personal | None
    address: Personal
    mobile: Personal | None
    landlines: tuple[Personal | None, ...]
    call_type: CallType
    time_zone: str | None
    language: MailLanguage
    home_automation: bool
    premium: bool
    landline_service: bool
    with_indoor_monitor: bool
    family_sip: str
    personal_sip: str


class ResidenceDescribed(Event):
    """The household's name, room or address is now this."""

    user_id: str
    installer_id: str
    name: Personal
    room: Personal | None
    address: Personal


class ContactsChanged(Event):
    """The master is reached by these."""

    user_id: str
    installer_id: str
    email: Personal | None
    country: Personal | None
    mobile: Personal | None
    landlines: tuple[Personal | None, ...]


class PreferencesChosen(Event):
    """How the household calls, reads the clock and is written to."""

    user_id: str
    installer_id: str
    call_type: CallType
    time_zone: str | None
    language: MailLanguage
    with_indoor_monitor: bool


class IndoorMonitorNoted(Event):
    """The household has an indoor monitor, because one was bound and nobody had chosen otherwise."""

    user_id: str
    installer_id: str


class HomeAutomationSwitched(Event):
    """Home Automation is on or off for the household."""

    user_id: str
    installer_id: str
    on: bool


class PremiumSwitched(Event):
    """The premium plan (landline service and third-party cameras) is on or off."""

    user_id: str
    installer_id: str
    on: bool


class LandlineServiceSwitched(Event):
    """Calls between landlines and intercoms are on or off; effective only while premium is active (R-02)."""

    user_id: str
    installer_id: str
    on: bool


class UserSearchKey(StrEnum):
    """The five keys of the user search (U-06)."""

    NAME = "name"
    EMAIL = "email"
    MOBILE = "mobile"
    FAMILY_SIP = "family_sip"
    SIP = "sip"


class UserRow(View):
    """A row of the User list (U-01). Times are UTC."""

    user_id: str
    uid: str
    name: str
    room: str | None
    email: str | None
    mobile: str | None
    family_sip: str
    personal_sip: str
    members: int
    free_quota: int
    status: AccountStatus
    premium: PremiumStatus
    home_automation: bool
    created_at: RecordedMoment
    expires_at: RecordedMoment | None
    premium_expires_at: RecordedMoment | None


class UserPage(View):
    """One page of households; `total` counts all that match."""

    rows: tuple[UserRow, ...]
    total: int
    page: int
    per_page: int


class UserDetail(UserRow):
    """Everything the edit form and the family page show."""

    installer_id: str
    country: str | None
    address: str
    call_type: CallType
    time_zone: ZoneName | None
    effective_time_zone: ZoneName
    language: MailLanguage
    landlines: tuple[str | None, str | None, str | None]
    premium_on: bool
    landline_service: bool
    landline_effective: bool
    with_indoor_monitor: bool
    app_registered: bool
    linked_sites: tuple[str, ...]
    family: tuple[MemberView, ...]
    waits_for_password: bool = False
    revision: str


class ListUsers(Query):
    """A page of the caller's households, newest first."""

    page: Page = 1
    per_page: PerPage = 10
    key: UserSearchKey | None = None
    q: Annotated[str, Field(max_length=128)] = ""


class GetUser(Query):
    """One household, or `user-unknown`."""

    user_id: Id


QUERIES: Mapping[type[Query], type[View]] = {
    ListUsers: UserPage,
    GetUser: UserDetail,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    # What is made by account access waits without a password until the installer issues one.
    AddUser:           ". . I . . . +",
    EditUser:          ". . I . . . +",
    NoteIndoorMonitor: ". . . . . . .",
    ListUsers:         ". . I . . . +",
    GetUser:           ". . I . M . +",
}
# fmt: on

REFUSALS: Mapping[str, Reason] = {
    "user-unknown": Reason(Kind.UNKNOWN, "There is no such user."),
    "premium-active": Reason(
        Kind.CONFLICT, "Home Automation is not available while the premium plan is on. Turn the premium plan off first."
    ),
    "home-automation-active": Reason(
        Kind.CONFLICT, "The premium plan is not available while Home Automation is on. Turn Home Automation off first."
    ),
    "contacts-locked-by-linked-sites": Reason(
        Kind.CONFLICT, "E-mail, mobile number and country cannot be changed while the account has linked sites."
    ),
}
