"""What the forms of a household and its members say, and what comes of adding a household and of editing it."""

from __future__ import annotations

from functools import partial

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
from contracts.accounts.members import AddMember, EditMember
from contracts.message import Event, Role
from contracts.permissions import within
from contracts.refusals import refused
from kernel.deciding.decider import Elsewhere, Neighbours, Outcome, together
from services.accounts.access import access, login
from services.accounts.households.household import (
    NO_CONTACTS,
    Contacts,
    Household,
    Preferences,
    Residence,
    check,
    evolve,
    logins_of,
)
from services.accounts.numbers import sip
from services.accounts.numbers.phone import e164, known_country
from services.accounts.numbers.reach import check_landlines, check_reach
from services.accounts.partners.time_zones import known_zone


def add(command: AddUser, household: Household, there: Neighbours) -> Outcome:
    installer_id, distributor_id = command.actor.installer_id, command.actor.distributor_id
    if not installer_id or not distributor_id:
        raise refused("installer-unknown")
    if household.user_id:
        return _repeated(command, household)
    if not there[access.ref(command.user_id)].absent:
        raise refused("id-taken")
    if command.home_automation and command.premium:
        raise refused("premium-active", "home_automation")
    residence, contacts, preferences = residence_of(command), contacts_of(command), preferences_of(command)
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
    wanted = {**logins_of(contacts), "uid": login.by_uid(personal_sip)}
    return [
        added,
        opened,
        *login.claim(wanted, command.user_id, there),
        sip.allocate(family_sip, command.user_id),
        sip.allocate(personal_sip, command.user_id),
    ]


def edit(command: EditUser, household: Household, there: Neighbours) -> Outcome:
    check(command.actor, household)
    if command.home_automation and command.premium:
        if household.home_automation:
            raise refused("home-automation-active", "premium")
        raise refused("premium-active", "home_automation")
    residence, contacts, preferences = residence_of(command), contacts_of(command), preferences_of(command)
    if household.linked_sites:
        check_unlocked(household.contacts, contacts)
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
        changes += moved_logins(household.user_id, household.contacts, contacts, there)
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
        and household.residence == residence_of(command)
        and household.contacts == contacts_of(command)
        and household.preferences == preferences_of(command)
    )
    if not same:
        raise refused("id-taken")
    return []


def check_unlocked(present: Contacts, wanted: Contacts) -> None:
    for field in ("email", "mobile", "country"):
        before, after = getattr(present, field), getattr(wanted, field)
        # An address that was kept with what nobody sees is the same one without it.
        is_respelt = field == "email" and before and after and login.by_email(before) == login.by_email(after)
        if before != after and not is_respelt:
            raise refused("contacts-locked-by-linked-sites", field)


def note_indoor_monitor(command: NoteIndoorMonitor, household: Household, _: Neighbours) -> Outcome:
    """Yes once one was bound, unless somebody chose (U-45, R-14); nothing when the household is gone.

    The form shows a box that is not ticked, so a household that was added without the box has no choice yet; whoever
    changes the box has chosen, and what a person chose is never changed by what is bound later.
    """
    if household.absent or household.monitor_chosen or household.preferences.with_indoor_monitor:
        return []
    return [IndoorMonitorNoted(user_id=household.user_id, installer_id=household.installer_id)]


def residence_of(command: AddUser | EditUser) -> Residence:
    return Residence(command.name, command.room or None, command.address)


def contacts_of(command: AddUser | EditUser) -> Contacts:
    country = known_country(command.country)
    mobile, *landlines, _ = together(
        lambda: e164(command.mobile, country, "mobile"),
        *(partial(e164, each, country, f"landlines.{i}") for i, each in enumerate(command.landlines)),
        lambda: known_zone(command.time_zone),
    )
    return Contacts(command.email, country, mobile, tuple(landlines))


def contacts_of_person(command: AddMember | EditMember) -> Contacts:
    country = known_country(command.country)
    return Contacts(command.email, country, e164(command.mobile, country, "mobile"))


def preferences_of(command: AddUser | EditUser) -> Preferences:
    return Preferences(command.call_type, known_zone(command.time_zone), command.language, command.with_indoor_monitor)


def moved_logins(account_id: str, old: Contacts, new: Contacts, there: Neighbours) -> list[Elsewhere]:
    return login.move(logins_of(old), logins_of(new), account_id, there)
