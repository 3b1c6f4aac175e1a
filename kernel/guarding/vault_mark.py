"""How far into each log the vault was seen to hold the data keys that events name; the mark stands in the vault itself.

An older vault that is put beside a younger log brings its older mark along: what events name since then is looked for.
"""

from __future__ import annotations

from pymongo.errors import DuplicateKeyError

from kernel.guarding.log_memory import keys_missing, keys_named
from kernel.guarding.survey import pages
from kernel.keeping.mongo import Collection
from kernel.log.jetstream import JetStreamLog


class VaultMark:
    """The mark of one stream, beside the data keys, of which none is called like it."""

    def __init__(self, vault: Collection, stream: str) -> None:
        self._vault = vault
        self._id = f"_seen.{stream}"

    async def read(self, epoch: str) -> int:
        """The sequence up to which all keys were there; 0 when the vault was marked in no log of this epoch."""
        document = await self._vault.find_one({"_id": self._id, "epoch": epoch})
        return int(document["seq"]) if document else 0

    async def move(self, epoch: str, known: int, seq: int) -> None:
        """All keys up to `seq` are there, if those up to `known`, which was read, still are."""
        mine = {"_id": self._id}
        # Conditional: the vault may have been replaced since it was read.
        same = {**mine, "epoch": epoch, "seq": {"$gte": known}}
        if (await self._vault.update_one(same, {"$max": {"seq": seq}})).matched_count or known:
            return
        try:
            other = {**mine, "epoch": {"$ne": epoch}}
            await self._vault.update_one(other, {"$set": {"epoch": epoch, "seq": seq}}, upsert=True)
        except DuplicateKeyError:
            return  # somebody else was faster


async def keys_lost(log: JetStreamLog, vault: Collection, first: int, last: int) -> tuple[int, int]:
    """How many data keys events from `first` to `last` name, and how many of them the vault lacks.

    Ends with the first thousand events of whose keys any is missing. Raises `Unavailable`, `PyMongoError`.
    """
    seen: set[str] = set()
    async for page in pages(log, last, first):
        named = keys_named(page) - seen
        seen |= named
        if named and (missing := await keys_missing(vault, named)):
            return len(seen), len(missing)
    return len(seen), 0
