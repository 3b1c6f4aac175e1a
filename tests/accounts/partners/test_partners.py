"""Distributors, installers, property managers: who makes whom, and who may switch into whose account."""

from datetime import timedelta

import pytest

from contracts.accounts.access import LoginClaimed, SessionClosed, StartImpersonation
from contracts.accounts.partners import (
    AccountAccessOffered,
    AccountAccessRetracted,
    AccountEntered,
    ChangeCustomerService,
    CreateDistributor,
    CreateInstaller,
    CreatePropertyManager,
    CustomerServiceChanged,
    DistributorCreated,
    GrantAccess,
    InstallerCreated,
    OfflineSolutionAllowed,
    OfflineSolutionWithdrawn,
    PermissionGranted,
    PermissionWithdrawn,
    PropertyManagerCreated,
    SwitchAccountAccess,
    SwitchOfflineSolution,
    WithdrawAccess,
)
from contracts.message import Command, Role
from kernel.deciding.spec import Spec
from services.accounts.access.access import ACCESS
from services.accounts.access.login import LOGIN
from services.accounts.partners.distributor import DISTRIBUTOR as DISTRIBUTORS
from services.accounts.partners.installer import INSTALLER as INSTALLERS
from services.accounts.partners.property_manager import PROPERTY_MANAGER
from tests.accounts.world import (
    DISTRIBUTOR,
    INSTALLER,
    NOW,
    USER,
    ask,
    by_email,
    changed,
    claimed,
    distributor,
    elsewhere,
    installer,
    installer_opened,
    number,
    opened,
    other_distributor,
    other_installer,
    root,
    session,
)

installers = Spec(INSTALLERS, ACCESS, LOGIN)
distributors = Spec(DISTRIBUTORS, ACCESS, LOGIN)
managers = Spec(PROPERTY_MANAGER, ACCESS, LOGIN)

SESSION = "d" * 64

created = InstallerCreated(
    installer_id=INSTALLER,
    distributor_id=DISTRIBUTOR,
    name="Bright Intercoms",
    email="bright@example.org",
    time_zone="Asia/Shanghai",
)
create = ask(
    CreateInstaller,
    distributor,
    installer_id=INSTALLER,
    name="Bright Intercoms",
    email="bright@example.org",
    time_zone="Asia/Shanghai",
    password_hash="hash-3",
)
offered = AccountAccessOffered(installer_id=INSTALLER)
granted = PermissionGranted(installer_id=INSTALLER)
offer = ask(SwitchAccountAccess, distributor, installer_id=INSTALLER, enabled=True)
retract = ask(SwitchAccountAccess, distributor, installer_id=INSTALLER, enabled=False)
grant = ask(GrantAccess, installer_id=INSTALLER)
withdraw = ask(WithdrawAccess, installer_id=INSTALLER)
enter = ask(
    StartImpersonation,
    distributor,
    installer_id=INSTALLER,
    reason="The monitor does not ring",
    session_id=SESSION,
    agent="Firefox",
)
serve = ask(ChangeCustomerService, installer_id=INSTALLER, phone="+86 21 6841 0000", email="help@example.org")
entered = session(INSTALLER, SESSION, DISTRIBUTOR)


@pytest.mark.row("L-01")
def test_a_distributor_creates_an_installer_with_a_login() -> None:
    outcome = installers.given().when(create)
    outcome.then(
        created,
        elsewhere("access", INSTALLER, opened(INSTALLER, Role.INSTALLER, "hash-3", f"{INSTALLER}.0", installer)),
        claimed(by_email("bright@example.org"), INSTALLER),
    )
    outcome.again().then()
    installers.given(created).when(changed(create, name="Other")).then_refused("id-taken")
    installers.given().beside("access", INSTALLER, installer_opened).when(create).then_refused("id-taken")
    installers.given().beside(*by_email("bright@example.org"), LoginClaimed(account_id=USER)).when(create).then_refused(
        "login-taken", "email"
    )
    installers.given().when(changed(create, time_zone="Mars/Base")).then_refused("time-zone-invalid", "time_zone")


@pytest.mark.row("L-05")
def test_a_super_manager_creates_a_distributor() -> None:
    wish = ask(
        CreateDistributor,
        root,
        distributor_id=DISTRIBUTOR,
        name="North Doors",
        email="north@example.org",
        password_hash="hash-5",
    )
    made = DistributorCreated(
        distributor_id=DISTRIBUTOR, name="North Doors", email="north@example.org", time_zone="UTC"
    )
    outcome = distributors.given().when(wish)
    outcome.then(
        made,
        elsewhere(
            "access", DISTRIBUTOR, opened(DISTRIBUTOR, Role.DISTRIBUTOR, "hash-5", f"{DISTRIBUTOR}.0", distributor)
        ),
        claimed(by_email("north@example.org"), DISTRIBUTOR),
    )
    outcome.again().then()
    distributors.given(made).when(changed(wish, email="x@example.org")).then_refused("id-taken")


@pytest.mark.row("L-06")
def test_a_super_manager_switches_the_offline_solution() -> None:
    made = DistributorCreated(distributor_id=DISTRIBUTOR, name="North Doors", email="n@example.org", time_zone="UTC")
    on = ask(SwitchOfflineSolution, root, distributor_id=DISTRIBUTOR, enabled=True)
    off = ask(SwitchOfflineSolution, root, distributor_id=DISTRIBUTOR, enabled=False)
    allowed = OfflineSolutionAllowed(distributor_id=DISTRIBUTOR)
    outcome = distributors.given(made).when(on)
    outcome.then(allowed)
    outcome.again().then()
    distributors.given(made, allowed).when(off).then(OfflineSolutionWithdrawn(distributor_id=DISTRIBUTOR))
    distributors.given().when(on).then_refused("distributor-unknown")


