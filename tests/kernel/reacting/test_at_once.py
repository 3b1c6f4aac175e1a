"""A reaction to many aggregates need not take them one by one, and loses none of them for another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

import pytest

from contracts.message import Command, FieldRefusal, Recorded, Refused
from kernel.keeping.vault import MemoryKeys
from kernel.reacting.reaction import Context, Reaction
from kernel.reacting.reactions import Reactions
from tests.kernel.projecting import Tallied
from tests.kernel.reacting.test_reaction import SECRET, Desk, Note, desk, running

BOOKS = 40


@pytest.fixture
async def two(nats_url: str, mongodb_uri: str) -> AsyncIterator[Desk]:
    async with desk(nats_url, mongodb_uri, None, None, SECRET) as made:
        yield made
        await made.here.client.drop_database(made.here.service)


async def note_many(recorded: Recorded, context: Context) -> Iterable[Command]:
    assert isinstance(recorded.event, Tallied)
    return [Note(**context.stamp(), book=f"book{n}", amount=recorded.event.amount + n) for n in range(BOOKS)]


NOTE_MANY = Reaction("note_many", "tally", {Tallied: note_many}, at_once=8)


def reactions(two: Desk, handling: Any) -> Reactions:
    reaction = replace(NOTE_MANY, follows=two.there.service)
    return Reactions(two.here.service, [reaction], [two.there.source()], handling, two.here.database, MemoryKeys())


class Counting(Desk):
    """Remembers how many commands were being decided at the same time."""

    busy = most = 0

    async def handle(self, command: Command, *, correlation_id: str | None = None) -> object:
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            return await super().handle(command, correlation_id=correlation_id)
        finally:
            self.busy -= 1


async def test_commands_to_different_aggregates_are_decided_several_at_a_time(two: Desk) -> None:
    counting = Counting(two.there, two.here, two.deciding)
    async with running(reactions(two, counting)):
        await two.reached(await two.there.tally("a", 100))
    assert counting.most == NOTE_MANY.at_once
    for n in range(BOOKS):
        assert await two.notes(f"book{n}") == (100 + n,)


async def note_own(recorded: Recorded, context: Context) -> Iterable[Command]:
    assert isinstance(recorded.event, Tallied)
    return [Note(**context.stamp(), book=recorded.aggregate_id, amount=recorded.event.amount)]


async def test_events_of_different_aggregates_are_taken_several_at_a_time_each_one_s_in_order(two: Desk) -> None:
    for amount in (1, 2, 3):
        for n in range(8):
            last = await two.there.tally(f"own{n}", amount)
    counting = Counting(two.there, two.here, two.deciding)
    reaction = Reaction("note_own", two.there.service, {Tallied: note_own}, at_once=4)
    following = Reactions(two.here.service, [reaction], [two.there.source()], counting, two.here.database, MemoryKeys())
    async with running(following):
        await two.reached(last)
    assert 1 < counting.most <= 4
    for n in range(8):
        assert await two.notes(f"own{n}") == (1, 2, 3)


async def test_one_that_is_refused_does_not_keep_the_others_from_being_done(two: Desk) -> None:
    async with running(reactions(two, two)):
        await two.reached(await two.there.tally("a", 0))  # 13 is unlucky
    parked = await two.here.database["reactions_parked"].find_one()
    assert parked is not None
    assert parked["reason"] == "refused: unlucky"
    assert [bool(await two.notes(f"book{n}")) for n in range(BOOKS)] == [n != 13 for n in range(BOOKS)]


async def test_when_nothing_can_be_decided_the_event_is_taken_again(two: Desk) -> None:
    two.unavailable = 3
    async with running(reactions(two, two)):
        await two.reached(await two.there.tally("a", 100))
    for n in range(BOOKS):
        assert await two.notes(f"book{n}") == (100 + n,)


def test_a_refusal_may_name_several_faults() -> None:
    errors = [FieldRefusal(field=f"text.{n}", code="bad", detail="No.") for n in (2, 5)]
    refusal = Refused("lines-invalid", "Some lines are wrong.", errors=errors)
    assert refusal.field == "text.2"
    assert refusal.refusal().errors == tuple(errors)
    assert [each.code for each in Refused("bad", "No.", field="name").refusal().errors] == ["bad"]
    assert Refused("bad").refusal().errors == ()
