"""The page that teaches how to add a service is a service: made from its blocks, in a copy of the tree, it works."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.toy.page import PAGE, blocks, counted, make_tree

BACKEND = ("contracts/", "services/", "ops/", "pyproject.toml")
DEPLOYMENT = ("deploy/", "compose.yaml")
PROMISES = (
    "a parcel is added once, and listed",
    "another tenant neither sees nor changes it",
    "an open page is told",
    "it is fetched once, and the trail says all of it",
    "killed and back, it knows what it knew",
    "its list is built anew from the log",
    "with the household its parcels go",
)
# What the console's page needs to be read, and no other page: half of the time.
TYPES = {
    "extends": "./tsconfig.json",
    "include": [],
    "files": [
        "src/console/pages/parcels/ParcelsPage.tsx",
        "src/console/modules.ts",
        "src/api/live.ts",
        "src/i18n/i18next.d.ts",
    ],
}
# What `python -m ops.contracts` and `python -m ops.openapi` do, by one start.
GENERATE = "from ops import contracts, openapi; contracts.write(); openapi.FILE.write_text(openapi.text())"
# Of the tests that hold the house's rules those that look at the toy.
KEPT = "parcels or pure or gathered or kept or needs"
# No fixture is asked for, and what only some tests need takes longer to import than these take to run.
BARE = ("--noconftest", *(f"-pno:{each}" for each in ("xdist", "schemathesis", "hypothesispytest", "cacheprovider")))

pytestmark = pytest.mark.timeout(600)


def run(tree: Path, *command: str, folder: str = ".") -> subprocess.CompletedProcess[str]:
    """That command in the tree, whose Python it imports before any other."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    return subprocess.run(command, cwd=tree / folder, env=environment, capture_output=True, text=True)


def done(tree: Path, *command: str, folder: str = ".") -> None:
    ended = run(tree, *command, folder=folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    """The tree with the service in it, and what is generated from it."""
    with tempfile.TemporaryDirectory(prefix="smartplus-toy-", ignore_cleanup_errors=True) as folder:
        made = make_tree(Path(folder, "tree"))
        done(made, sys.executable, "-c", GENERATE)
        yield made


@pytest.fixture(scope="module")
def said(tree: Path) -> str:
    """What `at_work` says of the service, in a region of its own."""
    ended = run(tree, sys.executable, "-m", "tests.toy.at_work", str(tree.parent / "house"))
    return ended.stdout + ended.stderr


@pytest.mark.parametrize("promise", PROMISES)
def test_the_service_of_the_page_works(said: str, promise: str) -> None:
    assert f"held: {promise}\n" in said, said


def test_nothing_else_was_said(said: str) -> None:
    assert said.splitlines() == [f"held: {promise}" for promise in PROMISES]


def test_its_list_is_a_page_of_the_console(tree: Path) -> None:
    (tree / "web" / "tsconfig.toy.json").write_text(json.dumps(TYPES))
    tools = "node_modules/.bin"
    done(tree, f"{tools}/openapi-ts", folder="web")
    done(tree, f"{tools}/tsc", "--noEmit", "--project", "tsconfig.toy.json", folder="web")
    done(tree, "node", "scripts/check-locales.mjs", folder="web")


def test_it_keeps_the_rules_of_the_house(tree: Path) -> None:
    new = sorted({block.file for block in blocks() if block.file.endswith(".py")})
    done(tree, sys.executable, "-m", "ruff", "check", "--no-cache", *new)
    done(tree, sys.executable, "-m", "ruff", "format", "--no-cache", "--check", *new)
    rules = ("tests/contracts/test_rooms.py", "tests/contracts/test_service_rooms.py")
    deployed = ("tests/deploy/test_policies.py", "tests/deploy/test_network.py")
    done(tree, sys.executable, "-m", "pytest", "-q", *BARE, "-k", KEPT, *rules, *deployed)


def test_compose_serves_it_with_its_secrets(tree: Path) -> None:
    made = yaml.safe_load((tree / "compose.yaml").read_text())
    service, filled = made["services"]["parcels"], made["services"]["secret"]["volumes"]
    assert service["command"] == ["serve", "parcels"]
    assert {each.partition(":")[0] for each in service["volumes"]} <= made["volumes"].keys()
    assert "parcels-secret:/secrets/parcels" in filled


@pytest.mark.parametrize(
    ("table", "named"), [("event", r"^class (\w+)\(Event\)"), ("refusal", r'"([a-z-]+)": Reason\(')]
)
def test_what_it_may_say_has_a_text_in_every_language(tree: Path, table: str, named: str) -> None:
    said = {name for block in blocks() for name in re.findall(named, block.lines, re.MULTILINE)}
    assert said
    locales = tree / "web" / "src" / "locales"
    for language in json.loads((locales / "languages.json").read_text()):
        assert said <= json.loads((locales / f"{language}.json").read_text())[table].keys(), language


@pytest.mark.parametrize("rooms", [BACKEND, ("web/",), DEPLOYMENT])
def test_the_page_says_how_much_it_is(rooms: tuple[str, ...]) -> None:
    assert " ".join(counted(blocks(), *rooms).split()) in " ".join(PAGE.read_text().split())


def test_every_block_is_counted() -> None:
    rooms = (*BACKEND, "web/", *DEPLOYMENT)
    assert [block.file for block in blocks() if not block.file.startswith(rooms)] == []


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:contracts|kernel|services|ops)/[\w/.]+)`", PAGE.read_text())))
)
def test_every_file_the_page_names_exists(tree: Path, path: str) -> None:
    assert (tree / path).exists()
