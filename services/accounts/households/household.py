"""A household: the master's account and its family accounts, from being added to being emptied or removed.

Here is what is true of it. What may be asked of it stands in `decisions`, each topic decided in a file of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from contracts.accounts.households import (
    CallType,
    ContactsChanged,
    HomeAutomationSwitched,
    IndoorMonitorNoted,
    LandlineServiceSwitched,
    PreferencesChosen,
    PremiumSwitched,
    ResidenceDescribed,
    UserAdded,
)
from contracts.accounts.leaving import UserDeleted, UserReset
from contracts.accounts.members import MemberAdded, MemberDeleted, MemberEdited
from contracts.accounts.sites import SiteLinked, SiteUnlinked
from contracts.accounts.terms import FREE_SUBACCOUNTS, FreeSubaccountsSet, UserActivated, UserExpired, UserRenewed
from contracts.accounts.words import MailLanguage
from contracts.message import Actor
from contracts.permissions import within
from contracts.refusals import refused
from kernel.deciding.decider import Ref
from services.accounts.access import login

HouseholdEvent = (
    UserAdded
    | ResidenceDescribed
    | ContactsChanged
    | PreferencesChosen
    | IndoorMonitorNoted
    | HomeAutomationSwitched
    | PremiumSwitched
    | LandlineServiceSwitched
    | UserActivated
    | UserRenewed
    | UserExpired
    | FreeSubaccountsSet
    | SiteLinked
    | SiteUnlinked
    | MemberAdded
    | MemberEdited
    | MemberDeleted
    | UserReset
    | UserDeleted
)


@dataclass(frozen=True, slots=True)
class Residence:
    """Where the household lives. Kept by Reset (R-14)."""

    name: str
    room: str | None
    address: str


@dataclass(frozen=True, slots=True)
class Contacts:
    """How the master is reached; numbers in E.164 form. Removed by Reset."""

    email: str | None = None
    country: str | None = None
    mobile: str | None = None
    landlines: tuple[str | None, ...] = (None, None, None)

    @property
    def reach(self) -> tuple[str | None, str | None]:
        return self.email, self.mobile


@dataclass(frozen=True, slots=True)
class Preferences:
    """How the household calls, reads the clock and is written to. Kept by Reset (U-45)."""

    call_type: CallType
    time_zone: str | None
    language: MailLanguage
    with_indoor_monitor: bool


@dataclass(frozen=True, slots=True)
class Member:
    """A family account. `landlines` of its contacts stay empty."""

    member_id: str
    name: str
    contacts: Contacts
    language: MailLanguage
    sip: str

    @property
    def logins(self) -> list[Ref]:
        return [*logins_of(self.contacts).values(), login.by_uid(self.sip)]


NO_CONTACTS = Contacts()


@dataclass(frozen=True, slots=True)
class Household:
    """What is true of a household."""

    user_id: str = ""
    installer_id: str = ""
    distributor_id: str = ""
    deleted: bool = False
    generation: int = 0
    residence: Residence = Residence("", None, "")
    contacts: Contacts = NO_CONTACTS
    preferences: Preferences = Preferences(CallType.IP_CALL, None, MailLanguage.ENGLISH, False)
    monitor_chosen: bool = False
    home_automation: bool = False
    premium: bool = False
    landline_service: bool = False
    family_sip: str = ""
    personal_sip: str = ""
    expires_at: datetime | None = None
    expired: bool = False
    free_subaccounts: int = FREE_SUBACCOUNTS
    linked_sites: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()

    @property
    def absent(self) -> bool:
        return not self.user_id or self.deleted

    @property
    def activated(self) -> bool:
        return self.expires_at is not None

    @property
    def key(self) -> str:
        """The data key under which the present residents' data is sealed."""
        return f"{self.user_id}.{self.generation}"

    @property
    def member_ids(self) -> tuple[str, ...]:
        return tuple(member.member_id for member in self.members)

    def member(self, member_id: str) -> Member | None:
        return next((member for member in self.members if member.member_id == member_id), None)


