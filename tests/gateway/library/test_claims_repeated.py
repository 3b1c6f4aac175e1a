"""A claim of a MAC that is sent again under its key is done once, and answered as it was the first time."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.gateway.api import a_mac
from tests.gateway.world import Person, World, world

CODE = "7Q2K-91XM"


@pytest.fixture(scope="module")
async def small_world(servers_dir: Path, mongodb_uri: str) -> AsyncIterator[World]:
    async with world(servers_dir, mongodb_uri) as built:
        yield built


async def labelled(above: Person) -> str:
    address = a_mac()
    await above.do("POST", "/macs", {"mac": address, "code": CODE})
    return address


async def claim(person: Person, address: str, key: str, code: str = CODE) -> httpx.Response:
    return await person.browser.ask(
        "POST", f"/macs/{address}/claim", json={"code": code}, headers={"Idempotency-Key": key}
    )


async def library(person: Person, after: Any) -> set[str]:
    page = await person.do("GET", f"/macs?per_page=100&after={after}")
    assert page["total"] == len(page["rows"])
    return {row["mac"] for row in page["rows"]}


async def test_a_claim_that_is_sent_again_is_answered_alike_and_done_once(small_world: World) -> None:
    north, far, bright = (small_world.people[name] for name in ("north", "far", "bright"))
    address, key = await labelled(north), str(uuid4())
    at_once = await asyncio.gather(*(claim(far, address, key) for _ in range(4)))
    # The code is used up by now: nobody else is heard with it, and who used it is.
    late = await claim(bright, address, key)
    assert (late.status_code, late.json()["code"]) == (409, "mac-claim-refused")
    answers = [*at_once, await claim(far, address, key)]
    assert {(each.status_code, each.text) for each in answers} == {(200, at_once[0].text)}
    assert address in await library(far, at_once[0].json()["position"])

    removed = await far.do("DELETE", f"/macs/{address}")
    assert (await claim(far, address, key)).text == at_once[0].text
    assert address not in await library(far, removed["position"])


async def test_a_wrong_code_is_refused_alike_and_the_right_one_under_its_key_is_heard(small_world: World) -> None:
    north, far = (small_world.people[name] for name in ("north", "far"))
    address, key = await labelled(north), str(uuid4())
    wrong = [await claim(far, address, key, "7Q2K91XN") for _ in range(2)]
    assert [each.json()["code"] for each in wrong] == ["mac-claim-refused"] * 2
    assert (await claim(far, address, key)).status_code == 200
