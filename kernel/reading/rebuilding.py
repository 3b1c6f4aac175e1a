"""Building read models anew beside the live ones: fold in memory, insert at the end, index, catch up, swap.

The rule it protects: readers see the old edition or the new one, whole; a crash at any point leaves one of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import uuid4

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import OperationFailure
from pymongo.write_concern import WriteConcern

from kernel.keeping.mongo import Database
from kernel.reading.checkpoint import CHECKPOINT, Checkpoint, Place, Swap, checkpoint_of, drop_spoiled
from kernel.reading.edition import PARKED, Edition
from kernel.reading.folding import Folding
from kernel.reading.parking import OF_AN_EVENT, TRANSIENT, alarm, may_pass
from kernel.reading.readmodel import ReadModel
from kernel.reading.source import Incoming, Source
from kernel.runtime.crash import crash_here

_INSERTED_AT_ONCE = 1000
_FRESH = "~"
_NAMESPACE_NOT_FOUND = 26


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rebuild is: `done` of `total` things of this `step` ("fold" events, "insert" documents, "catch up")."""

    step: str
    done: int
    total: int


def was_made_of(checkpoint: Checkpoint, models: Iterable[ReadModel], sources: Iterable[Source]) -> bool:
    """Whether an edition contains these read models, in these versions, made of the logs in their present epochs."""
    epochs = {source.log.stream: source.log.epoch for source in sources}
    same_logs = {stream: place.epoch for stream, place in checkpoint.places.items()} == epochs
    return same_logs and checkpoint.models == _versions(models)


async def rebuild(
    service: str,
    sources: Sequence[Source],
    models: Sequence[ReadModel],
    database: Database,
    session: AsyncClientSession,
    progress: Callable[[Progress], None],
) -> Checkpoint:
    """Make a fresh edition and swap it in; return its checkpoint. To be called by the holder of the rebuild's lease."""
    live = await checkpoint_of(database)
    if live is not None and live.swap is not None:
        await finish_swap(database, live)
    if live is None:
        await drop_spoiled(database)
    await _drop_remains(database)
    try:
        fresh = await _folded_at_once(service, sources, database, models, progress)
    except OF_AN_EVENT as failure:
        if may_pass(failure):
            raise
        # Some document cannot be stored. Which event made it so shows only when they are taken batch by batch.
        await _drop_remains(database)
        fresh = await _empty(sources, database, models)
    crash_here("rebuild.inserted")
    swapping = None
    while swapping is None:
        for source in sources:
            await _catch_up(service, source, fresh, session, progress)
        swapping = await _swapped(database, fresh, session)
    crash_here("rebuild.swapping")
    return await finish_swap(database, swapping)


async def finish_swap(database: Database, checkpoint: Checkpoint) -> Checkpoint:
    """Give the fresh collections their names. Repeated by whoever finds it unfinished; harmless when it is finished."""
    assert checkpoint.swap is not None
    for name in (*checkpoint.models, PARKED):
        try:
            await database[name + checkpoint.swap.suffix].rename(name, dropTarget=True)
        except OperationFailure as failure:
            if failure.code != _NAMESPACE_NOT_FOUND:  # it has its name already
                raise
        crash_here("rebuild.renamed")
    for name in checkpoint.swap.retired:
        await database.drop_collection(name)
    known = {"_id": CHECKPOINT, "swap.suffix": checkpoint.swap.suffix}
    durable = database["_checkpoint"].with_options(write_concern=WriteConcern("majority"))
    await durable.update_one(known, {"$set": {"swap": None}})
    present = await checkpoint_of(database)
    assert present is not None
    return present


def _versions(models: Iterable[ReadModel]) -> dict[str, int]:
    return {model.name: model.version for model in models}


async def _drop_remains(database: Database) -> None:
    for name in await database.list_collection_names(filter={"name": {"$regex": _FRESH}}):
        await database.drop_collection(name)
    await database["_checkpoint"].delete_many({"_id": {"$regex": _FRESH}})


async def _folded_at_once(
    service: str,
    sources: Sequence[Source],
    database: Database,
    models: Sequence[ReadModel],
    progress: Callable[[Progress], None],
) -> Edition:
    fresh = Edition(database, models, _FRESH + uuid4().hex[:12])
    await fresh.create()
    folding = Folding({model.name: {} for model in models})
    places = {source.log.stream: await _fold(service, source, models, folding, progress) for source in sources}
    await _insert(fresh, folding, progress)
    return await _opened(database, fresh, places)