def ref(user_id: str) -> Ref:
    """The household of that id."""
    return Ref("household", user_id)


def check(actor: Actor, household: Household) -> None:
    """Refuses (`user-unknown`) a household that is not there, is gone, or is somebody else's."""
    known = not household.absent and within(
        actor,
        distributor_id=household.distributor_id,
        installer_id=household.installer_id,
        household_id=household.user_id,
    )
    if not known:
        raise refused("user-unknown")


def evolve(household: Household, event: HouseholdEvent) -> Household:
    match event:
        case UserAdded():
            return Household(
                user_id=event.user_id,
                installer_id=event.installer_id,
                distributor_id=event.distributor_id,
                residence=Residence(event.name, event.room, event.address),
                contacts=Contacts(event.email, event.country, event.mobile, event.landlines),
                preferences=Preferences(event.call_type, event.time_zone, event.language, event.with_indoor_monitor),
                home_automation=event.home_automation,
                premium=event.premium,
                landline_service=event.landline_service,
                family_sip=event.family_sip,
                personal_sip=event.personal_sip,
            )
        case ResidenceDescribed():
            return replace(household, residence=Residence(event.name, event.room, event.address))
        case ContactsChanged():
            return replace(household, contacts=Contacts(event.email, event.country, event.mobile, event.landlines))
        case PreferencesChosen():
            chosen = Preferences(event.call_type, event.time_zone, event.language, event.with_indoor_monitor)
            # The other preferences change without a word about this one.
            is_changed = event.with_indoor_monitor != household.preferences.with_indoor_monitor
            return replace(household, preferences=chosen, monitor_chosen=household.monitor_chosen or is_changed)
        case IndoorMonitorNoted():
            return replace(household, preferences=replace(household.preferences, with_indoor_monitor=True))
        case HomeAutomationSwitched():
            return replace(household, home_automation=event.on)
        case PremiumSwitched():
            return replace(household, premium=event.on)
        case LandlineServiceSwitched():
            return replace(household, landline_service=event.on)
        case UserActivated() | UserRenewed():
            return replace(household, expires_at=event.expires_at, expired=False)
        case UserExpired():
            return replace(household, expired=True)
        case FreeSubaccountsSet():
            return replace(household, free_subaccounts=event.free_subaccounts)
        case SiteLinked():
            return replace(household, linked_sites=(*household.linked_sites, event.site_id))
        case SiteUnlinked():
            return replace(household, linked_sites=tuple(x for x in household.linked_sites if x != event.site_id))
        case MemberAdded():
            added = Member(
                event.member_id,
                event.name,
                Contacts(event.email, event.country, event.mobile),
                event.language,
                event.sip,
            )
            return replace(household, members=(*household.members, added))
        case MemberEdited():
            return replace(household, members=tuple(_edited(member, event) for member in household.members))
        case MemberDeleted():
            left = tuple(member for member in household.members if member.member_id != event.member_id)
            return replace(household, members=left)
        case UserReset():
            return replace(
                household,
                generation=household.generation + 1,
                residence=Residence(event.name, event.room, event.address),
                contacts=NO_CONTACTS,
                members=(),
                linked_sites=(),
            )
        case UserDeleted():
            return Household(
                user_id=household.user_id,
                installer_id=household.installer_id,
                distributor_id=household.distributor_id,
                deleted=True,
            )
        case _:
            assert_never(event)


def _edited(member: Member, event: MemberEdited) -> Member:
    if member.member_id != event.member_id:
        return member
    contacts = Contacts(event.email, event.country, event.mobile)
    return replace(member, name=event.name, contacts=contacts, language=event.language)


def logins_of(contacts: Contacts) -> dict[str, Ref]:
    return login.by_contacts(contacts.email, contacts.mobile)
