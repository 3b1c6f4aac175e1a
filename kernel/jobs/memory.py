"""What a service knows of its jobs: how often each was begun, which are done, and which are parked and why.

The rules it protects: what was done is not done again because it was put or handed out twice, and no job leaves the
list before it is written here that it is done or parked. A job that is done is known for as long as the same cause
could put it again; then it is forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from bson.binary import Binary
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from kernel.keeping.mongo import BSON, Database
from kernel.keeping.mongo import Collection as Documents

COLLECTION = "jobs"
ARE_PARKED = "jobs are parked, because their last try failed: smartplus jobs"
OPEN, DONE, PARKED = "open", "done", "parked"
_IS_PARKED = {"state": PARKED}
_WISHED = {**_IS_PARKED, "again": {"$exists": True}}
_OF_PARKED = {name: "" for name in ("reason", "at", "payload", "again", "keep_s")}


@dataclass(frozen=True)
class Handed:
    """A job as it was handed out: its id and kind, and the wish for which it is on the list again, if it is."""

    id: str
    job: str
    again: str | None = None


@dataclass(frozen=True)
class Begun:
    """It is to be worked on, for the `times`th time."""

    times: int


@dataclass(frozen=True)
class Early:
    """Its next try is not due yet."""

    until: datetime


@dataclass(frozen=True)
class Over:
    """It is done, or parked: it need not be on the list."""


def next_of(found: Mapping[str, Any] | None, again: str | None, now: datetime) -> Begun | Early | Over:
    """What is to become of a job of which `found` is known. `again` is the wish that came with it."""
    if found is None:
        return Begun(1)
    if found["state"] == DONE:
        return Over()
    if found["state"] == PARKED:
        return Begun(1) if again and found.get("again", {}).get("token") == again else Over()
    if (not_before := found.get("not_before")) is not None and not_before > now:
        return Early(not_before)
    return Begun(found["begun"] + 1)


class Memory:
    """The jobs of one service, in its database. Everything raises `PyMongoError`."""

    def __init__(self, database: Database) -> None:
        self._jobs: Documents = database[COLLECTION].with_options(BSON)

    async def open(self) -> None:
        """Make the indexes, if they are not there."""
        await self._jobs.create_index("until", expireAfterSeconds=0)
        await self._jobs.create_index([("job", 1), ("at", 1)], partialFilterExpression=_IS_PARKED)

    async def begin(self, handed: Handed, keep: timedelta) -> Begun | Early | Over:
        """Note that the job is begun once more, unless it is not to be."""
        while True:
            now = datetime.now(UTC)
            found = await self._jobs.find_one({"_id": handed.id})
            next = next_of(found, handed.again, now)
            if not isinstance(next, Begun):
                return next
            known: dict[str, Any] = {"_id": handed.id}
            if found is not None:
                known |= {name: found[name] for name in ("state", "begun")}
            begun = {"job": handed.job, "state": OPEN, "begun": next.times, "until": now + keep}
            try:
                update = {"$set": begun, "$unset": _OF_PARKED}
                moved = await self._jobs.find_one_and_update(
                    known, update, upsert=found is None, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError:
                continue
            if moved is not None:
                return next

    async def done(self, handed: Handed, keep: timedelta) -> None:
        """It is done, whatever else is known of it."""
        done = {"job": handed.job, "state": DONE, "until": datetime.now(UTC) + keep}
        await self._jobs.update_one({"_id": handed.id}, {"$set": done, "$unset": _OF_PARKED}, upsert=True)

    async def passed(self, handed: Handed) -> None:
        """What was begun last counts as no try."""
        await self._jobs.update_one({"_id": handed.id, "state": OPEN}, {"$inc": {"begun": -1}})

    async def failed(self, handed: Handed, not_before: datetime) -> None:
        """It is not to be begun again before that."""
        await self._jobs.update_one({"_id": handed.id, "state": OPEN}, {"$set": {"not_before": not_before}})

    async def park(self, handed: Handed, payload: bytes, reason: str, tries: int, keep: timedelta) -> None:
        """Keep it, with its reason, until a person says what becomes of it. What is done stays done."""
        parked = {"job": handed.job, "state": PARKED, "at": datetime.now(UTC), "reason": reason, "begun": tries}
        parked["keep_s"] = keep.total_seconds()
        update = {
            "$set": {**parked, "payload": Binary(payload)},
            "$unset": {"until": "", "not_before": "", "again": ""},
        }
        try:
            await self._jobs.update_one({"_id": handed.id, "state": {"$ne": DONE}}, update, upsert=True)
        except DuplicateKeyError:
            return  # somebody else has done it meanwhile

    async def parked(self) -> dict[str, int]:
        """How many jobs of each kind are parked."""
        found = await self._jobs.aggregate([{"$match": _IS_PARKED}, {"$group": {"_id": "$job", "n": {"$sum": 1}}}])
        return {each["_id"]: each["n"] async for each in found}

    async def listed(self, most: int) -> list[dict[str, Any]]:
        """Those that are parked, without what they say, the oldest of each kind first."""
        return await self._jobs.find(_IS_PARKED, {"payload": 0}).sort([("job", 1), ("at", 1)]).to_list(most)

    async def wish(self, by: str, job: str, id: str | None = None) -> int:
        """Have those that are parked of that kind, or one of them, done after all. How many that are."""
        again = {"by": by, "at": datetime.now(UTC), "token": uuid4().hex}
        return (await self._jobs.update_many(_chosen(job, id), {"$set": {"again": again}})).matched_count

    async def drop(self, job: str, id: str | None = None) -> int:
        """Have nobody do those that are parked of that kind, or one of them: as if they were done. How many."""
        until = {"$add": ["$$NOW", {"$multiply": ["$keep_s", 1000]}]}
        dropped: list[dict[str, Any]] = [{"$set": {"state": DONE, "until": until}}, {"$unset": list(_OF_PARKED)}]
        chosen = {**_chosen(job, id), "again": {"$exists": False}}
        return (await self._jobs.update_many(chosen, dropped)).matched_count

    async def wished(self, jobs: Collection[str], most: int = 100) -> Sequence[Mapping[str, Any]]:
        """Those of these kinds that somebody wishes to be done after all."""
        return await self._jobs.find({**_WISHED, "job": {"$in": list(jobs)}}).to_list(most)

    async def reopen(self, id: str, token: str, keep: timedelta) -> None:
        """It is on the list again because of that wish, unless it has been begun already."""
        opened = {"state": OPEN, "begun": 0, "until": datetime.now(UTC) + keep}
        wished = {"_id": id, **_IS_PARKED, "again.token": token}
        await self._jobs.update_one(wished, {"$set": opened, "$unset": _OF_PARKED})


def _chosen(job: str, id: str | None) -> dict[str, Any]:
    return {**_IS_PARKED, "job": job, **({} if id is None else {"_id": id})}
