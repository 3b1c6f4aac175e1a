"""A module's public functions are called by what they do or are: a participle alone tells a reader nothing."""

import ast
from pathlib import Path

import pytest

from contracts.reasons import Kind
from contracts.refusals import REFUSALS

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for room in ("kernel", "contracts", "services", "ops") for path in (ROOT / room).rglob("*.py"))
NO_NAMES = {"told", "said", "there", "known", "found", "of"}


@pytest.mark.parametrize("room", ["kernel", "contracts", "services", "ops"])
def test_no_public_function_is_called_by_a_word_that_says_nothing(room: str) -> None:
    named = [
        f"{module.relative_to(ROOT)}:{node.lineno} {node.name}"
        for module in MODULES
        if module.is_relative_to(ROOT / room)
        for node in ast.parse(module.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in NO_NAMES
    ]
    assert not named


def test_a_code_that_denies_a_thing_ends_as_the_kernel_knows_it() -> None:
    """By that a service knows that it must first have caught up with its log."""
    denying = [code for code, reason in REFUSALS.items() if reason.kind is Kind.UNKNOWN]
    assert denying
    assert [code for code in denying if not code.endswith("-unknown")] == []
