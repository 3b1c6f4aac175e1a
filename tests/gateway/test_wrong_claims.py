"""A code is read off a label and never found by trying: thirty wrong ones an hour are heard, whoever's MAC it is."""

import pytest

from contracts import devices as d
from contracts.message import Role
from services.gateway.limits import CLAIM_LIMITS
from tests.gateway.conftest import Browser, Desk, browser, refused, somebody

MOST = CLAIM_LIMITS[0][0]
BODY = {"code": "7Q2K-91XM"}


def path(n: int) -> str:
    return f"/macs/0C1105{n:06X}/claim"


async def test_who_tries_codes_hears_thirty_times_an_hour_that_they_are_wrong(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    desk.refuses[d.ClaimMac] = refused("mac-claim-refused", "code")
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


@pytest.mark.parametrize("code", ["mac-bound", "mac-quota-reached", None])
async def test_right_codes_are_not_counted(desk: Desk, visitor: Browser, code: str | None) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    if code:
        desk.refuses[d.ClaimMac] = refused(code, "mac")
    for n in range(MOST + 5):
        answer = await visitor.ask("POST", path(n), json=BODY)
        assert answer.status_code == (409 if code else 200)


async def test_what_is_no_code_is_refused_at_its_field_and_not_shown_again(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    answer = await visitor.ask("POST", path(0), json={"code": "7Q2K_91"})
    assert answer.status_code == 400
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [("code", "label-code-malformed")]
    assert "7Q2K" not in answer.text
