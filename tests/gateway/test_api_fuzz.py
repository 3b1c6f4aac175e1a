"""schemathesis asks every route what its schema allows and what it does not; nothing breaks, nothing surprises."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.api import DOCUMENT
from tests.gateway.test_authorization_matrix import RULES
from tests.gateway.world import World, world

# A stream does not end, and whoever ends the session that goes with every request can ask nothing more.
LEFT_OUT = ("Live", "LogOut", "CloseSession")
EXAMPLES = 6

# Each route is asked by somebody who may use it: the installer where it may, else the one above who may. Most of it is
# waiting, so several ask at once.
SHARES = 3
ASKED: dict[str, list[str]] = {"north": [], "root": [], **{f"bright-{share}": [] for share in range(SHARES)}}
for number, (name, rule) in enumerate(RULES.items()):
    if name not in LEFT_OUT:
        whom = f"bright-{number % SHARES}" if "I" in rule.roles else "north" if "D" in rule.roles else "root"
        ASKED[whom].append(name)


@pytest.fixture(scope="module")
async def small_world(servers_dir: Path, mongodb_uri: str) -> AsyncIterator[World]:
    async with world(servers_dir, mongodb_uri) as built:
        yield built


def _document(folder: Path) -> Path:
    # The session goes with every request as a fixed header. Whether it is demanded is the matrix's to ask.
    paths = {
        path: {method: {**operation, "security": []} for method, operation in operations.items()}
        for path, operations in DOCUMENT["paths"].items()
    }
    file = folder / "openapi.json"
    file.write_text(json.dumps({**DOCUMENT, "paths": paths}))
    return file


async def _ask(place: World, folder: Path, person: str, operations: list[str]) -> tuple[int | None, str]:
    """The exit code of schemathesis, and what it said."""
    http = place.people[person.partition("-")[0]].browser.http
    cookies = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).parent / "schemathesis"), "run", str(_document(folder))),
        *("--url", place.url, "--header", f"Cookie: {cookies}"),
        *("--header", f"X-CSRF-Token: {http.cookies['csrftoken']}"),
        *("--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "20261122"),
        # What a text may contain (an e-mail address, no control characters) is more than a schema can say.
        *("--exclude-checks", "positive_data_acceptance"),
        *(part for operation in operations for part in ("--include-operation-id", operation)),
        # One worker: before CPython 3.11.8 two threads cannot parse at the same time, and both do (gh-106905).
        *("--suppress-health-check", "all", "--generation-database", "none", "--no-color", "--workers", "1"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode, said.decode()


@pytest.fixture(scope="module")
async def asked(
    small_world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, asyncio.Task[tuple[int | None, str]]]]:
    """All of them at it."""
    tasks = {
        person: asyncio.create_task(_ask(small_world, tmp_path_factory.mktemp(person), person, operations))
        for person, operations in ASKED.items()
    }
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.wait(tasks.values())


@pytest.mark.timeout(400)
@pytest.mark.parametrize("person", ASKED)
async def test_the_api_keeps_to_its_document(
    asked: dict[str, asyncio.Task[tuple[int | None, str]]], person: str
) -> None:
    code, said = await asked[person]
    assert code == 0, said[-6000:]
