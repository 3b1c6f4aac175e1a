"""A new wrapping key for every living data key, and the end of the former ones.

The rule it protects: no key is destroyed while anything living is wrapped under it, or can still come to be. The
vault's own database refuses what is wrapped under an older key (a validator of the collection), so that neither a
process that was frozen nor one that did not look can add anything under a key that goes. One data key that is spoiled
stops nothing: it would keep alive what all others ask to be erased.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from kernel.keeping.mongo import Collection, Mongo, make_collection
from kernel.keeping.sealing import seal
from kernel.keeping.vault import KEYS, SPOILED_UNDER, SpoiledKey, VaultUnavailable, WrongSecret, unwrapped, vault_keys
from kernel.keeping.wrapping import Wrapping, WrappingKeys, Wrappings, is_of_a_folder
from kernel.runtime.crash import crash_here

_AT_ONCE = 1000
_NAMED = 10
_log = structlog.get_logger()


@dataclass(frozen=True)
class Rewrapped:
    """How many data keys were wrapped anew, and the names of those that open under nothing and were left out."""

    data_keys: int
    spoiled: tuple[str, ...] = ()

    @property
    def remark(self) -> str:
        """A sentence about the spoiled ones with a space before it; empty when there are none."""
        if not self.spoiled:
            return ""
        named = ", ".join(self.spoiled[:_NAMED]) + (", …" if len(self.spoiled) > _NAMED else "")
        return f" {len(self.spoiled)} data keys are spoiled and were left out, what they sealed is lost: {named}."


@dataclass(frozen=True)
class Rotated(Rewrapped):
    """The key that wraps now too, and how many wrapping keys were destroyed."""

    id: str = ""
    destroyed: int = 0


async def rotate(client: Mongo, database: str, wrappings: WrappingKeys) -> Rotated:
    """Make a wrapping key, wrap every living data key of the vault under it, and destroy all former ones.

    May be killed at any moment and run again; processes that use the vault go on meanwhile. Raises `BlockingIOError`
    when another rotation is at work, `WrongSecret` when a data key needs a wrapping key that is not here (then nothing
    is destroyed), `VaultUnavailable`, and `OSError` when the folder cannot be written.
    """
    with wrappings.held():
        id = wrappings.make()
        crash_here("rotation.made")
        done = await rewrap(client, database, wrappings)
        crash_here("rotation.rewrapped")
        return Rotated(done.data_keys, done.spoiled, id, wrappings.destroy_before(id))


async def rewrap(client: Mongo, database: str, wrappings: WrappingKeys) -> Rewrapped:
    """Wrap every living data key of the vault under the newest wrapping key that is not yet.

    Afterwards the others are of no use and may be destroyed: nothing can be wrapped under them any more. A spoiled data
    key stays as it is, but counts as wrapped under the newest: so the vault's validator lets it be destroyed, whoever
    reads it is told that it is spoiled, and nobody waits for a wrapping key that is gone.
    Raises `WrongSecret`, `VaultUnavailable`.
    """
    wrappings.reread()
    try:
        await _refuse_older(client, database, wrappings.present().id)
        crash_here("rotation.fenced")
        return await _rewrap(client, database, wrappings)
    except PyMongoError as error:
        raise VaultUnavailable(f"rotation was interrupted ({type(error).__name__}); run it again") from error


async def _refuse_older(client: Mongo, database: str, id: str) -> None:
    validator = {"$or": [{"under": {"$exists": False}}, {"under": {"$gte": id}}]}
    if not await make_collection(client[database], KEYS, validator=validator):
        await client[database].command("collMod", KEYS, validator=validator, validationLevel="strict")


async def _rewrap(client: Mongo, database: str, wrappings: WrappingKeys) -> Rewrapped:
    keys, present, count = vault_keys(client, database), wrappings.present(), 0
    spoiled: dict[str, None] = {}
    judge = _Judge(keys, wrappings)
    older = {"wrapped": {"$exists": True}, "under": {"$ne": present.id}}
    after: dict[str, str] = {}
    # In their order, so that what is done is not looked through again for each batch; then again from the beginning,
    # until a whole pass finds none.
    while (documents := await _next(keys, older, after)) or after:
        after = {"$gt": documents[-1]["_id"]} if documents else {}
        if documents:
            good, bad = await judge.told_apart(documents)
            changes = [_change(present, document, key) for document, key in good]
            left_out = [_leaving_out(present, document) for document in bad]
            count += (await keys.bulk_write(changes, ordered=False)).modified_count if changes else 0
            if left_out:
                await keys.bulk_write(left_out, ordered=False)
            for name in (document["_id"] for document in bad if document["_id"] not in spoiled):
                spoiled[name] = None
                _log.error("data-key-spoiled", key=name)
            crash_here("rotation.batch")
    return Rewrapped(count, tuple(spoiled))


async def _next(keys: Collection, wanted: Mapping[str, Any], after: Mapping[str, str]) -> list[dict[str, Any]]:
    beyond = {"_id": after} if after else {}
    return await keys.find({**wanted, **beyond}).sort("_id", 1).limit(_AT_ONCE).to_list()


class _Judge:
    """Tells data keys that open from those that are spoiled.

    A wrapping key under which none opens is in doubt itself: its file may be the spoiled one, and have a good copy.
    """

    def __init__(self, keys: Collection, wrappings: Wrappings) -> None:
        self._keys = keys
        self._wrappings = wrappings
        self._proven: set[str] = set()

    async def told_apart(
        self, documents: Sequence[dict[str, Any]]
    ) -> tuple[list[tuple[dict[str, Any], bytes]], list[dict[str, Any]]]:
        """Those that open, with their data keys, and those that are spoiled. Raises `WrongSecret`."""
        good, bad = [], []
        for document in documents:
            try:
                good.append((document, unwrapped(self._wrappings, document)))
                self._proven.add(document["under"])
            except SpoiledKey:
                bad.append(document)
        for document in bad:
            if SPOILED_UNDER not in document:
                await self._prove(document["under"])
        return good, bad

    async def _prove(self, id: str) -> None:
        # What comes from a secret is called after itself, so that it is the right one wherever it is found.
        if id in self._proven or not is_of_a_folder(id):
            return
        async for document in self._keys.find({"under": id, "wrapped": {"$exists": True}}):
            try:
                unwrapped(self._wrappings, document)
            except SpoiledKey:
                continue
            self._proven.add(id)
            return
        raise WrongSecret(f"nothing that {id} wraps opens, so its file may be spoiled: put a good copy in its place")


def _known(document: Mapping[str, Any]) -> dict[str, Any]:
    # Conditional, so that a key destroyed meanwhile stays destroyed.
    return {each: document[each] for each in ("_id", "wrapped", "under")}


def _change(present: Wrapping, document: Mapping[str, Any], key: bytes) -> UpdateOne:
    wrapped = seal(present.key, key, document["_id"].encode())
    return UpdateOne(_known(document), {"$set": {"wrapped": wrapped, "under": present.id}})


def _leaving_out(present: Wrapping, document: Mapping[str, Any]) -> UpdateOne:
    once = document.get(SPOILED_UNDER, document["under"])
    return UpdateOne(_known(document), {"$set": {"under": present.id, SPOILED_UNDER: once}})
