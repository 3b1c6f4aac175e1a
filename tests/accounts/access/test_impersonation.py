"""A distributor in its installer's account: bannered, bounded, and both names on everything."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from contracts.accounts.access import (
    ChangePassword,
    CloseSession,
    EndImpersonation,
    GetSession,
    ListSessions,
    OpenSession,
    SessionView,
    StartImpersonation,
)
from contracts.accounts.audit import ListAudit
from contracts.accounts.leaving import ResetUser
from contracts.accounts.partners import (
    CreateDistributor,
    GetInstaller,
    GrantAccess,
    SwitchAccountAccess,
    WithdrawAccess,
)
from contracts.message import Actor, Refused, Role
from contracts.permissions import VISITOR
from contracts.session_time import IDLE_OF_STAFF
from tests.accounts.conftest import Region, acting


async def granted(region: Region) -> tuple[Actor, Actor]:
    distributor = await region.distributor()
    installer = await region.installer(distributor)
    await region.tell(SwitchAccountAccess, distributor, installer_id=installer.account_id, enabled=True)
    await region.tell(GrantAccess, installer, installer_id=installer.account_id)
    return distributor, installer


async def enter(region: Region, distributor: Actor, installer: Actor, **fields: Any) -> SessionView:
    session_id = uuid4().hex * 2
    told = {"installer_id": installer.account_id, "reason": "No ring", "session_id": session_id, "agent": "Firefox"}
    await region.tell(StartImpersonation, distributor, **{**told, **fields})
    view: SessionView = await region.see(GetSession, VISITOR, session_id=session_id)
    return view


@pytest.mark.row("X-01", "X-02", "L-07")
async def test_account_access_is_off_until_both_have_said_yes(region: Region) -> None:
    distributor = await region.distributor()
    installer = await region.installer(distributor)
    shown = await region.see(GetInstaller, installer, installer_id=installer.account_id)
    assert (shown.account_access_offered, shown.permission_granted) == (False, False)
    with pytest.raises(Refused, match="account-access-not-offered"):
        await region.tell(GrantAccess, installer, installer_id=installer.account_id)
    await region.tell(SwitchAccountAccess, distributor, installer_id=installer.account_id, enabled=True)
    shown = await region.see(GetInstaller, installer, installer_id=installer.account_id)
    assert (shown.account_access_offered, shown.permission_granted) == (True, False)
    with pytest.raises(Refused, match="permission-not-granted"):
        await enter(region, distributor, installer)


@pytest.mark.row("X-03")
async def test_the_session_says_who_is_behind_it_why_and_until_when(region: Region) -> None:
    distributor, installer = await granted(region)
    session = await enter(region, distributor, installer)
    assert (session.account_id, session.role) == (installer.account_id, "installer")
    assert (session.impersonator_id, session.impersonator_name) == (distributor.account_id, "North Doors")
    assert session.reason == "No ring"
    assert not session.must_change_password
    assert session.permission_granted
    remaining = session.expires_at - datetime.now(UTC)
    assert timedelta(minutes=59) < remaining <= timedelta(minutes=60)


@pytest.mark.row("X-04")
async def test_withdrawing_ends_an_open_session_at_once(region: Region) -> None:
    distributor, installer = await granted(region)
    session = await enter(region, distributor, installer)
    await region.tell(WithdrawAccess, installer, installer_id=installer.account_id)
    assert await region.is_over(session)
    await region.tell(GrantAccess, installer, installer_id=installer.account_id)
    assert await region.is_over(session)
    session = await enter(region, distributor, installer)
    await region.tell(SwitchAccountAccess, distributor, installer_id=installer.account_id, enabled=False)
    assert await region.is_over(session)


@pytest.mark.row("X-04")
async def test_the_distributor_goes_back_or_time_runs_out(region: Region) -> None:
    distributor, installer = await granted(region)
    session = await enter(region, distributor, installer)
    await region.tell(EndImpersonation, distributor, installer_id=installer.account_id, session_id=session.session_id)
    assert await region.is_over(session)
    with pytest.raises(Refused, match="session-unknown"):
        await enter(region, distributor, installer, at=datetime.now(UTC) - timedelta(minutes=60, seconds=1))


@pytest.mark.row("X-03")
async def test_what_is_forbidden_inside_is_refused_and_the_rest_names_both(region: Region) -> None:
    distributor, installer = await granted(region)
    user_id, _ = await region.user(installer)
    inside = acting(await enter(region, distributor, installer))
    for kind, fields in (
        (WithdrawAccess, {}),
        (GrantAccess, {}),
        (ChangePassword, {"account_id": installer.account_id, "current_password": "x", "new_password": "y" * 12}),
    ):
        where = {} if kind is ChangePassword else {"installer_id": installer.account_id}
        with pytest.raises(Refused, match="forbidden-while-impersonating"):
            await region.tell(kind, inside, **fields, **where)
    await region.tell(ResetUser, inside, user_id=user_id)
    (reset, *_) = (await region.see(ListAudit, installer, subject_id=user_id)).rows
    assert (reset.type, reset.actor_id, reset.actor_name) == ("UserReset", installer.account_id, "Bright Intercoms")
    assert (reset.impersonator_id, reset.impersonator_name) == (distributor.account_id, "North Doors")


async def twice_inside(region: Region) -> tuple[str, str, tuple[Actor, SessionView], tuple[Actor, SessionView]]:
    """A distributor's login and password, and two of its own sessions with the account access entered from each."""
    root = Actor(account_id=str(uuid4()), role=Role.SUPER_MANAGER)
    account_id, email = str(uuid4()), f"{uuid4().hex}@example.org"
    made = await region.tell(CreateDistributor, root, distributor_id=account_id, name="West Doors", email=email)
    password = made.extra.credential
    first, second = acting(await region.log_in(email, password)), acting(await region.log_in(email, password))
    installer = await region.installer(first)
    await region.tell(SwitchAccountAccess, first, installer_id=installer.account_id, enabled=True)
    await region.tell(GrantAccess, installer, installer_id=installer.account_id)
    entered = [(own, await enter(region, own, installer)) for own in (first, second)]
    return email, password, entered[0], entered[1]


