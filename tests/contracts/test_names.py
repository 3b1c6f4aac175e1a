"""A module's public functions are called by what they do or are: a participle alone tells a reader nothing."""

import ast
from pathlib import Path

import pytest

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
