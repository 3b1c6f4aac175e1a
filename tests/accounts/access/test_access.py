"""Who gets in, and what ends a session."""

from datetime import timedelta

import pytest

from contracts.accounts.access import (
    AccessClosed,
    ChangePassword,
    CloseSession,
    EndImpersonation,
    LoginClaimed,
    OpenSession,
    PasswordChanged,
    PasswordIssued,
    PasswordRevoked,
    SessionClosed,
    SessionOpened,
)
from contracts.accounts.partners import CreateSuperManager
from contracts.message import Role
from contracts.permissions import SYSTEM
from kernel.deciding.spec import Spec
from services.accounts.access.access import ACCESS
from services.accounts.access.login import LOGIN
from services.accounts.access.login_owner import spelt
from tests.accounts.world import (
    INSTALLER,
    NOW,
    ROOT,
    USER,
    ask,
    by_email,
    by_mobile,
    by_uid,
    changed,
    claimed,
    distributor,
    installer,
    installer_opened,
    master,
    master_opened,
    opened,
    other_distributor,
    root,
    session,
)

access = Spec(ACCESS, LOGIN)

FIRST, SECOND, THIRD = "a" * 64, "b" * 64, "c" * 64

open_session = ask(
    OpenSession,
    master,
    identifier="whoever",
    password="whatever",
    session_id=FIRST,
    agent="Firefox",
    account_id=USER,
    verified_hash="hash-1",
    address="192.0.2.7",
)
change_password = ask(
    ChangePassword,
    master,
    account_id=USER,
    current_password="x",
    new_password="long enough",
    current_hash="hash-1",
    password_hash="hash-9",
)
issued = PasswordIssued(account_id=USER, password_hash="hash-9", key=f"{USER}.0")
revoked = PasswordRevoked(account_id=USER, key=f"{USER}.1")
closed = AccessClosed(account_id=USER)


@pytest.mark.row("L-04")
def test_an_unused_session_of_a_resident_lasts_thirty_days() -> None:
    outcome = access.given(master_opened).when(open_session)
    outcome.then(
        SessionOpened(
            account_id=USER,
            session_id=FIRST,
            expires_at=NOW + timedelta(days=30),
            agent="Firefox",
            address="192.0.2.7",
        )
    )
    outcome.again().then()


@pytest.mark.parametrize(
    "since", [issued, revoked, closed, PasswordChanged(account_id=USER, password_hash="h", kept_session_id=None)]
)
def test_a_password_that_is_no_longer_the_one_opens_nothing(since: PasswordIssued) -> None:
    access.given(master_opened, since).when(open_session).then_refused("login-failed")
    access.given().when(open_session).then_refused("login-failed")


@pytest.mark.row("L-04")
def test_logging_out_ends_the_session_once() -> None:
    wish = ask(CloseSession, master, account_id=USER, session_id=FIRST)
    outcome = access.given(master_opened, session(USER, FIRST)).when(wish)
    outcome.then(SessionClosed(account_id=USER, session_id=FIRST))
    outcome.again().then()
    access.given(master_opened, session(USER, FIRST)).when(changed(wish, actor=installer)).then_refused(
        "account-unknown"
    )


def test_an_impersonator_ends_its_own_session_and_no_other() -> None:
    inside = installer.model_copy(update={"impersonator_id": distributor.account_id, "session_id": FIRST})
    given = access.given(
        installer_opened, session(INSTALLER, FIRST, distributor.account_id), session(INSTALLER, SECOND)
    )
    given.when(ask(CloseSession, inside, account_id=INSTALLER, session_id=SECOND)).then_refused(
        "forbidden-while-impersonating"
    )
    given.when(ask(CloseSession, inside, account_id=INSTALLER, session_id=FIRST)).then(
        SessionClosed(account_id=INSTALLER, session_id=FIRST)
    )


@pytest.mark.parametrize("since", [issued, revoked, closed], ids=["issued", "revoked", "closed"])
@pytest.mark.row("U-35", "U-46")
def test_an_issued_password_or_a_closed_access_ends_every_session(since: PasswordIssued) -> None:
    assert ACCESS.fold([master_opened, session(USER, FIRST), session(USER, SECOND), since]).sessions == {}


