"""A household: the master's account and its family accounts, from being added to being emptied or removed.

What Reset takes and what it keeps is decided here, together with everything that must go in the same step: logins,
sessions, SIP numbers, links to other households.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import assert_never

from contracts.accounts.access import AccessClosed, PasswordIssued, PasswordRevoked, ResetPassword
from contracts.accounts.households import (
    AddUser,
    CallType,
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
    FREE_SUBACCOUNTS,
    MEMBERS_MAX,
    ActivateUser,
    ExpireUser,
    FreeSubaccountsSet,
    RenewUser,
    SetFreeSubaccounts,
    UserActivated,
    UserExpired,
    UserRenewed,
)
from contracts.accounts.words import MailLanguage
from contracts.message import Actor, Event, Role
from contracts.permissions import within
from kernel.deciding.decider import Aggregate, Decision, Elsewhere, Neighbours, Outcome, Ref, together
from services.accounts.access import access, login
from services.accounts.households import indoor_monitor
from services.accounts.numbers import sip
from services.accounts.numbers.phone import e164, known_country
from services.accounts.numbers.reach import check_landlines, check_reach
from services.accounts.partners.time_zones import known_zone
from services.accounts.refusing import refused

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
        return [*_logins(self.contacts).values(), login.by_uid(self.sip)]


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
            is_chosen = indoor_monitor.is_chosen(household, event)
            return replace(household, preferences=chosen, monitor_chosen=is_chosen)
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


# --- Adding, editing --------------------------------------------------------------------------------------------------


def add(command: AddUser, household: Household, there: Neighbours) -> Outcome:
    installer_id, distributor_id = command.actor.installer_id, command.actor.distributor_id
    if not installer_id or not distributor_id:
        raise refused("installer-unknown")
    if household.user_id:
        return _repeated(command, household)
    if not there[access.of(command.user_id)].absent:
        raise refused("id-taken")
    if command.home_automation and command.premium:
        raise refused("premium-active", "home_automation")
    residence, contacts, preferences = _residence(command), _contacts(command), _preferences(command)
    check_landlines(command.actor, NO_CONTACTS.landlines, contacts.landlines)
    family_sip = sip.first_free(sip.family_candidates(command.user_id), command.at, there)
    personal_sip = sip.first_free(sip.personal_candidates(command.user_id), command.at, there)
    added = UserAdded(
        user_id=command.user_id,
        installer_id=installer_id,
        distributor_id=distributor_id,
        name=residence.name,
        room=residence.room,
        email=contacts.email,
        country=contacts.country,
        address=residence.address,
        mobile=contacts.mobile,
        landlines=contacts.landlines,
        call_type=preferences.call_type,
        time_zone=preferences.time_zone,
        language=preferences.language,
        home_automation=command.home_automation,
        premium=command.premium,
        landline_service=command.premium if command.landline_service is None else command.landline_service,
        with_indoor_monitor=preferences.with_indoor_monitor,
        family_sip=family_sip,
        personal_sip=personal_sip,
    )
    opened = access.opened(
        command.user_id,
        Role.FAMILY_MASTER,
        command.password_hash,
        evolve(household, added).key,
        distributor_id=distributor_id,
        installer_id=installer_id,
        household_id=command.user_id,
    )
    wanted = {**_logins(contacts), "uid": login.by_uid(personal_sip)}
    return [
        added,
        opened,
        *login.claim(wanted, command.user_id, there),
        sip.allocate(family_sip, command.user_id),
        sip.allocate(personal_sip, command.user_id),
    ]


def edit(command: EditUser, household: Household, there: Neighbours) -> Outcome:
    _check(command.actor, household)
    if command.home_automation and command.premium:
        if household.home_automation:
            raise refused("home-automation-active", "premium")
        raise refused("premium-active", "home_automation")
    residence, contacts, preferences = _residence(command), _contacts(command), _preferences(command)
    if household.linked_sites:
        _check_unlocked(household.contacts, contacts)
    check_reach(command.actor, household.contacts.reach, contacts.reach)
    check_landlines(command.actor, household.contacts.landlines, contacts.landlines)
    names = {"user_id": household.user_id, "installer_id": household.installer_id}
    changes: list[Event | Elsewhere] = []
    if residence != household.residence:
        changes.append(ResidenceDescribed(**names, name=residence.name, room=residence.room, address=residence.address))
    if contacts != household.contacts:
        changes.append(
            ContactsChanged(
                **names,
                email=contacts.email,
                country=contacts.country,
                mobile=contacts.mobile,
                landlines=contacts.landlines,
            )
        )
        changes += _move_logins(household.user_id, household.contacts, contacts, there)
    if preferences != household.preferences:
        changes.append(
            PreferencesChosen(
                **names,
                call_type=preferences.call_type,
                time_zone=preferences.time_zone,
                language=preferences.language,
                with_indoor_monitor=preferences.with_indoor_monitor,
            )
        )
    if command.premium != household.premium:
        changes.append(PremiumSwitched(**names, on=command.premium))
    if command.home_automation != household.home_automation:
        changes.append(HomeAutomationSwitched(**names, on=command.home_automation))
    landline_service = _landline_service(command, household)
    if landline_service != household.landline_service:
        changes.append(LandlineServiceSwitched(**names, on=landline_service))
    return changes


def _landline_service(command: EditUser, household: Household) -> bool:
    if command.landline_service is not None:
        return command.landline_service
    turned_on = command.premium and not household.premium
    return turned_on or household.landline_service


def _repeated(command: AddUser, household: Household) -> list[Event]:
    same = (
        not household.absent
        and within(command.actor, distributor_id=household.distributor_id, installer_id=household.installer_id)
        and household.residence == _residence(command)
        and household.contacts == _contacts(command)
        and household.preferences == _preferences(command)
    )
    if not same:
        raise refused("id-taken")
    return []


# --- Service time -----------------------------------------------------------------------------------------------------


def activate(command: ActivateUser, household: Household, _: Neighbours) -> Outcome:
    _check(command.actor, household)
    if household.activated:
        return []
    activated = UserActivated(
        user_id=household.user_id,
        installer_id=household.installer_id,
        expires_at=months_later(command.at, command.months),
    )
    return [activated]


def renew(command: RenewUser, household: Household, _: Neighbours) -> Outcome:
    _check(command.actor, household)
    if household.expires_at is None:
        raise refused("user-not-activated")
    renewed = UserRenewed(
        user_id=household.user_id,
        installer_id=household.installer_id,
        expires_at=months_later(max(command.at, household.expires_at), command.months),
    )
    return [renewed]


def expire(command: ExpireUser, household: Household, _: Neighbours) -> Outcome:
    _check(command.actor, household)
    if household.expires_at is None or household.expired or command.at < household.expires_at:
        return []
    return [UserExpired(user_id=household.user_id, installer_id=household.installer_id)]


def months_later(at: datetime, months: int) -> datetime:
    """The same day of a later month, or that month's last day (R-45)."""
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, monthrange(year, month + 1)[1]))


