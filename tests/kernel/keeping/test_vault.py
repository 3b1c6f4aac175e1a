"""Data keys: agreed on by all, wrapped at rest, and gone for ever once destroyed. The secret and what it derives."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from kernel.keeping.secrets import Secrets
from kernel.keeping.vault import CACHED_S, Keys, LostKey, MemoryKeys, MongoKeys, VaultUnavailable, WrongSecret

Client = AsyncMongoClient[dict[str, Any]]

ROOT, WRAPPING = (bytes([n]) * 32 for n in (1, 2))
SECRETS = Secrets(ROOT)


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


@pytest.fixture(params=["memory", "mongo"])
def keys(request: pytest.FixtureRequest) -> Keys:
    if request.param == "memory":
        return MemoryKeys()
    return MongoKeys(request.getfixturevalue("client"), SECRETS, request.getfixturevalue("database"))


async def test_a_key_is_made_once_and_is_the_same_ever_after(keys: Keys) -> None:
    made = await keys.key("household/1")
    assert made is not None
    assert len(made) == 32
    assert await keys.key("household/1") == made
    assert await keys.existing(["household/1"]) == {"household/1": made}
    assert await keys.key("household/2") != made


async def test_looking_for_keys_makes_none(keys: Keys) -> None:
    assert await keys.existing(["a", "b"]) == {"a": None, "b": None}
    made = await keys.key("a")
    assert await keys.existing(["a", "b"]) == {"a": made, "b": None}


async def test_a_key_that_a_log_names_is_never_made_anew(client: Client, database: str) -> None:
    keys = MongoKeys(client, SECRETS, database, cached_s=0)
    names = ["lost", "dead", "free"]
    assert await keys.existing(names, named=names[:2]) == dict.fromkeys(names)
    with pytest.raises(LostKey, match="lost"):
        await keys.key("lost")
    await MongoKeys(client, SECRETS, database).destroy("dead")
    assert await keys.key("dead") is None
    assert await keys.key("free")
    assert not await client[database]["keys"].find_one({"_id": "lost"})
    made = await MongoKeys(client, SECRETS, database).key("lost")  # as if somebody put it back
    assert await keys.key("lost") == made


async def test_a_key_that_was_used_here_and_is_gone_is_never_made_anew(client: Client, database: str) -> None:
    keys = MongoKeys(client, SECRETS, database, cached_s=1e-9)
    await keys.key("a")
    await client[database]["keys"].delete_one({"_id": "a"})
    with pytest.raises(LostKey):
        await keys.key("a")


@pytest.mark.row("R-50")
async def test_a_destroyed_key_is_gone_and_is_never_made_again(keys: Keys) -> None:
    await keys.key("a")
    kept = await keys.key("b")
    await keys.destroy("a")
    await keys.destroy("a")
    assert await keys.key("a") is None
    assert await keys.existing(["a", "b"]) == {"a": None, "b": kept}


async def test_a_name_may_be_destroyed_before_a_key_was_made_for_it(keys: Keys) -> None:
    await keys.destroy("a")
    assert await keys.key("a") is None


async def test_callers_at_once_agree_on_a_new_key(keys: Keys) -> None:
    made = await asyncio.gather(*(keys.key("a") for _ in range(32)))
    assert len(set(made)) == 1


async def test_replicas_that_make_the_same_key_at_once_agree(client: Client, database: str) -> None:
    replicas = [MongoKeys(client, SECRETS, database) for _ in range(16)]
    for n in range(10):
        made = await asyncio.gather(*(replica.key(f"household/{n}") for replica in replicas))
        assert len(set(made)) == 1
        assert made[0] is not None


async def test_a_replica_that_races_with_the_destruction_never_revives_a_key(client: Client, database: str) -> None:
    for n in range(10):
        keys = MongoKeys(client, SECRETS, database)
        await MongoKeys(client, SECRETS, database).key(f"k{n}")
        await asyncio.gather(*(keys.key(f"k{n}") for _ in range(4)), keys.destroy(f"k{n}"), keys.key(f"k{n}"))
        assert await keys.key(f"k{n}") is None
        assert await MongoKeys(client, SECRETS, database).key(f"k{n}") is None


async def test_a_destroyed_key_leaves_only_a_tombstone_of_its_first_destruction(client: Client, database: str) -> None:
    keys = MongoKeys(client, SECRETS, database)
    await keys.key("a")
    await keys.destroy("a")
    tombstone = await client[database]["keys"].find_one({"_id": "a"})
    assert tombstone is not None
    assert tombstone.keys() == {"_id", "destroyed_at"}
    await keys.destroy("a")
    assert await client[database]["keys"].find_one({"_id": "a"}) == tombstone


async def test_another_process_forgets_a_destroyed_key_within_seconds(client: Client, database: str) -> None:
    here, there = MongoKeys(client, SECRETS, database), MongoKeys(client, SECRETS, database, cached_s=0.2)
    assert await there.key("a") is not None
    await here.destroy("a")
    async with asyncio.timeout(2):
        while (await there.existing(["a"]))["a"] is not None:  # noqa: ASYNC110 (another process's watch)
            await asyncio.sleep(0.01)
    assert await there.key("a") is None
    assert CACHED_S <= 5


async def test_a_remembered_key_needs_no_database(client: Client, database: str) -> None:
    keys = MongoKeys(client, SECRETS, database, cached_s=60)
    made = await keys.key("a")
    await client.drop_database(database)
    assert await keys.key("a") == made


async def test_a_key_is_not_stored_in_the_clear_and_belongs_to_its_name(client: Client, database: str) -> None:
    keys = MongoKeys(client, SECRETS, database)
    made = await keys.key("a")
    stored = await client[database]["keys"].find_one({"_id": "a"})
    assert stored is not None
    assert made is not None
    assert made not in stored["wrapped"]
    await client[database]["keys"].insert_one(stored | {"_id": "b"})
    with pytest.raises(WrongSecret, match="tampered"):
        await MongoKeys(client, SECRETS, database).existing(["b"])


async def test_a_foreign_secret_is_noticed_at_the_start(client: Client, database: str) -> None:
    await MongoKeys(client, SECRETS, database).check()
    await MongoKeys(client, SECRETS, database).key("a")
    await MongoKeys(client, SECRETS, database).check()
    with pytest.raises(WrongSecret):
        await MongoKeys(client, Secrets(WRAPPING), database).check()


async def test_a_vault_that_does_not_answer_is_unavailable() -> None:
    nowhere: Client = AsyncMongoClient("mongodb://127.0.0.1:1", timeoutMS=50)
    async with nowhere:
        keys = MongoKeys(nowhere, SECRETS)
        for asking in (keys.key("a"), keys.existing(["a"]), keys.destroy("a"), keys.check()):
            with pytest.raises(VaultUnavailable):
                await asking


def test_a_secret_derives_keys_that_have_nothing_in_common() -> None:
    derived = {
        SECRETS.present().key,
        SECRETS.actor,
        SECRETS.hashing,
        ROOT,
        SECRETS.derive("a", "bc"),
        SECRETS.derive("ab", "c"),
    }
    assert len(derived) == 6
    assert SECRETS.derive("a", "bc") == Secrets(ROOT).derive("a", "bc")
    assert SECRETS.derive("a") != Secrets(WRAPPING).derive("a")


def test_hashed_ids_depend_on_the_root_alone_and_on_the_kind() -> None:
    hashed = SECRETS.hashed("login", "ana@example.org")
    assert len(hashed) == 64
    assert hashed == Secrets(ROOT, [WRAPPING]).hashed("login", "ana@example.org")
    assert hashed != SECRETS.hashed("other", "ana@example.org")
    assert hashed != Secrets(WRAPPING).hashed("login", "ana@example.org")


def test_a_secret_file_holds_the_root_and_perhaps_wrappings_in_base64_or_hex() -> None:
    lines = f"{base64.b64encode(ROOT).decode()}\n{WRAPPING.hex()}\n"
    parsed = Secrets.parse(lines)
    assert parsed.actor == SECRETS.actor
    assert parsed.present() == Secrets(ROOT, [WRAPPING]).present() != SECRETS.present()


@pytest.mark.parametrize("text", ["", "short", "x" * 64, base64.b64encode(b"too few").decode(), "é" * 44])
def test_anything_else_is_no_secret_and_is_not_repeated(text: str) -> None:
    with pytest.raises(ValueError) as refused:
        Secrets.parse(text)
    assert not text or text not in str(refused.value)
    assert "32 bytes" in str(refused.value)