@pytest.mark.row("L-05")
def test_an_installer_adds_a_property_manager() -> None:
    manager_id = number(20)
    wish = ask(
        CreatePropertyManager,
        property_manager_id=manager_id,
        name="Ada",
        email="ada@example.org",
        password_hash="hash-6",
    )
    outcome = managers.given().when(wish)
    outcome.then(
        PropertyManagerCreated(
            property_manager_id=manager_id,
            installer_id=INSTALLER,
            distributor_id=DISTRIBUTOR,
            name="Ada",
            email="ada@example.org",
        ),
        elsewhere(
            "access", manager_id, opened(manager_id, Role.PROPERTY_MANAGER, "hash-6", f"{manager_id}.0", installer)
        ),
        claimed(by_email("ada@example.org"), manager_id),
    )
    outcome.again().then()
    managers.given(outcome.events[0]).when(changed(wish, name="Bob")).then_refused("id-taken")


@pytest.mark.row("L-07", "X-01", "X-02")
def test_account_access_starts_off_and_is_the_distributor_s_to_offer() -> None:
    installers.given(created).when(grant).then_refused("account-access-not-offered")
    outcome = installers.given(created).when(offer)
    outcome.then(offered)
    outcome.again().then()
    installers.given(created).when(retract).then()
    installers.given(created, offered).when(enter).then_refused("permission-not-granted")


@pytest.mark.row("X-03")
def test_a_distributor_with_permission_enters_for_an_hour_with_a_reason() -> None:
    outcome = installers.given(created, offered, granted).beside("access", INSTALLER, installer_opened).when(enter)
    outcome.then(
        AccountEntered(installer_id=INSTALLER, session_id=SESSION, impersonator_id=DISTRIBUTOR, reason=enter.reason),
        elsewhere("access", INSTALLER, entered),
    )
    assert entered.expires_at == NOW + timedelta(minutes=60)
    outcome.again().then()
    with pytest.raises(ValueError, match="reason"):
        changed(enter, reason=" ")


@pytest.mark.row("X-03", "X-04")
def test_granting_is_quiet_when_granted() -> None:
    outcome = installers.given(created, offered).when(grant)
    outcome.then(granted)
    outcome.again().then()


@pytest.mark.parametrize(
    ("wish", "fact"),
    [
        (withdraw, PermissionWithdrawn(installer_id=INSTALLER)),
        (retract, AccountAccessRetracted(installer_id=INSTALLER)),
    ],
    ids=["withdraw", "retract"],
)
@pytest.mark.row("X-04", "L-07")
def test_taking_access_back_ends_the_distributor_s_session_in_the_same_step(wish: Command, fact: object) -> None:
    inside = installers.given(created, offered, granted).beside(
        "access", INSTALLER, installer_opened, session(INSTALLER, "e" * 64), entered
    )
    outcome = inside.when(wish)
    outcome.then(fact, elsewhere("access", INSTALLER, SessionClosed(account_id=INSTALLER, session_id=SESSION)))
    outcome.again().then()
    installers.given(created, offered, granted, fact).when(enter).then_refused("permission-not-granted")


@pytest.mark.row("K-02", "K-03", "K-04")
def test_customer_service_is_a_phone_and_an_e_mail() -> None:
    outcome = installers.given(created).when(serve)
    outcome.then(CustomerServiceChanged(installer_id=INSTALLER, phone="+86 21 6841 0000", email="help@example.org"))
    outcome.again().then()
    for phone in ("", "call me", "12"):
        installers.given(created).when(changed(serve, phone=phone)).then_refused("phone-unreadable", "phone")
    with pytest.raises(ValueError, match="email"):
        changed(serve, email="nobody")


def test_customer_service_takes_a_number_in_any_notation_and_says_what_none_is() -> None:
    for phone in ("+999 1234567", "+49 1", "030 12 34 56 ext. 7"):
        installers.given(created).when(changed(serve, phone=phone)).then_refused("phone-unreadable", "phone")
    for phone, kept in (
        ("۰۲۱‐۸۸ ۷۷ ۶۶", "021-88 77 66"),
        ("\u202a+98 ۲۱ ۸۸۷۷۶۶۵۵\u202c", "+98 21 88776655"),
        ("（０３０）１２３４５６", "(030)123456"),
        ("400–123–4567", "400-123-4567"),
        ("110", "110"),
    ):
        outcome = installers.given(created).when(changed(serve, phone=phone))
        outcome.then(CustomerServiceChanged(installer_id=INSTALLER, phone=kept, email="help@example.org"))


@pytest.mark.parametrize("wish", [offer, grant, withdraw, enter, serve], ids=lambda wish: type(wish).__name__)
@pytest.mark.parametrize("stranger", [other_installer, other_distributor])
def test_a_stranger_s_installer_answers_like_one_that_does_not_exist(wish: Command, stranger: object) -> None:
    foreign = changed(wish, actor=stranger)
    installers.given(created, offered, granted).when(foreign).then_refused("installer-unknown")
    installers.given().when(foreign).then_refused("installer-unknown")
