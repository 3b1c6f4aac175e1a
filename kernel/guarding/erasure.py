"""When the region last erased what its stores copy, and by when it must again: what the eraser does and services tell.

Each run of the eraser is one document beside the data keys: when it began, and when it was done. What was erased at
least `MARGIN` before a run began is gone completely once that run is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from kernel.keeping.mongo import Mongo
from kernel.keeping.vault import vault_keys
from kernel.log.promise import Unavailable
from kernel.process.telemetry import ERASURE_AGE_SECONDS

ERASURES = "erasures"
MARGIN = timedelta(minutes=1)
"""How long a data key may live on after the event that ends it: reactions destroy it."""
_LOOK_EVERY_S = 60.0
_STARTED_AFTER = 5 / 6
"""Of the time that is promised; the rest is for the work, and for trying again."""


@dataclass(frozen=True)
class Erasures:
    """The runs of the eraser, by the database's clock. `database` is the vault's."""

    client: Mongo
    database: str

    async def begin(self) -> str:
        """Note that a run begins now; its name. Raises `Unavailable`."""
        id = uuid4().hex
        try:
            await self._runs.update_one({"_id": id}, [{"$set": {"began_at": "$$NOW", "done_at": None}}], upsert=True)
        except PyMongoError as error:
            raise Unavailable(f"the vault does not answer: {type(error).__name__}") from error
        return id

    async def finish(self, id: str) -> None:
        """Note that this run is done. Raises `Unavailable`."""
        try:
            await self._runs.update_one({"_id": id}, [{"$set": {"done_at": "$$NOW"}}])
        except PyMongoError as error:
            raise Unavailable(f"the vault does not answer: {type(error).__name__}") from error

    async def age(self) -> timedelta | None:
        """How long ago the newest run that is done began; None when none ever was done. Raises `PyMongoError`."""
        found = await self._runs.aggregate(
            [
                {"$match": {"done_at": {"$ne": None}}},
                {"$sort": {"began_at": -1}},
                {"$limit": 1},
                {"$project": {"age": {"$subtract": ["$$NOW", "$began_at"]}}},
            ]
        )
        async for document in found:
            return timedelta(milliseconds=document["age"])
        return None

    async def since(self, at: datetime) -> datetime | None:
        """When everything erased at `at` was gone completely; None while it is not. Raises `PyMongoError`."""
        wanted = {"began_at": {"$gte": at + MARGIN}, "done_at": {"$ne": None}}
        found: Mapping[str, Any] | None = await self._runs.find_one(wanted, sort=[("done_at", 1)])
        return found["done_at"] if found else None

    async def is_anything_new(self) -> bool:
        """Whether a data key was destroyed since the newest run that is done began. Raises `Unavailable`."""
        try:
            runs = self._runs.find({"done_at": {"$ne": None}}).sort("began_at", -1).limit(1)
            began_at = [run["began_at"] async for run in runs]
            destroyed = {"destroyed_at": {"$gte": began_at[0] - MARGIN} if began_at else {"$exists": True}}
            return await vault_keys(self.client, self.database).find_one(destroyed) is not None
        except PyMongoError as error:
            raise Unavailable(f"the vault does not answer: {type(error).__name__}") from error

    @property
    def _runs(self) -> AsyncCollection[dict[str, Any]]:
        return self.client[self.database][ERASURES]


class ErasureWatch:
    """What a service says of the eraser, which runs elsewhere: a metric, and a remark of its readiness."""

    def __init__(self, service: str, erasures: Erasures, within: timedelta) -> None:
        self._gauge = ERASURE_AGE_SECONDS.labels(service)
        self._erasures = erasures
        self._within = within
        self._remark: str | None = None

    async def probe(self) -> str | None:
        return self._remark

    async def run(self) -> None:
        """Look once a minute, for ever."""
        while True:
            with contextlib.suppress(PyMongoError):
                await self.look()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> None:
        age = await self._erasures.age()
        self._remark = remark_on(age, self._within)
        self._gauge.set(math.inf if age is None else age.total_seconds())


def is_due(age: timedelta | None, within: timedelta) -> bool:
    """Whether the eraser must begin, so that what was erased is gone completely `within` that time."""
    return age is None or age >= within * _STARTED_AFTER


def remark_on(age: timedelta | None, within: timedelta) -> str | None:
    """What an operator should know of it; None when all is well."""
    if age is None:
        return "copies in the stores were never erased: run `smartplus eraser`"
    if age > within:
        return f"copies in the stores were last erased {age // timedelta(hours=1)} hours ago; the eraser's log says why"
    return None
