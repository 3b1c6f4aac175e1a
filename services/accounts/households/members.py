"""The family accounts of a household: added, edited, deleted, and how many there may be."""

from __future__ import annotations

from contracts.accounts.members import AddMember, DeleteMember, EditMember, MemberAdded, MemberDeleted, MemberEdited
from contracts.accounts.terms import MEMBERS_MAX, FreeSubaccountsSet, SetFreeSubaccounts
from contracts.message import Role
from contracts.refusals import refused
from kernel.deciding.decider import Neighbours, Outcome
from services.accounts.access import access, login
from services.accounts.households.form import check_unlocked, contacts_of_person, moved_logins
from services.accounts.households.household import Household, Member, check, logins_of
from services.accounts.households.leaving import gone_with
from services.accounts.numbers import sip
from services.accounts.numbers.reach import check_reach


def add_member(command: AddMember, household: Household, there: Neighbours) -> Outcome:
    check(command.actor, household)
    contacts = contacts_of_person(command)
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
    if not there[access.ref(command.member_id)].absent:
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
    wanted = {**logins_of(contacts), "uid": login.by_uid(number)}
    return [
        added,
        opened,
        *login.claim(wanted, command.member_id, there),
        sip.allocate(number, household.user_id),
    ]


def edit_member(command: EditMember, household: Household, there: Neighbours) -> Outcome:
    check(command.actor, household)
    member = _member(household, command.member_id)
    contacts = contacts_of_person(command)
    if household.linked_sites:
        check_unlocked(member.contacts, contacts)
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
    return [edited, *moved_logins(member.member_id, member.contacts, contacts, there)]


def delete_member(command: DeleteMember, household: Household, there: Neighbours) -> Outcome:
    check(command.actor, household)
    member = _member(household, command.member_id)
    deleted = MemberDeleted(user_id=household.user_id, installer_id=household.installer_id, member_id=member.member_id)
    return [deleted, *gone_with((member,), command.at, there)]


def set_free_subaccounts(command: SetFreeSubaccounts, household: Household, _: Neighbours) -> Outcome:
    check(command.actor, household)
    if command.free_subaccounts == household.free_subaccounts:
        return []
    chosen = FreeSubaccountsSet(
        user_id=household.user_id,
        installer_id=household.installer_id,
        free_subaccounts=command.free_subaccounts,
    )
    return [chosen]


def _member(household: Household, member_id: str) -> Member:
    if (member := household.member(member_id)) is None:
        raise refused("member-unknown")
    return member
