"""What ends with a household: its residents' data at Reset, all of it at Delete, and its links to other households.

What Reset takes and what it keeps is decided here, together with everything that must go in the same step: logins,
sessions, SIP numbers, links to other households.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from contracts.accounts.access import AccessClosed, PasswordIssued, PasswordRevoked, ResetPassword
from contracts.accounts.leaving import DeleteUser, ResetUser, UserDeleted, UserReset
from contracts.accounts.sites import LinkSite, SiteLinked, SiteUnlinked, UnlinkSite
from contracts.refusals import refused
from kernel.deciding.decider import Elsewhere, Neighbours, Outcome
from services.accounts.access import access, login
from services.accounts.households.household import Household, Member, check, evolve, logins_of, ref
from services.accounts.numbers import sip


def reset(command: ResetUser, household: Household, there: Neighbours) -> Outcome:
    """Recorded however empty the household looks from here: other services keep more of its residents."""
    check(command.actor, household)
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
        Elsewhere(access.ref(household.user_id), locked),
        *login.release(logins_of(household.contacts).values(), household.user_id, there),
        *gone_with(household.members, command.at, there),
        *_unlinked(household, there),
    ]


def delete(command: DeleteUser, household: Household, there: Neighbours) -> Outcome:
    check(command.actor, household)
    removed = UserDeleted(
        user_id=household.user_id,
        installer_id=household.installer_id,
        distributor_id=household.distributor_id,
        members=household.member_ids,
        erased_key=household.key,
    )
    logins = [*logins_of(household.contacts).values(), login.by_uid(household.personal_sip)]
    return [
        removed,
        Elsewhere(access.ref(household.user_id), AccessClosed(account_id=household.user_id)),
        *login.release(logins, household.user_id, there),
        *sip.rest((household.family_sip, household.personal_sip), command.at),
        *gone_with(household.members, command.at, there),
        *_unlinked(household, there),
    ]


def reset_password(command: ResetPassword, household: Household, there: Neighbours) -> Outcome:
    check(command.actor, household)
    account = access.ref(command.account_id)
    if command.account_id not in (household.user_id, *household.member_ids):
        raise refused("account-unknown")
    if command.password_hash == there[account].password_hash:
        return []
    assert command.password_hash
    issued = PasswordIssued(account_id=command.account_id, password_hash=command.password_hash, key=household.key)
    return [Elsewhere(account, issued)]


def gone_with(members: Iterable[Member], at: datetime, there: Neighbours) -> list[Elsewhere]:
    """What goes elsewhere when these members go."""
    gone: list[Elsewhere] = []
    for member in members:
        gone.append(Elsewhere(access.ref(member.member_id), AccessClosed(account_id=member.member_id)))
        gone += login.release(member.logins, member.member_id, there)
        gone += sip.rest((member.sip,), at)
    return gone


def _unlinked(household: Household, there: Neighbours) -> list[Elsewhere]:
    return [
        Elsewhere(ref(site_id), _unlink(there[ref(site_id)], household.user_id)) for site_id in household.linked_sites
    ]


def link(command: LinkSite, household: Household, there: Neighbours) -> Outcome:
    check(command.actor, household)
    if command.site_id == household.user_id:
        raise refused("site-unknown", "site_id")
    site: Household = there[ref(command.site_id)]
    if site.absent:
        raise refused("site-unknown", "site_id")
    if command.site_id in household.linked_sites:
        return []
    return [
        SiteLinked(user_id=household.user_id, installer_id=household.installer_id, site_id=site.user_id),
        Elsewhere(
            ref(site.user_id),
            SiteLinked(user_id=site.user_id, installer_id=site.installer_id, site_id=household.user_id),
        ),
    ]


def unlink(command: UnlinkSite, household: Household, there: Neighbours) -> Outcome:
    check(command.actor, household)
    if command.site_id not in household.linked_sites:
        return []
    site = ref(command.site_id)
    return [
        _unlink(household, command.site_id),
        Elsewhere(site, _unlink(there[site], household.user_id)),
    ]


def _unlink(household: Household, site_id: str) -> SiteUnlinked:
    return SiteUnlinked(user_id=household.user_id, installer_id=household.installer_id, site_id=site_id)
