"""Positions as clients see them: they tell nothing, come back merged, and are taken from nobody else."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from contracts.accounts.households import ListUsers, UserPage
from contracts.accounts.partners import InstallerPage, ListInstallers
from contracts.message import Role
from kernel.keeping.secrets import Secrets
from services.gateway.app import running
from services.gateway.asking.positions import LENGTH_MAX, TOKENS_MAX, Positions
from services.gateway.settings import GatewaySettings
from tests.gateway.api import right_body
from tests.gateway.conftest import Browser, Desk, browser, somebody

POSITIONS = Positions(Secrets(bytes(32)))
ME = str(uuid4())
HEADER = "Smartplus-Position"


def test_tokens_tell_neither_number_nor_order() -> None:
    numbers = [0, 1, 2, 9, 10, 99, 512, 513, 10**9, 10**18 - 1]
    tokens = [POSITIONS.sealed(f"ACCOUNTS.{each}", ME) for each in numbers]
    assert len(set(tokens)) == len(tokens)
    assert len({len(each) for each in tokens}) == 1
    assert tokens != sorted(tokens)
    assert not {each[-8:] for each in tokens} & {each[:8] for each in tokens}
    assert len({each[:4] for each in tokens}) == len({each[-4:] for each in tokens}) == len(tokens)


def test_a_token_is_the_same_for_every_gateway_of_the_region_and_for_no_other() -> None:
    token = POSITIONS.sealed("ACCOUNTS.512,DEVICES.7", ME)
    assert Positions(Secrets(bytes(32))).sealed("DEVICES.7,ACCOUNTS.512", ME) == token
    assert Positions(Secrets(b"1" * 32)).sealed("ACCOUNTS.512,DEVICES.7", ME) != token
    assert not set(token) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_as_many_tokens_as_are_taken_fit_into_the_parameter() -> None:
    longest = POSITIONS.sealed("ACCOUNTS.999999999999999999,DEVICES.999999999999999999", ME)
    assert len(",".join([longest] * TOKENS_MAX)) <= LENGTH_MAX


async def test_many_tokens_become_one(desk: Desk, visitor: Browser) -> None:
    me = (await somebody(desk, visitor, Role.INSTALLER)).account_id
    desk.views[ListUsers] = UserPage(rows=(), total=0, page=1, per_page=10)
    texts = ["ACCOUNTS.9", "DEVICES.4", "ACCOUNTS.10", "ACCOUNTS.2,DEVICES.1"]
    answer = await visitor.ask("GET", f"/users?after={','.join(desk.positions.sealed(each, me) for each in texts)}")
    assert desk.last(ListUsers).after == "ACCOUNTS.10,DEVICES.4"
    assert answer.headers.get_list(HEADER) == [desk.positions.sealed("ACCOUNTS.10,DEVICES.4", me)]
    again = await visitor.ask("GET", f"/users?after={answer.headers[HEADER]}")
    assert desk.last(ListUsers).after == "ACCOUNTS.10,DEVICES.4"
    assert HEADER not in again.headers
    assert HEADER not in (await visitor.ask("GET", "/users")).headers


BROKEN = {
    "plain": "ACCOUNTS.7",
    "plain-ones": "ACCOUNTS.7,DEVICES.2",
    "nonsense": "nonsense",
    "commas": ",,",
    "not-ascii": "\u00e9",
    "long": "A" * 4000,
}


@pytest.mark.parametrize("after", BROKEN.values(), ids=BROKEN.keys())
async def test_a_foreign_or_broken_token_is_refused_at_its_field(desk: Desk, visitor: Browser, after: str) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    answer = await visitor.ask("GET", "/users", params={"after": after})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [("after", "position-invalid")]
    assert not [each for each in desk.sent if isinstance(each, ListUsers)]


async def test_a_token_of_another_region_or_person_is_refused(desk: Desk, visitor: Browser) -> None:
    me = (await somebody(desk, visitor, Role.INSTALLER)).account_id
    desk.views[ListUsers] = UserPage(rows=(), total=0, page=1, per_page=10)
    tokens = [Positions(Secrets(b"1" * 32)).sealed("ACCOUNTS.7", me), desk.positions.sealed("ACCOUNTS.7", str(uuid4()))]
    for token in tokens:
        answer = await visitor.ask("GET", f"/users?after={token}")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "position-invalid")
    assert (await visitor.ask("GET", f"/users?after={desk.positions.sealed('ACCOUNTS.7', me)}")).status_code == 200


async def test_a_token_from_an_installers_account_is_of_use_after_leaving_it(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.DISTRIBUTOR)
    desk.views[ListInstallers] = InstallerPage(rows=(), total=0, page=1, per_page=10)
    body = {"installer_id": str(uuid4()), "reason": "Support"}
    assert (await visitor.ask("POST", "/impersonation", json=body)).status_code == 201
    added = await visitor.ask("POST", "/users", json=right_body("AddUser"))
    assert (await visitor.ask("DELETE", "/impersonation")).is_success
    assert (await visitor.ask("GET", f"/installers?after={added.json()['position']}")).status_code == 200
    assert desk.last(ListInstallers).after == "ACCOUNTS.7"


@pytest.mark.parametrize("spoilt", [lambda good: good[1:], lambda good: good + "A", lambda good: good[:20] + good])
async def test_a_token_that_was_changed_is_refused(desk: Desk, visitor: Browser, spoilt: Callable[[str], str]) -> None:
    me = (await somebody(desk, visitor, Role.INSTALLER)).account_id
    answer = await visitor.ask("GET", f"/users?after={spoilt(desk.positions.sealed('ACCOUNTS.7', me))}")
    assert [each["code"] for each in answer.json()["errors"]] == ["position-invalid"]


async def test_more_tokens_than_are_taken_are_refused(desk: Desk, visitor: Browser) -> None:
    me = (await somebody(desk, visitor, Role.INSTALLER)).account_id
    tokens = [desk.positions.sealed(f"ACCOUNTS.{each}", me) for each in range(TOKENS_MAX + 1)]
    desk.views[ListUsers] = UserPage(rows=(), total=0, page=1, per_page=10)
    assert (await visitor.ask("GET", f"/users?after={','.join(tokens[1:])}")).status_code == 200
    assert (await visitor.ask("GET", f"/users?after={','.join(tokens)}")).status_code == 400


async def test_a_token_of_one_gateway_opens_at_another(
    desk: Desk, visitor: Browser, gateway_settings: GatewaySettings
) -> None:
    me = (await somebody(desk, visitor, Role.INSTALLER)).account_id
    added = await visitor.ask("POST", "/users", json=right_body("AddUser"))
    desk.views[ListUsers] = UserPage(rows=(), total=0, page=1, per_page=10)
    async with running(gateway_settings) as second, browser(second.url) as elsewhere:
        await somebody(desk, elsewhere, Role.INSTALLER, account_id=me)
        assert (await elsewhere.ask("GET", f"/users?after={added.json()['position']}")).status_code == 200
    assert desk.last(ListUsers).after == "ACCOUNTS.7"
