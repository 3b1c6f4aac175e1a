"""Whatever the console may be told by its name, a refusal or an event, has a text in every language."""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from contracts.message import Event
from contracts.modules import declared
from contracts.refusals import REFUSALS
from kernel.talking import wire
from ops.events import SERVICES
from services.gateway.http.problems import STATUS

ROOT = Path(__file__).parents[2]
LOCALES = ROOT / "web" / "src" / "locales"
LANGUAGES = sorted(json.loads((LOCALES / "languages.json").read_text()))
# What is raised with a code as its first text, and what carries one as `code`.
_RAISED = {"Refused", "refused", "fault", "Problem"}
_CARRYING = {"FieldRefusal", "Refusal"}

# What only that service can keep: its words are shown once it is there.
PROMISES = {"notify": r"\bapps?\b|\be-mails (are|that)\b", "billing": r"\bpa(y|id)\b|\bpayments?\b|\bsubscri"}
# Names of what a relay opens by, and of modules that are not shown yet.
NAMES = ("access.method.", "module.")


def texts(language: str) -> dict[str, Any]:
    return dict(json.loads((LOCALES / f"{language}.json").read_text()))


def written_codes() -> Iterator[str]:
    """The codes that stand in the sources."""
    for folder in ("contracts", "kernel", "services"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call):
                    continue
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                first = 1 if name == "Problem" else 0  # `Problem` begins with its status
                told = node.args[first : first + 1] if name in _RAISED else []
                told += [each.value for each in node.keywords if name in _CARRYING and each.arg == "code"]
                code = next((each.value for each in told if isinstance(each, ast.Constant)), None)
                if isinstance(code, str):
                    yield code


@cache
def codes() -> set[str]:
    """Every code that an answer may carry."""
    return {*REFUSALS, *STATUS, *wire._CODES.values(), *written_codes()}


def test_the_codes_are_looked_for_where_they_are() -> None:
    assert {"login-failed", "too-many", "mac-malformed", "unknown-field", "wrong-type", "csrf"} <= codes()
    assert {"idempotency-key-reused", "actor-unproved", "not-allowed"} <= set(written_codes())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_a_text(language: str) -> None:
    assert sorted(codes() - texts(language)["refusal"].keys()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_event_has_a_name(language: str) -> None:
    events = {event.__name__ for service in SERVICES for event in declared(service, Event)}
    assert sorted(events - texts(language)["event"].keys()) == []
    assert sorted(texts(language)["event"].keys() - events) == []


def test_every_service_is_asked_for_its_events() -> None:
    for name in SERVICES:
        service = importlib.import_module(f"services.{name}.__main__").SERVICE
        assert set(service.events) <= set(declared(name, Event))


def sentences(texts: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, text in texts.items():
        if isinstance(text, dict):
            yield from sentences(text, f"{above}{name}.")
        else:
            yield f"{above}{name}", text


@pytest.mark.parametrize("service", sorted(PROMISES.keys() - set(SERVICES)))
def test_nothing_is_promised_that_no_service_keeps(service: str) -> None:
    told = [key for key, text in sentences(texts("en")) if re.search(PROMISES[service], text, re.IGNORECASE)]
    assert [key for key in told if not key.startswith(NAMES)] == []
