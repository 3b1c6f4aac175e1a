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

# Each route is asked by somebody who may use it: the installer where it may, else the one above who may.
ASKED: dict[str, list[str]] = {"bright": [], "north": [], "root": []}
for name, rule in RULES.items():
    if name not in LEFT_OUT:
        ASKED["bright" if "I" in rule.roles else "north" if "D" in rule.roles else "root"].append(name)


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


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("person", "operations"), ASKED.items(), ids=ASKED)
async def test_the_api_keeps_to_its_document(
    small_world: World, tmp_path: Path, person: str, operations: list[str]
) -> None:
    http = small_world.people[person].browser.http
    cookies = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).parent / "schemathesis"), "run", str(_document(tmp_path))),
        *("--url", small_world.url, "--header", f"Cookie: {cookies}"),
        *("--header", f"X-CSRF-Token: {http.cookies['csrftoken']}"),
        *("--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "20261122"),
        # What a text may contain (an e-mail address, no control characters) is more than a schema can say.
        *("--exclude-checks", "positive_data_acceptance"),
        *(part for operation in operations for part in ("--include-operation-id", operation)),
        *("--suppress-health-check", "all", "--generation-database", "none", "--no-color", "--workers", "2"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-6000:]
