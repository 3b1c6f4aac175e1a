"""A body has what is named for it: what a contract gets besides stays the service's own."""

import pytest
from pydantic import ValidationError

from contracts.accounts.partners import ChangeCustomerService
from contracts.words import Filled
from services.gateway.asking import bodies
from services.gateway.asking.bodies import Body, fields_of

ANSWERED = {"phone": "+49 30 1234567", "email": "help@example.org"}


class WithMore(ChangeCustomerService):
    """A contract that got two further fields."""

    is_urgent: bool = False
    checked_by: Filled = None


@pytest.fixture(autouse=True)
def described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PUBLIC", {**bodies.PUBLIC, WithMore: bodies.PUBLIC[ChangeCustomerService]})
    bodies._body_of.cache_clear()


def test_a_new_field_of_a_command_is_not_public() -> None:
    body = Body[WithMore]
    assert fields_of(body.model_validate(ANSWERED)) == ANSWERED
    for more in ({"is_urgent": True}, {"checked_by": "me"}, {"installer_id": "x"}, {"at": "2026-11-28T12:00:00Z"}):
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            body.model_validate({**ANSWERED, **more})


@pytest.mark.parametrize("name", ["checked_by", "actor", "is_urgnet"])
def test_nobody_makes_public_what_the_gateway_or_the_service_says(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(bodies, "PUBLIC", {WithMore: f"phone email {name}"})
    with pytest.raises(ValueError, match=f"WithMore: no client says {name}"):
        Body[WithMore]


def test_what_is_said_to_be_public_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PUBLIC", {WithMore: "phone email is_urgent"})
    assert fields_of(Body[WithMore].model_validate({**ANSWERED, "is_urgent": True}))["is_urgent"] is True


def test_a_command_that_has_no_row_has_no_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PUBLIC", {})
    with pytest.raises(KeyError):
        Body[WithMore]
