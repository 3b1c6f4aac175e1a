"""Living data keys move to a new wrapping key and the former one dies: under load, and killed at any moment."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from kernel.keeping.rotation import rewrap, rotate
from kernel.keeping.sealing import seal, unseal
from kernel.keeping.secrets import Secrets
from kernel.keeping.vault import MongoKeys, SpoiledKey, VaultUnavailable, WrongSecret
from kernel.keeping.wrapping import WrappingKeys

Client = AsyncMongoClient[dict[str, Any]]

SECRETS = Secrets(b"\1" * 32)
ROTATION = """
import asyncio, sys
from pathlib import Path
from pymongo import AsyncMongoClient
from kernel.keeping.rotation import rotate
from kernel.keeping.secrets import Secrets
from kernel.keeping.wrapping import WrappingKeys

async def main(uri, database, folder):
    async with AsyncMongoClient(uri) as client:
        await rotate(client, database, WrappingKeys(Path(folder), Secrets(bytes([1]) * 32)))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(scope="module")
async def client(mongodb_uri: str) -> AsyncIterator[Client]:
    client: Client = AsyncMongoClient(mongodb_uri, timeoutMS=10_000)
    async with client:
        yield client


@pytest.fixture
async def database(client: Client) -> AsyncIterator[str]:
    name = f"vault_{uuid4().hex[:12]}"
    yield name
    await client.drop_database(name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    return tmp_path / "keys"


def at(folder: Path) -> WrappingKeys:
    """What another process of the region knows."""
    return WrappingKeys(folder, SECRETS)


async def copied(client: Client, database: str) -> list[dict[str, Any]]:
    """The living keys' documents, as a copy of the database or its oplog has them."""
    return await client[database]["keys"].find({"wrapped": {"$exists": True}}).to_list()


def files(folder: Path) -> list[Path]:
    """The keys that the folder has."""
    return sorted(folder.glob("*.key"))


def moved(source: Path, to: Path) -> Path:
    return source.rename(to)


def opens(wrappings: WrappingKeys, document: dict[str, Any]) -> bool:
    key = wrappings.opening(document["under"])
    return key is not None and len(unseal(key, document["wrapped"], document["_id"].encode())) == 32


async def test_a_copy_of_the_vault_opens_under_nothing_that_is_left(
    client: Client, database: str, folder: Path
) -> None:
    at(folder).make()
    keys = MongoKeys(client, at(folder), database)
    living = {name: await keys.key(name) for name in ("a", "b", "c")}
    before = await copied(client, database)
    assert all(opens(at(folder), each) for each in before)
    await keys.destroy("c")
    (file,) = files(folder)
    rotated = await rotate(client, database, at(folder))
    assert (rotated.data_keys, rotated.destroyed) == (2, 1)
    assert not file.exists()
    assert [each.name for each in files(folder)] == [f"{rotated.id}.key"]
    assert not any(opens(at(folder), each) for each in before)
    fresh = MongoKeys(client, at(folder), database)
    assert await fresh.existing(["a", "b", "c"]) == living | {"c": None}
    await fresh.check()


async def test_a_large_vault_is_looked_through_twice_and_not_once_a_batch(
    client: Client, database: str, folder: Path
) -> None:
    at(folder).make()
    present, vault = at(folder).present(), client[database]
    names = [f"household.{number}" for number in range(5000)]
    await vault["keys"].insert_many(
        [{"_id": each, "wrapped": seal(present.key, b"x" * 32, each.encode()), "under": present.id} for each in names]
    )
    await vault.create_collection("system.profile", capped=True, size=2**26)
    await vault.command("profile", 2)
    assert (await rotate(client, database, at(folder))).data_keys == len(names)
    await vault.command("profile", 0)
    looks = await vault["system.profile"].find({"ns": f"{database}.keys", "op": "query"}).to_list()
    assert sum(look["docsExamined"] for look in looks) <= 2 * len(names) + 100


async def test_a_former_key_is_overwritten_before_it_is_unlinked(folder: Path) -> None:
    wrappings = at(folder)
    former = wrappings.make()
    kept = folder / "kept"  # another name of the same bytes on the disk
    kept.hardlink_to(folder / f"{former}.key")
    plain = kept.read_bytes()
    wrappings.destroy_before(wrappings.make())
    assert len(kept.read_bytes()) == len(plain)
    assert kept.read_bytes() != plain
    assert wrappings.opening(former) is None


async def test_a_vault_that_the_secret_wrapped_moves_to_the_folder_by_the_first_rotation(
    client: Client, database: str, folder: Path
) -> None:
    made = await MongoKeys(client, SECRETS, database).key("a")
    running = MongoKeys(client, at(folder), database, cached_s=0)
    assert await running.key("a") == made
    assert (await rotate(client, database, at(folder))).data_keys == 1
    assert await running.key("a") == made
    assert not [each for each in await copied(client, database) if SECRETS.opening(each["under"])]


async def test_a_process_that_runs_learns_of_new_keys_by_itself(client: Client, database: str, folder: Path) -> None:
    at(folder).make()
    running = [MongoKeys(client, at(folder), database, cached_s=0) for _ in range(3)]
    made = await running[0].key("a")
    for _ in range(3):
        await rotate(client, database, at(folder))
        assert [await each.key("a") for each in running] == [made] * 3
        name = uuid4().hex
        # It still holds the former key in memory: the vault refuses what it would wrap under that.
        assert await running[0].key(name) == await running[1].key(name)
    under = {each["under"] for each in await copied(client, database)}
    assert under == {at(folder).present().id}


async def test_nothing_is_made_under_a_key_that_went_even_by_who_cannot_see_the_folder(
    client: Client, database: str, folder: Path
) -> None:
    at(folder).make()
    blind = MongoKeys(client, at(folder), database)
    stale = blind._wrappings.present()
    blind._wrappings.present = lambda: stale  # type: ignore[method-assign]
    await rotate(client, database, at(folder))
    with pytest.raises(VaultUnavailable):
        await blind.key("new")
    assert not await copied(client, database)


async def test_keys_made_and_destroyed_during_rotations_stay_what_they_are(
    client: Client, database: str, folder: Path
) -> None:
    at(folder).make()
    replicas = [MongoKeys(client, at(folder), database, cached_s=0) for _ in range(3)]
    made: dict[str, bytes | None] = {}
    done = False

    async def use(keys: MongoKeys, number: int) -> None:
        count = 0
        while not done:
            name = f"{number}/{count}"
            count += 1
            made[name] = await keys.key(name)
            if count % 5 == 0:
                await keys.destroy(name)
                made[name] = None

    users = [asyncio.create_task(use(keys, number)) for number, keys in enumerate(replicas)]
    for _ in range(5):
        await rotate(client, database, at(folder))
    done = True
    await asyncio.gather(*users)
    for keys in [*replicas, MongoKeys(client, at(folder), database)]:
        assert await keys.existing(list(made)) == made
    assert len(files(folder)) == 1


@pytest.mark.parametrize(
    "point", ["rotation.made", "rotation.fenced", "rotation.batch", "rotation.rewrapped", "rotation.overwritten"]
)
async def test_a_rotation_killed_anywhere_leaves_every_living_key_readable(
    client: Client, mongodb_uri: str, database: str, folder: Path, point: str
) -> None:
    at(folder).make()
    replicas = [MongoKeys(client, at(folder), database, cached_s=0) for _ in range(3)]
    living = {f"k{n}": await replicas[0].key(f"k{n}") for n in range(1500)}
    before = await copied(client, database)
    killed = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ROTATION, mongodb_uri, database, str(folder)), env={**os.environ, "CRASH_AT": point}
    )
    assert await killed.wait() == -signal.SIGKILL
    for number, keys in enumerate([*replicas, MongoKeys(client, at(folder), database)]):
        assert await keys.existing(list(living)) == living
        living[f"after{number}"] = await keys.key(f"after{number}")
    await rotate(client, database, at(folder))
    for keys in replicas:
        assert await keys.existing(list(living)) == living
    assert len(os.listdir(folder)) == 2  # the key and the lock: nothing unfinished is left
    assert not any(opens(at(folder), each) for each in before)


