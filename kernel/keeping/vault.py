"""The vault: one data key per household, so that destroying the key makes everything said about it unreadable.

The rule it protects: a destroyed key never comes back, neither from a cache nor by being made again under its name.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from pymongo import ReturnDocument, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from kernel.keeping.mongo import Mongo
from kernel.keeping.sealing import seal, unseal
from kernel.keeping.wrapping import KEY_BYTES, Wrappings, is_of_a_folder
from kernel.log.promise import Unavailable

CACHED_KEYS = 20_000
CACHED_S = 2.0
KEYS = "keys"
# Names the wrapping key of a data key that a rotation found spoiled, and left as it was.
SPOILED_UNDER = "spoiled_under"
_ATTEMPTS = 3
_LOOKED_AT = 20
_REFUSED_BY_VALIDATOR = 121  # DocumentValidationFailure

Document = dict[str, Any]


class VaultUnavailable(Unavailable):
    """The vault's database did not answer. Nothing was recorded; the same command may be tried again."""


class WrongSecret(Exception):
    """A data key opens under no wrapping key that is here: the secret is another one, or a key file is missing."""


class SpoiledKey(WrongSecret):
    """One data key does not open under the wrapping key that it names: what it sealed is lost, and nothing else."""


class LostKey(SpoiledKey):
    """The vault does not know a data key that a log names. It is not made anew, since it may come back."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the vault lacks the data key {name}, which the log names: restore the vault")


class _UnknownWrapping(WrongSecret):
    """The data key may open once the wrapping keys, or the data key itself, are read again."""


class Keys(Protocol):
    """The data keys. A name lives once: never made, living, destroyed."""

    async def key(self, name: str) -> bytes | None:
        """The living 256-bit key called `name`, made when it never existed; None once it was destroyed.

        All callers, in all processes, get the same key. Raises `VaultUnavailable`, and `LostKey` when it existed, as
        far as this process knows, and is nowhere.
        """
        ...

    async def existing(self, names: Collection[str], named: Collection[str] = ()) -> dict[str, bytes | None]:
        """Every one of `names` with its living key, or None when it was destroyed or never made. Makes none.

        Those that are `named` by a log existed. Raises `VaultUnavailable`.
        """
        ...

    async def destroy(self, name: str) -> None:
        """Make the key called `name` unusable for ever: here at once, in other processes within `CACHED_S` seconds.

        Destroying it again, or before it was ever made, is the same. Raises `VaultUnavailable`: then it may live on.
        """
        ...


class MemoryKeys:
    """Keys that die with the process, for specs."""

    def __init__(self) -> None:
        self._keys: dict[str, bytes | None] = {}

    async def key(self, name: str) -> bytes | None:
        return self._keys.setdefault(name, os.urandom(KEY_BYTES))

    async def existing(self, names: Collection[str], named: Collection[str] = ()) -> dict[str, bytes | None]:
        return {name: self._keys.get(name) for name in names}

    async def destroy(self, name: str) -> None:
        self._keys[name] = None


def vault_keys(client: Mongo, database: str) -> AsyncCollection[Document]:
    """Where the vault keeps data keys: what is written there is on a majority of disks, and so is what is read."""
    return client[database].get_collection(
        KEYS, write_concern=WriteConcern("majority", j=True), read_concern=ReadConcern("majority")
    )


class MongoKeys:
    """Keys in a MongoDB database of their own, each wrapped by AES-256-GCM under a key that is not in it.

    A living key is `{_id: name, wrapped, under}`, a destroyed one the tombstone `{_id: name, destroyed_at}`. Living
    keys are remembered for `CACHED_S` seconds: that bounds how long another process may go on using a destroyed one.
    """

    def __init__(
        self, client: Mongo, wrappings: Wrappings, database: str = "vault", cached_s: float = CACHED_S
    ) -> None:
        self._collection = vault_keys(client, database)
        self._wrappings = wrappings
        self._cached_s = cached_s
        self._living: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        # Destroyed here: a look-up that was under way meanwhile must not bring the key back into memory.
        self._destroyed: OrderedDict[str, None] = OrderedDict()
        # Named by a log and not in the vault when it was looked for.
        self._lost: OrderedDict[str, None] = OrderedDict()

    async def key(self, name: str) -> bytes | None:
        if (known := self._remembered(name)) is not None:
            return known
        found = (await self.existing((name,)))[name]
        if found is not None or name in self._destroyed:
            return found
        # Made anew under its name, a lost key would hide that it is lost, and stand in the way of the right one.
        if name in self._lost or name in self._living:
            if not await self._read((name,)):
                raise LostKey(name)
            return (await self.existing((name,)))[name]
        try:
            document = await self._insert_unless_there(name, os.urandom(KEY_BYTES))
        except PyMongoError as error:
            raise VaultUnavailable(f"the data key {name} could not be made") from error
        try:
            return self._learn(document)
        except _UnknownWrapping:
            return (await self.existing((name,)))[name]

    async def existing(self, names: Collection[str], named: Collection[str] = ()) -> dict[str, bytes | None]:
        known = {name: self._remembered(name) for name in names}
        missing = [name for name, key in known.items() if key is None and name not in self._destroyed]
        for attempt in range(1, _ATTEMPTS + 1):
            late = []
            found = await self._read(missing)
            self._note_lost({*missing}.intersection(named).difference(document["_id"] for document in found))
            for document in found:
                try:
                    known[document["_id"]] = self._learn(document)
                except _UnknownWrapping as unknown:
                    if attempt == _ATTEMPTS:
                        raise _not_openable(document) from unknown
                    late.append(document["_id"])
            if not (missing := late):
                break
            # It was wrapped anew meanwhile: under a key that came, or it was read while its former one went.
            self._wrappings.reread()
        return known

    async def destroy(self, name: str) -> None:
        self._forget(name)
        tombstone = {"_id": "$_id", "destroyed_at": {"$ifNull": ["$destroyed_at", "$$NOW"]}}
        try:
            await self._collection.update_one({"_id": name}, [{"$replaceWith": tombstone}], upsert=True)
        except PyMongoError as error:
            raise VaultUnavailable(f"the data key {name} may not be destroyed yet") from error

    async def check(self) -> None:
        """Raises `WrongSecret` when the vault holds keys that open under none here, and `VaultUnavailable`.

        A few that are spoiled are no reason: whoever needs them finds out.
        """
        try:
            sound = {SPOILED_UNDER: {"$exists": False}}
            kinds = await self._collection.distinct("under", sound)
            for under in kinds:
                if self._wrappings.opening(under) is None:
                    self._wrappings.reread()
                some = self._collection.find({"under": under, **sound}).limit(_LOOKED_AT)
                self._open_one_of(await some.to_list())
        except PyMongoError as error:
            raise VaultUnavailable("the vault does not answer") from error

    def _open_one_of(self, documents: Iterable[Document]) -> None:
        """Raises `WrongSecret` unless there are none, or one of them opens."""
        spoiled: SpoiledKey | None = None
        for document in documents:
            try:
                unwrapped(self._wrappings, document)
                return
            except SpoiledKey as failure:
                spoiled = failure
        if spoiled is not None:
            raise spoiled

    async def _read(self, names: Collection[str]) -> list[Document]:
        if not names:
            return []
        try:
            return await self._collection.find({"_id": {"$in": [*names]}}).to_list()
        except PyMongoError as error:
            raise VaultUnavailable("data keys could not be read") from error

    async def _insert_unless_there(self, name: str, key: bytes) -> Document:
        for attempt in range(1, _ATTEMPTS + 1):
            present = self._wrappings.present()
            made = {"wrapped": seal(present.key, key, name.encode()), "under": present.id}
            try:
                # Also when it changes nothing, a majority write answers only once what it saw is on a majority.
                document = await self._collection.find_one_and_update(
                    {"_id": name}, {"$setOnInsert": made}, upsert=True, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError:
                if attempt == _ATTEMPTS:
                    raise
            except OperationFailure as refused:
                if refused.code != _REFUSED_BY_VALIDATOR or attempt == _ATTEMPTS:
                    raise
                self._wrappings.reread()  # a newer wrapping key has come, and this one goes
            else:
                assert document is not None
                return document
        raise AssertionError("not reached")

    def _remembered(self, name: str) -> bytes | None:
        key, until = self._living.get(name, (None, 0.0))
        return key if until > time.monotonic() else None

    def _learn(self, document: Document) -> bytes | None:
        name = document["_id"]
        if "wrapped" not in document or name in self._destroyed:
            return None
        key = unwrapped(self._wrappings, document)
        if self._cached_s > 0:
            self._living[name] = (key, time.monotonic() + self._cached_s)
            self._living.move_to_end(name)
            if len(self._living) > CACHED_KEYS:
                self._living.popitem(last=False)
        return key

    def _note_lost(self, names: Iterable[str]) -> None:
        for name in names:
            self._lost[name] = None
        while len(self._lost) > CACHED_KEYS:
            self._lost.popitem(last=False)

    def _forget(self, name: str) -> None:
        self._living.pop(name, None)
        self._destroyed[name] = None
        if len(self._destroyed) > CACHED_KEYS:
            self._destroyed.popitem(last=False)


def unwrapped(wrappings: Wrappings, document: Mapping[str, Any]) -> bytes:
    """The data key that a living key's document holds. Raises `WrongSecret`, of which `SpoiledKey` is its own fault."""
    wrapping = wrappings.opening(document["under"])
    if wrapping is None:
        raise _UnknownWrapping(f"the data key {document['_id']} is wrapped under a key that is not here")
    try:
        return unseal(wrapping, document["wrapped"], document["_id"].encode())
    except (InvalidTag, TypeError, ValueError) as error:
        raise SpoiledKey(f"the data key {document['_id']} was tampered with") from error


def _not_openable(document: Mapping[str, Any]) -> Exception:
    """A file may still come, where a folder is filled from elsewhere; a secret does not change while we run."""
    reason = f"the data key {document['_id']} is wrapped under a key that is not here"
    return VaultUnavailable(reason) if is_of_a_folder(document["under"]) else WrongSecret(reason)
