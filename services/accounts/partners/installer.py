"""An installer: its place under a distributor, its contact for residents, and who may switch into its account.

A distributor gets in only while it has offered account access and the installer has granted it; both ends are here,
so that a switch and a withdrawal can never miss each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never

from contracts.accounts.access import IMPERSONATION_MINUTES, SessionOpened, StartImpersonation
from contracts.accounts.partners import (
    AccountAccessOffered,
    AccountAccessRetracted,
    AccountEntered,
    ChangeCustomerService,
    CreateInstaller,
    CustomerServiceChanged,
    GrantAccess,
    InstallerCreated,
    PermissionGranted,
    PermissionWithdrawn,
    SwitchAccountAccess,
    WithdrawAccess,
)
from contracts.message import Actor, Role
from contracts.permissions import within
from contracts.refusals import refused
from kernel.deciding.decider import Aggregate, Decision, Elsewhere, Neighbours, Outcome, Ref
from services.accounts.access import access, login
from services.accounts.numbers.phone import service_number
from services.accounts.partners.time_zones import known_zone

InstallerEvent = (
    InstallerCreated
    | AccountAccessOffered
    | AccountAccessRetracted
    | PermissionGranted
    | PermissionWithdrawn
    | AccountEntered
    | CustomerServiceChanged
)


@dataclass(frozen=True, slots=True)
class Installer:
    """What is true of an installer."""

    installer_id: str = ""
    distributor_id: str = ""
    name: str = ""
    email: str = ""
    time_zone: str = "UTC"
    offered: bool = False
    granted: bool = False
    customer_service: tuple[str, str] | None = None


def evolve(installer: Installer, event: InstallerEvent) -> Installer:
    match event:
        case InstallerCreated():
            return Installer(event.installer_id, event.distributor_id, event.name, event.email, event.time_zone)
        case AccountAccessOffered():
            return replace(installer, offered=True)
        case AccountAccessRetracted():
            return replace(installer, offered=False, granted=False)
        case PermissionGranted():
            return replace(installer, granted=True)
        case PermissionWithdrawn():
            return replace(installer, granted=False)
        case AccountEntered():
            return installer
        case CustomerServiceChanged():
            return replace(installer, customer_service=(event.phone, event.email))
        case _:
            assert_never(event)


def create(command: CreateInstaller, installer: Installer, there: Neighbours) -> Outcome:
    distributor_id = command.actor.distributor_id
    if not distributor_id:
        raise refused("distributor-unknown")
    created = InstallerCreated(
        installer_id=command.installer_id,
        distributor_id=distributor_id,
        name=command.name,
        email=command.email,
        time_zone=known_zone(command.time_zone) or "UTC",
    )
    if installer.installer_id:
        if evolve(INSTALLER.initial, created) != replace(
            installer, offered=False, granted=False, customer_service=None
        ):
            raise refused("id-taken")
        return []
    if not there[access.ref(command.installer_id)].absent:
        raise refused("id-taken")
    opened = access.opened(
        command.installer_id,
        Role.INSTALLER,
        command.password_hash,
        access.staff_key(command.installer_id),
        distributor_id=distributor_id,
        installer_id=command.installer_id,
    )
    claimed = login.claim(login.by_contacts(command.email, None), command.installer_id, there)
    return [created, opened, *claimed]


def switch_account_access(command: SwitchAccountAccess, installer: Installer, there: Neighbours) -> Outcome:
    _check(command.actor, installer)
    if command.enabled == installer.offered:
        return []
    if command.enabled:
        return [AccountAccessOffered(installer_id=installer.installer_id)]
    return [AccountAccessRetracted(installer_id=installer.installer_id), *_everybody_out(installer, there)]


def grant(command: GrantAccess, installer: Installer, _: Neighbours) -> Outcome:
    _check(command.actor, installer)
    if not installer.offered:
        raise refused("account-access-not-offered")
    return [] if installer.granted else [PermissionGranted(installer_id=installer.installer_id)]


def withdraw(command: WithdrawAccess, installer: Installer, there: Neighbours) -> Outcome:
    _check(command.actor, installer)
    if not installer.granted:
        return []
    return [PermissionWithdrawn(installer_id=installer.installer_id), *_everybody_out(installer, there)]


def start_impersonation(command: StartImpersonation, installer: Installer, there: Neighbours) -> Outcome:
    _check(command.actor, installer)
    entered = access.ref(installer.installer_id)
    if not (installer.offered and installer.granted):
        raise refused("permission-not-granted")
    if command.session_id in there[entered].sessions:
        return []
    opened = SessionOpened(
        account_id=installer.installer_id,
        session_id=command.session_id,
        expires_at=command.at + timedelta(minutes=IMPERSONATION_MINUTES),
        agent=command.agent,
        address=command.actor.address,
        impersonator_id=command.actor.account_id,
        reason=command.reason,
    )
    # Recorded here as well: the guard on this aggregate is what a withdrawal at the same moment runs into.
    entry = AccountEntered(
        installer_id=installer.installer_id,
        session_id=command.session_id,
        impersonator_id=command.actor.account_id,
        reason=command.reason,
    )
    crowd = access.crowded_out(there[entered], command.actor.account_id, command.at)
    return [entry, *(Elsewhere(entered, closed) for closed in crowd), Elsewhere(entered, opened)]


def change_customer_service(command: ChangeCustomerService, installer: Installer, _: Neighbours) -> Outcome:
    _check(command.actor, installer)
    phone = service_number(command.phone)
    if installer.customer_service == (phone, command.email):
        return []
    return [CustomerServiceChanged(installer_id=installer.installer_id, phone=phone, email=command.email)]


def _check(actor: Actor, installer: Installer) -> None:
    known = installer.installer_id and within(
        actor, distributor_id=installer.distributor_id, installer_id=installer.installer_id
    )
    if not known:
        raise refused("installer-unknown")


def _everybody_out(installer: Installer, there: Neighbours) -> list[Elsewhere]:
    entered = access.ref(installer.installer_id)
    sessions = there[entered].sessions
    inside = [session_id for session_id, session in sessions.items() if session.impersonator_id]
    return [Elsewhere(entered, closed) for each in inside for closed in access.end_session(each, there[entered])]


def _newcomer(command: CreateInstaller, _: Installer) -> list[Ref]:
    return [access.ref(command.installer_id), *login.by_contacts(command.email, None).values()]


def _access(command: SwitchAccountAccess | WithdrawAccess | StartImpersonation, _: Installer) -> list[Ref]:
    return [access.ref(command.installer_id)]


def _key(installer: Installer) -> str | None:
    return access.staff_key(installer.installer_id) if installer.installer_id else None


INSTALLER = Aggregate(
    name="installer",
    initial=Installer(),
    evolve=evolve,
    events=(
        InstallerCreated,
        AccountAccessOffered,
        AccountAccessRetracted,
        PermissionGranted,
        PermissionWithdrawn,
        AccountEntered,
        CustomerServiceChanged,
    ),
    decisions={
        CreateInstaller: Decision("installer_id", create, _newcomer),
        SwitchAccountAccess: Decision("installer_id", switch_account_access, _access),
        GrantAccess: Decision("installer_id", grant),
        WithdrawAccess: Decision("installer_id", withdraw, _access),
        StartImpersonation: Decision("installer_id", start_impersonation, _access),
        ChangeCustomerService: Decision("installer_id", change_customer_service),
    },
    key=_key,
)