async def test_two_rotations_at_once_are_one(client: Client, database: str, folder: Path) -> None:
    with at(folder).held(), pytest.raises(BlockingIOError):
        await rotate(client, database, at(folder))
    assert not files(folder)


async def test_a_key_that_opens_under_nothing_keeps_all_files(client: Client, database: str, folder: Path) -> None:
    at(folder).make()
    await MongoKeys(client, at(folder), database).key("a")
    (file,) = files(folder)
    lost = moved(file, folder / "moved away")
    with pytest.raises(WrongSecret):
        await MongoKeys(client, at(folder), database).check()
    with pytest.raises(VaultUnavailable):  # it may still come: nobody parks an event for that
        await MongoKeys(client, at(folder), database).existing(["a"])
    with pytest.raises(WrongSecret):
        await rotate(client, database, at(folder))
    moved(lost, file)
    assert len(files(folder)) == 2
    assert (await rotate(client, database, at(folder))).destroyed == 2


async def spoil(client: Client, database: str, name: str, wrapped: object) -> None:
    changed = await client[database]["keys"].update_one({"_id": name}, {"$set": {"wrapped": wrapped}})
    assert changed.modified_count == 1


@pytest.mark.parametrize("wrapped", [bytes(60), b"", "text", None], ids=["other bytes", "none", "a text", "null"])
async def test_a_spoiled_data_key_is_left_out_and_named_and_all_others_go_on(
    client: Client, database: str, folder: Path, wrapped: object
) -> None:
    at(folder).make()
    keys = MongoKeys(client, at(folder), database, cached_s=0)
    living = {name: await keys.key(name) for name in ("a", "c")}
    await keys.key("b")
    before = await copied(client, database)
    await spoil(client, database, "b", wrapped)
    for _ in range(2):  # also once nothing is left of the key under which it stood
        rotated = await rotate(client, database, at(folder))
        assert (rotated.data_keys, rotated.destroyed, rotated.spoiled) == (2, 1, ("b",))
        assert not any(opens(at(folder), each) for each in before)
        fresh = MongoKeys(client, at(folder), database)
        await fresh.check()
        assert await fresh.existing(list(living)) == living
        with pytest.raises(SpoiledKey):  # and not unavailable: nobody waits for it
            await fresh.existing(["b"])
        (kept,) = [each for each in await copied(client, database) if each["_id"] == "b"]
        assert kept["wrapped"] == wrapped
    for name in living:
        await keys.destroy(name)
    assert (await rotate(client, database, at(folder))).spoiled == ("b",)  # the only one that is left
    await MongoKeys(client, at(folder), database).check()
    await keys.destroy("b")
    assert (await rotate(client, database, at(folder))).spoiled == ()