# --- Emptying, removing -----------------------------------------------------------------------------------------------


def reset(command: ResetUser, household: Household, there: Neighbours) -> Outcome:
    """Recorded however empty the household looks from here: other services keep more of its residents."""
    _check(command.actor, household)
    emptied = UserReset(
        user_id=household.user_id,
        installer_id=household.installer_id,
        distributor_id=household.distributor_id,
        name=household.residence.name,
        room=household.residence.room,
        address=household.residence.address,
        members=household.member_ids,
        erased_key=household.key,
    )
    # The former residents' password opens nothing: the next residents get in once the installer issues them one.
    locked = PasswordRevoked(account_id=household.user_id, key=evolve(household, emptied).key)
    return [
        emptied,
        Elsewhere(access.of(household.user_id), locked),
        *login.release(_logins(household.contacts).values(), household.user_id, there),
        *_without(household.members, command.at, there),
        *_unlinked(household, there),
    ]


def delete(command: DeleteUser, household: Household, there: Neighbours) -> Outcome:
    _check(command.actor, household)
    removed = UserDeleted(
        user_id=household.user_id,
        installer_id=household.installer_id,
        distributor_id=household.distributor_id,
        members=household.member_ids,
        erased_key=household.key,
    )
    logins = [*_logins(household.contacts).values(), login.by_uid(household.personal_sip)]
    return [
        removed,
        Elsewhere(access.of(household.user_id), AccessClosed(account_id=household.user_id)),
        *login.release(logins, household.user_id, there),
        *sip.rest((household.family_sip, household.personal_sip), command.at),
        *_without(household.members, command.at, there),
        *_unlinked(household, there),
    ]


def reset_password(command: ResetPassword, household: Household, there: Neighbours) -> Outcome:
    _check(command.actor, household)
    account = access.of(command.account_id)
    if command.account_id not in (household.user_id, *household.member_ids):
        raise refused("account-unknown")
    if command.password_hash == there[account].password_hash:
        return []
    assert command.password_hash
    issued = PasswordIssued(account_id=command.account_id, password_hash=command.password_hash, key=household.key)
    return [Elsewhere(account, issued)]


def _without(members: Iterable[Member], at: datetime, there: Neighbours) -> list[Elsewhere]:
    """What goes elsewhere when these members go."""
    gone: list[Elsewhere] = []
    for member in members:
        gone.append(Elsewhere(access.of(member.member_id), AccessClosed(account_id=member.member_id)))
        gone += login.release(member.logins, member.member_id, there)
        gone += sip.rest((member.sip,), at)
    return gone


