"""MongoDB lets nobody in without a password, and each service into its own database alone."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from kernel.keeping.secrets import Secrets
from kernel.keeping.vault import MongoKeys
from ops import mongo_users
from ops.mongo_users import ERASER, OPERATOR, VAULT, MongoUsers, keepers
from ops.nats_rights import PARTS
from ops.servers import REPLICA_SET, MongoServer

Mongo = AsyncMongoClient[dict[str, Any]]
DATABASES = [*keepers(), VAULT]


@pytest.fixture(scope="module")
async def mongod(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MongoServer]:
    async with MongoServer(tmp_path_factory.mktemp("users"), cache_gb=0.25) as server:
        async with entered(server.url) as operator:
            for name in DATABASES:
                await operator[name]["things"].insert_one({"_id": 1, "of": name})
        yield server


@asynccontextmanager
async def entered(url: str) -> AsyncIterator[Mongo]:
    client: Mongo = AsyncMongoClient(url)
    async with client:
        yield client


def url_of(server: MongoServer, user: str) -> str:
    return server._users.url(user, f"127.0.0.1:{server.port}", REPLICA_SET)


async def is_forbidden(doing: Awaitable[Any]) -> bool:
    with pytest.raises(OperationFailure) as caught:
        await doing
    return caught.value.code in (13, 18)


def hostile(client: Mongo, other: str) -> list[Callable[[], Awaitable[Any]]]:
    """What somebody may want of a database that is another's."""
    things, keys = client[other]["things"], client[other]["keys"]
    return [
        things.find_one,
        lambda: things.insert_one({"_id": 2}),
        lambda: things.update_one({"_id": 1}, {"$set": {"of": "me"}}),
        lambda: things.delete_one({"_id": 1}),
        lambda: things.rename("stolen"),
        lambda: things.create_index("of"),
        lambda: client[other].create_collection("new"),
        lambda: client.drop_database(other),
        client[other].list_collection_names,
        lambda: client[other].command("dbStats"),
        keys.find_one,
        lambda: _drained(things.aggregate([{"$out": "copied"}])),
        lambda: client.admin.command("renameCollection", f"{other}.things", to="stolen.things"),
    ]


async def _drained(cursor: Awaitable[Any]) -> None:
    async for _ in await cursor:
        pass


def ruling(client: Mongo) -> list[Callable[[], Awaitable[Any]]]:
    """What belongs to the operator."""
    admin = client.admin
    return [
        lambda: admin.command("createUser", "mine", pwd="x", roles=["root"]),
        lambda: admin.command("updateUser", "accounts", pwd="x"),
        lambda: admin.command("grantRolesToUser", "devices", roles=["root"]),
        lambda: admin.command("usersInfo"),
        lambda: admin.command("shutdown"),
        lambda: admin.command("replSetReconfig", {"_id": REPLICA_SET}, force=True),
        lambda: admin.command("getParameter", "*"),
        lambda: admin.command("currentOp", allUsers=True),
        lambda: admin.command("killAllSessions", []),
        client.admin["system.users"].find_one,
        client.local["oplog.rs"].find_one,
        lambda: admin.command("fsync"),
    ]


async def test_without_a_password_nothing_is_read_or_written(mongod: MongoServer) -> None:
    async with entered(f"mongodb://127.0.0.1:{mongod.port}/?directConnection=true") as nobody:
        doings = [doing for name in DATABASES for doing in hostile(nobody, name)] + ruling(nobody)
        assert all([await is_forbidden(doing()) for doing in doings])
        assert await is_forbidden(nobody.admin.command("createUser", "first", pwd="x", roles=["root"]))
    async with entered(mongod.url.replace("operator:", "operator:x")) as guessing:
        assert await is_forbidden(guessing.accounts["things"].find_one())


@pytest.mark.parametrize("name", [*keepers(), VAULT])
async def test_a_user_has_no_right_over_what_is_another_s(mongod: MongoServer, name: str) -> None:
    async with entered(url_of(mongod, name)) as client:
        doings = [doing for other in DATABASES if other != name for doing in hostile(client, other)] + ruling(client)
        assert all([await is_forbidden(doing()) for doing in doings])
    async with entered(mongod.url) as operator:
        for other in DATABASES:
            assert await operator[other]["things"].find().to_list() == [{"_id": 1, "of": other}]
            assert await operator[other].list_collection_names() == ["things"]


