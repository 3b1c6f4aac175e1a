"""The one MongoDB client of a process.

The rule it protects: a driver call may be cancelled. PyMongo waits for its topology's lock by `asyncio.wait_for`, which
on Python 3.11 may leave a task behind that keeps it, and then no server is ever selected again: see
`kernel.runtime.wait_for`.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError

from kernel.log.promise import Unavailable

Database = AsyncDatabase[dict[str, Any]]
Collection = AsyncCollection[dict[str, Any]]

BSON: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, uuid_representation=UuidRepresentation.STANDARD)
"""How read models are stored: moments come back with their zone (UTC, cut to milliseconds), UUIDs as UUIDs."""

Mongo = AsyncMongoClient[dict[str, Any]]

_SELECTION_MS = 5_000
_NAMESPACE_EXISTS = 48


@contextlib.asynccontextmanager
async def mongo_client(uri: str, name: str) -> AsyncIterator[Mongo]:
    """A client while this lasts; one per process and loop. Raises `Unavailable` when no primary answers in 5 s."""
    client: Mongo = AsyncMongoClient(
        uri,
        appname=f"smartplus-{name}",
        serverSelectionTimeoutMS=_SELECTION_MS,
        connectTimeoutMS=_SELECTION_MS,
        tz_aware=True,
    )
    async with client:
        try:
            await client.admin.command("ping")
        except PyMongoError as error:
            raise Unavailable(f"MongoDB does not answer: {type(error).__name__}") from None
        yield client


async def make_collection(database: AsyncDatabase[dict[str, Any]], name: str, **options: Any) -> bool:
    """Make that collection; False when there is one, even one that somebody makes in this very moment."""
    try:
        await database.create_collection(name, check_exists=False, **options)
    except OperationFailure as failure:
        if failure.code != _NAMESPACE_EXISTS:
            raise
        return False
    return True
