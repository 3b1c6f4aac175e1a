"""Read models contain every event exactly once, whoever dies, races or returns from the dead."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from pymongo.monitoring import CommandListener

from contracts.message import Position
from kernel.connecting.stream import open_log
from kernel.keeping.vault import WrongSecret
from kernel.log.promise import NewMessage
from kernel.reading.checkpoint import Fenced, checkpoint_of
from kernel.reading.edition import Edition
from kernel.reading.lease import Held
from kernel.reading.parking import WAITING, StillPoisoned
from kernel.reading.projection import Phase, Projector
from kernel.reading.readmodel import ReadModel, fingerprint
from kernel.reading.watermark import Watermark
from tests.kernel.projecting import BAD, KINDS, MODELS, TALLIES, Tallied, World, started, world
from tests.ops.watching import freeze


@pytest.fixture
async def here(nats_url: str, mongodb_uri: str) -> AsyncIterator[World]:
    async with world(nats_url, mongodb_uri) as made:
        yield made
        await made.client.drop_database(made.service)


@asynccontextmanager
async def running(projector: Projector) -> AsyncIterator[Projector]:
    task = asyncio.create_task(projector.run())
    try:
        yield projector
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


async def until(here: World, seq: int, timeout_s: float = 20.0) -> None:
    watermark = Watermark(here.nc, here.service, here.database)
    await watermark.start()
    assert await watermark.reached(Position(stream=here.log.stream, seq=seq), timeout_s)
    await watermark.stop()


async def projected(here: World, seq: int) -> None:
    """Run a projector of our own until it is there."""
    async with running(here.projector()):
        await until(here, seq)


async def folded(here: World) -> dict[str, str]:
    """What the read models must be: the log folded from nothing, into a database of its own."""
    elsewhere = here.client[here.service + "_again"]
    await Projector(here.service, [here.source()], MODELS, elsewhere, announce=here.nc.publish).rebuild()
    prints = await fingerprint(elsewhere, MODELS)
    await here.client.drop_database(elsewhere.name)
    return prints


async def test_documents_follow_the_log(here: World) -> None:
    async with running(here.projector()):
        await here.tally("a", 1, 2)
        last = await here.tally("b", 5)
        await until(here, last)
        assert await here.counts() == {"a": 3, "b": 5}
        last = await here.append("b", b"{}")
        await until(here, last)
        assert await here.counts() == {"a": 3}
    assert await fingerprint(here.database, MODELS) == await folded(here)


async def test_whoever_is_projected_is_told_after_the_commit(here: World) -> None:
    told: list[tuple[list[int], dict[str, int]]] = []

    async def tell(recorded: Any) -> None:
        told.append(([each.seq for each in recorded], await here.counts()))
        if recorded[-1].seq == 3:
            done.set()

    done = asyncio.Event()
    async with running(here.projector(on_batch=tell)):
        await until(here, 0)
        await here.tally("a", 1, 2, 3)
        await asyncio.wait_for(done.wait(), 20)
    assert [seq for seqs, _ in told for seq in seqs] == [1, 2, 3]
    assert told[-1][1] == {"a": 6}


async def test_of_two_projectors_with_one_checkpoint_the_second_writes_nothing(here: World) -> None:
    await projected(here, await here.tally("a", 1))
    zombie, successor = (Edition(here.database, MODELS) for _ in range(2))
    checkpoint = await checkpoint_of(here.database)
    assert checkpoint is not None
    await zombie.open(checkpoint)
    await successor.open(checkpoint)
    await here.tally("a", 10, 100)
    messages = await here.log.read_subject(f"event.{here.service}.tally.a", 1)
    batch = await here.source().incoming(messages, MODELS, here.service)
    async with here.client.start_session() as one, here.client.start_session() as other:
        await successor.apply(batch, one)
        with pytest.raises(Fenced):
            await zombie.apply(batch, other)
    assert await here.counts() == {"a": 111}
    assert await fingerprint(here.database, MODELS) == await folded(here)


async def test_two_that_race_for_every_batch_count_each_event_once(here: World) -> None:
    await projected(here, await here.tally("a", 1))
    editions = [Edition(here.database, MODELS) for _ in range(2)]
    fenced = 0
    for amount in range(2, 30):
        seq = await here.tally("a", amount)
        messages = await here.log.read_subject(f"event.{here.service}.tally.a", seq - 1)
        batch = await here.source().incoming(messages, MODELS, here.service)
        checkpoint = await checkpoint_of(here.database)
        assert checkpoint is not None
        async with here.client.start_session() as one, here.client.start_session() as other:
            for edition in editions:
                await edition.open(checkpoint)
            outcomes = await asyncio.gather(
                editions[0].apply(batch, one), editions[1].apply(batch, other), return_exceptions=True
            )
        fenced += sum(isinstance(outcome, BaseException) for outcome in outcomes)
    assert fenced == 28
    assert await here.counts() == {"a": sum(range(1, 30))}


async def test_a_frozen_projector_that_wakes_up_changes_nothing(here: World, nats_url: str, mongodb_uri: str) -> None:
    frozen = await started(here, nats_url, mongodb_uri)
    await until(here, await here.tally("a", 1, 2, 3))
    await freeze(frozen.pid)
    async with running(here.projector()):
        await until(here, await here.tally("a", 4, 5))
        frozen.send_signal(signal.SIGCONT)
        for amount in range(50):
            last = await here.tally(f"b{amount % 5}", amount)
        await until(here, last)
    frozen.kill()
    await frozen.wait()
    assert (await here.counts())["a"] == 15
    assert await fingerprint(here.database, MODELS) == await folded(here)


@pytest.mark.parametrize("point", ["projection.written:2", "projection.committed:2"])
async def test_a_killed_projector_is_replaced_within_seconds_and_nothing_counts_twice(
    here: World, nats_url: str, mongodb_uri: str, point: str
) -> None:
    await here.tally("a", 1)
    doomed = await started(here, nats_url, mongodb_uri, CRASH_AT=point)
    await until(here, 1)
    await here.tally("a", *range(600))
    last = await here.tally("b", *range(600))
    assert await doomed.wait() == -signal.SIGKILL
    # What it left open locks these documents for a minute, were its session not ended.
    async with running(here.projector()):
        await until(here, last, timeout_s=10)
    assert await here.counts() == {"a": 1 + sum(range(600)), "b": sum(range(600))}
    assert await fingerprint(here.database, MODELS) == await folded(here)


async def test_a_projector_that_stops_in_good_order_is_replaced_at_once(here: World) -> None:
    async with running(here.projector()):
        await until(here, await here.tally("a", 1))
    async with running(here.projector()):
        await until(here, await here.tally("a", 2), timeout_s=2)


async def test_only_one_of_two_projectors_works(here: World) -> None:
    async with running(here.projector()) as first:
        await until(here, await here.tally("a", 1))
        async with running(here.projector()) as second:
            await until(here, await here.tally("a", 2))
            assert (first.phase, second.phase) == (Phase.LIVE, Phase.STANDBY)
            assert first.is_ready
            assert second.is_ready


async def test_a_log_made_anew_makes_the_read_models_anew(here: World) -> None:
    await projected(here, await here.tally("a", 1, 2, 3))
    await here.nc.jetstream().delete_stream(here.log.stream)
    here.log = await open_log(here.nc, here.service)
    await here.tally("b", 7)
    live = asyncio.Event()

    async def announce(subject: str, payload: bytes) -> None:
        if json.loads(payload)[here.log.stream]["epoch"] == here.log.epoch:
            live.set()

    async with running(here.projector(announce=announce)):
        await asyncio.wait_for(live.wait(), 20)
    assert await here.counts() == {"b": 7}


async def test_a_read_model_of_another_version_is_made_anew_and_a_dropped_one_goes(here: World) -> None:
    await projected(here, await here.tally("a", 1, 2))

    def doubled(row: Any, recorded: Any) -> Any:
        changed = TALLIES.fold(row, recorded)
        return changed and {**changed, "version": 2}

    second = replace(TALLIES, fold=doubled, version=2)
    last = await here.tally("a", 3)
    async with running(here.projector(second)):
        await until(here, last)
    assert await here.database.tallies.find().to_list() == [{"_id": "a", "count": 6, "last": 3, "version": 2}]
    assert "kinds" not in await here.database.list_collection_names()
    checkpoint = await checkpoint_of(here.database)
    assert checkpoint is not None
    assert checkpoint.models == {"tallies": 2}


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        (BAD, "JSONDecodeError at decoder.py"),
        (b'{"kind": "unfoldable", "amount": 1}', "LookupError at projecting.py"),
        (b'{"kind": "unwritable", "amount": 1}', "OverflowError"),
        (b'{"kind": "apples"}', "amount: missing"),
        (b'{"kind": "endless", "amount": 1}', ""),
        (b'{"kind": "deep", "amount": 1}', ""),
        (b'{"kind": "abyss", "amount": 1}', ""),
        (b'{"kind": "named by nothing", "amount": 1}', "InvalidDocument"),
        (b'{"kind": "year 1", "amount": 1}', "OverflowError"),
    ],
)
async def test_a_poison_event_waits_with_its_aggregate_while_others_go_on(
    here: World, poison: bytes, reason: str
) -> None:
    await here.tally("a", 1)
    await here.append("a", poison)
    await here.tally("b", 1)
    await here.tally("a", 10)
    async with running(here.projector()) as projector:
        await until(here, await here.tally("b", 2))
        assert await here.counts() == {"a": 1, "b": 3}
        await here.append("c", poison)
        await here.tally("c", 1)
        await until(here, await here.tally("b", 4))
        assert projector.is_ready
    parked = await here.database.parked.find().sort("seq", 1).to_list()
    assert [f"{each['subject'].rpartition('.')[2]} {each['seq']}" for each in parked] == ["a 2", "a 4", "c 6", "c 7"]
    assert parked[0]["reason"].startswith(reason)
    assert parked[1]["reason"] == WAITING
    assert "somebody" not in str(parked)
    assert await here.counts() == {"a": 1, "b": 7}
    assert await fingerprint(here.database, MODELS) == await folded(here)


async def test_what_was_parked_is_taken_in_order_once_it_can_be(here: World) -> None:
    subject = f"event.{here.service}.tally.a"
    await here.tally("a", 1)
    await here.append("a", BAD)
    await here.tally("a", 10)
    async with running(here.projector()) as projector:
        await until(here, await here.tally("b", 1))
        with pytest.raises(StillPoisoned, match="JSONDecodeError"):
            await projector.unpark(subject)
        assert await here.counts() == {"a": 1, "b": 1}
        here.decoder.cured = True
        assert await here.projector().unpark(subject) == 2
        assert await here.counts() == {"a": 12, "b": 1}
        await until(here, await here.tally("a", 100))
        assert await here.counts() == {"a": 112, "b": 1}
        assert await projector.unpark(subject) == 0
    assert await here.database.tallies.find_one({"_id": "a"}) == {"_id": "a", "count": 112, "last": 5}
    assert await fingerprint(here.database, MODELS) == await folded(here)


MANY = 40


@pytest.mark.parametrize("poison", [BAD, b'{"kind": "unwritable", "amount": 1}'])
async def test_no_number_of_poison_events_stops_the_projector_or_a_rebuild(here: World, poison: bytes) -> None:
    await projected(here, await here.tally("a", 1))
    for number in range(MANY):
        last = await here.append(f"bad{number}", poison)
    async with running(here.projector()) as projector:
        await until(here, last)
        await until(here, await here.tally("a", 1))
        assert projector.is_ready
        assert await projector.remark() == (
            f"{MANY} events wait, because they or an earlier one of their aggregate cannot be taken: "
            f"smartplus rebuild {here.service}"
        )
        await here.projector().rebuild()
        await until(here, await here.tally("a", 1))
    assert await here.counts() == {"a": 3}
    assert await here.projector().parked() == MANY


async def test_what_was_parked_is_taken_by_a_rebuild_once_it_can_be(here: World) -> None:
    for number in range(MANY):
        await here.append(f"bad{number}", BAD)
    await projected(here, await here.tally("a", 1))
    here.decoder.cured = True
    await here.projector().rebuild()
    assert len(await here.counts()) == 1 + MANY
    assert await here.projector().remark() is None


async def test_a_store_that_refuses_everything_parks_nothing_and_is_tried_until_it_takes_again(here: World) -> None:
    await projected(here, await here.tally("a", 1))
    await here.database.command("collMod", "tallies", validator={"$expr": False})
    last = await here.tally("b", *range(10))
    async with running(here.projector()) as projector:
        async with asyncio.timeout(20):
            while projector.phase is not Phase.RETRYING:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert not projector.is_ready
        assert (projector.problem or "").startswith("tries again after WriteError 121")
        assert await projector.parked() == 0
        await here.database.command("collMod", "tallies", validator={})
        await until(here, last)
        assert projector.is_ready
        assert projector.problem is None
    assert await here.counts() == {"a": 1, "b": sum(range(10))}
    assert await fingerprint(here.database, MODELS) == await folded(here)


async def test_a_store_that_refuses_one_document_has_its_event_wait(here: World) -> None:
    await projected(here, await here.tally("a", 1))
    await here.database.command("collMod", "tallies", validator={"count": {"$not": {"$gt": 1000}}})
    async with running(here.projector()) as projector:
        await here.tally("b", 1, 2000, 3)
        await until(here, await here.tally("c", 1))
        assert projector.is_ready
    assert await here.counts() == {"a": 1, "b": 1, "c": 1}
    parked = await here.database.parked.find().sort("seq", 1).to_list()
    assert [(each["seq"], each["reason"] == WAITING) for each in parked] == [(3, False), (4, True)]
    assert "121" in parked[0]["reason"]


async def test_a_secret_that_opens_nothing_parks_nothing(here: World) -> None:
    readable = here.decoder.decode_many
    secrets = iter([WrongSecret("wrapped under another secret")] * 3)

    async def decode_many(messages: Any) -> Any:
        for failure in secrets:
            raise failure
        return await readable(messages)

    here.decoder.decode_many = decode_many  # type: ignore[method-assign]
    await projected(here, await here.tally("a", 1))
    assert await here.counts() == {"a": 1}
    assert await here.projector().parked() == 0


async def test_more_aggregates_may_wait_than_one_answer_can_name(here: World) -> None:
    await projected(here, await here.tally("a", 1))
    waiting = [{"_id": n, "subject": f"{n:0900}", "stream": here.log.stream, "seq": n} for n in range(20_000)]
    await here.database.parked.insert_many(waiting)
    await projected(here, await here.tally("a", 1))
    assert await here.counts() == {"a": 2}


async def test_what_a_parked_event_says_is_not_repeated_and_its_reason_is_short(here: World) -> None:
    async def decode_many(messages: Any) -> Any:
        Tallied.model_validate({"kind": "somebody", "amount": {"somebody's name" * 10_000: 1}})

    here.decoder.decode_many = decode_many  # type: ignore[method-assign]
    await projected(here, await here.tally("a", 1))
    (parked,) = await here.database.parked.find().to_list()
    assert "somebody" not in str(parked)
    assert len(parked["reason"]) <= 300


async def test_whoever_fails_at_being_told_stops_nothing(here: World) -> None:
    async def tell(recorded: Any) -> None:
        raise LookupError("somebody's name")

    async with running(here.projector(on_batch=tell)) as projector:
        await until(here, await here.tally("a", 1))
        await until(here, await here.tally("a", 2))
        assert projector.is_ready
    assert await here.counts() == {"a": 3}


async def test_a_rebuild_beside_the_live_projector_comes_out_equal_and_nobody_notices(here: World) -> None:
    async def write() -> int:
        for number in range(60):
            last = await here.tally(f"t{number % 7}", number, 1)
            if number % 10 == 9:
                last = await here.append(f"t{number % 7}", b"{}")
        return last

    async def read() -> None:
        while True:
            assert (await here.database.tallies.find_one({"_id": "always"}) or {}).get("count") == 1
            await asyncio.sleep(0)

    async with running(here.projector()):
        await until(here, await here.tally("always", 1))
        writing, reading = asyncio.create_task(write()), asyncio.create_task(read())
        steps = set()
        for _ in range(3):
            checkpoint = await here.projector().rebuild(lambda progress: steps.add(progress.step))
        await until(here, await writing)
        reading.cancel()
        await asyncio.wait([reading])
        assert reading.cancelled()
    assert checkpoint.swap is None
    assert {"fold", "insert"} <= steps
    names = await here.database.list_collection_names()
    assert sorted(names) == ["_checkpoint", "_lease", "kinds", "parked", "tallies"]
    assert [index["name"] async for index in await here.database.tallies.list_indexes()] == ["_id_", "count_1"]
    assert await fingerprint(here.database, MODELS) == await folded(here)


@pytest.mark.parametrize("point", ["rebuild.inserted", "rebuild.swapping", "rebuild.renamed:1", "rebuild.renamed:3"])
async def test_a_rebuild_that_is_killed_leaves_the_old_edition_or_the_new_one(
    here: World, nats_url: str, mongodb_uri: str, point: str
) -> None:
    await projected(here, await here.tally("a", 1, 2))
    await here.database.tallies.update_one({"_id": "a"}, {"$set": {"count": 999}})  # damage that a rebuild repairs
    doomed = await started(here, nats_url, mongodb_uri, "rebuild", CRASH_AT=point)
    assert await doomed.wait() == -signal.SIGKILL
    # Nothing is in the documents that are asked while others are on their way into their place.
    assert any((await here.projector().lag()).values()) == (point != "rebuild.inserted")
    await projected(here, await here.tally("b", 5))
    assert await here.counts() == {"a": 999 if point == "rebuild.inserted" else 3, "b": 5}
    await _rebuilt_when_free(here)
    assert await fingerprint(here.database, MODELS) == await folded(here)
    assert not [name for name in await here.database.list_collection_names() if "~" in name]


async def _rebuilt_when_free(here: World) -> None:
    while True:
        try:
            await here.projector().rebuild()
        except Held:
            continue  # the dead one's lease runs out within three seconds
        except PyMongoError as failure:
            if failure.timeout:
                continue  # a machine that was busy elsewhere for the three seconds that taking a lease may last
            raise
        return


async def test_a_second_rebuild_is_refused_while_one_runs(here: World) -> None:
    await here.tally("a", 1)
    refused = []

    def second(progress: Any) -> None:
        refused.append(asyncio.create_task(here.projector().rebuild()))

    await here.projector().rebuild(second)
    with pytest.raises(Held):
        await refused[0]
    await asyncio.gather(*refused, return_exceptions=True)


class _Counting(CommandListener):
    def __init__(self) -> None:
        self.count = 0
        self.commits = 0
        self.found: set[str] = set()

    def started(self, event: Any) -> None:
        self.count += 1
        self.commits += event.command_name == "commitTransaction"
        if event.command_name == "find":
            self.found.add(event.command["find"])

    def succeeded(self, event: Any) -> None: ...

    def failed(self, event: Any) -> None: ...


async def test_a_model_that_grows_looks_nothing_up(here: World, mongodb_uri: str) -> None:
    notes = ReadModel("notes", lambda recorded: [recorded.event_id], lambda row, recorded: {"seq": recorded.seq})
    models = (TALLIES, replace(notes, grows=True))
    listener = _Counting()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongodb_uri, event_listeners=[listener])
    async with client:
        listened = replace(here, client=client)
        async with running(listened.projector(*models)):
            await until(here, 0)
            await until(here, await here.tally("a", 1, 2, 3))
    assert [each["seq"] async for each in here.database.notes.find().sort("seq", 1)] == [1, 2, 3]
    assert "tallies" in listener.found
    assert "notes" not in listener.found


async def test_what_was_just_written_is_not_looked_up_again(here: World, mongodb_uri: str) -> None:
    listener = _Counting()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongodb_uri, event_listeners=[listener])
    async with client, running(replace(here, client=client).projector()):
        await until(here, await here.tally("a", 1))
        await until(here, await here.tally("a", 1))
        listener.found.clear()
        await until(here, await here.tally("a", 1))
        assert listener.found & {"tallies", "kinds"} == set()
        await until(here, await here.tally("b", 1))
        assert listener.found & {"tallies", "kinds"} == {"tallies"}
    assert await here.counts() == {"a": 3, "b": 1}


async def test_no_more_than_so_much_is_remembered(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernel.reading.edition._REMEMBERED", 3)
    async with running(here.projector()):
        for name in "abcabcaabbcc":
            await until(here, await here.tally(name, 1))
    assert await here.counts() == {"a": 4, "b": 4, "c": 4}


async def test_a_reader_waits_for_its_own_write_without_polling(here: World, mongodb_uri: str) -> None:
    listener = _Counting()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongodb_uri, event_listeners=[listener])
    async with client, running(here.projector()):
        await until(here, await here.tally("a", 1))
        watermark = Watermark(here.nc, here.service, client[here.service])
        await watermark.start()
        asked = listener.count
        waiting = [
            asyncio.create_task(watermark.reached(Position(stream=here.log.stream, seq=seq), 10)) for seq in (4, 2, 3)
        ]
        await asyncio.sleep(0)
        await here.tally("a", 1, 1, 1)
        assert await asyncio.gather(*waiting) == [True, True, True]
        assert listener.count == asked
        assert (await here.counts()) == {"a": 4}
        await watermark.stop()


async def test_waiting_for_what_does_not_come_ends_in_time(here: World) -> None:
    await projected(here, await here.tally("a", 1))
    watermark = Watermark(here.nc, here.service, here.database)
    await watermark.start()
    async with asyncio.timeout(10):
        assert not await watermark.reached(Position(stream=here.log.stream, seq=99), 0.2)
    assert await watermark.reached(Position(stream="ELSEWHERE", seq=5), 0.2)
    await watermark.stop()


async def test_a_lost_notice_makes_the_answer_late_but_not_wrong(here: World) -> None:
    async def say_nothing(subject: str, payload: bytes) -> None:
        done.set()

    done = asyncio.Event()
    last = await here.tally("a", 1)
    watermark = Watermark(here.nc, here.service, here.database)
    await watermark.start()
    async with running(here.projector(announce=say_nothing)):
        await asyncio.wait_for(done.wait(), 20)
        assert await watermark.reached(Position(stream=here.log.stream, seq=last), 0.2)
    await watermark.stop()


async def test_read_models_may_take_events_of_several_services(here: World, nats_url: str, mongodb_uri: str) -> None:
    async with world(nats_url, mongodb_uri) as there:
        both = replace(TALLIES, follows={there.service: (Tallied,)})
        projector = Projector(
            here.service, [here.source(), there.source()], [both, KINDS], here.database, announce=here.nc.publish
        )
        await here.tally("a", 1)
        ahead = await there.tally("z", 100)
        async with running(projector):
            await until(here, await here.tally("a", 2))
            watermark = Watermark(here.nc, here.service, here.database)
            await watermark.start()
            assert await watermark.reached(Position(stream=there.log.stream, seq=ahead), 10)
            last = await there.tally("a", 1000)
            assert await watermark.reached(Position(stream=there.log.stream, seq=last), 10)
            await watermark.stop()
        assert await here.counts() == {"a": 1003, "z": 100}
        kinds = await here.database.kinds.find().to_list()
        assert kinds == [{"_id": "apples", "events": 2, "tallies": ["a"]}]


async def test_what_no_read_model_takes_of_another_service_is_not_opened(
    here: World, nats_url: str, mongodb_uri: str
) -> None:
    async with world(nats_url, mongodb_uri) as there:
        both = replace(TALLIES, follows={there.service: (Tallied,)})
        sources = [here.source(), there.source()]
        async with running(Projector(here.service, sources, [both], here.database, announce=here.nc.publish)):
            subject = f"event.{there.service}.tally.z"
            (unheeded,) = await there.log.append([NewMessage(subject, uuid4().hex, {"ce-type": "x.Y.v1"}, BAD, 0)])
            watermark = Watermark(here.nc, here.service, here.database)
            await watermark.start()
            last = await there.tally("z", 7)
            assert await watermark.reached(Position(stream=there.log.stream, seq=last), 10)
            await watermark.stop()
        assert last > unheeded
        assert await here.counts() == {"z": 7}
        assert await here.database.parked.count_documents({}) == 0


async def noted(here: World) -> int:
    """What the checkpoint tells."""
    checkpoint = await checkpoint_of(here.database)
    assert checkpoint is not None
    return checkpoint.places[here.log.stream].seq


async def test_what_changes_nothing_is_told_at_once_and_noted_in_one_step(here: World, mongodb_uri: str) -> None:
    first = ReadModel("first", lambda recorded: ["row"], lambda row, recorded: row or {"seq": recorded.seq})
    listener = _Counting()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongodb_uri, event_listeners=[listener])
    async with client, running(replace(here, client=client).projector(first)):
        await until(here, await here.tally("a", 1))
        committed = listener.commits
        for amount in range(20):
            await until(here, await here.tally("a", amount))
        async with asyncio.timeout(10):
            while await noted(here) < 21:  # noqa: ASYNC110 (a document, which tells nobody that it changed)
                await asyncio.sleep(0.05)
    assert listener.commits - committed < 10
    assert await here.database.first.find_one() == {"_id": "row", "seq": 1}


async def test_whoever_is_ahead_of_the_checkpoint_notices_another_projector(here: World) -> None:
    still = ReadModel("still", lambda recorded: [], lambda row, recorded: row)
    async with running(here.projector(still)):
        await until(here, await here.tally("a", 1))
    checkpoint = await checkpoint_of(here.database)
    assert checkpoint is not None
    editions = [Edition(here.database, (still,)) for _ in range(2)]
    last = await here.tally("a", 2)
    batch = await here.source().incoming(
        await here.log.read_subject(f"event.{here.service}.tally.a", 1), (still,), here.service
    )
    async with here.client.start_session() as session:
        for edition in editions:
            await edition.open(checkpoint)
            await edition.apply(batch, session)
            assert edition.is_ahead
        await editions[0].note(session)
        assert not editions[0].is_ahead
        assert await noted(here) == last
        with pytest.raises(Fenced):
            await editions[1].note(session)


async def test_the_checkpoint_keeps_up_with_a_steady_flow_that_changes_nothing(here: World) -> None:
    still = ReadModel("still", lambda recorded: [], lambda row, recorded: row)
    async with running(here.projector(still)), asyncio.timeout(20):
        await until(here, await here.tally("a", 0))
        first = await noted(here)
        while await noted(here) == first:
            await here.tally("a", 1)
