"""What was erased is gone from what stores copy: from their files, MongoDB's oplog, and the wrapped data keys."""

import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from bson import json_util
from cryptography.exceptions import InvalidTag
from pymongo import AsyncMongoClient

from kernel.keeping.sealing import unseal
from tests.faults import checks
from tests.faults.crashing import settled
from tests.house import House, Person, distributor, house, installer, secrets_of, super_manager, wrappings_of
from tests.ops.watching import freeze

# Blocks of files as they are, not compressed, so that a word can be found in them; and a checkpoint each second.
_PLAIN = (
    *("--wiredTigerCollectionBlockCompressor", "none", "--wiredTigerJournalCompressor", "none"),
    *("--syncdelay", "1"),
)


@pytest.fixture(scope="module")
async def world(servers_dir: Path) -> AsyncIterator[House]:
    async with house(servers_dir / "copies", mongod_options=_PLAIN) as built:
        yield built


@pytest.fixture(scope="module")
async def person(world: House) -> AsyncIterator[Person]:
    root = await super_manager(world)
    above = await distributor(world, root)
    yield (below := await installer(world, above))
    for each in (root, above, below):
        await each.http.aclose()


async def household(person: Person, word: str) -> str:
    """A household in which everything personal contains `word`."""
    wish = {
        "name": f"Family {word}",
        "email": f"{word}@example.org",
        "address": f"{word} street 7",
        "room": word[:9],
        "premium": False,
    }
    added = await person.do("POST", "/users", json=wish)
    return str(added["id"])


def files_with(world: House, word: str) -> list[str]:
    """The files of MongoDB and NATS in which the word stands."""
    folders = [str(world.mongod.data_dir), *(str(server.data_dir) for server in world.nats)]
    found = subprocess.run(
        ["grep", "-r", "-a", "-i", "-F", "-l", word, *folders], capture_output=True, text=True, check=False
    )
    assert found.returncode in (0, 1), found.stderr
    return found.stdout.split()


async def oplog_of(world: House) -> list[dict[str, Any]]:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(world.environment["MONGODB_URI"])
    async with client:
        return await client.local["oplog.rs"].find({"op": {"$ne": "n"}}).to_list()


def wrapped_in(value: object, name: str) -> list[bytes]:
    """What was ever kept of the wrapped data keys whose name begins so, anywhere in an entry of the oplog."""
    if isinstance(value, dict):
        mine = str(value.get("_id", "")).startswith(name) and isinstance(value.get("wrapped"), bytes)
        here = [value["wrapped"]] if mine else []
        return here + [each for inner in value.values() for each in wrapped_in(inner, name)]
    if isinstance(value, list):
        return [each for inner in value for each in wrapped_in(inner, name)]
    return []


def open_under_what_is_left(world: House, wrapped: Iterable[bytes], name: str) -> list[bytes]:
    """Those that open under any key that still exists: in the secret's file or in the folder of wrapping keys."""
    folder = Path(world.environment["SMARTPLUS_KEYS_DIR"])
    keys = [bytes.fromhex(file.read_text()) for file in folder.glob("*.key")] + list(secrets_of(world).wrappings)
    opened = []
    for each in wrapped:
        for key in keys:
            for number in range(3):
                try:
                    opened.append(unseal(key, each, f"{name}.{number}".encode()))
                except InvalidTag:
                    continue
    return opened


@pytest.mark.row("R-50")
async def test_nothing_of_a_deleted_household_is_in_any_copy(world: House, person: Person) -> None:
    gone, stays = f"gone{uuid4().hex[:12]}", f"stays{uuid4().hex[:12]}"
    deleted = await household(person, gone)
    kept = await household(person, stays)
    copied = wrapped_in(await oplog_of(world), deleted)
    # What the copies hold before: the test would find it.
    assert copied
    assert open_under_what_is_left(world, copied, deleted)
    assert files_with(world, gone)
    assert gone in json.dumps(await oplog_of(world), default=json_util.default)

    await person.do("DELETE", f"/users/{deleted}")
    await checks.at_rest(world)
    await settled(world, "devices")
    said = await world.smartplus("erase-now")
    assert "Erased completely" in said

    assert not open_under_what_is_left(world, copied, deleted)
    oplog = await oplog_of(world)
    assert gone not in json.dumps(oplog, default=json_util.default)
    assert not wrapped_in(oplog, deleted)
    assert files_with(world, gone) == []
    # And who lives there notices nothing.
    user = await person.do("GET", f"/users/{kept}")
    assert user["email"] == f"{stays}@example.org"
    assert wrappings_of(world).present().id
    await household(person, f"new{uuid4().hex[:12]}")


async def test_nothing_is_told_to_be_erased_while_who_destroys_its_keys_is_away(world: House, person: Person) -> None:
    deleted = await household(person, f"gone{uuid4().hex[:12]}")
    pid = world.programs["devices"].pid
    assert pid
    await freeze(pid)
    try:
        await person.do("DELETE", f"/users/{deleted}")
        with pytest.raises(AssertionError, match="Nothing was erased: devices"):
            await world.smartplus("erase-now")
    finally:
        os.kill(pid, signal.SIGCONT)
    await settled(world, "devices")
    assert "Erased completely" in await world.smartplus("erase-now")