@pytest.mark.parametrize("name", keepers())
async def test_a_service_may_do_with_its_own_database_what_it_needs(mongod: MongoServer, name: str) -> None:
    async with entered(url_of(mongod, name)) as client:
        own = client[name]
        await client.admin.command("ping")
        for collection in ("fresh", "live"):
            await own[collection].insert_one({"_id": 1})
        await own["fresh"].create_index("z")
        await own["fresh"].rename("live", dropTarget=True)
        async with client.start_session() as session:
            async with await session.start_transaction():
                await own["live"].update_one({"_id": 1}, {"$set": {"z": 2}}, session=session)
            await client.admin.command("killSessions", [session.session_id])
        assert await own["live"].estimated_document_count() == 1
        await own.drop_collection("live")


async def test_who_uses_the_vault_makes_and_destroys_keys_and_can_remove_none(mongod: MongoServer) -> None:
    async with entered(url_of(mongod, VAULT)) as client:
        keys = MongoKeys(client, Secrets(bytes(32)), cached_s=0)
        assert await keys.key("k") is not None
        await keys.destroy("k")
        assert await keys.key("k") is None
        await keys.check()
        things = client.vault["things"]
        for doing in (
            lambda: client.vault["keys"].delete_one({"_id": "k"}),
            lambda: client.vault.drop_collection("keys"),
            lambda: client.vault["keys"].rename("gone"),
            lambda: client.vault.command("collMod", "keys", validator={}),
            lambda: things.insert_one({"_id": 2}),
            lambda: client.admin.command("appendOplogNote", data={"note": ""}),
        ):
            assert await is_forbidden(doing())


async def test_who_cleans_the_vault_does_so_and_pushes_the_oplog(mongod: MongoServer) -> None:
    async with entered(url_of(mongod, ERASER)) as client:
        await client.vault["keys"].insert_one({"_id": "old"})
        await client.vault.command("collMod", "keys", validator={}, validationLevel="strict")
        await client.vault["keys"].delete_one({"_id": "old"})
        await client.admin.command("appendOplogNote", data={"note": ""})
        assert await client.local["oplog.rs"].find({}, {"ts": 1}).sort("$natural", 1).limit(1).to_list()
        assert "oplog" in await client.admin.command("serverStatus", oplog=True)
        for name in keepers():
            assert await is_forbidden(client[name]["things"].find_one())
        assert await is_forbidden(client.admin.command("usersInfo"))
        await client.vault.drop_collection("keys")


def test_who_keeps_no_data_is_told_no_password(tmp_path: Path) -> None:
    users = MongoUsers.kept_in(tmp_path)
    told = {name: users.environment_of(name, "h:1", "rs0") for name in PARTS}
    holders = {name for name, each in told.items() if any(users.passwords[VAULT] in url for url in each.values())}
    assert holders == set(keepers())
    assert not any(password in str(told["gateway"]) for password in users.passwords.values())
    assert not any(users.passwords[ERASER] in url for each in told.values() for url in each.values())
    assert not any(password in repr(users) for password in users.passwords.values())
    assert MongoUsers.kept_in(tmp_path) == users
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


class Former(MongoServer):
    """As it was before there were users."""

    async def start(self) -> None:
        self._is_locked = False
        await super(MongoServer, self).start()

    async def _is_ready(self) -> bool:
        async with self._client() as nobody:
            return await self._is_primary(nobody) if await _answers(nobody) else False


async def _answers(client: Mongo) -> bool:
    try:
        await client.admin.command("ping")
    except Exception:  # noqa: BLE001 (not yet)
        return False
    return True


async def test_a_folder_from_before_there_were_users_goes_on_locked(tmp_path: Path) -> None:
    former = Former(tmp_path, cache_gb=0.25)
    async with former, entered(f"mongodb://127.0.0.1:{former.port}/?directConnection=true") as nobody:
        await nobody.accounts["things"].insert_one({"_id": "kept"})
    for _ in range(2):  # the second time on yet another port
        async with MongoServer(tmp_path, cache_gb=0.25) as server:
            async with entered(f"mongodb://127.0.0.1:{server.port}/?directConnection=true") as nobody:
                assert await is_forbidden(nobody.accounts["things"].find_one())
            async with entered(url_of(server, "accounts")) as client:
                assert await client.accounts["things"].find_one() == {"_id": "kept"}
            assert server._users.passwords[OPERATOR] not in (tmp_path / "server.log").read_text()


async def test_a_first_start_that_died_with_one_user_is_finished_by_the_next(tmp_path: Path) -> None:
    async with MongoServer(tmp_path, cache_gb=0.25) as server:
        async with entered(server.url) as operator:
            for name in (VAULT, ERASER, *keepers()):
                await operator.admin.command("dropUser", name)
        (tmp_path / "users-made").unlink()
    async with MongoServer(tmp_path, cache_gb=0.25) as server, entered(url_of(server, "accounts")) as client:
        assert await client.accounts["things"].find_one() is None
    assert mongo_users.are_made(tmp_path)
