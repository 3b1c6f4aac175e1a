"""Every wrong field of a form is told at once, each with a code and a sentence that say what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.accounts.access import GetSession
from contracts.message import Role
from tests.gateway.api import OPERATIONS, SCHEMAS, Operation, right_body
from tests.gateway.conftest import Browser, Desk, somebody

LOCALES = Path(__file__).parents[3] / "web" / "src" / "locales"
# What says only that something is wrong.
VAGUE = {"malformed", "wrong-type", "invalid"}
HOME = "/users/00000000-0000-4000-8000-000000000001"
CAMERA = {"user_name": "viewer", "password": "a camera's password"}

FORMS: list[tuple[str, str, dict[str, Any], dict[str, str]]] = [
    (
        "POST",
        "/users",
        {
            "name": "\u200b",
            "address": "5 rue des Lilas",
            "premium": False,
            "country": "DE",
            "email": "nobody@",
            "mobile": "12",
            "landlines": [None, "abc", "+49 30 901820"],
        },
        {
            "name": "text-empty",
            "email": "email-malformed",
            "mobile": "phone-invalid",
            "landlines.1": "phone-invalid",
        },
    ),
    (
        "POST",
        "/users",
        {
            "name": "Ana",
            "address": "5 rue des Lilas",
            "premium": "no",
            "country": "XX",
            "email": "nobody@",
            "mobile": "12",
        },
        {"premium": "wrong-type", "country": "country-invalid", "email": "email-malformed"},
    ),
    (
        "POST",
        f"{HOME}/members",
        {"name": "Zoé", "country": "FR", "email": "zoe@zoe", "mobile": "+49 30 901820"},
        {"email": "email-malformed", "mobile": "phone-invalid"},
    ),
    (
        "PUT",
        "/customer-service",
        {"phone": "abc", "email": "a b"},
        {"phone": "phone-unreadable", "email": "email-malformed"},
    ),
    (
        "POST",
        f"{HOME}/devices",
        {
            "mac": "0C11",
            "kind": "doorphone_single",
            "name": " ",
            "internet_access": False,
            "transfer_ip": "1.2",
            "relays": [{"number": 1, "name": "Gate", "dtmf": "12x"}],
        },
        {
            "mac": "mac-malformed",
            "name": "text-empty",
            "transfer_ip": "ip-malformed",
            "relays.0.dtmf": "dtmf-malformed",
        },
    ),
    (
        "POST",
        f"{HOME}/cameras",
        {**CAMERA, "name": "", "rtsp_address": "http://192.0.2.1/"},
        {"name": "text-empty", "rtsp_address": "rtsp-malformed"},
    ),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "wanted"), FORMS, ids=lambda each: each if isinstance(each, str) else ""
)
async def test_every_wrong_field_of_a_form_is_told_at_once(
    desk: Desk, visitor: Browser, method: str, path: str, body: dict[str, Any], wanted: dict[str, str]
) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    desk.sent.clear()
    answer = await visitor.ask(method, path, json=body)
    assert answer.status_code == 400
    assert {each["field"]: each["code"] for each in answer.json()["errors"]} == wanted
    assert not [each for each in desk.sent if not isinstance(each, GetSession)]


def typed(schema: dict[str, Any]) -> bool:
    """Whether people type what the schema describes, as text; ids, times and choices come from the console."""
    kinds = [schema, *schema.get("anyOf", [])]
    return any(
        kind.get("type") == "string" and "format" not in kind and "36" not in kind.get("pattern", "") for kind in kinds
    )


def typed_fields() -> Iterator[tuple[Operation, str]]:
    for operation in OPERATIONS:
        for name, schema in SCHEMAS[operation.body]["properties"].items() if operation.body else ():
            if typed(schema):
                yield operation, name


@pytest.mark.parametrize(("operation", "name"), list(typed_fields()), ids=lambda each: getattr(each, "id", each))
async def test_what_is_typed_wrong_is_refused_with_what_is_wrong(
    desk: Desk, visitor: Browser, operation: Operation, name: str
) -> None:
    if operation.needs_session:
        await somebody(desk, visitor, Role.DISTRIBUTOR if operation.id == "StartImpersonation" else Role.INSTALLER)
    for value in ("?!", "", " ", "\u200b", "12", "x" * 10_000, "a\u0000b"):
        answer = await visitor.ask(operation.method, operation.at(), json={**right_body(operation.body), name: value})
        if answer.status_code == 400:
            assert {each["code"] for each in answer.json()["errors"]} & VAGUE == set(), (value, answer.text)


@pytest.mark.parametrize("language", ["en", "fa", "he"])
def test_each_code_has_a_sentence_of_its_own(language: str) -> None:
    texts = json.loads((LOCALES / f"{language}.json").read_text())["refusal"]
    codes = {code for *_, wanted in FORMS for code in wanted.values()} - VAGUE
    assert len({texts[code] for code in codes} - {texts[code] for code in VAGUE}) == len(codes)
