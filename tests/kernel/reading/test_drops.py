"""An event may drop every document of a kind, however many: at its place in the order, and the same in a rebuild."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest

from contracts.message import Recorded
from kernel.reading.checkpoint import checkpoint_of
from kernel.reading.edition import Edition
from kernel.reading.projection import Projector
from kernel.reading.readmodel import Drop, Index, ReadModel, Row, fingerprint
from tests.kernel.projecting import Tallied, World, world

# In these tests an event's kind is what it says: whose the paper is now, or, after a minus, whose papers all go.
FAILS = -1


def fold_paper(row: Row | None, recorded: Recorded) -> Row | None:
    event = recorded.event
    assert isinstance(event, Tallied)
    if event.amount == FAILS:
        raise LookupError("somebody's name")
    if event.kind.startswith("-"):
        return row
    return {"owner": event.kind, "changes": (row["changes"] if row else 0) + 1}


def line_keys(recorded: Recorded) -> list[str]:
    event = recorded.event
    return [] if isinstance(event, Tallied) and event.kind.startswith("-") else [recorded.event_id]


def drops(recorded: Recorded) -> Drop | None:
    event = recorded.event
    return Drop("owner", event.kind[1:]) if isinstance(event, Tallied) and event.kind.startswith("-") else None


PAPERS = ReadModel("papers", lambda recorded: [recorded.aggregate_id], fold_paper, (Index("owner"),), drops=drops)
LINES = ReadModel("lines", line_keys, fold_paper, (Index("owner"),), grows=True, drops=drops)
MODELS = (PAPERS, LINES)


@dataclass
class Archive:
    """One edition that takes batches as they are told here, and the log that they come from."""

    here: World
    edition: Edition
    taken: int = 0

    async def say(self, *said: tuple[str, str] | tuple[str, str, int]) -> None:
        """Append an event (paper, kind) for each."""
        for paper, kind, *amount in said:
            await self.here.tally(paper, *(amount or [1]), kind=kind)

    async def take(self, *sizes: int) -> None:
        """Take what is new, in batches of these sizes; the rest in one."""
        async with self.here.client.start_session() as session:
            for size in (*sizes, None):
                last = await self.here.log.last_seq()
                if self.taken >= last:
                    return
                count = last - self.taken if size is None else size
                messages = [each async for each in self._messages(count)]
                batch = await self.here.source().incoming(messages, MODELS, self.here.service)
                await self.edition.apply(batch, session)
                self.taken = messages[-1].seq

    async def _messages(self, count: int) -> AsyncIterator:  # type: ignore[type-arg]
        async for batch in self.here.log.follow(self.taken, count):
            for message in batch:
                count -= 1
                yield message
                if count == 0:
                    return

    async def papers(self) -> dict[str, tuple[str, int]]:
        return {row["_id"]: (row["owner"], row["changes"]) async for row in self.here.database.papers.find()}

    async def owners_of_lines(self) -> list[str]:
        return sorted([row["owner"] async for row in self.here.database.lines.find()])

    async def is_a_fold_of_the_log(self) -> bool:
        elsewhere = self.here.client[self.here.service + "_again"]
        projector = Projector(self.here.service, [self.here.source()], MODELS, elsewhere, announce=self.here.nc.publish)
        await projector.rebuild()
        rebuilt = await fingerprint(elsewhere, MODELS)
        await self.here.client.drop_database(elsewhere.name)
        return rebuilt == await fingerprint(self.here.database, MODELS)


@pytest.fixture
async def archive(nats_url: str, mongodb_uri: str) -> AsyncIterator[Archive]:
    async with world(nats_url, mongodb_uri) as here:
        await Projector(here.service, [here.source()], MODELS, here.database, announce=here.nc.publish).rebuild()
        checkpoint = await checkpoint_of(here.database)
        assert checkpoint is not None
        edition = Edition(here.database, MODELS)
        await edition.open(checkpoint)
        yield Archive(here, edition)
        await here.client.drop_database(here.service)


async def told_and_taken(archive: Archive, *batches: Sequence[tuple[str, str]]) -> None:
    for batch in batches:
        await archive.say(*batch)
        await archive.take()


async def test_all_documents_of_that_value_go_and_others_stay(archive: Archive) -> None:
    papers = [(f"p{i}", "ann" if i % 2 else "bob") for i in range(6)]
    await told_and_taken(archive, papers, [("sweep", "-ann")])
    assert await archive.papers() == {"p0": ("bob", 1), "p2": ("bob", 1), "p4": ("bob", 1)}
    assert await archive.owners_of_lines() == ["bob"] * 3
    assert await archive.is_a_fold_of_the_log()


async def test_what_was_made_earlier_in_the_batch_goes_too(archive: Archive) -> None:
    await told_and_taken(archive, [("p1", "ann"), ("p2", "bob"), ("sweep", "-ann")])
    assert await archive.papers() == {"p2": ("bob", 1)}
    assert await archive.owners_of_lines() == ["bob"]
    assert await archive.is_a_fold_of_the_log()


async def test_what_is_made_later_in_the_batch_starts_afresh_and_stays(archive: Archive) -> None:
    await told_and_taken(archive, [("p1", "ann"), ("p1", "ann")], [("sweep", "-ann"), ("p1", "ann"), ("p3", "ann")])
    assert await archive.papers() == {"p1": ("ann", 1), "p3": ("ann", 1)}
    assert await archive.owners_of_lines() == ["ann", "ann"]
    assert await archive.is_a_fold_of_the_log()


async def test_what_changed_hands_before_in_the_batch_counts_as_its_new_owner_s(archive: Archive) -> None:
    owned = [("p1", "ann"), ("p2", "bob"), ("p3", "ann")]
    await told_and_taken(archive, owned, [("p1", "bob"), ("p2", "ann"), ("sweep", "-ann"), ("p3", "bob")])
    assert await archive.papers() == {"p1": ("bob", 2), "p3": ("bob", 1)}
    assert await archive.is_a_fold_of_the_log()


async def test_an_event_that_drops_a_document_and_folds_it_finds_none(archive: Archive) -> None:
    await told_and_taken(archive, [("p1", "ann"), ("p2", "ann")], [("p1", "-ann")])
    assert await archive.papers() == {}
    assert await archive.is_a_fold_of_the_log()


async def test_dropping_twice_and_dropping_nothing_change_nothing(archive: Archive) -> None:
    await told_and_taken(archive, [("sweep", "-nobody"), ("p1", "ann"), ("sweep", "-ann"), ("sweep", "-ann")])
    assert await archive.papers() == {}
    assert await archive.owners_of_lines() == []
    assert await archive.is_a_fold_of_the_log()


async def test_an_event_that_fails_drops_nothing(archive: Archive) -> None:
    await archive.say(("p1", "ann"))
    await archive.take()
    await archive.say(("sweep", "-ann", FAILS), ("p2", "ann"))
    await archive.take()
    assert await archive.papers() == {"p1": ("ann", 1), "p2": ("ann", 1)}
    assert archive.edition.parked_count == 1
    assert await archive.is_a_fold_of_the_log()


@pytest.mark.timeout(120)
async def test_however_the_log_is_cut_into_batches_it_comes_out_the_same(archive: Archive) -> None:
    chance = random.Random(20)
    for _ in range(6):
        owners, papers = ("ann", "bob", "cid"), [f"p{i}" for i in range(5)]
        for _ in range(25):
            owner = chance.choice(owners)
            said = ("sweep", f"-{owner}") if chance.random() < 0.2 else (chance.choice(papers), owner)
            await archive.say(said)
        await archive.take(*(chance.randint(1, 9) for _ in range(3)))
        assert await archive.is_a_fold_of_the_log()
