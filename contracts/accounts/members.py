"""The family accounts of a household."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.accounts.words import CredentialAnswer, MailLanguage
from contracts.message import Command, Event, Open, Personal, Query, View
from contracts.moments import RecordedMoment
from contracts.reasons import Kind, Reason
from contracts.text import Country, Email, Name, Phone
from contracts.words import Filled, Form, Id


class MemberForm(Form):
    """What is written about a family account."""

    user_id: Id
    member_id: Id
    name: Name
    email: Email | None = None
    country: Country | None = None
    mobile: Phone | None = None
    language: MailLanguage = MailLanguage.ENGLISH


class NewMemberAnswer(CredentialAnswer):
    """The UID with which the member logs in as well; a repeat tells none once the member is gone."""

    uid: Open[str | None] = None


class AddMember(MemberForm, Command[NewMemberAnswer]):
    """Add a family account (F-01..F-03)."""

    password_hash: Filled = None


class EditMember(MemberForm, Command):
    """Replace what the member form shows (F-05)."""


class DeleteMember(Command):
    """Remove a family account (F-05)."""

    user_id: Id
    member_id: Id


class MemberAdded(Event):
    """A family account exists, with a personal SIP number under the family's."""

    user_id: str
    installer_id: str
    member_id: str
    name: Personal
    email: Personal | None
    country: Personal | None
    mobile: Personal | None
    language: MailLanguage
    sip: str


class MemberEdited(Event):
    """The family account's form is now this."""

    user_id: str
    installer_id: str
    member_id: str
    name: Personal
    email: Personal | None
    country: Personal | None
    mobile: Personal | None
    language: MailLanguage


class MemberDeleted(Event):
    """A family account is gone."""

    user_id: str
    installer_id: str
    member_id: str


class MemberView(View):
    """A family account. One that `waits_for_password` lets nobody in until the installer issues a password."""

    member_id: str
    name: str
    email: str | None
    country: str | None
    mobile: str | None
    language: MailLanguage
    sip: str
    created_at: RecordedMoment
    waits_for_password: bool = False


# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    # What is made by account access waits without a password until the installer issues one.
    AddMember:    ". . I . . . +",
    EditMember:   ". . I . . . +",
    DeleteMember: ". . I . . . +",
}
# fmt: on

REFUSALS: Mapping[str, Reason] = {
    "member-unknown": Reason(Kind.UNKNOWN, "There is no such family account."),
    "family-not-activated": Reason(Kind.CONFLICT, "Family accounts can be created once the user account is activated."),
    "family-quota-reached": Reason(Kind.CONFLICT, "All free family accounts are in use."),
    "family-full": Reason(Kind.CONFLICT, "A household has at most 20 family accounts."),
}
