"""That a login is taken is told to whoever must hear it, and to nobody who tries logins to find people."""

import pytest

from contracts.accounts.households import AddUser
from contracts.message import FieldRefusal, Refused, Role
from contracts.refusals import REFUSALS
from services.gateway.guards.taken_logins import LIMITS
from tests.gateway.api import right_body
from tests.gateway.conftest import Browser, Desk, browser, refused, somebody

MOST = LIMITS[0][0]
_TOGETHER = Refused(
    "invalid",
    errors=(
        FieldRefusal(field="time_zone", code="time-zone-invalid", detail="No such zone."),
        FieldRefusal(field="email", code="login-taken", detail="Another account uses this already."),
    ),
)


@pytest.mark.parametrize("refusal", [refused("login-taken", "email"), _TOGETHER], ids=["alone", "among others"])
async def test_who_tries_logins_to_find_people_hears_it_thirty_times_an_hour(
    desk: Desk, visitor: Browser, refusal: Refused
) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    desk.refuses[AddUser] = refusal
    body = right_body("AddUser") | {"email": "somebody@example.org"}
    codes = [(await visitor.ask("POST", "/users", json=body)).json()["code"] for _ in range(MOST)]
    assert set(codes) == {refusal.code}
    desk.refuses.clear()
    answer = await visitor.ask("POST", "/users", json=body)
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many")
    assert int(answer.headers["retry-after"]) > 60

    # Other work goes on, and so do others.
    without = {name: value for name, value in body.items() if name not in ("email", "mobile")}
    assert (await visitor.ask("POST", "/users", json=without)).status_code == 201
    async with browser(str(visitor.http.base_url)) as other:
        await somebody(desk, other, Role.INSTALLER)
        assert (await other.ask("POST", "/users", json=body)).status_code == 201


async def test_other_refusals_are_not_counted(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    desk.refuses[AddUser] = refused("time-zone-invalid", "time_zone")
    for _ in range(MOST + 5):
        assert (await visitor.ask("POST", "/users", json=right_body("AddUser"))).status_code == 400


def test_the_sentence_names_no_owner() -> None:
    assert REFUSALS["login-taken"].sentence == "Another account uses this already."