async def _empty(sources: Sequence[Source], database: Database, models: Sequence[ReadModel]) -> Edition:
    fresh = Edition(database, models, _FRESH + uuid4().hex[:12])
    await fresh.create()
    return await _opened(database, fresh, {source.log.stream: Place(source.log.epoch, 0) for source in sources})


async def _opened(database: Database, fresh: Edition, places: dict[str, Place]) -> Edition:
    checkpoint = Checkpoint(0, _versions(fresh.models), places)
    await database["_checkpoint"].insert_one({"_id": CHECKPOINT + fresh.suffix, **checkpoint.document()})
    await fresh.index()
    await fresh.open(checkpoint)
    return fresh


async def _fold(
    service: str, source: Source, models: Sequence[ReadModel], folding: Folding, progress: Callable[[Progress], None]
) -> Place:
    head = await source.log.last_seq()
    async for batch in _until(head, 0, source, models, service):
        await folding.take_all(batch)
        folding.folded.clear()
        folding.dropped.clear()
        progress(Progress("fold", batch[-1].seq, head))
        place = batch[-1].seq
    return Place(source.log.epoch, place if head else 0)


async def _catch_up(
    service: str, source: Source, fresh: Edition, session: AsyncClientSession, progress: Callable[[Progress], None]
) -> None:
    after = fresh.places[source.log.stream].seq
    head = await source.log.last_seq()
    async for batch in _until(head, after, source, fresh.models, service):
        await fresh.apply(batch, session)
        progress(Progress("catch up", batch[-1].seq - after, head - after))


async def _until(
    head: int, after: int, source: Source, models: Sequence[ReadModel], service: str
) -> AsyncGenerator[list[Incoming], None]:
    if after >= head:
        return
    async with contextlib.aclosing(source.follow(after, models, service)) as following:
        async for batch in following:
            yield batch
            if batch[-1].seq >= head:
                return


async def _insert(fresh: Edition, folding: Folding, progress: Callable[[Progress], None]) -> None:
    total = sum(len(rows) for rows in folding.documents.values())
    done = 0
    for name, rows in folding.documents.items():
        collection = fresh.collection(name)
        present = (row for row in rows.values() if row is not None)
        while chunk := [dict(row) for row in islice(present, _INSERTED_AT_ONCE)]:
            await collection.insert_many(chunk, ordered=False)
            done += len(chunk)
            progress(Progress("insert", done, total))
    folding.documents.clear()
    if folding.parked:
        await fresh.collection(PARKED).insert_many([parked.document() for parked in folding.parked])
        alarm("projection", folding.parked)


async def _swapped(database: Database, fresh: Edition, session: AsyncClientSession) -> Checkpoint | None:
    try:
        return await _swap(database, fresh, session)
    except OperationFailure as failure:
        if not failure.has_error_label(TRANSIENT):
            raise
        return None  # the live projector committed in the same moment


async def _swap(database: Database, fresh: Edition, session: AsyncClientSession) -> Checkpoint | None:
    """Say, in one step, that `fresh` is the live edition; None when the live one is ahead of it, or just moved."""
    live = await checkpoint_of(database)
    if live is not None and any(
        place.epoch == fresh.places[stream].epoch and place.seq > fresh.places[stream].seq
        for stream, place in live.places.items()
        if stream in fresh.places
    ):
        return None
    retired = tuple(sorted(live.models.keys() - _versions(fresh.models).keys())) if live else ()
    swapping = Checkpoint(
        live.generation + 1 if live else 1, _versions(fresh.models), fresh.places, Swap(fresh.suffix, retired)
    )
    checkpoints = database["_checkpoint"]
    async with await session.start_transaction(write_concern=WriteConcern("majority")):
        await checkpoints.delete_one({"_id": CHECKPOINT + fresh.suffix}, session=session)
        if live is None:
            await checkpoints.insert_one({"_id": CHECKPOINT, **swapping.document()}, session=session)
        else:
            known = {"_id": CHECKPOINT, **_flat(live)}
            replaced = await checkpoints.replace_one(known, swapping.document(), session=session)
            if replaced.matched_count == 0:
                await session.abort_transaction()
                return None
    return swapping


def _flat(checkpoint: Checkpoint) -> dict[str, Any]:
    places = {
        f"streams.{stream}.{name}": value
        for stream, place in checkpoint.places.items()
        for name, value in place._asdict().items()
    }
    return {"generation": checkpoint.generation, **places}
