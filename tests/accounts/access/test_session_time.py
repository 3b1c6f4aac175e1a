"""How long sessions last that nobody uses, and how many one person has."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.accounts.access import GetSession, KeepSession, ListSessions, OpenSession, SessionClosed, SessionKept
from contracts.message import Role
from contracts.permissions import SYSTEM, VISITOR
from contracts.session_time import SESSIONS_MAX, idle_time
from kernel.deciding.spec import Spec
from services.accounts.access.access import ACCESS, evolve
from services.accounts.access.login import LOGIN
from tests.accounts.access.test_login import resident
from tests.accounts.conftest import Region, acting
from tests.accounts.world import (
    DISTRIBUTOR,
    INSTALLER,
    NOW,
    ask,
    installer,
    installer_opened,
    master,
    master_opened,
    session,
)

access = Spec(ACCESS, LOGIN)

FIRST = "a" * 64


def _kept(account_id: str, at: datetime, session_id: str = FIRST) -> KeepSession:
    return ask(KeepSession, SYSTEM, account_id=account_id, session_id=session_id, at=at)


def test_staff_is_out_after_twelve_unused_hours_and_residents_after_thirty_days() -> None:
    staff = {Role.SUPER_MANAGER, Role.DISTRIBUTOR, Role.INSTALLER, Role.PROPERTY_MANAGER}
    for role in Role:
        assert idle_time(role) == (timedelta(hours=12) if role in staff else timedelta(days=30))


def test_a_session_that_is_used_lasts_on() -> None:
    opened_at = session(INSTALLER, FIRST)  # until NOW + 12 h
    used_at = NOW + timedelta(hours=11)
    outcome = access.given(installer_opened, opened_at).when(_kept(INSTALLER, used_at))
    later = SessionKept(account_id=INSTALLER, session_id=FIRST, expires_at=used_at + timedelta(hours=12))
    outcome.then(later)
    access.given(installer_opened, opened_at, later).when(_kept(INSTALLER, used_at + timedelta(minutes=5))).then()


def test_a_session_that_is_used_all_the_time_is_recorded_in_steps() -> None:
    opened_at = session(INSTALLER, FIRST)
    access.given(installer_opened, opened_at).when(_kept(INSTALLER, NOW + timedelta(minutes=59))).then()


def test_what_is_over_stays_over() -> None:
    late = NOW + timedelta(hours=12, seconds=1)
    access.given(installer_opened, session(INSTALLER, FIRST)).when(_kept(INSTALLER, late)).then()
    closed = SessionClosed(account_id=INSTALLER, session_id=FIRST)
    access.given(installer_opened, session(INSTALLER, FIRST), closed).when(_kept(INSTALLER, NOW)).then()
    access.given(installer_opened).when(_kept(INSTALLER, NOW)).then()


def test_account_access_ends_after_its_hour_however_it_is_used() -> None:
    inside = session(INSTALLER, FIRST, DISTRIBUTOR)
    access.given(installer_opened, inside).when(_kept(INSTALLER, NOW + timedelta(minutes=59))).then()


@pytest.mark.parametrize(("actor", "opening"), [(master, master_opened), (installer, installer_opened)])
def test_the_longest_unused_session_makes_room_for_the_twenty_first(actor: object, opening: object) -> None:
    account_id = opening.account_id  # type: ignore[attr-defined]
    ids = [f"{n:064x}" for n in range(SESSIONS_MAX)]
    many = [
        session(account_id, each).model_copy(update={"expires_at": NOW + timedelta(hours=1, minutes=n)})
        for n, each in enumerate(ids)
    ]
    # The first was used since.
    used = SessionKept(account_id=account_id, session_id=ids[0], expires_at=NOW + timedelta(hours=11))
    inside = session(account_id, "d" * 64, DISTRIBUTOR)
    wish = ask(
        OpenSession,
        actor,  # type: ignore[arg-type]
        identifier="whoever",
        password="whatever",
        session_id="b" * 64,
        account_id=account_id,
        verified_hash=opening.password_hash,  # type: ignore[attr-defined]
    )
    outcome = access.given(opening, *many, inside, used).when(wish)  # type: ignore[arg-type]
    events = list(outcome.events)
    assert events[:-1] == [SessionClosed(account_id=account_id, session_id=ids[1])]
    state = ACCESS.initial
    for event in (opening, *many, inside, used, *events):
        state = evolve(state, event)  # type: ignore[arg-type]
    own = [each for each in state.sessions.values() if each.impersonator_id is None]
    assert len(own) == SESSIONS_MAX
    assert "d" * 64 in state.sessions


async def test_a_person_has_at_most_twenty_sessions(region: Region) -> None:
    _, _, email, credential = await resident(region)
    opened = [await region.log_in(email, credential) for _ in range(22)]
    assert [await region.is_over(each) for each in opened[:3]] == [True, True, False]
    shown = await region.see(ListSessions, acting(opened[-1]))
    assert {each.session_id for each in shown.rows} == {each.session_id for each in opened[2:]}


async def test_a_session_that_is_kept_is_shown_with_its_new_end(region: Region) -> None:
    _, user_id, email, credential = await resident(region)
    opened = await region.log_in(email, credential)
    later = datetime.now(UTC) + timedelta(days=20)
    await region.tell(KeepSession, SYSTEM, account_id=user_id, session_id=opened.session_id, at=later)
    view = await region.see(GetSession, VISITOR, session_id=opened.session_id)
    assert abs(view.expires_at - (later + timedelta(days=30))) < timedelta(seconds=5)
