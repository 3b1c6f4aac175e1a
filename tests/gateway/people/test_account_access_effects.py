"""Account access by its effects: whoever acts for somebody else is answered no secret, and opens no door by it later.

The rule it protects: everything that a distributor was ever answered in an installer's account is tried afterwards, as
the password of every account and as the key of every device. What it made there waits for the installer in person.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiomqtt
import httpx
import pytest

from contracts.accounts.access import OpenSession
from contracts.accounts.members import AddMember
from contracts.acting import secrets_of
from contracts.devices.intercoms import RotateDeviceKey
from contracts.message import Accepted, Answer, Refused
from contracts.modules import MODULES, declared
from contracts.permissions import VISITOR
from services.gateway.asking.positions import Positions
from services.gateway.guards.sessions import csrf_token
from services.gateway.http.problems import Problem
from tests.gateway.api import OPERATIONS, Operation, a_mac, right_body
from tests.gateway.conftest import browser
from tests.gateway.test_authorization_matrix import PARTS, RULES, _ask
from tests.gateway.world import PASSWORD, World, system, world

SECRETS = frozenset[str]().union(*(secrets_of(each) for service in MODULES for each in declared(service, Answer)))
_NO_SECRET = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # an id
    r"|\d{4}-\d\d-\d\dT.*"  # a time
    r"|[\d.]+|[0-9A-F]{12}|urn:.*"  # a number, a MAC, a refusal
    r"|.{0,5}|.*[ /<@+].*"  # what no lock would take, an address
    r"|[a-z]+([_.-][a-z]+)*|([A-Z][a-z-]+)+"  # a word or words
)


@dataclass
class Inside:
    """A distributor in an installer's account, and every word that it was answered there."""

    town: World
    told: set[str] = field(default_factory=set)
    logins: set[str] = field(default_factory=set)
    macs: set[str] = field(default_factory=set)

    async def ask(self, method: str, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        answer = await self.town.people["guest"].browser.ask(method, path, json=body, headers=headers)
        self.hear(answer)
        return answer

    def hear(self, answer: httpx.Response) -> None:
        document = answer.json() if "json" in answer.headers.get("content-type", "") else answer.text
        self.told |= {word for word in _words(document) if not _NO_SECRET.fullmatch(word) and not self._is_sealed(word)}

    def _is_sealed(self, word: str) -> bool:
        """A position: nobody but the region reads it."""
        try:
            return bool(Positions(self.town.secrets).opened(word, self.town.people["guest"].account_id))
        except Problem:
            return False

    async def doors_opened(self) -> list[str]:
        """Whom everything that was answered lets in, as a person or as a device."""
        opened = []
        for login in sorted(self.logins):
            for word in sorted(self.told - self.logins):
                if await logs_in(self.town, login, word):
                    opened.append(f"{login} by {word}")
        for mac in sorted(self.macs):
            for word in sorted(self.told):
                if await connects(self.town, mac, word):
                    opened.append(f"{mac} by {word}")
        return opened


def _words(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        for each in document.values():
            yield from _words(each)
    elif isinstance(document, list):
        for each in document:
            yield from _words(each)
    elif isinstance(document, str):
        yield document


async def logs_in(town: World, identifier: str, password: str) -> bool:
    """Past the limits of the gateway: whether the password is right."""
    wish = OpenSession(
        **{**system(), "actor": VISITOR},
        identifier=identifier,
        password=password,
        session_id=uuid4().hex * 2,
        agent="Firefox",
    )
    with suppress(Refused):
        await town.caller.command(wish)
        return True
    return False


async def connects(town: World, mac: str, key: str) -> bool:
    """Whether a device of that MAC is let in by that key."""
    with suppress(aiomqtt.MqttError):
        async with aiomqtt.Client("127.0.0.1", town.mqtt_port, username=mac, password=key, identifier=mac, timeout=10):
            return True
    return False


@pytest.fixture(scope="module")
async def town(servers_dir: Path, mongodb_uri: str) -> AsyncIterator[World]:
    async with world(servers_dir, mongodb_uri) as built:
        await built.enter("guest", "north", "bright")
        yield built


@pytest.fixture
async def inside(town: World) -> Inside:
    return Inside(town)


async def _furnished(town: World) -> tuple[dict[str, str], str]:
    """A household of bright with one of everything, and its device's MAC."""
    await town.household("home", "bright")
    await town.member("home-child", "home", "bright")
    await town.furnish("home", "bright", *PARTS)
    device = await town.people["bright"].do("GET", f"/devices/{town.ids['home/device_id']}")
    places = {part: town.ids[f"home/{part}"] for part in PARTS}
    return {**places, "user_id": town.ids["home"], "member_id": town.ids["home-child"]}, device["mac"]


_GOES = {"LogIn", "LogOut", "EndImpersonation"}
_FOR_EVERYBODY = {"ListModels", "GetMacTemplate", *(name for name, rule in RULES.items() if rule.open)}
_TAKES = {"DeleteUser", "ResetUser", "DeleteMember", "UnbindDevice", "RemoveCamera", "WithdrawCredential", "RemoveMac"}


@pytest.mark.row("X-03")
async def test_no_answer_carries_a_secret_and_nothing_that_was_done_opens_a_door(town: World, inside: Inside) -> None:
    places, mac = await _furnished(town)
    for operation in OPERATIONS:
        if operation.id in _GOES | _FOR_EVERYBODY:
            continue
        if operation.id in _TAKES:
            places, mac = await _furnished(town)
        inside.logins |= {town.ids["home.email"], town.ids["home-child.email"]}
        inside.macs.add(mac)
        await _everything_answered(inside, operation, places)
    assert inside.told
    assert len(inside.logins) > 5
    assert await inside.doors_opened() == []


async def _everything_answered(inside: Inside, operation: Operation, places: dict[str, str]) -> None:
    """Ask it of the household's things, and once more as a repeat."""
    town = inside.town
    if operation.id in ("Live", "OpenMacImport"):
        inside.hear(await _ask(town, "guest", operation, "bright"))
        return
    body = right_body(operation.body) if operation.body else None
    match operation.id:
        case "BindDevice":
            body = {**(body or {}), "mac": a_mac()}
            await town.people["bright"].do("POST", "/macs", {"mac": body["mac"]})
            inside.macs.add(body["mac"])
        case "GrantCredential":
            body = {**(body or {}), "relays": [{"device_id": places["device_id"], "relay": 1}]}
        case "SubmitAutop" | "PreviewAutop":
            body = {**(body or {}), "device_ids": [places["device_id"]]}
    path = operation.at(installer_id=town.ids["bright"], distributor_id=town.ids["north"], **places)
    key = uuid4().hex
    answer = await inside.ask(operation.method, path, body, key)
    assert answer.status_code < 500, f"{operation.id}: {answer.text}"
    if answer.is_success and operation.changes and operation.id != "PreviewAutop":
        extra = answer.json().get("extra", {})
        assert not extra.keys() & SECRETS, f"{operation.id}: {extra}"
        inside.logins |= {each for each in (extra.get("uid"), (body or {}).get("email")) if each}
        await inside.ask(operation.method, path, body, key)


@pytest.mark.row("X-03")
async def test_what_is_made_under_account_access_waits_for_the_installer_in_person(town: World, inside: Inside) -> None:
    places, mac = await _furnished(town)
    home, bright = f"/users/{places['user_id']}", town.people["bright"]
    inside.macs.add(mac)
    child_email, master_email = f"{uuid4().hex}@example.org", f"{uuid4().hex}@example.org"
    added = (await inside.ask("POST", f"{home}/members", {"name": "Nobody", "email": child_email})).json()
    other = (await inside.ask("POST", "/users", {**right_body("AddUser"), "email": master_email})).json()
    assert added["extra"].keys() == {"uid"}
    assert other["extra"].keys() == {"uid", "family_sip"}
    assert (await inside.ask("DELETE", f"/devices/{places['device_id']}")).status_code == 200
    bound = (await inside.ask("POST", f"{home}/devices", {**right_body("BindDevice"), "mac": mac})).json()
    assert bound["extra"].keys() == {"sip"}
    granted = {**right_body("GrantCredential"), "relays": [{"device_id": bound["id"], "relay": 1}]}
    for method, path, body in (
        ("POST", f"{home}/reset-password", None),
        ("POST", f"{home}/members/{added['id']}/reset-password", None),
        ("POST", f"/devices/{bound['id']}/key", None),
        ("POST", "/property-managers", right_body("CreatePropertyManager")),
        ("POST", f"{home}/credentials", granted),
    ):
        refused = await inside.ask(method, path, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden-while-impersonating"), path
    inside.logins |= {child_email, master_email, added["extra"]["uid"], other["extra"]["uid"]}
    assert await inside.doors_opened() == []

    # The installer sees that they wait, and hands them over. A position is of use to whom it was given.
    seen = [(home, added), (f"/users/{other['id']}", other), (f"/devices/{bound['id']}", bound)]
    for path, made in seen:
        assert (await inside.ask("GET", f"{path}?after={made['position']}")).is_success
    shown = await bright.do("GET", home)
    assert not shown["waits_for_password"]
    assert {each["member_id"]: each["waits_for_password"] for each in shown["family"]} == {
        places["member_id"]: False,
        added["id"]: True,
    }
    assert (await bright.do("GET", f"/users/{other['id']}"))["waits_for_password"]
    assert (await bright.do("GET", f"/devices/{bound['id']}"))["waits_for_key"]
    issued = await bright.do("POST", f"{home}/members/{added['id']}/reset-password")
    assert await logs_in(town, child_email, issued["extra"]["credential"])
    rotated = await bright.do("POST", f"/devices/{bound['id']}/key")
    assert await connects(town, mac, rotated["extra"]["device_key"])
    shown = await bright.do("GET", f"{home}?after={issued['position']}")
    assert not any(each["waits_for_password"] for each in shown["family"])
    assert not (await bright.do("GET", f"/devices/{bound['id']}?after={rotated['position']}"))["waits_for_key"]


async def test_a_key_of_idempotency_brings_no_secret_to_whoever_acts_for_another(town: World, inside: Inside) -> None:
    bright, body, key = town.people["bright"].browser, right_body("AddUser"), uuid4().hex
    first = await bright.ask("POST", "/users", json=body, headers={"Idempotency-Key": key})
    assert "credential" in first.json()["extra"]
    again = await inside.ask("POST", "/users", body, key)
    assert again.json()["id"] == first.json()["id"]
    assert not again.json()["extra"].keys() & SECRETS
    # And the other way about: the installer is not told a password that nobody has.
    body, key = right_body("AddUser"), uuid4().hex
    made = await inside.ask("POST", "/users", body, key)
    repeated = await bright.ask("POST", "/users", json=body, headers={"Idempotency-Key": key})
    assert repeated.json()["id"] == made.json()["id"]
    assert "credential" not in repeated.json()["extra"]


@pytest.mark.parametrize(
    ("path", "changes", "field"),
    [
        ("", {"email": "somebody-else@example.org"}, "email"),
        ("", {"country": "FR", "mobile": "+33612345678"}, "mobile"),
        ("", {"country": "FR", "landlines": [None, "+33145678900", None]}, "landlines.1"),
        ("/members/{child}", {"email": "another-one@example.org"}, "email"),
        ("/members/{child}", {"country": "FR", "mobile": "+33612345679"}, "mobile"),
    ],
)
async def test_nobody_is_brought_to_where_passwords_and_calls_go(
    town: World, inside: Inside, path: str, changes: dict[str, Any], field: str
) -> None:
    places, _ = await _furnished(town)
    where = f"/users/{places['user_id']}" + path.format(child=places["member_id"])
    form = {**right_body("EditMember" if path else "EditUser"), **changes}
    refused = await inside.ask("PUT", where, form)
    assert refused.status_code == 403, refused.text
    assert [(each["field"], each["code"]) for each in refused.json()["errors"]] == [(field, "for-the-holder-alone")]
    await town.people["bright"].do("PUT", where, form)
    # What is there may stay, and the rest of the form is free.
    answer = await inside.ask("PUT", where, {**form, "name": "Renamed"})
    assert answer.is_success, answer.text


@pytest.mark.parametrize(
    ("closed", "opened", "field"),
    [
        ({"enabled": False}, {"enabled": True}, "relays.0.enabled"),
        ({"methods": ["homepage"]}, {"methods": ["homepage", "talking_page"]}, "relays.0.methods"),
        ({"dtmf": None}, {"dtmf": "5"}, "relays.0.dtmf"),
        (None, {"enabled": True}, "relays.0.enabled"),
    ],
)
async def test_a_relay_that_the_installer_closed_is_not_opened_again(
    town: World, inside: Inside, closed: dict[str, Any] | None, opened: dict[str, Any], field: str
) -> None:
    """Whoever holds a PIN or answers the call got in by it again."""
    places, _ = await _furnished(town)
    where, gate = f"/devices/{places['device_id']}", {"number": 1, "name": "Gate", "dtmf": "#"}
    form = right_body("EditDevice")
    await town.people["bright"].do("PUT", where, {**form, "relays": [] if closed is None else [{**gate, **closed}]})
    wanted = {**form, "relays": [{**gate, **opened}]}
    refused = await inside.ask("PUT", where, wanted)
    assert refused.status_code == 403, refused.text
    assert [(each["field"], each["code"]) for each in refused.json()["errors"]] == [(field, "for-the-holder-alone")]
    await town.people["bright"].do("PUT", where, wanted)
    # What is open may stay, be renamed and be closed.
    for relay in ({**gate, **opened, "name": "Yard"}, {**gate, **opened, "enabled": False}):
        answer = await inside.ask("PUT", where, {**form, "relays": [relay]})
        assert answer.is_success, answer.text


CODE = "4711"
_CODES = "\n".join(
    f"Config.{key} = {CODE}"
    for key in (
        "DoorSetting.PASSWORD.PublicKey",
        "Door.GENERAL.Pin1",
        "Settings.WEB_LOGIN.Password",
        "A.B.OpenDoorCode",
    )
)


@pytest.mark.row("X-03")
async def test_the_codes_that_lines_set_are_told_to_the_installer_alone(town: World, inside: Inside) -> None:
    """A door opens by the code that a line sets, whatever the maker calls the key."""
    places, _ = await _furnished(town)
    bright, device_id = town.people["bright"], places["device_id"]
    asked = [f"/devices/{device_id}/regular-autop", f"/devices/{device_id}/commands"]
    for kind in ("regular", "one_time"):
        batch = {"kind": kind, "text": _CODES, "device_ids": [device_id], "confirmed": True}
        asked.append(f"/provisionings/{(await bright.do('POST', '/provisionings', batch))['id']}")
    for _ in range(100):
        told = [str(await bright.do("GET", path)) for path in asked]
        if all("PublicKey" in each for each in told):
            break
        await asyncio.sleep(0.1)
    for path, by_installer in zip(asked, told, strict=True):
        assert CODE in by_installer, path
        answer = await inside.ask("GET", path)
        assert "PublicKey" in answer.text, path
        assert CODE not in answer.text, path
    commands = (await bright.do("GET", asked[1]))["rows"]
    one = next(each["device_command_id"] for each in commands if each["lines"])
    assert CODE not in (await inside.ask("GET", f"/device-commands/{one}")).text


async def test_no_preview_says_whether_a_guess_is_what_is_stored(town: World, inside: Inside) -> None:
    places, _ = await _furnished(town)
    batch = {"kind": "regular", "text": _CODES, "device_ids": [places["device_id"]]}
    await town.people["bright"].do("POST", "/provisionings", {**batch, "confirmed": True})
    answers = [
        await inside.ask("POST", "/provisionings/preview", {**batch, "text": f"Config.A.B.OpenDoorCode = {guess}"})
        for guess in ("4710", CODE)
    ]
    assert {(each.status_code, each.json()["code"]) for each in answers} == {(403, "forbidden-while-impersonating")}


async def test_a_camera_s_password_is_led_nowhere_else(town: World, inside: Inside) -> None:
    places, _ = await _furnished(town)
    where, form = f"/cameras/{places['camera_id']}", right_body("EditCamera")
    elsewhere = {**form, "rtsp_address": "rtsp://203.0.113.9/live"}
    refused = await inside.ask("PUT", where, elsewhere)
    assert (refused.status_code, refused.json()["code"]) == (403, "for-the-holder-alone")
    assert (await inside.ask("PUT", where, {**elsewhere, "password": "a new one"})).is_success


# --- What a session is decides, never how it came ---------------------------------------------------------------------


async def _entered(town: World, name: str) -> tuple[str, str]:
    """The secrets of a distributor's own session and of its account access."""
    await town.enter(name, "north", "bright")
    cookies = town.people[name].browser.http.cookies
    return cookies["session"], cookies["impersonation"]


_TRIED = [
    ("GET", "/users"),
    ("GET", "/session"),
    ("POST", "/devices/{device_id}/key"),
    ("POST", "/devices/{device_id}/unlock"),
    ("DELETE", "/impersonation"),
    ("DELETE", "/sessions/" + "0" * 64),
]


@pytest.mark.parametrize("own_lives", [True, False])
async def test_the_token_of_account_access_is_worth_nothing_as_ones_own_session(town: World, own_lives: bool) -> None:
    places, _ = await _furnished(town)
    name = f"passing-{uuid4().hex[:6]}"
    _, taken = await _entered(town, name)
    if not own_lives:
        # Its own session ends beside: the browser never says so to account access.
        own = town.people[name].browser.http.cookies
        async with browser(town.url, cookies={"session": own["session"]}) as elsewhere:
            await elsewhere.ask("GET", "/session")
            assert (await elsewhere.ask("DELETE", "/session")).status_code == 204
    for sent in ({"session": taken}, {"session": taken, "impersonation": taken}):
        async with browser(town.url, cookies=sent) as thief:
            for method, path in _TRIED:
                body = {"relay": 1} if path.endswith("unlock") else None
                answer = await thief.ask(method, path.format(**places), json=body, headers=_csrf(taken))
                assert answer.status_code == 401, f"{method} {path}: {answer.text}"


async def test_account_access_ends_with_the_session_from_which_it_was_entered_and_no_other(town: World) -> None:
    own, taken = await _entered(town, "first")
    other, _ = await _entered(town, "second")
    async with browser(town.url, cookies={"session": own}) as client:
        await client.ask("GET", "/session")
        assert (await client.ask("DELETE", "/session")).status_code == 204
    async with browser(town.url, cookies={"session": other, "impersonation": taken}) as client:
        answer = await client.ask("GET", "/users")
        assert (answer.status_code, answer.json()["code"]) == (401, "impersonation-ended")
    answer = await town.people["second"].browser.ask("GET", "/users")
    assert answer.status_code == 200, answer.text


def _csrf(token: str) -> dict[str, str]:
    return {"X-CSRF-Token": csrf_token(token)}


async def test_under_account_access_the_services_themselves_refuse_and_withhold(town: World, inside: Inside) -> None:
    """Whatever gateway asks, the service says the same."""
    places, _ = await _furnished(town)
    session = (await inside.ask("GET", "/session")).json()
    actor = {key: session[key] for key in ("account_id", "role", "distributor_id", "installer_id", "impersonator_id")}
    with pytest.raises(Refused, match="forbidden-while-impersonating"):
        await town.caller.command(RotateDeviceKey(**{**system(), "actor": actor}, device_id=places["device_id"]))
    made = await town.caller.command(
        AddMember(
            **{**system(), "actor": actor}, user_id=places["user_id"], member_id=str(uuid4()), name="X", language="en"
        )
    )
    assert isinstance(made, Accepted)
    assert made.extra.model_dump().keys() == {"uid"}


async def test_the_password_of_everybody_is_as_it_was(town: World) -> None:
    assert await logs_in(town, town.people["bright"].email, PASSWORD)
