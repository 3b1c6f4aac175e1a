"""What must be true after every fault. One violation is a failed test; nothing is retried away.

N1 nothing lost · N2 nothing invented · N3 nothing twice · N4 every chain and batch whole · N5 read models are a fold of
the log · N10 one audit row an event · N11 no secret and no personal word in the clear · N12 what was erased stays so
(that it is gone from what stores copy, too: test_erased_copies).
"""

import asyncio
import json
import subprocess
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

from contracts.accounts.leaving import UserDeleted, UserReset
from contracts.message import ERASED, Event, PersonalMark, Recorded, fields_marked
from contracts.modules import declared
from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.deciding.codec import PART, Codec
from kernel.keeping.vault import MongoKeys
from kernel.log.promise import StoredMessage
from kernel.process.settings import Settings
from kernel.reading.checkpoint import checkpoint_of
from kernel.reading.readmodel import fingerprint
from services.accounts.__main__ import SERVICE
from services.accounts.households.reactions import DESTROY_KEY
from tests.faults.history import History, Outcome, canaries_in
from tests.house import House, position_of


@dataclass(frozen=True)
class Contents:
    """The whole log of accounts, as stored and as it reads today."""

    messages: Sequence[StoredMessage]
    recorded: Sequence[Recorded]
    epoch: str


def settings_of(house: House) -> Settings:
    """The settings that the house's services run with."""
    secret = Path(house.environment["SMARTPLUS_SECRET_FILE"]).read_text()
    return Settings(
        nats_url=house.environment["NATS_URL"],
        mongodb_uri=house.environment["MONGODB_URI"],
        secret=secret,
        keys_dir=Path(house.environment["SMARTPLUS_KEYS_DIR"]),
    )


async def contents(house: House) -> Contents:
    """Read everything, as a new process would."""
    settings = settings_of(house)
    nc = await connect(settings.nats_url, "checker")
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.mongodb_uri)
    try:
        log = await open_log(nc, "accounts", replicas=int(house.environment["SMARTPLUS_REPLICAS"]))
        codec = Codec(
            "accounts", declared("accounts", Event), MongoKeys(client, settings.wrappings()), settings.secrets()
        )
        last = await log.last_seq()
        messages: list[StoredMessage] = []
        if last:
            async for batch in log.follow(0):
                messages.extend(batch)
                if batch[-1].seq >= last:
                    break
        return Contents(messages, await codec.decode_many(messages), log.epoch)
    finally:
        await client.close()
        await nc.close()


def nothing_lost(house: House, history: History, found: Contents) -> None:
    """N1: every acknowledged command that names a position has its events there."""
    by_seq = {each.seq: each for each in found.recorded}
    commands: dict[str, set[str]] = defaultdict(set)
    for each in found.recorded:
        commands[each.aggregate_id].add(each.command_id)
    for operation in history.of(Outcome.OK):
        seq = position_of(house, operation.position, operation.account_id).seq
        assert seq in by_seq, f"{operation.kind} {operation.key}: position {operation.position} is not in the log"
        stands = by_seq[seq]
        assert stands.aggregate_id == operation.id or stands.command_id in commands[operation.id], (
            f"{operation.kind} {operation.key}: another command stands at {operation.position}"
        )


def nothing_invented(history: History, found: Contents) -> None:
    """N2: every household in the log was asked for by somebody who was not told no."""
    refused = {each.id for each in history.of(Outcome.FAILED) if each.kind == "add" and each.id}
    added = {each.aggregate_id for each in found.recorded if type(each.event).__name__ == "UserAdded"}
    asked = sum(1 for each in history.operations if each.kind == "add" and each.outcome is not Outcome.FAILED)
    assert not added & refused
    assert len(added) <= asked, f"{len(added)} households, {asked} asked for"


def nothing_twice(found: Contents) -> None:
    """N3: no event id twice, and a command's events stand together, once."""
    ids = Counter(each.event_id for each in found.recorded)
    assert not [id for id, times in ids.items() if times > 1]
    seqs: dict[str, list[int]] = defaultdict(list)
    for each in found.recorded:
        seqs[each.command_id].append(each.seq)
    torn = [command for command, at in seqs.items() if at != list(range(at[0], at[0] + len(at)))]
    assert not torn, f"commands with events in more than one place: {torn[:5]}"