def _unlinked(household: Household, there: Neighbours) -> list[Elsewhere]:
    return [
        Elsewhere(HOUSEHOLD.ref(site_id), _unlink(there[HOUSEHOLD.ref(site_id)], household.user_id))
        for site_id in household.linked_sites
    ]


# --- Family -----------------------------------------------------------------------------------------------------------


def add_member(command: AddMember, household: Household, there: Neighbours) -> Outcome:
    _check(command.actor, household)
    contacts = _contacts_of_person(command)
    if present := household.member(command.member_id):
        if (present.name, present.contacts, present.language) != (command.name, contacts, command.language):
            raise refused("id-taken")
        return []
    if not household.activated:
        raise refused("family-not-activated")
    if len(household.members) >= MEMBERS_MAX:
        raise refused("family-full")
    if len(household.members) >= household.free_subaccounts:
        raise refused("family-quota-reached")
    if not there[access.of(command.member_id)].absent:
        raise refused("id-taken")
    number = sip.first_free(sip.personal_candidates(command.member_id), command.at, there)
    added = MemberAdded(
        user_id=household.user_id,
        installer_id=household.installer_id,
        member_id=command.member_id,
        name=command.name,
        email=contacts.email,
        country=contacts.country,
        mobile=contacts.mobile,
        language=command.language,
        sip=number,
    )
    opened = access.opened(
        command.member_id,
        Role.FAMILY_MEMBER,
        command.password_hash,
        household.key,
        distributor_id=household.distributor_id,
        installer_id=household.installer_id,
        household_id=household.user_id,
    )
    wanted = {**_logins(contacts), "uid": login.by_uid(number)}
    return [
        added,
        opened,
        *login.claim(wanted, command.member_id, there),
        sip.allocate(number, household.user_id),
    ]


def edit_member(command: EditMember, household: Household, there: Neighbours) -> Outcome:
    _check(command.actor, household)
    member = _member(household, command.member_id)
    contacts = _contacts_of_person(command)
    if household.linked_sites:
        _check_unlocked(member.contacts, contacts)
    check_reach(command.actor, member.contacts.reach, contacts.reach)
    if (member.name, member.contacts, member.language) == (command.name, contacts, command.language):
        return []
    edited = MemberEdited(
        user_id=household.user_id,
        installer_id=household.installer_id,
        member_id=member.member_id,
        name=command.name,
        email=contacts.email,
        country=contacts.country,
        mobile=contacts.mobile,
        language=command.language,
    )
    return [edited, *_move_logins(member.member_id, member.contacts, contacts, there)]


def delete_member(command: DeleteMember, household: Household, there: Neighbours) -> Outcome:
    _check(command.actor, household)
    member = _member(household, command.member_id)
    deleted = MemberDeleted(user_id=household.user_id, installer_id=household.installer_id, member_id=member.member_id)
    return [deleted, *_without((member,), command.at, there)]


def set_free_subaccounts(command: SetFreeSubaccounts, household: Household, _: Neighbours) -> Outcome:
    _check(command.actor, household)
    if command.free_subaccounts == household.free_subaccounts:
        return []
    chosen = FreeSubaccountsSet(
        user_id=household.user_id,
        installer_id=household.installer_id,
        free_subaccounts=command.free_subaccounts,
    )
    return [chosen]


def _edited(member: Member, event: MemberEdited) -> Member:
    if member.member_id != event.member_id:
        return member
    contacts = Contacts(event.email, event.country, event.mobile)
    return replace(member, name=event.name, contacts=contacts, language=event.language)


def _member(household: Household, member_id: str) -> Member:
    if (member := household.member(member_id)) is None:
        raise refused("member-unknown")
    return member


# --- Links ------------------------------------------------------------------------------------------------------------


def link(command: LinkSite, household: Household, there: Neighbours) -> Outcome:
    _check(command.actor, household)
    if command.site_id == household.user_id:
        raise refused("site-unknown", "site_id")
    site: Household = there[HOUSEHOLD.ref(command.site_id)]
    if site.absent:
        raise refused("site-unknown", "site_id")
    if command.site_id in household.linked_sites:
        return []
    return [
        SiteLinked(user_id=household.user_id, installer_id=household.installer_id, site_id=site.user_id),
        Elsewhere(
            HOUSEHOLD.ref(site.user_id),
            SiteLinked(user_id=site.user_id, installer_id=site.installer_id, site_id=household.user_id),
        ),
    ]


