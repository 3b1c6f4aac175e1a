"""A new wrapping key for every living data key, and the end of the former ones.

The rule it protects: no key is destroyed while anything living is wrapped under it, or can still come to be. The
vault's own database refuses what is wrapped under an older key (a validator of the collection), so that neither a
process that was frozen nor one that did not look can add anything under a key that goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from kernel.crash import crash_here
from kernel.mongo import Mongo, make_collection
from kernel.readmodel import Collection
from kernel.sealing import seal
from kernel.vault import KEYS, VaultUnavailable, unwrapped, vault_keys
from kernel.wrapping import Wrapping, WrappingKeys, Wrappings

_AT_ONCE = 1000


@dataclass(frozen=True)
class Rotated:
    """The key that wraps now, how many data keys were wrapped anew, and how many wrapping keys were destroyed."""

    id: str
    data_keys: int
    destroyed: int


async def rotate(client: Mongo, database: str, wrappings: WrappingKeys) -> Rotated:
    """Make a wrapping key, wrap every living data key of the vault under it, and destroy all former ones.

    May be killed at any moment and run again; processes that use the vault go on meanwhile. Raises `BlockingIOError`
    when another rotation is at work, `WrongSecret` when a data key opens under nothing that is here (then nothing is
    destroyed), `VaultUnavailable`, and `OSError` when the folder cannot be written.
    """
    with wrappings.held():
        id = wrappings.make()
        crash_here("rotation.made")
        data_keys = await rewrap(client, database, wrappings)
        crash_here("rotation.rewrapped")
        return Rotated(id, data_keys, wrappings.destroy_before(id))


async def rewrap(client: Mongo, database: str, wrappings: WrappingKeys) -> int:
    """Wrap every living data key of the vault under the newest wrapping key; how many were not yet.

    Afterwards the others are of no use and may be destroyed: nothing can be wrapped under them any more.
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


async def _rewrap(client: Mongo, database: str, wrappings: WrappingKeys) -> int:
    keys, present, count = vault_keys(client, database), wrappings.present(), 0
    older = {"wrapped": {"$exists": True}, "under": {"$ne": present.id}}
    after: dict[str, str] = {}
    # In their order, so that what is done is not looked through again for each batch; then again from the beginning,
    # until a whole pass finds none.
    while (documents := await _next(keys, older, after)) or after:
        after = {"$gt": documents[-1]["_id"]} if documents else {}
        if documents:
            changes = [_change(wrappings, present, document) for document in documents]
            count += (await keys.bulk_write(changes, ordered=False)).modified_count
            crash_here("rotation.batch")
    return count


async def _next(keys: Collection, wanted: Mapping[str, Any], after: Mapping[str, str]) -> list[dict[str, Any]]:
    beyond = {"_id": after} if after else {}
    return await keys.find({**wanted, **beyond}).sort("_id", 1).limit(_AT_ONCE).to_list()


def _change(wrappings: Wrappings, present: Wrapping, document: Mapping[str, Any]) -> UpdateOne:
    wrapped = seal(present.key, unwrapped(wrappings, document), document["_id"].encode())
    # Conditional, so that a key destroyed meanwhile stays destroyed.
    known = {"_id": document["_id"], "wrapped": document["wrapped"]}
    return UpdateOne(known, {"$set": {"wrapped": wrapped, "under": present.id}})
