"""Documents in memory while events change them, and what must be written afterwards."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pymongo import DeleteOne, ReplaceOne

from contracts.message import Recorded
from kernel.deciding.reasons import reason_of
from kernel.reading.parking import WAITING, Parked
from kernel.reading.readmodel import Drop, ReadModel, Row
from kernel.reading.source import Incoming

_EVENTS_PER_TURN = 100


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


class Writes(NamedTuple):
    """What becomes of one collection: documents to insert, and changes of those that stand there."""

    new: list[Any]
    changes: list[ReplaceOne[Any] | DeleteOne]


def writes_of(before: dict[str, dict[str, Row | None]], folding: Folding) -> dict[str, Writes]:
    """What must be written, collection by collection, once all that is dropped is gone."""
    for name, drop in folding.dropped:
        rows = before.get(name, {})
        rows.update(dict.fromkeys([key for key, row in rows.items() if drop.takes(row)]))
    found = {name: _writes_of_one(before[name], after) for name, after in folding.documents.items()}
    return {name: writes for name, writes in found.items() if writes.new or writes.changes}


def _writes_of_one(before: Mapping[str, Row | None], after: Mapping[str, Row | None]) -> Writes:
    writes = Writes([], [])
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