@pytest.mark.row("X-04")
async def test_account_access_dies_with_the_session_from_which_it_was_entered(region: Region) -> None:
    _, password, (own, inside), (other, beside) = await twice_inside(region)
    await region.tell(CloseSession, own, account_id=own.account_id, session_id=own.session_id)
    assert await region.is_over(inside)
    assert not await region.is_over(beside)
    third = await enter(region, other, Actor(account_id=beside.account_id, role=Role.INSTALLER))
    changed = {"current_password": password, "new_password": "correct-horse-battery-42"}
    await region.tell(ChangePassword, own, account_id=own.account_id, **changed)
    assert await region.is_over(beside)
    assert await region.is_over(third)


@pytest.mark.row("X-04")
async def test_account_access_outlives_no_session_that_ran_out(region: Region) -> None:
    email, password, (own, inside), _ = await twice_inside(region)
    old = hashlib.sha256(uuid4().bytes).hexdigest()
    long_ago = datetime.now(UTC) - IDLE_OF_STAFF - timedelta(seconds=1)
    login = {"identifier": email, "password": password, "session_id": old, "agent": "Firefox"}
    await region.tell(OpenSession, VISITOR, at=long_ago, **login)
    with pytest.raises(Refused, match="session-unknown"):
        await enter(
            region,
            own.model_copy(update={"session_id": old}),
            Actor(account_id=inside.account_id, role=Role.INSTALLER),
        )


async def test_whoever_switched_in_does_not_see_where_the_installer_is_logged_in(region: Region) -> None:
    distributor, installer = await granted(region)
    session = await enter(region, distributor, installer)
    await enter(region, distributor, installer)
    assert [row.session_id for row in (await region.see(ListSessions, acting(session))).rows] == [session.session_id]
    assert len((await region.see(ListSessions, installer)).rows) == 2


async def test_a_sibling_s_distributor_cannot_enter(region: Region) -> None:
    _, installer = await granted(region)
    with pytest.raises(Refused, match="installer-unknown"):
        await enter(region, await region.distributor(), installer)
