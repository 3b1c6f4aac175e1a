"""A driver call may be cancelled, at whatever moment, and the client still finds its server when it is back."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pymongo
import pytest

from kernel.keeping.mongo import Mongo, make_collection, mongo_client
from kernel.log.promise import Unavailable
from ops.processes import free_port
from ops.servers import MongoServer


async def ping(client: Mongo) -> None:
    await client.admin.command("ping")


async def test_calls_cancelled_while_the_server_is_away_leave_the_client_whole(tmp_path: Path) -> None:
    async with MongoServer(tmp_path / "mongod", cache_gb=0.25) as server, mongo_client(server.url, "test") as client:
        await server.kill()
        # The driver looks again every half second: that is the moment in which a cancellation used to hurt.
        calls = (asyncio.wait_for(ping(client), 0.5 * (1 + number % 4)) for number in range(200))
        assert all(isinstance(each, Exception) for each in await asyncio.gather(*calls, return_exceptions=True))
        await server.start()
        with pymongo.timeout(10):
            await asyncio.gather(*(ping(client) for _ in range(50)))


async def test_a_server_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="MongoDB does not answer"):
        async with mongo_client(f"mongodb://127.0.0.1:{free_port()}", "test"):
            pass


async def test_a_collection_that_many_make_at_once_is_made_by_one_of_them(mongodb_uri: str) -> None:
    async with mongo_client(mongodb_uri, "test") as client:
        database = client[f"made_{uuid4().hex[:12]}"]
        for name in ("first", "second", "third"):
            rules = [{"n": {"$gte": number}} for number in range(8)]
            made = await asyncio.gather(*(make_collection(database, name, validator=rule) for rule in rules))
            assert sorted(made) == [False] * 7 + [True]
            assert not await make_collection(database, name, validator={"n": {"$gte": 99}})
        await client.drop_database(database)