async def test_a_spoiled_data_key_under_what_the_secret_wraps_is_left_out(
    client: Client, database: str, folder: Path
) -> None:
    await MongoKeys(client, SECRETS, database).key("a")
    await spoil(client, database, "a", bytes(60))
    assert (await rotate(client, database, at(folder))).spoiled == ("a",)


async def test_a_wrapping_key_that_opens_nothing_is_itself_in_doubt_and_keeps_all_files(
    client: Client, database: str, folder: Path
) -> None:
    at(folder).make()
    keys = MongoKeys(client, at(folder), database, cached_s=0)
    living = {name: await keys.key(name) for name in ("a", "b", "c")}
    (file,) = files(folder)
    right = file.read_text()
    file.write_text("11" * 32)
    before = await copied(client, database)
    with pytest.raises(WrongSecret, match=file.stem):
        await rotate(client, database, at(folder))
    assert file in files(folder)
    assert await copied(client, database) == before
    file.write_text(right)
    assert (await rotate(client, database, at(folder))).data_keys == 3
    assert await MongoKeys(client, at(folder), database).existing(list(living)) == living


async def test_a_key_that_is_missing_keeps_all_files_also_beside_a_spoiled_data_key(
    client: Client, database: str, folder: Path
) -> None:
    first = at(folder).make()
    await MongoKeys(client, at(folder), database).key("z")
    at(folder).make()
    keys = MongoKeys(client, at(folder), database)
    await keys.key("a")
    await keys.key("b")
    await spoil(client, database, "b", bytes(60))
    lost = moved(folder / f"{first}.key", folder / "moved away")
    with pytest.raises(WrongSecret, match="z"):
        await rotate(client, database, at(folder))
    moved(lost, folder / f"{first}.key")
    assert (await rotate(client, database, at(folder))).spoiled == ("b",)


async def test_a_folder_that_is_away_for_a_moment_takes_no_key(client: Client, database: str, folder: Path) -> None:
    at(folder).make()
    keys = MongoKeys(client, running := at(folder), database, cached_s=0)
    made = await keys.key("a")
    elsewhere = moved(folder, folder.parent / "elsewhere")
    running.reread()
    assert await keys.key("a") == made
    moved(elsewhere, folder)


async def test_a_clock_that_went_back_makes_a_newer_key_all_the_same(folder: Path) -> None:
    (folder / "k29991231T235959000000Z-00000000.key").write_text("11" * 32)
    assert at(folder).make() > "k29991231T235959000000Z"
    assert at(folder).present().key != b"\x11" * 32


async def test_where_the_folder_is_filled_from_elsewhere_keys_are_wrapped_anew_under_its_newest(
    client: Client, database: str, folder: Path
) -> None:
    first, second = (f"k2026010{day}T000000000000Z-00000000.key" for day in (1, 2))
    (folder / first).write_text("11" * 32)
    keys = MongoKeys(client, at(folder), database, cached_s=0)
    made = await keys.key("a")
    (folder / second).write_text("22" * 32)
    assert (await rewrap(client, database, at(folder))).data_keys == 1
    (folder / first).unlink()
    assert await keys.key("a") == made