def unlink(command: UnlinkSite, household: Household, there: Neighbours) -> Outcome:
    _check(command.actor, household)
    if command.site_id not in household.linked_sites:
        return []
    site = HOUSEHOLD.ref(command.site_id)
    return [
        _unlink(household, command.site_id),
        Elsewhere(site, _unlink(there[site], household.user_id)),
    ]


def _unlink(household: Household, site_id: str) -> SiteUnlinked:
    return SiteUnlinked(user_id=household.user_id, installer_id=household.installer_id, site_id=site_id)


# --- What commands say ------------------------------------------------------------------------------------------------


def _check(actor: Actor, household: Household) -> None:
    known = not household.absent and within(
        actor,
        distributor_id=household.distributor_id,
        installer_id=household.installer_id,
        household_id=household.user_id,
    )
    if not known:
        raise refused("user-unknown")


def _check_unlocked(present: Contacts, wanted: Contacts) -> None:
    for field in ("email", "mobile", "country"):
        before, after = getattr(present, field), getattr(wanted, field)
        # An address that was kept with what nobody sees is the same one without it.
        is_respelt = field == "email" and before and after and login.by_email(before) == login.by_email(after)
        if before != after and not is_respelt:
            raise refused("contacts-locked-by-linked-sites", field)


def _residence(command: AddUser | EditUser) -> Residence:
    return Residence(command.name, command.room or None, command.address)


def _contacts(command: AddUser | EditUser) -> Contacts:
    country = known_country(command.country)
    mobile, *landlines, _ = together(
        lambda: e164(command.mobile, country, "mobile"),
        *(partial(e164, each, country, f"landlines.{i}") for i, each in enumerate(command.landlines)),
        lambda: known_zone(command.time_zone),
    )
    return Contacts(command.email, country, mobile, tuple(landlines))


def _contacts_of_person(command: AddMember | EditMember) -> Contacts:
    country = known_country(command.country)
    return Contacts(command.email, country, e164(command.mobile, country, "mobile"))


def _preferences(command: AddUser | EditUser) -> Preferences:
    return Preferences(command.call_type, known_zone(command.time_zone), command.language, command.with_indoor_monitor)


def _logins(contacts: Contacts) -> dict[str, Ref]:
    return login.by_contacts(contacts.email, contacts.mobile)


def _move_logins(account_id: str, old: Contacts, new: Contacts, there: Neighbours) -> list[Elsewhere]:
    return login.move(_logins(old), _logins(new), account_id, there)


# --- What decisions look at -------------------------------------------------------------------------------------------


def _around_newcomer(command: AddUser, household: Household) -> list[Ref]:
    personal = sip.personal_candidates(command.user_id)
    return [
        access.of(command.user_id),
        *_logins(_contacts(command)).values(),
        *map(sip.SIP.ref, (*sip.family_candidates(command.user_id), *personal)),
        *map(login.by_uid, personal),
    ]


def _around_new_member(command: AddMember, household: Household) -> list[Ref]:
    personal = sip.personal_candidates(command.member_id)
    return [
        access.of(command.member_id),
        *_logins(_contacts_of_person(command)).values(),
        *map(sip.SIP.ref, personal),
        *map(login.by_uid, personal),
    ]


def _around_contacts(command: EditUser, household: Household) -> list[Ref]:
    return login.to_look_at(_logins(household.contacts), _logins(_contacts(command)))


def _around_edited_member(command: EditMember, household: Household) -> list[Ref]:
    member = household.member(command.member_id)
    present = _logins(member.contacts).values() if member else ()
    return [*{*present, *_logins(_contacts_of_person(command)).values()}]


def _around_member(command: DeleteMember, household: Household) -> list[Ref]:
    member = household.member(command.member_id)
    return _around_members((member,)) if member else []


def _around_members(members: Iterable[Member]) -> list[Ref]:
    return [ref for member in members for ref in (access.of(member.member_id), *member.logins, sip.SIP.ref(member.sip))]


def _around_everybody(command: ResetUser | DeleteUser, household: Household) -> list[Ref]:
    if household.absent:
        return []
    return [
        access.of(household.user_id),
        *_logins(household.contacts).values(),
        login.by_uid(household.personal_sip),
        *map(sip.SIP.ref, (household.family_sip, household.personal_sip)),
        *_around_members(household.members),
        *map(HOUSEHOLD.ref, household.linked_sites),
    ]


def _around_account(command: ResetPassword, household: Household) -> list[Ref]:
    return [access.of(command.account_id)]


def _around_site(command: LinkSite | UnlinkSite, household: Household) -> list[Ref]:
    return [HOUSEHOLD.ref(command.site_id)] if command.site_id != household.user_id else []


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
        NoteIndoorMonitor: Decision("user_id", indoor_monitor.note),
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
