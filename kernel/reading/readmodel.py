"""A read model: documents folded from events, one pure function per kind of document.

The log is the truth and a read model only its shadow: it may be thrown away and folded again, and comes out the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bson import json_util
from pymongo import IndexModel

from contracts.message import Event, Recorded
from kernel.keeping.mongo import BSON, Collection, Database

Row = Mapping[str, Any]
"""A document. Read-only: a fold returns a new one."""
Index = IndexModel


class Drop(NamedTuple):
    """The documents of a read model whose `field` is `value`; what stands there is text, a number or nothing."""

    field: str
    value: object

    def takes(self, row: Row | None) -> bool:
        """Whether that document is one of them."""
        return row is not None and row.get(self.field) == self.value


def _drops_nothing(recorded: Recorded) -> Drop | None:
    return None


@dataclass(frozen=True)
class ReadModel:
    """One collection of documents, and how events change them.

    `keys(recorded)` names the documents (`_id`) that an event touches. `fold(document, recorded)` returns what becomes
    of each: `None` stands for a document that does not exist, on either side. Both are pure, and `fold` changes nothing
    in place. Whoever changes what `fold` makes raises `version`, and it is built anew at the next start. `follows`
    names further services and which of their events it takes, and it is given no others; events of different services
    come in no fixed order. `grows` promises that every event makes documents of its own, which no other event touches:
    none is looked up, all are inserted.
    `drops(recorded)` names documents that go with the event, however many, before it is folded; index their field.
    """

    name: str
    keys: Callable[[Recorded], Iterable[str]]
    fold: Callable[[Row | None, Recorded], Row | None]
    indexes: tuple[Index, ...] = ()
    version: int = 1
    follows: Mapping[str, tuple[type[Event], ...]] = field(default_factory=dict)
    grows: bool = False
    drops: Callable[[Recorded], Drop | None] = _drops_nothing


async def fingerprint(database: Database, read_models: Iterable[ReadModel]) -> dict[str, str]:
    """For each read model a SHA-256 of its documents, in the order of their ids and whatever the order of fields."""
    return {model.name: await _fingerprint(database[model.name].with_options(BSON)) for model in read_models}


async def _fingerprint(collection: Collection) -> str:
    digest = hashlib.sha256()
    async for document in collection.find({}).sort("_id", 1):
        digest.update(json.dumps(document, sort_keys=True, default=json_util.default).encode())
        digest.update(b"\n")
    return digest.hexdigest()
