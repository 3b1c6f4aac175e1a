"""What may be asked of a household: each command with who decides it and what that looks at."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.accounts.access import ResetPassword
from contracts.accounts.households import (
    AddUser,
    ContactsChanged,
    EditUser,
    HomeAutomationSwitched,
    IndoorMonitorNoted,
    LandlineServiceSwitched,
    NoteIndoorMonitor,
    PreferencesChosen,
    PremiumSwitched,
    ResidenceDescribed,
    UserAdded,
)
from contracts.accounts.leaving import DeleteUser, ResetUser, UserDeleted, UserReset
from contracts.accounts.members import AddMember, DeleteMember, EditMember, MemberAdded, MemberDeleted, MemberEdited
from contracts.accounts.sites import LinkSite, SiteLinked, SiteUnlinked, UnlinkSite
from contracts.accounts.terms import (
    ActivateUser,
    ExpireUser,
    FreeSubaccountsSet,
    RenewUser,
    SetFreeSubaccounts,
    UserActivated,
    UserExpired,
    UserRenewed,
)
from kernel.deciding.decider import Aggregate, Decision, Ref
from services.accounts.access import access, login
from services.accounts.households.form import add, contacts_of, contacts_of_person, edit, note_indoor_monitor
from services.accounts.households.household import Household, Member, evolve, logins_of, ref
from services.accounts.households.leaving import delete, link, reset, reset_password, unlink
from services.accounts.households.members import add_member, delete_member, edit_member, set_free_subaccounts
from services.accounts.households.terms import activate, expire, renew
from services.accounts.numbers import sip


def _around_newcomer(command: AddUser, household: Household) -> list[Ref]:
    personal = sip.personal_candidates(command.user_id)
    return [
        access.ref(command.user_id),
        *logins_of(contacts_of(command)).values(),
        *map(sip.SIP.ref, (*sip.family_candidates(command.user_id), *personal)),
        *map(login.by_uid, personal),
    ]


def _around_new_member(command: AddMember, household: Household) -> list[Ref]:
    personal = sip.personal_candidates(command.member_id)
    return [
        access.ref(command.member_id),
        *logins_of(contacts_of_person(command)).values(),
        *map(sip.SIP.ref, personal),
        *map(login.by_uid, personal),
    ]


def _around_contacts(command: EditUser, household: Household) -> list[Ref]:
    return login.to_look_at(logins_of(household.contacts), logins_of(contacts_of(command)))


def _around_edited_member(command: EditMember, household: Household) -> list[Ref]:
    member = household.member(command.member_id)
    present = logins_of(member.contacts).values() if member else ()
    return [*{*present, *logins_of(contacts_of_person(command)).values()}]


def _around_member(command: DeleteMember, household: Household) -> list[Ref]:
    member = household.member(command.member_id)
    return _around_members((member,)) if member else []


def _around_members(members: Iterable[Member]) -> list[Ref]:
    return [
        ref for member in members for ref in (access.ref(member.member_id), *member.logins, sip.SIP.ref(member.sip))
    ]


def _around_everybody(command: ResetUser | DeleteUser, household: Household) -> list[Ref]:
    if household.absent:
        return []
    return [
        access.ref(household.user_id),
        *logins_of(household.contacts).values(),
        login.by_uid(household.personal_sip),
        *map(sip.SIP.ref, (household.family_sip, household.personal_sip)),
        *_around_members(household.members),
        *map(ref, household.linked_sites),
    ]


def _around_account(command: ResetPassword, household: Household) -> list[Ref]:
    return [access.ref(command.account_id)]


def _around_site(command: LinkSite | UnlinkSite, household: Household) -> list[Ref]:
    return [ref(command.site_id)] if command.site_id != household.user_id else []


_EVENTS = (
    UserAdded,
    ResidenceDescribed,
    ContactsChanged,
    PreferencesChosen,
    IndoorMonitorNoted,
    HomeAutomationSwitched,
    PremiumSwitched,
    LandlineServiceSwitched,
    UserActivated,
    UserRenewed,
    UserExpired,
    FreeSubaccountsSet,
    SiteLinked,
    SiteUnlinked,
    MemberAdded,
    MemberEdited,
    MemberDeleted,
    UserReset,
    UserDeleted,
)

HOUSEHOLD: Aggregate[Household] = Aggregate(
    name="household",
    initial=Household(),
    evolve=evolve,
    events=_EVENTS,
    decisions={
        AddUser: Decision("user_id", add, _around_newcomer),
        EditUser: Decision("user_id", edit, _around_contacts),
        NoteIndoorMonitor: Decision("user_id", note_indoor_monitor),
        ActivateUser: Decision("user_id", activate),
        RenewUser: Decision("user_id", renew),
        ExpireUser: Decision("user_id", expire),
        ResetUser: Decision("user_id", reset, _around_everybody),
        DeleteUser: Decision("user_id", delete, _around_everybody),
        ResetPassword: Decision("user_id", reset_password, _around_account),
        SetFreeSubaccounts: Decision("user_id", set_free_subaccounts),
        LinkSite: Decision("user_id", link, _around_site),
        UnlinkSite: Decision("user_id", unlink, _around_site),
        AddMember: Decision("user_id", add_member, _around_new_member),
        EditMember: Decision("user_id", edit_member, _around_edited_member),
        DeleteMember: Decision("user_id", delete_member, _around_member),
    },
    key=lambda household: None if household.absent else household.key,
)
