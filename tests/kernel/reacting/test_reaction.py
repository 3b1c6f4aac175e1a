"""A service that follows another reacts to every event, in order, and reacting again changes nothing."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.message import Command, Event, Recorded, Refused
from kernel.connecting.stream import open_log
from kernel.deciding.codec import Codec
from kernel.deciding.decider import Aggregate, Decision
from kernel.deciding.handling import Deciding
from kernel.keeping.secrets import Secrets
from kernel.keeping.vault import MemoryKeys
from kernel.log.promise import NewMessage, Unavailable
from kernel.reacting import progress
from kernel.reacting.reaction import Context, Reaction
from kernel.reacting.reactions import Reactions
from kernel.reading.parking import WAITING
from kernel.talking.wire import Elsewhere
from tests.kernel.projecting import BAD, Tallied, World, world


class Note(Command):
    """Note that something was tallied elsewhere."""

    book: str
    amount: int


class Noted(Event):
    """A book has one more note."""

    book: str
    amount: int


def note(command: Note, notes: tuple[int, ...], neighbours: object) -> list[Event]:
    if command.amount == 13:
        raise Refused("unlucky")
    return [Noted(book=command.book, amount=command.amount)]


BOOK: Aggregate[tuple[int, ...]] = Aggregate(
    "book", (), lambda notes, event: (*notes, event.amount), (Noted,), {Note: Decision("book", note)}
)


async def note_it(recorded: Recorded, context: Context) -> Iterable[Command]:
    assert isinstance(recorded.event, Tallied)
    mine = Note(**context.stamp(), book=recorded.aggregate_id, amount=recorded.event.amount)
    everybody = Note(**context.stamp(), book="all", amount=recorded.event.amount)
    return [mine, everybody]


NOTE_WHAT_IS_TALLIED = Reaction("note_what_is_tallied", "tally", {Tallied: note_it})


@dataclass
class Desk:
    """The following service, and the log that it follows."""

    there: World
    here: World
    deciding: Deciding
    unavailable: int = 0
    why: type[Unavailable] = Elsewhere
    handled: list[Command] = field(default_factory=list)

    async def handle(self, command: Command, *, correlation_id: str | None = None) -> object:
        if self.unavailable:
            self.unavailable -= 1
            raise self.why("just now")
        done = await self.deciding.handle(command, correlation_id=correlation_id)
        self.handled.append(command)
        return done

    async def load(self, ref: Any) -> tuple[Any, int]:
        return await self.deciding.load(ref)

    def reactions(self) -> Reactions:
        reaction = replace(NOTE_WHAT_IS_TALLIED, follows=self.there.service)
        return Reactions(self.here.service, [reaction], [self.there.source()], self, self.here.database, MemoryKeys())

    async def notes(self, book: str) -> tuple[int, ...]:
        state: tuple[int, ...] = (await self.deciding.load(BOOK.ref(book)))[0]
        return state

    async def reached(self, seq: int) -> None:
        """The reaction is past `seq`: heard from the database, which is where it says so."""
        async with asyncio.timeout(20):
            while ((await self.here.database.reactions.find_one()) or {"seq": 0})["seq"] < seq:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@asynccontextmanager
async def desk(
    nats_url: str, mongodb_uri: str, there: str | None, here: str | None, secret: str
) -> AsyncIterator[Desk]:
    async with world(nats_url, mongodb_uri, there) as followed, world(nats_url, mongodb_uri, here) as own:
        codec = Codec(own.service, [Noted], MemoryKeys(), Secrets(bytes.fromhex(secret)))
        yield Desk(followed, own, Deciding(own.log, codec, [BOOK]))


SECRET = secrets.token_hex(32)


@pytest.fixture
async def two(nats_url: str, mongodb_uri: str) -> AsyncIterator[Desk]:
    async with desk(nats_url, mongodb_uri, None, None, SECRET) as made:
        yield made
        await made.here.client.drop_database(made.here.service)


@asynccontextmanager
async def running(reactions: Reactions) -> AsyncIterator[Reactions]:
    task = asyncio.create_task(reactions.run())
    try:
        yield reactions
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


async def test_every_event_leads_to_its_commands_in_order(two: Desk) -> None:
    async with running(two.reactions()):
        await two.there.tally("a", 1, 2)
        await two.reached(await two.there.tally("b", 3))
    assert await two.notes("a") == (1, 2)
    assert await two.notes("all") == (1, 2, 3)
    first = two.handled[0]
    assert first.actor.account_id == "tester"
    assert len({command.command_id for command in two.handled}) == 6


async def test_reacting_again_from_the_beginning_records_nothing(two: Desk) -> None:
    async with running(two.reactions()):
        last = await two.there.tally("a", 1, 2, 3)
        await two.reached(last)
    head = await two.here.log.last_seq()
    await two.here.database.reactions.drop()
    async with running(two.reactions()):
        await two.reached(last)
    assert len(two.handled) == 12
    assert await two.here.log.last_seq() == head


async def test_events_that_lead_to_nothing_are_passed_over_without_a_note(two: Desk) -> None:
    async def others(count: int) -> int:
        ids = [uuid4().hex for _ in range(count)]
        subjects = [f"event.{two.there.service}.other.{each}" for each in ids]
        messages = [
            NewMessage(subject, each, {"ce-type": "tally.Other.v1"}, b"{}", 0)
            for subject, each in zip(subjects, ids, strict=True)
        ]
        return (await two.there.log.append(messages))[-1]

    await two.here.database.create_collection("reactions")
    async with running(two.reactions()), await two.here.database.reactions.watch() as notes:
        first = await two.there.tally("a", 1)
        await two.reached(first)
        await others(20)
        await two.reached(await others(980))
        await others(20)
        last = await two.there.tally("a", 2)
        await two.reached(last)
        noted = []
        while not noted or noted[-1] < last:
            change = await notes.next()
            noted.append((change.get("fullDocument") or change["updateDescription"]["updatedFields"])["seq"])
    assert noted == [0, first, first + 1000, last]
    assert await two.notes("a") == (1, 2)


async def test_what_is_unavailable_is_tried_again_and_parks_nothing(two: Desk) -> None:
    two.unavailable = 3
    async with running(two.reactions()) as reactions:
        await two.reached(await two.there.tally("a", 1, 2))
        assert reactions.problem is None
    assert await two.notes("a") == (1, 2)
    assert await two.here.database.reactions_parked.count_documents({}) == 0


@pytest.mark.parametrize("point", ["reaction.note_what_is_tallied:4", "reaction.committed:1"])
async def test_a_killed_process_leaves_nothing_out_and_nothing_twice(
    two: Desk, nats_url: str, mongodb_uri: str, point: str
) -> None:
    last = await two.there.tally("a", 1, 2, 3, 4, 5)
    doomed = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.kernel.reacting.test_reaction", two.there.service, two.here.service, SECRET),
        env={**os.environ, "NATS_URL": nats_url, "MONGODB_URI": mongodb_uri, "CRASH_AT": point},
    )
    assert await doomed.wait() == -signal.SIGKILL
    async with running(two.reactions()):
        await two.reached(last)
    assert await two.notes("a") == await two.notes("all") == (1, 2, 3, 4, 5)


async def test_a_poison_event_waits_with_its_aggregate_and_is_taken_in_order_later(two: Desk) -> None:
    subject = f"event.{two.there.service}.tally.a"
    await two.there.tally("a", 1)
    await two.there.append("a", BAD)
    await two.there.tally("a", 3)
    async with running(two.reactions()) as reactions:
        await two.reached(await two.there.tally("b", 4))
        assert await two.notes("all") == (1, 4)
        parked = await two.here.database.reactions_parked.find().sort("seq", 1).to_list()
        assert [(each["seq"], each["reason"]) for each in parked][1:] == [(3, WAITING)]
        assert parked[0]["reason"].startswith("JSONDecodeError")
        with pytest.raises(ValueError, match="Expecting property name"):
            await reactions.unpark("note_what_is_tallied", subject)
        two.there.decoder.cured = True
        assert await reactions.unpark("note_what_is_tallied", subject) == 2
        await two.reached(await two.there.tally("a", 5))
    assert await two.notes("a") == (1, 1, 3, 5)
    assert await two.here.database.reactions_parked.count_documents({}) == 0


async def test_a_refused_command_parks_its_event_with_the_code(two: Desk) -> None:
    await two.there.tally("a", 13)
    async with running(two.reactions()):
        await two.reached(await two.there.tally("b", 1))
    parked = await two.here.database.reactions_parked.find().to_list()
    assert [(each["seq"], each["reason"]) for each in parked] == [(1, "refused: unlucky")]


async def test_no_number_of_poison_events_stops_the_reaction(two: Desk) -> None:
    for number in range(40):
        await two.there.append(f"bad{number}", BAD)
    async with running(two.reactions()) as reactions:
        await two.reached(await two.there.tally("b", 1))
        assert reactions.problem is None
        assert (await reactions.remark() or "").startswith("40 events wait")
    assert await two.notes("all") == (1,)


async def test_a_reaction_that_waits_for_another_service_says_so_and_stays_ready(
    two: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "GRACE_S", 0.3)
    two.unavailable = 6
    async with running(two.reactions()) as reactions:
        last = await two.there.tally("a", 1)
        async with asyncio.timeout(20):
            while (remark := await reactions.remark()) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert re.fullmatch(r"note_what_is_tallied has not got on for \d+ s: Elsewhere at .*", remark)
        assert reactions.problem is None
        await two.reached(last)
        await two.there.tally("b", 1)
        await two.reached(last + 1)
        async with asyncio.timeout(5):
            while await reactions.remark() is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_a_reaction_that_its_own_log_or_timers_keep_waiting_is_not_ready(
    two: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "GRACE_S", 0.3)
    two.unavailable, two.why = 6, Unavailable
    async with running(two.reactions()) as reactions:
        last = await two.there.tally("a", 1)
        async with asyncio.timeout(20):
            while reactions.problem is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await two.reached(last)


@pytest.mark.parametrize("refused", ["reactions", "reactions_parked"])
async def test_a_reaction_whose_store_refuses_everything_is_not_ready_until_it_takes_something(
    two: Desk, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    monkeypatch.setattr(progress, "GRACE_S", 0.3)
    await two.here.database.create_collection(refused, validator={"$expr": False})
    await two.there.append("a", BAD)
    async with running(two.reactions()) as reactions:
        last = await two.there.tally("b", 1)
        async with asyncio.timeout(20):
            while reactions.problem is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert re.fullmatch(
            r"note_what_is_tallied has not got on for \d+ s: (WriteError|BulkWriteError) 121 at .*", reactions.problem
        )
        await two.here.database.command("collMod", refused, validator={})
        await two.reached(last)
        async with asyncio.timeout(5):
            while reactions.problem is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_what_mongodb_refuses_of_one_event_parks_it_and_a_mongodb_that_refuses_all_parks_nothing(
    two: Desk,
) -> None:
    looked: list[int] = []

    async def look(recorded: Recorded, context: Context) -> Iterable[Command]:
        assert isinstance(recorded.event, Tallied)
        if recorded.event.amount == 2:
            looked.append(recorded.seq)
            await context.database["notes"].find_one({"$nothing": 1})
        return await note_it(recorded, context)

    looking = replace(NOTE_WHAT_IS_TALLIED, follows=two.there.service, on={Tallied: look})
    reactions = Reactions(two.here.service, [looking], [two.there.source()], two, two.here.database, MemoryKeys())
    parked = two.here.database.reactions_parked
    await two.here.database.create_collection("reactions_parked", validator={"$expr": False})
    await two.there.tally("a", 2)
    last = await two.there.tally("b", 1)
    async with running(reactions):
        async with asyncio.timeout(20):
            while len(looked) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert await two.notes("all") == ()
        assert (await two.here.database.reactions.find_one() or {})["seq"] == 0
        await two.here.database.command("collMod", "reactions_parked", validator={})
        await two.reached(last)
    assert await two.notes("all") == (1,)
    assert [(each["seq"], each["reason"][:16]) for each in await parked.find().to_list()] == [(1, "OperationFailure")]


async def test_a_log_made_anew_is_read_from_its_beginning(two: Desk) -> None:
    async with running(two.reactions()):
        await two.reached(await two.there.tally("a", 1, 2, 3))
    await two.there.nc.jetstream().delete_stream(two.there.log.stream)
    two.there.log = await open_log(two.there.nc, two.there.service)
    last = await two.there.tally("b", 7)
    async with running(two.reactions()):
        async with asyncio.timeout(20):
            while await two.notes("b") != (7,):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await two.reached(last)


async def test_two_replicas_react_once(two: Desk) -> None:
    async with running(two.reactions()), running(two.reactions()):
        await two.reached(await two.there.tally("a", *range(14, 40)))
    assert await two.notes("a") == tuple(range(14, 40))
    assert len(two.handled) == 52


def test_the_ids_of_a_reactions_commands_come_of_the_event() -> None:
    recorded = Recorded.model_construct(event_id=str(UUID(int=1)), at=None, actor=None)

    def ids(reaction: str) -> list[UUID]:
        context = Context(recorded, None, None, None, reaction)  # type: ignore[arg-type]
        return [context.stamp()["command_id"] for _ in range(2)]

    assert ids("x") == ids("x")
    assert len({*ids("x"), *ids("y")}) == 4


async def _main(there: str, here: str, secret: str) -> None:
    async with desk(os.environ["NATS_URL"], os.environ["MONGODB_URI"], there, here, secret) as doomed:
        await doomed.reactions().run()


if __name__ == "__main__":
    from tests.kernel.reacting import test_reaction

    asyncio.run(test_reaction._main(*sys.argv[1:]))
