"""The checkpoint of read models: which events are in them, and who may move it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog

from kernel.keeping.mongo import Database
from kernel.keeping.stored import Spoiled, whole

LIVE = ""
CHECKPOINT = "projection"
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


async def places_of(database: Database) -> Mapping[str, Place]:
    """How far the documents that are asked contain each stream: not at all while others take their place."""
    checkpoint = await checkpoint_of(database)
    return checkpoint.places if checkpoint is not None and checkpoint.swap is None else {}


async def drop_spoiled(database: Database) -> None:
    """Remove a live checkpoint that is as good as none, so that another can take its place."""
    document = await database["_checkpoint"].find_one({"_id": CHECKPOINT})
    try:
        if document:
            Checkpoint.of(document)
    except Spoiled:
        await database["_checkpoint"].delete_one({"_id": CHECKPOINT})
