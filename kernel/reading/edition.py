"""One edition of a service's read models: its collections, and the checkpoint that says which events are in them.

The rule it protects: documents and checkpoint change in one transaction, on the condition that nobody else moved the
checkpoint. So each event counts exactly once, however many projectors believe to be the only one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import OperationFailure
from pymongo.write_concern import WriteConcern

from contracts.message import Recorded
from kernel.deciding.reasons import reason_of
from kernel.keeping.mongo import BSON, Collection, Database, make_collection
from kernel.reading.checkpoint import CHECKPOINT, LIVE, Checkpoint, Fenced, Place
from kernel.reading.folding import Folding, Writes, writes_of
from kernel.reading.parking import OF_AN_EVENT, StillPoisoned, alarm, may_pass, subjects_in, write_probes
from kernel.reading.readmodel import Drop, ReadModel, Row
from kernel.reading.source import Incoming
from kernel.runtime.crash import crash_here

# Read models can be rebuilt: they need not wait for the journal, only to stay consistent with their checkpoint.
_RELAXED = WriteConcern(w=1, j=False)
PARKED = "parked"
# How many documents it remembers that it wrote last: what happens to a thing often happens to it several times.
_REMEMBERED = 2_000


class Edition:
    """The collections whose names end in `suffix`; the live ones have none."""

    def __init__(self, database: Database, models: Sequence[ReadModel], suffix: str = LIVE) -> None:
        self.suffix = suffix
        self.models = models
        self.generation = 0
        self.places: dict[str, Place] = {}
        self._noted: dict[str, Place] = {}
        self._blocked: set[str] = set()
        self._growing = {model.name for model in models if model.grows}
        self._written: OrderedDict[tuple[str, str], Row] = OrderedDict()
        self._database = database.with_options(BSON, write_concern=_RELAXED)
        self._checkpoints = self._database["_checkpoint"]

    @property
    def parked_count(self) -> int:
        """Aggregates that wait behind an event that could not be taken."""
        return len(self._blocked)

    @property
    def is_ahead(self) -> bool:
        """Whether events were taken that changed nothing and of which the checkpoint does not tell yet."""
        return self.places != self._noted

    def collection(self, name: str) -> Collection:
        return self._database[name + self.suffix]

    async def create(self) -> None:
        """Make what does not exist yet; a transaction must not find itself making it."""
        existing = set(await self._database.list_collection_names())
        for name in (*(model.name for model in self.models), PARKED):
            if name + self.suffix not in existing:
                await make_collection(self._database, name + self.suffix)

    async def index(self) -> None:
        for model in self.models:
            if model.indexes:
                await self.collection(model.name).create_indexes(list(model.indexes))
        await self.collection(PARKED).create_index([("subject", 1), ("stream", 1), ("seq", 1)])

    async def open(self, checkpoint: Checkpoint) -> None:
        """Go on from `checkpoint`, which must be what the database holds, or become so with the first commit."""
        self.generation = checkpoint.generation
        self.places = dict(checkpoint.places)
        self._noted = dict(checkpoint.places)
        self._blocked = await subjects_in(self.collection(PARKED), {})
        self._written.clear()

    async def apply(self, batch: Sequence[Incoming], session: AsyncClientSession) -> list[Recorded]:
        """Take a batch of one stream, all or nothing; return what got into the documents.

        A batch that changes nothing is only remembered, until the next one that does, or `note`: much of what a service
        follows is of no concern to it.

        Raises `Fenced` when somebody else moved the checkpoint, or what ails the database.
        """
        try:
            return await self._take(batch, session)
        except OF_AN_EVENT as failure:
            if may_pass(failure):
                raise
        # One of them makes a document that cannot be stored. Alone, each shows whether it is the one.
        return [each for incoming in batch for each in await self._take_alone(incoming, session)]

    async def _take_alone(self, incoming: Incoming, session: AsyncClientSession) -> list[Recorded]:
        try:
            return await self._take([incoming], session)
        except OF_AN_EVENT as failure:
            if may_pass(failure):
                raise
            if isinstance(failure, OperationFailure):
                touched = {model.name + self.suffix for model, _ in (*incoming.touched, *incoming.dropped)}
                await write_probes(self._database, touched)
            poison = reason_of(failure)
        return await self._take(
            [Incoming(incoming.stream, incoming.seq, incoming.subject, None, poison=poison)], session
        )

    async def _take(self, batch: Sequence[Incoming], session: AsyncClientSession) -> list[Recorded]:
        loaded = await self._load(batch)
        folding = Folding({name: dict(rows) for name, rows in loaded.items()}, set(self._blocked))
        await folding.take_all(batch)
        last = batch[-1]
        reached = Place(self.places[last.stream].epoch, last.seq)
        writes = writes_of(loaded, folding)
        if writes or folding.dropped or folding.parked:
            ahead = {**self.places, last.stream: reached}
            async with await session.start_transaction(write_concern=_RELAXED):
                await self._advance(ahead, session)
                await self._write(writes, folding.dropped, session)
                if folding.parked:
                    documents = [parked.document() for parked in folding.parked]
                    await self.collection(PARKED).insert_many(documents, session=session)
                crash_here("projection.written")
            self._noted = ahead
            crash_here("projection.committed")
            self._remember(folding)
        self.places[last.stream] = reached
        self._blocked = folding.blocked
        alarm("projection", folding.parked)
        return folding.folded

    async def note(self, session: AsyncClientSession) -> None:
        """Let the checkpoint tell of all that was taken. Raises `Fenced` when somebody else moved it."""
        ahead = dict(self.places)
        async with await session.start_transaction(write_concern=_RELAXED):
            await self._advance(ahead, session)
        self._noted = ahead

    async def retake(self, waiting: Sequence[Incoming], session: AsyncClientSession) -> None:
        """Take what waited of one aggregate, all of it, and let it wait no more.

        Raises `Fenced` when anything moved the checkpoint, `StillPoisoned` with the reason.
        """
        loaded = await self._load(waiting)
        folding = Folding({name: dict(rows) for name, rows in loaded.items()})
        await folding.take_all(waiting)
        if folding.parked:
            raise StillPoisoned(f"{folding.parked[0].stream}.{folding.parked[0].seq}: {folding.parked[0].reason}")
        writes = writes_of(loaded, folding)
        async with await session.start_transaction(write_concern=_RELAXED):
            await self._move({"$inc": {"generation": 1}}, session)
            await self._write(writes, folding.dropped, session)
            gone = [f"{incoming.stream}.{incoming.seq}" for incoming in waiting]
            await self.collection(PARKED).delete_many({"_id": {"$in": gone}}, session=session)
        self._written.clear()

    async def _load(self, batch: Sequence[Incoming]) -> dict[str, dict[str, Row | None]]:
        wanted: dict[str, dict[str, Row | None]] = {}
        for incoming in batch:
            for model, key in incoming.touched:
                wanted.setdefault(model.name, {})[key] = self._written.get((model.name, key))
        # Outside the transaction: whoever changes these documents moves the checkpoint, and then we write nothing.
        await asyncio.gather(*(self._find(name, rows) for name, rows in wanted.items() if name not in self._growing))
        return wanted

    async def _find(self, name: str, rows: dict[str, Row | None]) -> None:
        if unknown := [key for key, row in rows.items() if row is None]:
            async for document in self.collection(name).find({"_id": {"$in": unknown}}, batch_size=len(unknown) + 1):
                rows[document["_id"]] = document

    def _remember(self, folding: Folding) -> None:
        """Nobody else writes these documents without moving the checkpoint, and then this edition is at its end."""
        if emptied := {name for name, _ in folding.dropped}:
            self._written = OrderedDict(kept for kept in self._written.items() if kept[0][0] not in emptied)
        for name in folding.documents.keys() - self._growing:
            for key, row in folding.documents[name].items():
                self._written.pop((name, key), None)
                if row is not None:
                    self._written[name, key] = row
        while len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)

    async def _advance(self, ahead: Mapping[str, Place], session: AsyncClientSession) -> None:
        await self._move({"$set": {f"streams.{stream}.seq": place.seq for stream, place in ahead.items()}}, session)

    async def _move(self, change: Mapping[str, Any], session: AsyncClientSession) -> None:
        known = {
            f"streams.{stream}.{name}": value
            for stream, place in self._noted.items()
            for name, value in place._asdict().items()
        }
        expected = {"_id": CHECKPOINT + self.suffix, "generation": self.generation, **known}
        if (await self._checkpoints.update_one(expected, change, session=session)).matched_count == 0:
            raise Fenced(f"no longer at {known}")

    async def _write(
        self,
        writes: Mapping[str, Writes],
        dropped: Sequence[tuple[str, Drop]],
        session: AsyncClientSession,
    ) -> None:
        for name, drop in dropped:
            await self.collection(name).delete_many({drop.field: drop.value}, session=session)
        for name, (new, changes) in writes.items():
            if new:
                await self.collection(name).insert_many(new, ordered=False, session=session)
            if changes:
                await self.collection(name).bulk_write(changes, ordered=False, session=session)
