"""A form of which several fields are wrong is refused once, with all of them."""

from __future__ import annotations

from contracts.accounts.access import LoginClaimed
from kernel.deciding.spec import Spec
from services.accounts.access.access import ACCESS
from services.accounts.access.login import LOGIN
from services.accounts.households.decisions import HOUSEHOLD
from services.accounts.numbers.sip import SIP
from tests.accounts.world import EMAIL, MOBILE, add_user, added, by_email, by_mobile, changed, edit_user, number

household = Spec(HOUSEHOLD, ACCESS, LOGIN, SIP)
WRONG = {"mobile": "12", "landlines": (None, "abc", "1"), "time_zone": "Mars/Olympus"}
NAMED = {
    "mobile": "phone-invalid",
    "landlines.1": "phone-invalid",
    "landlines.2": "phone-invalid",
    "time_zone": "time-zone-invalid",
}


def test_all_that_is_wrong_with_a_household_is_told_at_once() -> None:
    adding = household.given().when(changed(add_user, **WRONG))
    editing = household.given(added).when(changed(edit_user, **WRONG))
    for outcome in (adding, editing):
        outcome.then_refused("invalid")
        assert outcome.refused is not None
        assert {each.field: each.code for each in outcome.refused.refusal().errors} == NAMED


def test_both_logins_that_another_account_holds_are_told() -> None:
    other = LoginClaimed(account_id=number(99))
    taken = household.given().beside(*by_email(EMAIL), other).beside(*by_mobile(MOBILE), other)
    outcome = taken.when(add_user)
    outcome.then_refused("login-taken")
    assert outcome.refused is not None
    assert [each.field for each in outcome.refused.refusal().errors] == ["email", "mobile"]
