"""MongoDB's log of operations pushed past all that stands in it, so that what was deleted is not read there any more.

An oplog drops its oldest entries only when new ones need their room. Notes fill it here: of bytes that do not compress,
so that they overwrite, in the journal and in the oplog's own file, the blocks in which the former entries stood.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bson import Timestamp
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from kernel.keeping.mongo import Mongo
from kernel.log.promise import Unavailable

_NOTE_BYTES = 8 * 2**20
_SMALL_NOTE_BYTES = 12_000
_AT_ONCE = 8
_ROUNDS = 2
_MARKERS = 10
"""An oplog is cut at markers, of which it has ten at the least: it may grow by one beyond its size."""
_LEAST_MARKER_BYTES = 16 * 2**20
_CUT_WITHIN_S = 300.0
_LOOK_EVERY_S = 2.0
_FILL_EVERY_S = 10.0
_POSITION_LOST = 136  # CappedPositionLost: what was being read was cut just then


class StillInOplog(Unavailable):
    """An oplog keeps what it should have dropped, for example by `storage.oplogMinRetentionHours`."""


@dataclass(frozen=True)
class Pushed:
    """How many bytes of notes were written, and how long it took until the oldest entry was younger."""

    bytes: int
    seconds: float


async def push(client: Mongo, uri: str) -> Pushed:
    """Return when no member's oplog has an entry from before this call. `uri` is the client's.

    Needs the rights of the user `eraser` (`ops.mongo_users`). A member that was away meanwhile may have to be synced
    anew. Raises `StillInOplog` after five minutes of waiting, and `Unavailable`.
    """
    began = time.monotonic()
    try:
        hello = await client.admin.command("hello")
        before = hello["lastWrite"]["opTime"]["ts"]
        size = (await client.local.command("collStats", "oplog.rs"))["maxSize"]
        marker = max(size // _MARKERS, _LEAST_MARKER_BYTES)
        written = await _write(client, size + marker)
        async with _members(client, uri, [*hello.get("hosts", ()), *hello.get("passives", ())]) as members:
            written += await _until_cut(client, members, before, marker)
            for member in members.values():
                # What was cut stands in freed blocks of the file: newer ones are moved there, and the file is cut off.
                await member.local.command("compact", "oplog.rs", force=True)
            for _ in range(_ROUNDS):
                # A checkpoint, so that journal and files lose at once what nothing needs any more.
                for member in members.values():
                    await member.admin.command("fsync")
                written += await _fill_holes(client, max([await _free_bytes(each) for each in members.values()]))
    except PyMongoError as error:
        raise Unavailable(f"the oplog was not pushed: {type(error).__name__}") from error
    return Pushed(written, time.monotonic() - began)


async def _write(client: Mongo, wanted: int) -> int:
    filling, written = os.urandom(_NOTE_BYTES), 0
    while written < wanted:
        await client.admin.command("appendOplogNote", 1, data={"erasure": filling}, writeConcern={"w": "majority"})
        written += _NOTE_BYTES
    return written


async def _fill_holes(client: Mongo, wanted: int) -> int:
    """Write notes that are small enough for every hole that former entries left."""
    filling = os.urandom(_SMALL_NOTE_BYTES)
    left = iter(range(wanted // _SMALL_NOTE_BYTES))

    async def fill() -> None:
        for _ in left:
            await client.admin.command("appendOplogNote", 1, data={"erasure": filling})

    await asyncio.gather(*(fill() for _ in range(_AT_ONCE)))
    return wanted


async def _free_bytes(member: Mongo) -> int:
    stats = await member.local.command("collStats", "oplog.rs")
    return int(stats["wiredTiger"]["block-manager"]["file bytes available for reuse"])


async def _until_cut(client: Mongo, members: dict[str, Mongo], before: Timestamp, marker: int) -> int:
    # What a crash would need is not cut: that is up to the last checkpoint, which comes once a minute. After it only
    # a new marker makes the server look.
    written, deadline, filled_at = 0, time.monotonic() + _CUT_WITHIN_S, time.monotonic()
    while late := [name for name, member in members.items() if await _oldest(member) <= before]:
        if time.monotonic() > deadline:
            raise StillInOplog(f"the oplog of {', '.join(late)} still holds entries from before")
        await asyncio.sleep(_LOOK_EVERY_S)
        if time.monotonic() - filled_at > _FILL_EVERY_S:
            written += await _write(client, marker)
            filled_at = time.monotonic()
    return written


async def _oldest(member: Mongo) -> Timestamp:
    while True:
        try:
            (entry,) = await member.local["oplog.rs"].find({}, {"ts": 1}).sort("$natural", 1).limit(1).to_list()
        except OperationFailure as failure:
            if failure.code != _POSITION_LOST:
                raise
        else:
            oldest: Timestamp = entry["ts"]
            return oldest


@contextlib.asynccontextmanager
async def _members(client: Mongo, uri: str, hosts: list[str]) -> AsyncIterator[dict[str, Mongo]]:
    """A client for each member that holds data. An address that names one server, or none that we can name, is asked as
    it is."""
    if len(hosts) < 2 or not uri.startswith("mongodb://"):
        yield {"MongoDB": client}
        return
    async with contextlib.AsyncExitStack() as stack:
        members: dict[str, Mongo] = {}
        before, after = _around_hosts(uri)
        for host in hosts:
            alone: Mongo = AsyncMongoClient(before + host + after, directConnection=True)
            members[host] = await stack.enter_async_context(alone)
        yield members


def _around_hosts(uri: str) -> tuple[str, str]:
    found = re.fullmatch(r"(mongodb://(?:[^@/]*@)?)[^/?]*(.*)", uri)
    assert found is not None
    return found[1], found[2]
