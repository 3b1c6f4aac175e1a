"""What one tenant is answered never lets it count what others do; and whoever wrote sees what it wrote."""

import json
import re
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest

from services.gateway.asking.positions import Positions
from tests.gateway.conftest import browser
from tests.gateway.test_live import following
from tests.gateway.world import PASSWORD, World, world

_SEQUENCE = re.compile(r'[A-Z]+\.\d+|"(position|next|revision)":"[^"]*\b\d+"')


@pytest.fixture(scope="module")
async def town(servers_dir: Path, mongodb_uri: str) -> AsyncIterator[World]:
    async with world(servers_dir, mongodb_uri) as built:
        yield built


def _form(name: str) -> dict[str, object]:
    return {"name": name, "address": "5 rue des Lilas", "premium": False}


async def test_nothing_of_two_writes_tells_how_much_others_wrote_between(town: World) -> None:
    bright, far = town.people["bright"], town.people["far"]
    answers = []
    for turn in range(3):
        answers.append(await bright.browser.ask("POST", "/users", json=_form(f"House {turn}")))
        await far.do("POST", "/users", _form(f"Other {turn}"))
    positions = [answer.json()["position"] for answer in answers]
    home = answers[0].json()["id"]
    answers += [
        await bright.browser.ask("GET", path)
        for path in (f"/users/{home}?after={','.join(positions)}", f"/users/{home}/audit?limit=1", "/audit?limit=1")
    ]
    assert all(answer.is_success for answer in answers)
    for answer in answers:
        said = json.dumps([answer.json(), dict(answer.headers)], separators=(",", ":"))
        assert not _SEQUENCE.search(said), said
        assert not re.fullmatch(r'"?\d+"?', answer.headers.get("etag", "")), answer.headers["etag"]
    opened = [int(Positions(town.secrets).opened(each, bright.account_id).rpartition(".")[2]) for each in positions]
    assert [after - before > 1 for before, after in pairwise(opened)] == [True, True]
    assert len({len(each) for each in positions}) == 1


async def test_a_cursor_is_of_use_for_its_own_subject_alone(town: World) -> None:
    bright = town.people["bright"]
    homes = [(await bright.do("POST", "/users", _form(f"Cursor {each}")))["id"] for each in range(2)]
    for home in homes:
        edited = await bright.do("PUT", f"/users/{home}", _form("Edited"))
        await bright.do("GET", f"/users/{home}?after={edited['position']}")
    path = f"/users/{homes[0]}/audit?limit=1&cursor="
    first = await bright.do("GET", path)
    assert [row["type"] for row in (await bright.do("GET", path + first["next"]))["rows"]] == ["UserAdded"]
    for cursor in ("5", "000000000000000005", (await bright.do("GET", f"/users/{homes[1]}/audit?limit=1"))["next"]):
        answer = await bright.browser.ask("GET", path + cursor)
        assert (answer.status_code, answer.json()["code"]) == (400, "cursor-invalid")


async def test_whoever_wrote_sees_it_with_one_token_with_many_and_with_the_one_they_became(town: World) -> None:
    far = town.people["far"]
    name = f"Mine {uuid4().hex[:8]}"
    tokens = [(await far.do("POST", "/users", _form(f"{name} {each}")))["position"] for each in range(5)]
    whole = await far.browser.ask("GET", f"/users?q={name}&after={','.join(reversed(tokens))}")
    assert whole.json()["total"] == 5
    added = await far.do("POST", "/users", _form(name))
    after = f"{whole.headers['Smartplus-Position']},{added['position']}"
    assert (await far.do("GET", f"/users?q={name}&after={after}"))["total"] == 6


async def test_what_a_stream_tells_is_waited_for(town: World) -> None:
    bright = town.people["bright"]
    async with browser(town.url) as page:
        assert (await page.log_in(bright.email, PASSWORD)).is_success
        async with following(page) as stream:
            home = (await bright.do("POST", "/users", _form("Told")))["id"]
            heard = await stream.next()
            while home not in heard["data"]["ids"]:
                heard = await stream.next()
            assert not _SEQUENCE.search(json.dumps(heard, separators=(",", ":")))
            shown = await page.ask("GET", f"/users/{home}?after={heard['data']['position']}")
            assert shown.json()["name"] == "Told"
