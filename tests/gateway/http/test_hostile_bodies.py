"""Whatever is sent to a command: a refusal that names the field, or plain text that stays text; never a 500."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from contracts.accounts.access import GetSession
from contracts.message import Event, Role
from services.gateway.app import Running
from services.gateway.http.receiving import BODY_LIMIT_BYTES
from services.gateway.http.requests import PARTS_LIMIT
from tests.gateway.api import OPERATIONS, SCHEMAS, Operation, right_body
from tests.gateway.conftest import Browser, Desk, browser, somebody

WITH_BODY = [each for each in OPERATIONS if each.body]
JSON = {"Content-Type": "application/json"}

PRIVILEGED = (
    *("role", "tenant", "tenant_id", "actor", "command_id", "at", "account_id", "password_hash", "verified_hash"),
    *("installer_id", "distributor_id", "household_id", "expires_at", "status", "price", "payer", "is_admin"),
    *("impersonator_id", "session_id", "__proto__", "constructor", "_id", "$where", "revision", "key"),
)
NO_FREE_TEXT = ("phone", "mobile", "mac", "confirmed_mac", "rtsp_address", "code")
FIELDS_OF_EVENTS = sorted({name for event in Event.__subclasses__() for name in event.model_fields})

WRONG: tuple[Any, ...] = (
    *({"$ne": 1}, {"$gt": ""}, {"$where": "sleep(1000)"}, ["x"], [{"$ne": None}], {}, [], 1, 1.5, -(10**400), True, ""),
    *("x" * 10_000, "a\u0000b", "a\u001b[31mb", "a\u202eb", "\u2066x", "\ud800", "\ufeff", "\r\nSet-Cookie: a=b"),
)
EVERYWHERE: tuple[Any, ...] = ({"$ne": 1}, [], "x" * 10_000, "a\u0000b")
HARMLESS = (
    *("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}} ${7*7}", "=cmd|'/C calc'!A0"),
    *("'; DROP TABLE users; --", "../../etc/passwd", "$ne", "a.b", "خانوادهٔ رضایی", "משפחת כהן", "👩‍👩‍👧", "İıſ"),
)


def _text_fields(body: str) -> Iterator[str]:
    for name, schema in SCHEMAS[body]["properties"].items():
        kinds = [schema, *schema.get("anyOf", [])]
        if any(kind.get("type") == "string" and "pattern" not in kind and "format" not in kind for kind in kinds):
            yield name


def _hostile() -> Iterator[tuple[Operation, str, Any]]:
    """All of it for each kind of field, and for every field of every command what would hurt most."""
    tried = set()
    for operation in WITH_BODY:
        for name, schema in SCHEMAS[operation.body]["properties"].items():
            kind = json.dumps({**schema, "title": ""})
            for value in EVERYWHERE if kind in tried else WRONG:
                yield operation, name, value
            tried.add(kind)


async def _send(visitor: Browser, operation: Operation, body: Any) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode("utf-8", "surrogatepass")
    return await visitor.ask(operation.method, operation.at(), content=content, headers=JSON)


@pytest.fixture
async def anybody(desk: Desk, visitor: Browser, operation: Operation) -> Browser:
    if operation.needs_session:
        await somebody(desk, visitor, Role.DISTRIBUTOR if operation.id == "StartImpersonation" else Role.INSTALLER)
        desk.sent.clear()
    return visitor


each_command = pytest.mark.parametrize("operation", WITH_BODY, ids=lambda each: each.id)


@each_command
async def test_unknown_fields_are_refused_by_name(desk: Desk, anybody: Browser, operation: Operation) -> None:
    foreign = {*PRIVILEGED, *FIELDS_OF_EVENTS} - SCHEMAS[operation.body]["properties"].keys()
    answer = await _send(anybody, operation, {**right_body(operation.body), **dict.fromkeys(foreign, "x")})
    assert answer.status_code == 400
    assert {(each["field"], each["code"]) for each in answer.json()["errors"]} == {
        (name, "unknown-field") for name in foreign
    }
    assert not [each for each in desk.sent if not isinstance(each, GetSession)]


@each_command
async def test_hostile_values_in_any_field_are_refused_or_kept_as_text(
    desk: Desk, anybody: Browser, operation: Operation
) -> None:
    for _, name, value in (each for each in _hostile() if each[0] == operation):
        answer = await _send(anybody, operation, {**right_body(operation.body), name: value})
        assert answer.status_code in (200, 201, 400, 401, 429), (name, value, answer.text)
        if answer.status_code == 400 and answer.json()["code"] == "invalid":
            assert {each["field"].partition(".")[0] for each in answer.json()["errors"]} == {name}, value
        if isinstance(value, dict | float) or (isinstance(value, int) and abs(value) > 100):
            assert answer.status_code == 400, (name, value)


@each_command
async def test_what_looks_like_code_is_only_text(desk: Desk, anybody: Browser, operation: Operation) -> None:
    for name in _text_fields(operation.body):
        if name in ("email", "identifier", "password", "current_password", "new_password"):
            continue
        for value in HARMLESS if operation.id != "StartImpersonation" else HARMLESS[:1]:
            body = {**right_body(operation.body), name: value}
            answer = await _send(anybody, operation, body)
            if answer.status_code == 400:
                assert name in NO_FREE_TEXT, (name, value, answer.text)
            if name in NO_FREE_TEXT:
                continue
            assert answer.is_success, answer.text
            sent = [each for each in desk.sent if not isinstance(each, GetSession)][-1]
            assert getattr(sent, name) == value


NO_DOCUMENTS = {
    b"": (400, "invalid"),
    b"null": (400, "invalid"),
    b"[]": (400, "invalid"),
    b'"text"': (400, "invalid"),
    b"{": (400, "malformed"),
    b"\xff\xfe{}": (400, "malformed"),
    b"\xef\xbb\xbf{}": (400, "malformed"),
    b'{"a": NaN}': (400, "malformed"),
    b'{"a": 1e999}': (400, "invalid"),
    b'{"a": 1, "a": 1}': (400, "malformed"),
    b'{"a": ' + b"[" * 33 + b"]" * 33 + b"}": (400, "malformed"),
    b"[" * 100_000: (400, "malformed"),
    b'{"a": ' + b"9" * 5000 + b"}": (400, "malformed"),
    b'{"name": "' + b"x" * BODY_LIMIT_BYTES + b'"}': (413, "too-large"),
}


@each_command
async def test_a_body_that_is_no_document_is_refused(anybody: Browser, operation: Operation) -> None:
    for body, (status, code) in NO_DOCUMENTS.items():
        answer = await _send(anybody, operation, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (body[:20], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


OTHER_KINDS = (
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "application/json; charset=utf-16"},
    {"Content-Type": "application/json", "Content-Encoding": "gzip"},
)


@each_command
async def test_another_media_type_is_refused(anybody: Browser, operation: Operation) -> None:
    for headers in OTHER_KINDS:
        answer = await anybody.ask(operation.method, operation.at(), content=b"{}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type"), headers


def _with_many(parts: str, count: int) -> bytes:
    many = (f'"k{n}": 1' if parts == "fields" else "{}" if parts == "objects" else "1" for n in range(count))
    listed = ", ".join(many)
    return f"{{{listed}}}".encode() if parts == "fields" else f'{{"identifier": [{listed}]}}'.encode()


@pytest.mark.parametrize("parts", ["fields", "objects", "entries"])
@pytest.mark.parametrize("count", [PARTS_LIMIT + 1, 90_000])
async def test_a_document_of_too_many_parts_is_refused_before_its_faults_are_worded(
    visitor: Browser, parts: str, count: int
) -> None:
    """A megabyte of unknown fields held everybody up for seconds, and nobody has to log in for it."""
    body = _with_many(parts, count)
    answer = await visitor.ask("POST", "/session", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert len(answer.content) < 1_000


async def test_a_body_that_grows_without_end_is_cut_off(gateway: Running) -> None:
    async def endless() -> Any:
        for _ in range(64):
            yield b" " * 65536

    async with browser(gateway.url) as visitor:
        answer = await visitor.ask("POST", "/session", content=endless(), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


async def test_a_refusal_never_repeats_what_was_sent(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    canary = "canary-7f3a"
    answer = await visitor.ask(
        "POST", "/session/password", json={"current_password": canary, "new_password": canary[:6], canary: 1}
    )
    assert answer.status_code == 400
    assert canary not in answer.json()["detail"]
    assert all(canary not in each["detail"] for each in answer.json()["errors"])


@pytest.mark.parametrize("identity", ["not-a-uuid", "%00", "..%2f..%2fetc", "{$ne:1}", "1" * 5000, "%F0%9F%92%A9"])
async def test_an_id_that_cannot_exist_answers_like_one_that_does_not(
    desk: Desk, visitor: Browser, identity: str
) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    answer = await visitor.ask("GET", f"/users/{identity}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_a_method_that_a_path_does_not_have_is_refused_with_those_it_has(visitor: Browser) -> None:
    answer = await visitor.ask("PATCH", "/users")
    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")
    assert {"GET", "POST"} <= set(answer.headers["allow"].replace(" ", "").split(","))


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/users/1/2/3/4", "/api/nothing", "/api/v2/users"])
async def test_a_path_that_is_not_there_is_a_problem(visitor: Browser, path: str) -> None:
    answer = await visitor.http.get(path, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
