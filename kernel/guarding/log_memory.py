"""What a service remembers, in its own database, of the logs that it follows.

A stream that lost its end, or was made anew, looks whole by itself: only who saw it before can tell. Whoever restores a
stream from a backup leaves this database out, and with it what it remembers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from kernel.keeping.mongo import Collection as MongoCollection
from kernel.keeping.mongo import Database
from kernel.keeping.stored import Spoiled, whole
from kernel.log.integrity import Damaged, Memory, Span, Spans
from kernel.log.promise import StoredMessage
from kernel.reading.checkpoint import checkpoint_of

KEY = "sp-key"


class SpoiledMemory(Damaged):
    """What a service remembers of a log cannot be read: whether the log lost its end, nobody can tell."""

    def __init__(self, stream: str, database: str, spoiled: Spoiled) -> None:
        super().__init__(stream, f"what {database} remembers of it cannot be read")
        self.args = (
            f"What the database {database} remembers of the log {stream} is spoiled ({spoiled}). Nothing is decided on "
            f"it until the document {stream} of the collection _logs is restored, or deleted by whoever knows that the "
            "log is whole",
        )


class LogMemory:
    """The memory of one stream. `database` is the service's own."""

    def __init__(self, database: Database, stream: str) -> None:
        self._database = database
        self._stream = stream
        self._logs: MongoCollection = database["_logs"]

    async def recall(self) -> list[Memory]:
        """What is remembered; what the read models contain counts too. Empty when nothing was ever seen.

        Raises `SpoiledMemory`.
        """
        document = await self._logs.find_one({"_id": self._stream})
        checkpoint = await checkpoint_of(self._database)
        place = checkpoint.places.get(self._stream) if checkpoint else None
        if document is None:
            return [Memory(*place)] if place else []
        try:
            seen = _memory(document)
        except Spoiled as spoiled:
            raise SpoiledMemory(self._stream, self._database.name, spoiled) from None
        projected = place.seq if place and place.epoch == seen.epoch else 0
        return [seen._replace(seq=max(seen.seq, projected))]

    async def remember(self, epoch: str, seq: int) -> None:
        """The stream is whole up to `seq`, in this epoch; what was known of another epoch means nothing any more."""
        mine = {"_id": self._stream}
        if not (await self._logs.update_one({**mine, "epoch": epoch}, {"$max": {"seq": seq}})).matched_count:
            await self._logs.replace_one(mine, {"epoch": epoch, "seq": seq, "holes": []}, upsert=True)

    async def note(self, epoch: str, seq: int, holes: Spans) -> None:
        """The stream was seen up to `seq`, and lacks `holes`, which its own figures may not show."""
        await self.remember(epoch, seq)
        change = {"$addToSet": {"holes": {"$each": [list(span) for span in holes]}}}
        await self._logs.update_one({"_id": self._stream, "epoch": epoch}, change)

    async def forget(self, epoch: str, holes: Spans) -> None:
        """These holes are there no more: somebody put the messages back."""
        change = {"$pullAll": {"holes": [list(span) for span in holes]}}
        await self._logs.update_one({"_id": self._stream, "epoch": epoch}, change)


def _memory(document: dict[str, Any]) -> Memory:
    holes = []
    for each in whole(document, "holes", list):
        if not isinstance(each, list) or len(each) != 2 or not all(isinstance(seq, int) for seq in each):
            raise Spoiled("holes are no pairs of sequences")
        holes.append(Span(*each))
    return Memory(whole(document, "epoch", str), whole(document, "seq", int), tuple(holes))


def keys_named(messages: Sequence[StoredMessage]) -> set[str]:
    """The data keys under which personal fields of these messages are sealed."""
    return {message.headers[KEY] for message in messages if KEY in message.headers}


async def keys_missing(vault: MongoCollection, names: Collection[str]) -> set[str]:
    """Those that the vault does not know: neither living nor destroyed, which it remembers for ever."""
    found = vault.find({"_id": {"$in": list(names)}}, {"_id": 1})
    return set(names) - {document["_id"] async for document in found}
