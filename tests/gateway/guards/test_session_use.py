"""Using a session moves its end; listening does not. Nobody learns from a stream how much others do."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from contracts.accounts.access import KeepSession
from contracts.message import Role
from contracts.permissions import SYSTEM
from services.gateway.asking.stream_ids import StreamIds
from tests.gateway.conftest import Browser, Desk, refused, somebody


def _soon(**time: float) -> dict[str, datetime]:
    return {"expires_at": datetime.now(UTC) + timedelta(**time)}


async def _until(sees: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not sees():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def _kept(desk: Desk) -> list[KeepSession]:
    return [each for each in desk.sent if isinstance(each, KeepSession)]


@pytest.mark.parametrize(("role", "left"), [(Role.INSTALLER, {"hours": 10}), (Role.FAMILY_MASTER, {"days": 27})])
async def test_a_request_keeps_the_session_that_sends_it(
    desk: Desk, visitor: Browser, role: Role, left: dict[str, float]
) -> None:
    view = await somebody(desk, visitor, role, **_soon(**left))
    assert (await visitor.ask("GET", "/session")).status_code == 200
    await _until(lambda: bool(_kept(desk)))
    kept = _kept(desk)[0]
    assert (kept.account_id, kept.session_id, kept.actor) == (view.account_id, view.session_id, SYSTEM)


async def test_a_session_that_was_kept_just_now_is_left_alone(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER, **_soon(hours=11, minutes=30))
    await somebody(desk, visitor, Role.FAMILY_MASTER, **_soon(days=29))
    for _ in range(3):
        await visitor.ask("GET", "/session")
    assert not _kept(desk)


async def test_a_page_that_only_listens_keeps_nothing(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER, **_soon(hours=10))
    async with visitor.http.stream("GET", "/api/v1/live") as answer:
        assert answer.status_code == 200
    assert not _kept(desk)


async def test_under_account_access_the_distributors_own_session_is_kept(desk: Desk, visitor: Browser) -> None:
    own = await somebody(desk, visitor, Role.DISTRIBUTOR, **_soon(hours=10))
    body = {"installer_id": str(uuid4()), "reason": "asked for help"}
    assert (await visitor.ask("POST", "/impersonation", json=body)).status_code == 201
    await _until(lambda: bool(_kept(desk)))
    desk.sent.clear()
    assert (await visitor.ask("GET", "/session")).json()["impersonator_id"] == own.account_id
    assert {each.session_id for each in _kept(desk)} <= {own.session_id}


async def test_what_cannot_be_recorded_as_used_hinders_nobody(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER, **_soon(hours=10))
    desk.refuses[KeepSession] = refused("session-unknown")
    for _ in range(3):
        assert (await visitor.ask("GET", "/session")).status_code == 200


def test_the_id_of_a_notice_says_nothing_to_anybody_but_this_process() -> None:
    ids = StreamIds()
    shown = [ids.made(number, {"one"}) for number in range(100)]
    assert [ids.number(each, {"one"}) for each in shown] == list(range(100))
    assert len({len(each) for each in shown}) == 1
    assert sorted(shown) != shown
    assert {ids.number(each, {"two"}) for each in shown} == {None}
    assert {StreamIds().number(each, {"one"}) for each in shown} == {None}
    assert [ids.number(each, {"one"}) for each in ("", "-", "000000000000-3", "²", "9" * 400, shown[0][:-2])] == [
        None
    ] * 6


async def test_streams_of_two_tenants_have_ids_that_cannot_be_compared(desk: Desk, visitor: Browser) -> None:
    installer = await somebody(desk, visitor, Role.INSTALLER)
    seen = []
    for _ in range(2):
        async with visitor.http.stream("GET", "/api/v1/live") as answer:
            async for line in answer.aiter_lines():
                if line.startswith("id:"):
                    seen.append(line)
                    break
        for n in range(3):
            await desk.tell(str(uuid4()), "household", f"elsewhere-{n}")
    assert installer.installer_id
    for each in seen:
        assert not any(part.isdecimal() for part in each.replace("id:", "").strip().split("-"))