def test_a_changed_password_keeps_only_the_session_that_changed_it() -> None:
    given = access.given(master_opened, session(USER, FIRST), session(USER, SECOND), session(USER, THIRD))
    outcome = given.when(change_password)
    change = PasswordChanged(account_id=USER, password_hash="hash-9", kept_session_id=SECOND)
    outcome.then(change)
    after = access.given(*given.events, change)
    after.when(ask(CloseSession, master, account_id=USER, session_id=SECOND)).then(
        SessionClosed(account_id=USER, session_id=SECOND)
    )
    after.when(ask(CloseSession, master, account_id=USER, session_id=FIRST)).then()


def test_a_password_changes_only_from_the_present_one_and_by_its_holder() -> None:
    given = access.given(master_opened)
    given.when(changed(change_password, current_hash="hash-0")).then_refused("password-wrong", "current_password")
    given.when(changed(change_password, actor=installer)).then_refused("account-unknown")
    access.given(master_opened, closed).when(change_password).then_refused("account-unknown")
    given.when(changed(change_password, password_hash="hash-1")).then()


def test_sessions_that_have_expired_are_forgotten() -> None:
    old = session(USER, FIRST).model_copy(update={"expires_at": NOW - timedelta(hours=1)})
    new = session(USER, SECOND).model_copy(update={"expires_at": NOW + timedelta(days=30)})
    state = ACCESS.fold([master_opened, old, new])
    assert list(state.sessions) == [SECOND]


@pytest.mark.row("X-04")
def test_an_impersonation_ends_by_its_distributor_or_when_time_is_up() -> None:
    given = access.given(installer_opened, session(INSTALLER, FIRST, distributor.account_id))
    for actor in (distributor, SYSTEM):
        wish = ask(EndImpersonation, actor, installer_id=INSTALLER, session_id=FIRST)
        outcome = given.when(wish)
        outcome.then(SessionClosed(account_id=INSTALLER, session_id=FIRST))
        outcome.again().then()
    given.when(ask(EndImpersonation, other_distributor, installer_id=INSTALLER, session_id=FIRST)).then_refused(
        "installer-unknown"
    )
    access.given().when(ask(EndImpersonation, distributor, installer_id=INSTALLER, session_id=FIRST)).then_refused(
        "installer-unknown"
    )
    own = access.given(installer_opened, session(INSTALLER, FIRST))
    own.when(ask(EndImpersonation, distributor, installer_id=INSTALLER, session_id=FIRST)).then()


@pytest.mark.row("L-05")
def test_the_first_super_manager_is_made_once() -> None:
    wish = ask(
        CreateSuperManager, SYSTEM, account_id=ROOT, name="Root", email="root@example.org", password_hash="hash-4"
    )
    outcome = access.given().when(wish)
    outcome.then(
        opened(ROOT, Role.SUPER_MANAGER, "hash-4", f"{ROOT}.0", root).model_copy(update={"name": "Root"}),
        claimed(by_email("root@example.org"), ROOT),
    )
    outcome.again().then()
    access.given(master_opened).when(changed(wish, account_id=USER)).then_refused("id-taken")
    access.given().beside(*by_email("root@example.org"), LoginClaimed(account_id=USER)).when(wish).then_refused(
        "login-taken", "email"
    )


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("  LI.Wei@Example.ORG ", [by_email("li.wei@example.org")]),
        ("ＬＩ@example.org", [by_email("li@example.org")]),
        ("+86 138-0013-8000", [by_mobile("+8613800138000")]),
        ("+86 (0) 138 0013 8000", [by_mobile("+8613800138000")]),
        ("3012345678", [by_uid("3012345678"), by_mobile("+493012345678")]),
        ("30-1234 56\u20117\u200b8", [by_uid("3012345678"), by_mobile("+493012345678")]),
        ("۳۰۱۲۳۴۵۶۷۸", [by_uid("3012345678"), by_mobile("+493012345678")]),
        ("0049 151 23456789", [by_mobile("+4915123456789")]),
        ("0151/2345 6789", [by_mobile("+4915123456789")]),
        ("۰۹۱۲ ۳۴۵ ۶۷۸۹", [by_mobile("+499123456789"), by_mobile("+989123456789")]),
        ("12345", []),
        ("admin", []),
        ("", []),
    ],
)
@pytest.mark.row("L-03")
def test_a_login_is_an_e_mail_a_uid_or_a_mobile_number_as_people_write_it(typed: str, meant: object) -> None:
    assert spelt(typed, ("DE", "IR")) == meant
