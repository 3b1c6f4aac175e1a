"""One edition of a service's read models: its collections, and the checkpoint that says which events are in them.

The rule it protects: documents and checkpoint change in one transaction, on the condition that nobody else moved the
checkpoint. So each event counts exactly once, however many projectors believe to be the only one.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog
from pymongo import DeleteOne, ReplaceOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import OperationFailure
from pymongo.write_concern import WriteConcern

from contracts.message import Recorded
from kernel.deciding.reasons import reason_of
from kernel.keeping.mongo import BSON, Collection, Database, make_collection
from kernel.keeping.stored import Spoiled, whole
from kernel.reading.parking import (
    OF_AN_EVENT,
    WAITING,
    Parked,
    StillPoisoned,
    alarm,
    may_pass,
    subjects_in,
    write_probes,
)
from kernel.reading.readmodel import Drop, ReadModel, Row
from kernel.reading.source import Incoming
from kernel.runtime.crash import crash_here

# Read models can be rebuilt: they need not wait for the journal, only to stay consistent with their checkpoint.
_RELAXED = WriteConcern(w=1, j=False)
_EVENTS_PER_TURN = 100
LIVE = ""
CHECKPOINT = "projection"
PARKED = "parked"
_log = structlog.get_logger()


class Fenced(Exception):
    """Somebody else moved the checkpoint; nothing of ours was written."""


class Place(NamedTuple):
    """How far a stream has been read: the epoch of the stream, and the sequence of the last event read."""

    epoch: str
    seq: int


class Swap(NamedTuple):
    """Where the collections of the new live edition still are, and which collections it no longer has."""

    suffix: str
    retired: tuple[str, ...]


@dataclass(frozen=True)
class Checkpoint:
    """What an edition contains. `generation` moves whenever it changes other than by following the streams."""

    generation: int
    models: Mapping[str, int]
    places: Mapping[str, Place]
    swap: Swap | None = None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Checkpoint:
        """From what is stored. Raises `Spoiled`."""
        places = {stream: _place(stored) for stream, stored in whole(document, "streams", dict).items()}
        swap = document.get("swap")
        return cls(
            whole(document, "generation", int),
            {name: whole(document["models"], name, int) for name in whole(document, "models", dict)},
            places,
            None if swap is None else Swap(whole(swap, "suffix", str), tuple(whole(swap, "retired", list))),
        )

    def document(self) -> dict[str, Any]:
        streams = {stream: place._asdict() for stream, place in self.places.items()}
        swap = self.swap._asdict() if self.swap else None
        return {"generation": self.generation, "models": dict(self.models), "streams": streams, "swap": swap}


def _place(stored: Any) -> Place:
    return Place(whole(stored, "epoch", str), whole(stored, "seq", int))


async def checkpoint_of(database: Database, suffix: str = LIVE) -> Checkpoint | None:
    """What the read models of `database` contain; None when nothing was ever projected, or nobody can tell any more."""
    document = await database["_checkpoint"].find_one({"_id": CHECKPOINT + suffix})
    try:
        return Checkpoint.of(document) if document else None
    except Spoiled as spoiled:
        _log.error("checkpoint-spoiled", database=database.name, reason=str(spoiled))
        return None


async def drop_spoiled(database: Database) -> None:
    """Remove a live checkpoint that is as good as none, so that another can take its place."""
    document = await database["_checkpoint"].find_one({"_id": CHECKPOINT})
    try:
        if document:
            Checkpoint.of(document)
    except Spoiled:
        await database["_checkpoint"].delete_one({"_id": CHECKPOINT})


@dataclass
class Folding:
    """Documents in memory while events change them. An event that fails changes none, and its aggregate waits."""

    documents: dict[str, dict[str, Row | None]]
    blocked: set[str] = field(default_factory=set)
    parked: list[Parked] = field(default_factory=list)
    folded: list[Recorded] = field(default_factory=list)
    dropped: list[tuple[str, Drop]] = field(default_factory=list)
    _held: dict[str, dict[str, defaultdict[object, set[str]]]] = field(default_factory=dict)

    def take(self, incoming: Incoming) -> None:
        if incoming.recorded is None and incoming.poison is None:
            return
        if incoming.subject in self.blocked:
            self.parked.append(incoming.parked(WAITING))
        elif (reason := incoming.poison or self._fold(incoming)) is not None:
            self.parked.append(incoming.parked(reason))
            self.blocked.add(incoming.subject)

    async def take_all(self, batch: Sequence[Incoming]) -> None:
        """Take each, and let commands and queries, which share this loop, have their turn in between."""
        for count, incoming in enumerate(batch, 1):
            self.take(incoming)
            if count % _EVENTS_PER_TURN == 0:
                await asyncio.sleep(0)

    def _fold(self, incoming: Incoming) -> str | None:
        assert incoming.recorded is not None
        try:
            changes = [
                (model.name, key, _named(key, model.fold(row, incoming.recorded)))
                for model, key in incoming.touched
                for row in [self._row(model, key, incoming)]
            ]
        except Exception as failure:  # noqa: BLE001 (whatever one event does to a fold, the others go on)
            return reason_of(failure)
        for model, drop in incoming.dropped:
            self._drop(model.name, drop)
        for name, key, row in changes:
            self._put(name, key, row)
        self.folded.append(incoming.recorded)
        return None

    def _row(self, model: ReadModel, key: str, incoming: Incoming) -> Row | None:
        row = self.documents[model.name].get(key)
        goes = any(dropping is model and drop.takes(row) for dropping, drop in incoming.dropped)
        return None if goes else row

    def _put(self, name: str, key: str, row: Row | None) -> None:
        documents = self.documents[name]
        for field_name, held in self._held.get(name, {}).items():
            if (before := documents.get(key)) is not None:
                held[before.get(field_name)].discard(key)
            if row is not None:
                held[row.get(field_name)].add(key)
        documents[key] = row

    def _drop(self, name: str, drop: Drop) -> None:
        if name in self.documents:
            for key in list(self._holding(name, drop.field)[drop.value]):
                self._put(name, key, None)
        self.dropped.append((name, drop))

    def _holding(self, name: str, field_name: str) -> defaultdict[object, set[str]]:
        """Which documents have which value there: a rebuild has all of them in memory, and looks for many values."""
        fields = self._held.setdefault(name, {})
        if field_name not in fields:
            held = fields[field_name] = defaultdict(set)
            for key, row in self.documents[name].items():
                if row is not None:
                    held[row.get(field_name)].add(key)
        return fields[field_name]


def _named(key: str, row: Row | None) -> Row | None:
    return row if row is None or "_id" in row else {"_id": key, **row}


class Edition:
    """The collections whose names end in `suffix`; the live ones have none."""

    def __init__(self, database: Database, models: Sequence[ReadModel], suffix: str = LIVE) -> None:
        self.suffix = suffix
        self.models = models
        self.generation = 0
        self.places: dict[str, Place] = {}
        self._noted: dict[str, Place] = {}
        self._blocked: set[str] = set()
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
        writes = _writes(loaded, folding)
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
        writes = _writes(loaded, folding)
        async with await session.start_transaction(write_concern=_RELAXED):
            await self._move({"$inc": {"generation": 1}}, session)
            await self._write(writes, folding.dropped, session)
            gone = [f"{incoming.stream}.{incoming.seq}" for incoming in waiting]
            await self.collection(PARKED).delete_many({"_id": {"$in": gone}}, session=session)

    async def _load(self, batch: Sequence[Incoming]) -> dict[str, dict[str, Row | None]]:
        wanted: dict[str, dict[str, Row | None]] = {}
        for incoming in batch:
            for model, key in incoming.touched:
                wanted.setdefault(model.name, {})[key] = None
        # Outside the transaction: whoever changes these documents moves the checkpoint, and then we write nothing.
        growing = {model.name for model in self.models if model.grows}
        await asyncio.gather(*(self._find(name, rows) for name, rows in wanted.items() if name not in growing))
        return wanted

    async def _find(self, name: str, rows: dict[str, Row | None]) -> None:
        async for document in self.collection(name).find({"_id": {"$in": list(rows)}}, batch_size=len(rows) + 1):
            rows[document["_id"]] = document

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
        writes: Mapping[str, _Writes],
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


class _Writes(NamedTuple):
    """What becomes of one collection: documents to insert, and changes of those that stand there."""

    new: list[Any]
    changes: list[ReplaceOne[Any] | DeleteOne]


def _writes(before: dict[str, dict[str, Row | None]], folding: Folding) -> dict[str, _Writes]:
    """What must be written, collection by collection, once all that is dropped is gone."""
    for name, drop in folding.dropped:
        rows = before.get(name, {})
        rows.update(dict.fromkeys([key for key, row in rows.items() if drop.takes(row)]))
    found = {name: _writes_of_one(before[name], after) for name, after in folding.documents.items()}
    return {name: writes for name, writes in found.items() if writes.new or writes.changes}


def _writes_of_one(before: Mapping[str, Row | None], after: Mapping[str, Row | None]) -> _Writes:
    writes = _Writes([], [])
    for key, row in after.items():
        loaded = before[key]
        if row is loaded or row == loaded:
            continue
        if loaded is None:
            writes.new.append(row)
        elif row is None:
            writes.changes.append(DeleteOne({"_id": key}))
        else:
            writes.changes.append(ReplaceOne({"_id": key}, row))
    return writes