def chains_whole(found: Contents) -> None:
    """N4: sequences without a gap, every command's batch complete, every aggregate folds to the end."""
    assert [each.seq for each in found.messages] == list(range(1, len(found.messages) + 1))
    parts: dict[str, list[str]] = defaultdict(list)
    for message, each in zip(found.messages, found.recorded, strict=True):
        parts[each.command_id].append(message.headers[PART])
    for command, seen in parts.items():
        count = len(seen)
        assert seen == [f"{number}/{count}" for number in range(1, count + 1)], f"{command}: {seen}"
    kinds = {aggregate.name: aggregate for aggregate in SERVICE.aggregates}
    chains: dict[tuple[str, str], list[Recorded]] = defaultdict(list)
    for each in found.recorded:
        chains[each.aggregate, each.aggregate_id].append(each)
    for (kind, _), chain in chains.items():
        kinds[kind].fold(each.event for each in chain)


async def at_rest(house: House) -> Contents:
    """The log, once its read models and reactions have taken all of it. Raises `TimeoutError`."""
    found = await contents(house)
    emptied = [each.seq for each in found.recorded if isinstance(each.event, UserReset | UserDeleted)]
    settings = settings_of(house)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.mongodb_uri)
    async with client, asyncio.timeout(60):
        database = client[settings.database("accounts")]
        while True:
            checkpoint = await checkpoint_of(database)
            reaction = await database["reactions"].find_one({"_id": DESTROY_KEY.name})
            projected = checkpoint is not None and checkpoint.places["ACCOUNTS"].seq >= found.messages[-1].seq
            if projected and reaction and reaction["seq"] >= max(emptied, default=0):
                break
            await asyncio.sleep(0.05)
    return await contents(house)


async def models_true(house: House) -> None:
    """N5: the read models, as they are, equal a rebuild from nothing."""
    settings = settings_of(house)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.mongodb_uri)
    async with client:
        database = client[settings.database("accounts")]
        before = await fingerprint(database, SERVICE.read_models)
        await house.smartplus("rebuild", "accounts")
        after = await fingerprint(database, SERVICE.read_models)
    assert before == after, f"not a fold of the log: {[name for name in after if before[name] != after[name]]}"


async def audit_whole(house: House, found: Contents) -> None:
    """N10: exactly one row of the audit trail for each event."""
    settings = settings_of(house)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.mongodb_uri)
    async with client:
        rows = {row["_id"] async for row in client[settings.database("accounts")]["audit"].find({}, {"_id": 1})}
    assert rows == {each.event_id for each in found.recorded}


def no_secret_in_the_clear(house: House, history: History) -> None:
    """N11: no personal word and no password in what NATS keeps on disk, nor in any log line."""
    words = [word for operation in history.operations for word in operation.canaries]
    patterns = house.folder / "canaries"
    patterns.write_text("\n".join([*words, *(word.lower() for word in words), "correct-horse"]))
    for server in house.nats:
        search = ["grep", "-r", "-F", "-l", "-f", str(patterns), str(server.data_dir / "jetstream")]
        found = subprocess.run(search, capture_output=True, text=True, check=False)
        assert found.returncode == 1, f"in the clear on NATS's disk: {found.stdout or found.stderr}"
    wanted = {word.lower() for word in words}
    for line in house.lines:
        assert not canaries_in(line) & wanted, f"in a log line: {line}"


async def erased_stays_erased(house: House, history: History, found: Contents) -> None:
    """N12: nothing personal from before a household's last Reset or Delete can be read again, anywhere."""
    emptied: dict[str, int] = {}
    for each in found.recorded:
        if isinstance(each.event, UserReset | UserDeleted):
            emptied[each.event.user_id] = each.seq
    assert emptied, "no household was emptied: the check would check nothing"
    for each in found.recorded:
        household = getattr(each.event, "user_id", None)
        if household in emptied and each.seq < emptied[household]:
            for name in fields_marked(type(each.event), PersonalMark):
                value = getattr(each.event, name)
                told = value if isinstance(value, tuple) else (value,)
                assert all(one in (None, ERASED) for one in told), f"{type(each.event).__name__}.{name} still reads"
    deleted = {each.event.user_id for each in found.recorded if isinstance(each.event, UserDeleted)}
    words = {word.lower() for each in history.operations if each.id in deleted for word in each.canaries}
    settings = settings_of(house)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.mongodb_uri)
    async with client:
        database = client[settings.database("accounts")]
        for name in await database.list_collection_names():
            async for document in database[name].find({}):
                text = json.dumps(document, default=str)
                assert not canaries_in(text) & words, f"{name} still holds it"
