"""A code is read off a label and never found by trying: thirty wrong ones an hour are heard, whoever's MAC it is."""

import asyncio
from contextlib import AbstractAsyncContextManager, suppress
from uuid import uuid4

import pytest

from contracts.devices.library import ClaimMac
from contracts.message import Actor, Role
from services.gateway.guards.limits import CLAIM_LIMITS, LIMITS, Attempt, LoginLimits
from services.gateway.http.problems import Problem
from tests.gateway.conftest import Browser, Desk, browser, refused, somebody

MOST = CLAIM_LIMITS[0][0]
BODY = {"code": "7Q2K-91XM"}


def path(n: int) -> str:
    return f"/macs/0C1105{n:06X}/claim"


async def test_who_tries_codes_hears_thirty_times_an_hour_that_they_are_wrong(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    desk.refuses[ClaimMac] = refused("mac-claim-refused", "code")
    codes = [(await visitor.ask("POST", path(n), json=BODY)).json()["code"] for n in range(MOST)]
    assert set(codes) == {"mac-claim-refused"}
    # From now on a right one is not heard either.
    desk.refuses.clear()
    answer = await visitor.ask("POST", path(MOST), json=BODY)
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many")
    assert int(answer.headers["retry-after"]) > 60

    # Other work goes on, and so do others.
    assert (await visitor.ask("POST", "/macs", json={"mac": "0C110512AB34"})).status_code == 200
    async with browser(str(visitor.http.base_url)) as other:
        await somebody(desk, other, Role.INSTALLER)
        assert (await other.ask("POST", path(0), json=BODY)).status_code == 200


@pytest.mark.parametrize("codes", [["7Q2K91XM"], [f"7Q2K91X{n}" for n in range(10)]], ids=["one code", "many codes"])
async def test_a_wrong_code_counts_each_time_also_under_one_key(desk: Desk, visitor: Browser, codes: list[str]) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    desk.refuses[ClaimMac] = refused("mac-claim-refused", "code")

    async def status(n: int) -> int:
        body, headers = {"code": codes[n % len(codes)]}, {"Idempotency-Key": "one-key"}
        return (await visitor.ask("POST", path(0), json=body, headers=headers)).status_code

    assert [await status(n) for n in range(MOST + 2)] == [409] * MOST + [429] * 2


@pytest.mark.parametrize("code", ["mac-bound", "mac-quota-reached", None])
async def test_right_codes_are_not_counted(desk: Desk, visitor: Browser, code: str | None) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    if code:
        desk.refuses[ClaimMac] = refused(code, "mac")
    for n in range(MOST + 5):
        answer = await visitor.ask("POST", path(n), json=BODY)
        assert answer.status_code == (409 if code else 200)


async def test_what_is_no_code_is_refused_at_its_field_and_not_shown_again(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    answer = await visitor.ask("POST", path(0), json={"code": "7Q2K_91"})
    assert answer.status_code == 400
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [("code", "label-code-malformed")]
    assert "7Q2K" not in answer.text


async def test_under_account_access_the_person_behind_it_is_counted(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.DISTRIBUTOR)
    desk.refuses[ClaimMac] = refused("mac-claim-refused", "code")
    statuses = []
    for entered in range(2):
        wish = {"installer_id": str(uuid4()), "reason": "Asked for help"}
        assert (await visitor.ask("POST", "/impersonation", json=wish)).status_code == 201
        for n in range(MOST // 2 + 1):
            statuses.append((await visitor.ask("POST", path(100 * entered + n), json=BODY)).status_code)
        await visitor.ask("DELETE", "/impersonation")
    assert statuses.count(429) == len(statuses) - MOST
    assert set(statuses[:MOST]) == {409}


async def nobody_hears(subject: str, message: bytes) -> None:
    return


async def abandoned(trying: AbstractAsyncContextManager[None]) -> None:
    """A try whose asker went away before it was answered."""

    async def once() -> None:
        async with trying:
            await asyncio.Event().wait()

    task = asyncio.create_task(once())
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_try_whose_answer_nobody_waits_for_counts() -> None:
    limits = LoginLimits(nobody_hears)
    guesser = Actor(account_id="guesser", role=Role.INSTALLER, installer_id="guesser", distributor_id="above")
    for _ in range(MOST):
        await abandoned(limits.claim(guesser))
    with pytest.raises(Problem, match="Too many wrong codes"):
        async with limits.claim(guesser):
            pass
    somebody_else = Attempt("account", "login", None, "a browser that was good before")
    for _ in range(LIMITS[0][0]):
        await abandoned(limits.attempt(somebody_else))
    with pytest.raises(Problem):
        async with limits.attempt(somebody_else):
            pass
