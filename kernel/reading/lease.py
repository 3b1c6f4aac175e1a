"""One at a time: of the replicas of a service, one does the work that must not be shared, the others stand by.

A lease elects, it does not fence: a holder that was frozen may wake up and write. What it writes must be conditional.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import uuid4

import pymongo
from bson.binary import Binary
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError, PyMongoError

from kernel.keeping.mongo import BSON, Database
from kernel.runtime.tasks import ended

T = TypeVar("T")

LEASE_S = 3.0
RENEWED_EVERY_S = 1.0

_LONGEST_S = 2 * LEASE_S


class Held(Exception):
    """Somebody else holds the lease."""


class Lease:
    """The right to do the work called `name` on `database`, by the database's clock, also when that is set back."""

    def __init__(self, database: Database, name: str) -> None:
        self._leases = database["_lease"].with_options(BSON)
        self._client = database.client
        self._name = name
        self._holder = uuid4().hex
        self.is_held = False

    async def hold(self, work: Callable[[AsyncClientSession], Awaitable[T]], *, wait: bool = True) -> T:
        """Do `work` while holding the lease, and return its result.

        Work is cancelled when the lease is lost and starts over when it is ours again. Its transactions run in the
        session it is given: whoever takes the lease next ends what a dead holder left open there, which would keep
        its documents locked for a minute. Raises `Held`, when `wait` is false and somebody else has it.
        """
        while True:
            async with self._client.start_session() as session:
                await self._acquire(session, wait)
                working = asyncio.ensure_future(work(session))
                renewing = asyncio.create_task(self._until_lost())
                try:
                    self.is_held = True
                    await asyncio.wait((working, renewing), return_when=asyncio.FIRST_COMPLETED)
                    if working.done():
                        return working.result()
                finally:
                    self.is_held = False
                    await ended(working, renewing)
                    await self._release()

    async def _acquire(self, session: AsyncClientSession, wait: bool) -> None:
        while True:
            try:
                with pymongo.timeout(LEASE_S):
                    if await self._try(session):
                        return
            except PyMongoError:
                if not wait:
                    raise
            if not wait:
                raise Held(self._name)
            await asyncio.sleep(RENEWED_EVERY_S)

    async def _try(self, session: AsyncClientSession) -> bool:
        with contextlib.suppress(DuplicateKeyError):
            await self._leases.insert_one({"_id": self._name, "holder": None, "until": None, "session": None})
        # Nobody holds one for longer than `LEASE_S`: that of a clock which was set back since binds nobody.
        too_far = {"$gt": ["$until", {"$add": ["$$NOW", int(_LONGEST_S * 1000)]}]}
        is_free = {"$expr": {"$or": [{"$lt": ["$until", "$$NOW"]}, too_far]}}
        former = await self._leases.find_one_and_update(
            {"_id": self._name, **is_free}, [_held_by(self._holder, session=session.session_id)]
        )
        if former is None:
            return False
        if former["session"] is not None:
            ended_session = {"id": Binary.from_uuid(former["session"]["id"])}
            await self._client.admin.command("killSessions", [ended_session])
        return True

    async def _until_lost(self) -> None:
        renewed_at = time.monotonic()
        while time.monotonic() - renewed_at < LEASE_S:
            await asyncio.sleep(RENEWED_EVERY_S)
            asked_at = time.monotonic()
            with contextlib.suppress(PyMongoError), pymongo.timeout(RENEWED_EVERY_S):
                ours = {"_id": self._name, "holder": self._holder}
                if (await self._leases.update_one(ours, [_held_by(self._holder)])).matched_count == 0:
                    return
                renewed_at = asked_at

    async def _release(self) -> None:
        with contextlib.suppress(PyMongoError), pymongo.timeout(RENEWED_EVERY_S):
            ours = {"_id": self._name, "holder": self._holder}
            await self._leases.update_one(ours, {"$set": {"until": None, "session": None}})


def _held_by(holder: str, **more: Any) -> dict[str, Any]:
    until = {"$add": ["$$NOW", int(LEASE_S * 1000)]}
    return {"$set": {"holder": holder, "until": until, **{name: {"$literal": value} for name, value in more.items()}}}
