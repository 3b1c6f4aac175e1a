"""The promise of `kernel.log.promise`, kept alike by memory, by one server and by a cluster of three."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from nats.aio.msg import Msg

from kernel.connecting.connection import Connection, UnfitServer, check_server, connect
from kernel.connecting.stream import open_log
from kernel.log.jetstream import JetStreamLog
from kernel.log.memory import MemoryLog
from kernel.log.promise import Conflict, Log, LogFull, NewMessage, StoredMessage, Unavailable
from ops.servers import NatsCluster, NatsServer
from tests.ops.watching import freeze

# Three servers that are killed and come back share two cores with another process's tests: these end what hangs.
pytestmark = pytest.mark.timeout(300)


def a_service() -> str:
    return f"t{uuid4().hex[:12]}"


def message(log: Log, aggregate: str, expected: int = 0, body: bytes = b"{}", id: str | None = None) -> NewMessage:
    subject = f"event.{log.stream.lower()}.thing.{aggregate}"
    return NewMessage(subject, id or uuid4().hex, {"ce-type": "test.Happened.v1"}, body, expected)


async def take(log: Log, count: int, after: int = 0, batch: int = 500) -> list[StoredMessage]:
    taken: list[StoredMessage] = []
    async with asyncio.timeout(120), aclosing(log.follow(after, batch)) as batches:
        async for messages in batches:
            assert 0 < len(messages) <= batch
            taken += messages
            if len(taken) >= count:
                return taken
    raise AssertionError


async def api(connection: Connection, name: str, request: object = None) -> dict[str, object]:
    answer = await connection.request(f"$JS.API.{name}", json.dumps(request or {}).encode(), timeout=5)
    return dict(json.loads(answer.data))


Served = tuple[Connection, int]
"""A connection and the replicas to ask for."""


@pytest.fixture(params=["one server", "three servers"])
def served(request: pytest.FixtureRequest) -> Served:
    """Where only a server will do."""
    return request.getfixturevalue(f"on_{request.param.replace(' ', '_')}")


@pytest.fixture(params=["memory", "one server", "three servers"])
def keeper(request: pytest.FixtureRequest) -> Served | None:
    return None if request.param == "memory" else request.getfixturevalue(f"on_{request.param.replace(' ', '_')}")


@pytest.fixture
async def log(keeper: Served | None) -> Log:
    return MemoryLog(a_service()) if keeper is None else await opened(keeper)


async def opened(served: Served, max_bytes: int = 2**24, duplicate_window_s: float = 120) -> JetStreamLog:
    connection, replicas = served
    return await open_log(connection, a_service(), replicas, max_bytes, duplicate_window_s)


@pytest.fixture(scope="session")
async def on_one_server(nats_url: str) -> AsyncIterator[Served]:
    connection = await connect(nats_url, "test")
    yield connection, 1
    await connection.close()


@pytest.fixture(scope="session")
async def on_three_servers(nats_cluster: NatsCluster) -> AsyncIterator[Served]:
    connection = await connect(nats_cluster.url, "test")
    yield connection, 3
    await connection.close()


# Appending and reading.


async def test_an_append_is_read_back_as_it_was_given(log: Log) -> None:
    given = message(log, "a", body=b"\x00 any bytes \xff")
    (seq,) = await log.append([given])
    (stored,) = await take(log, 1)
    assert (stored.seq, stored.subject, stored.body) == (seq, given.subject, given.body)
    assert stored.headers == {**given.headers, "Nats-Msg-Id": given.id}
    assert await log.read_subject(given.subject) == [stored]


async def test_a_new_log_is_empty(log: Log) -> None:
    assert await log.last_seq() == 0
    assert await log.read_subject(message(log, "a").subject) == []
    assert await log.append([]) == ()


async def test_a_subject_is_read_whole_and_from_a_position_on(log: Log) -> None:
    (first,) = await log.append([message(log, "a")])
    await log.append([message(log, "b")])
    many = await log.append([message(log, "a", first) for _ in range(1000)])
    last = await log.append([message(log, "a", many[-1]) for _ in range(1000)])
    subject = message(log, "a").subject
    assert [stored.seq for stored in await log.read_subject(subject)] == [first, *many, *last]
    assert [stored.seq for stored in await log.read_subject(subject, after=last[-2])] == [last[-1]]
    assert await log.read_subject(subject, after=last[-1]) == []
    assert await log.last_seq() == last[-1] == 2002


async def test_what_came_to_a_subject_since_is_read_the_same_way_however_much_it_is(log: Log) -> None:
    places = [0]
    for number in range(4):
        places += await log.append([message(log, "a", places[-1], body=b"%d" % number)])
        await log.append([message(log, f"other-{number}")])
    subject = message(log, "a").subject
    whole = await log.read_subject(subject)
    assert [stored.body for stored in whole] == [b"0", b"1", b"2", b"3"]
    for number, place in enumerate(places):
        assert await log.read_subject(subject, place) == whole[number:]
        # The other subject's message stands right behind it.
        assert await log.read_subject(subject, place + 1) == whole[number + (place == 0) :]
    assert await log.read_subject(message(log, "never").subject, 3) == []


async def test_a_wrong_expectation_is_a_conflict_and_stores_nothing(log: Log) -> None:
    await log.append([message(log, "a"), message(log, "b")])
    for expected in (0, 2, 7):
        with pytest.raises(Conflict):
            await log.append([message(log, "a", expected)], timeout_s=5)
    with pytest.raises(Conflict):
        await log.append([message(log, "new", 7)], timeout_s=5)
    assert await log.last_seq() == 2


async def test_a_batch_over_several_aggregates_is_stored_whole_or_not_at_all(log: Log) -> None:
    assert await log.append([message(log, "login"), message(log, "house"), message(log, "house")]) == (1, 2, 3)
    with pytest.raises(Conflict):
        await log.append([message(log, "other"), message(log, "login")])
    assert await log.read_subject(message(log, "other").subject) == []
    assert await log.last_seq() == 3


async def test_what_was_not_appended_together_is_a_conflict_and_no_riddle(log: Log) -> None:
    first, second, third, fourth = (message(log, name) for name in ("a", "b", "c", "d"))
    await log.append([first, second])
    async with asyncio.timeout(30):
        for wrong in ([first, second, third], [first, third], [third, first]):
            with pytest.raises(Conflict):
                await log.append(wrong, timeout_s=60)
        await log.append([fourth])
        for wrong in ([first, second, third], [second, third]):
            with pytest.raises(Conflict):
                await log.append(wrong, timeout_s=60)
    assert await log.last_seq() == 3


@pytest.mark.parametrize("lagging", range(1, 16))
async def test_a_replica_that_shows_a_part_of_an_append_makes_no_conflict(
    nats_url: str, monkeypatch: pytest.MonkeyPatch, lagging: int
) -> None:
    connection = await connect(nats_url, "test")
    log = await open_log(connection, a_service())
    given = [message(log, name) for name in ("a", "b", "c")]
    seqs = await log.append([message(log, "first")]) + await log.append(given)
    answers = iter(f"{lagging:b}"[::-1])
    asked = log._asks.many

    async def of_some_replica(subject: str, body: bytes, timeout_s: float) -> tuple[list[Msg], Msg]:
        messages, end = await asked(subject, body, timeout_s)
        if next(answers, "0") == "1":
            end.headers = {"Status": "404"}
            return [], end
        return messages, end

    monkeypatch.setattr(log._asks, "many", of_some_replica)
    assert await log.append(given) == seqs[1:]
    assert await log.last_seq() == 4
    await connection.close()


async def test_the_same_append_again_answers_the_same_and_stores_nothing(log: Log) -> None:
    one = [message(log, "a")]
    several = [message(log, "b"), message(log, "c"), message(log, "b")]
    assert await log.append(one) == await log.append(one) == (1,)
    assert await log.append(several) == await log.append(several) == (2, 3, 4)
    await log.append([message(log, "a", 1), message(log, "c", 3)])
    assert await log.append(one) == (1,)
    assert await log.append(several) == (2, 3, 4)
    assert await log.last_seq() == 6


async def test_known_ids_answer_the_same_though_the_expectation_moved_on(log: Log) -> None:
    one = message(log, "a")
    pair = [message(log, "b"), message(log, "c")]
    await log.append([one])
    await log.append(pair)
    assert await log.append([message(log, "a", 1, id=one.id)]) == (1,)
    assert await log.append([message(log, "b", 2, id=pair[0].id), message(log, "c", 3, id=pair[1].id)]) == (2, 3)
    assert await log.last_seq() == 3


async def test_64_racing_writers_have_one_winner_in_each_round(log: Log) -> None:
    expected = 0
    for _ in range(10):
        racers = [message(log, "hot", expected) for _ in range(64)]
        outcomes = await asyncio.gather(*(log.append([racer]) for racer in racers), return_exceptions=True)
        won = [outcome for outcome in outcomes if isinstance(outcome, tuple)]
        assert len(won) == 1
        assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 63
        expected = won[0][0]
    assert len(await log.read_subject(message(log, "hot").subject)) == 10


async def test_racing_batches_never_store_a_part(log: Log) -> None:
    racers = [[message(log, f"own{n}"), message(log, "claimed")] for n in range(32)]
    outcomes = await asyncio.gather(*(log.append(racer) for racer in racers), return_exceptions=True)
    (won,) = [outcome for outcome in outcomes if isinstance(outcome, tuple)]
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 31
    assert (won, await log.last_seq()) == ((1, 2), 2)


async def test_a_thousand_messages_are_one_append_and_more_are_refused(log: Log) -> None:
    whole = [message(log, str(n)) for n in range(1000)]
    assert await log.append(whole) == await log.append(whole) == tuple(range(1, 1001))
    with pytest.raises(ValueError, match="at most 1000"):
        await log.append([*whole, message(log, "more")])


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": "event.other.thing.a"},
        {"subject": "event.{0}.thing.*"},
        {"subject": "event.{0}.>"},
        {"subject": "event.{0}.thing..a"},
        {"subject": "event.{0}.thing.a b"},
        {"id": ""},
        {"id": "two words"},
        {"expected": -1},
        {"headers": {"Nats-Rollup": "all"}},
        {"headers": {"nats-TTL": "1s"}},
        {"headers": {"Status": "404"}},
        {"headers": {"a": "b\r\nNats-Rollup: all"}},
        {"body": bytes(2**20)},
    ],
    ids=str,
)
async def test_a_malformed_message_is_refused_before_it_is_sent(log: Log, wrong: dict[str, object]) -> None:
    right = {"subject": "event.{0}.thing.a", "id": "id", "headers": {}, "body": b"", "expected": 0}
    fields = {**right, **wrong}
    fields["subject"] = str(fields["subject"]).format(log.stream.lower())
    with pytest.raises(ValueError, match=r"."):
        await log.append([NewMessage(**fields)])  # type: ignore[arg-type]
    assert await log.last_seq() == 0


# Following.


async def test_following_hands_out_everything_in_order_and_in_bounded_batches(log: Log) -> None:
    seqs = await asyncio.gather(*(log.append([message(log, str(n))]) for n in range(200)))
    taken = await take(log, 200, batch=30)
    assert [stored.seq for stored in taken] == sorted(seq for (seq,) in seqs) == list(range(1, 201))
    assert [stored.seq for stored in await take(log, 50, after=150)] == list(range(151, 201))


async def test_a_follower_gets_what_is_there_without_waiting_for_a_full_batch(log: Log) -> None:
    async with aclosing(log.follow(0, 500)) as batches, asyncio.timeout(20):
        for seq in range(1, 30):
            await log.append([message(log, str(seq))])
            assert [stored.seq for stored in await anext(batches)] == [seq]


async def test_a_follower_of_some_kinds_is_handed_nothing_else(log: Log) -> None:
    def of_kind(kind: str, number: int) -> NewMessage:
        made = message(log, str(number))
        return NewMessage(made.subject.replace(".thing.", f".{kind}."), made.id, made.headers, made.body, 0)

    for number, kind in enumerate(["thing", "other", "third", "other", "thing", "others"]):
        await log.append([of_kind(kind, number)])
    for kinds, seqs in ((("other",), [2, 4]), (("thing", "third"), [1, 3, 5]), ((), [1, 2, 3, 4, 5, 6])):
        taken: list[int] = []
        async with aclosing(log.follow(0, 2, kinds)) as batches, asyncio.timeout(20):
            while len(taken) < len(seqs):
                taken += [stored.seq for stored in await anext(batches)]
        assert taken == seqs
    async with aclosing(log.follow(4, 500, ["other"])) as batches, asyncio.timeout(20):
        following = asyncio.ensure_future(anext(batches))
        await log.append([of_kind("thing", 6)])
        await log.append([of_kind("other", 7)])
        assert [stored.seq for stored in await following] == [8]


async def test_a_follower_ahead_of_the_log_waits_for_its_position(log: Log) -> None:
    async with aclosing(log.follow(2)) as batches, asyncio.timeout(20):
        following = asyncio.ensure_future(anext(batches))
        for n in range(3):
            await log.append([message(log, str(n))])
        assert [stored.seq for stored in await following] == [3]


async def test_a_slow_follower_is_not_flooded(served: Served) -> None:
    connection, log = served[0], await opened(served)
    for _ in range(5):
        await log.append([message(log, uuid4().hex) for _ in range(1000)])
    async with aclosing(log.follow(0, 20)) as batches, asyncio.timeout(60):
        taken = len(await anext(batches))
        assert taken <= 20
        await asyncio.sleep(0.5)
        consumers = await api(connection, f"CONSUMER.LIST.{log.stream}")
        # Two batches of 500 on their way, one more than that in memory.
        assert consumers["consumers"][0]["num_pending"] >= 5000 - 5 * 500  # type: ignore[index]
        while taken < 5000:
            taken += len(await anext(batches))


async def test_a_follower_makes_its_consumer_again_when_it_is_gone(served: Served) -> None:
    connection, log = served[0], await opened(served)
    async with aclosing(log.follow(0)) as batches, asyncio.timeout(20):
        for seq in range(1, 4):
            await log.append([message(log, str(seq))])
            assert [stored.seq for stored in await anext(batches)] == [seq]
            consumers = await api(connection, f"CONSUMER.LIST.{log.stream}")
            for consumer in consumers["consumers"]:  # type: ignore[attr-defined]
                await api(connection, f"CONSUMER.DELETE.{log.stream}.{consumer['name']}")


# What only a server can get wrong.


async def test_ids_are_known_long_after_the_servers_own_window(served: Served) -> None:
    connection, log = served[0], await opened(served, duplicate_window_s=0.1)
    one, pair = [message(log, "a")], [message(log, "b"), message(log, "c")]
    assert (await log.append(one), await log.append(pair)) == ((1,), (2, 3))
    probe = message(log, "probe")
    async with asyncio.timeout(10):
        while (await log.last_seq()) < 5:  # the server takes an id twice: its window is over
            await connection.request(probe.subject, b"", headers={"Nats-Msg-Id": probe.id}, timeout=5)
    assert (await log.append(one), await log.append(pair)) == ((1,), (2, 3))
    assert await log.last_seq() == 5


async def test_a_full_log_stores_nothing_and_still_knows_what_it_has(
    served: tuple[Connection, int],
) -> None:
    log = await opened(served, max_bytes=20_000)
    first = message(log, "first")
    await log.append([first])
    with pytest.raises(LogFull):
        await log.append([message(log, f"{n}b", body=bytes(1000)) for n in range(30)])
    assert await log.last_seq() == 1
    for _ in range(2):
        outcomes = await asyncio.gather(
            *(log.append([message(log, uuid4().hex, body=bytes(1000))]) for _ in range(40)), return_exceptions=True
        )
        last = await log.last_seq()
        assert 10 < last < 20
    assert all(type(outcome) is LogFull for outcome in outcomes)
    assert await log.append([first]) == (1,)
    assert await log.last_seq() == last


async def test_those_who_open_a_new_log_at_once_share_it(served: Served) -> None:
    connection, replicas = served
    service = a_service()
    logs = await asyncio.gather(*(open_log(connection, service, replicas, max_bytes=2**20) for _ in range(6)))
    assert len({log.epoch for log in logs}) == 1


async def test_a_log_is_opened_again_as_it_was_and_a_foreign_stream_is_refused(served: Served) -> None:
    connection, replicas = served
    service = a_service()
    log = await open_log(connection, service, replicas, max_bytes=2**20)
    assert (await open_log(connection, service, replicas, max_bytes=2**20)).epoch == log.epoch
    foreign = a_service()
    await api(
        connection,
        f"STREAM.CREATE.{foreign.upper()}",
        {"name": foreign.upper(), "subjects": [f"event.{foreign}.>"], "storage": "file", "allow_rollup_hdrs": True},
    )
    with pytest.raises(UnfitServer, match="allow_rollup_hdrs"):
        await open_log(connection, foreign, replicas)


async def test_a_server_that_does_not_flush_every_write_is_refused(
    tmp_path: Path, nats_url: str, nats_monitor_url: str
) -> None:
    class Careless(NatsServer):
        def _prepare(self) -> None:
            super()._prepare()
            settings = self.data_dir / "nats.conf"
            settings.write_text(settings.read_text().replace("sync_interval: always", "sync_interval: 2m"))

    fit = await connect(nats_url, "test")
    await check_server(fit, nats_monitor_url or None)
    await fit.close()
    async with Careless(tmp_path) as server:
        connection = await connect(server.url, "test")
        with pytest.raises(UnfitServer, match="sync_interval to always"):
            await check_server(connection, server.monitor_url)
        await connection.close()


# Faults. Each of these tests has servers of its own.


@dataclass
class Stage:
    """A log on servers that may be hurt; `strike` hurts them and returns when they are whole again."""

    log: JetStreamLog
    connection: Connection
    strike: Callable[[], Awaitable[None]]


@pytest.fixture(params=["one server", "three servers"])
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    if request.param == "one server":
        async with NatsServer(tmp_path) as server:
            connection = await connect(server.url, "test")
            log = await open_log(connection, a_service(), max_bytes=2**26)

            async def kill_and_restart() -> None:
                await server.kill()
                await server.start()

            yield Stage(log, connection, kill_and_restart)
            await connection.close()
        return
    async with NatsCluster(tmp_path) as cluster:
        connection = await connect(cluster.url, "test")
        log = await open_log(connection, a_service(), 3, max_bytes=2**26)

        async def kill_the_leader_and_restart_it() -> None:
            state = await api(connection, f"STREAM.INFO.{log.stream}")
            leader = state["cluster"]["leader"]  # type: ignore[index]
            (node,) = [node for node in cluster.nodes if node.name == leader]
            await node.kill()
            await node.start()
            await cluster.until_healthy()

        yield Stage(log, connection, kill_the_leader_and_restart_it)
        await connection.close()


async def certain(log: Log, messages: list[NewMessage]) -> tuple[int, ...]:
    """Append until it is certain, as a caller would."""
    while True:
        try:
            return await log.append(messages, timeout_s=2)
        except Unavailable:
            continue


async def test_every_append_ends_certain_and_once_though_servers_are_killed(stage: Stage) -> None:
    log = stage.log
    appended: dict[str, list[tuple[list[NewMessage], tuple[int, ...]]]] = {}
    enough = asyncio.Event()

    async def write(name: str, width: int) -> None:
        expected, kept = 0, appended.setdefault(name, [])
        while not enough.is_set():
            messages = [message(log, name, expected) for _ in range(width)]
            seqs = await certain(log, messages)  # a Conflict would be false: nobody else writes to this subject
            kept.append((messages, seqs))
            expected = seqs[-1]

    async def strike() -> None:
        for _ in range(2):
            await stage.strike()
            await take(log, 200, after=await log.last_seq())
        enough.set()

    async with asyncio.TaskGroup() as group:
        for n in range(24):
            group.create_task(write(f"w{n}", 3 if n % 8 == 0 else 1))
        group.create_task(strike())

    total = 0
    for name, kept in appended.items():
        stored = await log.read_subject(message(log, name).subject)
        said = [(given.id, seq) for messages, seqs in kept for given, seq in zip(messages, seqs, strict=True)]
        assert [(found.headers["Nats-Msg-Id"], found.seq) for found in stored] == said
        total += len(said)
    assert await log.last_seq() == total
    for kept in appended.values():
        for messages, seqs in kept[-3:]:
            assert await log.append(messages) == seqs
    assert await log.last_seq() == total


async def test_a_follower_skips_and_repeats_nothing_though_servers_are_killed(stage: Stage) -> None:
    log = stage.log
    enough = asyncio.Event()
    taken: list[int] = []

    async def write() -> None:
        n = 0
        while not enough.is_set():
            await certain(log, [message(log, f"{n}.{k}") for k in range(5)])
            n += 1

    async def read() -> None:
        async with aclosing(log.follow(0, 50)) as batches:
            async for messages in batches:
                taken.extend(stored.seq for stored in messages)
                if enough.is_set() and len(taken) == await log.last_seq():
                    return

    async def strike() -> None:
        for _ in range(2):
            await stage.strike()
            await take(log, 100, after=await log.last_seq())
        enough.set()
        await log.append([message(log, "end")])

    async with asyncio.timeout(280), asyncio.TaskGroup() as group:
        group.create_task(write())
        group.create_task(read())
        group.create_task(strike())
    assert taken == list(range(1, len(taken) + 1))


async def test_an_append_that_is_still_under_way_is_no_conflict(tmp_path: Path) -> None:
    async with NatsCluster(tmp_path) as cluster:
        connection = await connect(cluster.url, "test")
        log = await open_log(connection, a_service(), 3, max_bytes=2**26)
        state = await api(connection, f"STREAM.INFO.{log.stream}")
        leader = next(node for node in cluster.nodes if node.name == state["cluster"]["leader"])  # type: ignore[index]
        await connection.close()
        connection = await connect(leader.url, "test")
        log = await open_log(connection, log.stream.lower(), 3)
        followers = [node.pid for node in cluster.nodes if node is not leader and node.pid]
        given = [message(log, "a")]
        for pid in followers:
            await freeze(pid)
        # The leader holds the first attempt and waits for a majority; the second meets the first.
        try:
            with pytest.raises(Unavailable, match="in process"):
                await log.append(given, timeout_s=3)
        finally:
            for pid in followers:
                os.kill(pid, signal.SIGCONT)
        assert await certain(log, given) == (1,)
        assert await log.last_seq() == 1
        await connection.close()


async def test_a_replica_that_lags_behind_hides_nothing_we_have_appended(tmp_path: Path) -> None:
    async with NatsCluster(tmp_path) as cluster, asyncio.timeout(280):
        connection = await connect(cluster.url, "test")
        log = await open_log(connection, a_service(), 3, max_bytes=2**28)
        (last,) = await log.append([message(log, "a")])
        state = await api(connection, f"STREAM.INFO.{log.stream}")
        leader = state["cluster"]["leader"]  # type: ignore[index]
        await connection.close()
        (node,) = [node for node in cluster.nodes if node.name == leader]
        behind = next(node.pid for node in cluster.nodes if node.name != leader and node.pid)
        connection = await connect(node.url, "test")
        log = await open_log(connection, log.stream.lower(), 3)
        for _ in range(3):
            await freeze(behind)
            for _ in range(20):
                seqs = await log.append([message(log, "a", last, bytes(1000)) for _ in range(500)])
                last = seqs[-1]
            os.kill(behind, signal.SIGCONT)
            reads = await asyncio.gather(*(log.read_subject(message(log, "a").subject, last - 1) for _ in range(100)))
            assert [[stored.seq for stored in read] for read in reads] == [[last]] * 100
        await connection.close()


async def home_of_consumer(connection: Connection, stream: str) -> str:
    """On which server the only consumer is; the list may lack it for a moment after it was made."""
    async with asyncio.timeout(20):
        while True:
            listed = await api(connection, f"CONSUMER.LIST.{stream}")
            if listed.get("consumers"):
                return str(listed["consumers"][0]["cluster"]["leader"])  # type: ignore[index]


async def test_a_follower_notices_that_its_consumer_died_with_another_server(tmp_path: Path) -> None:
    async with NatsCluster(tmp_path) as cluster, asyncio.timeout(280):
        ours, *others = cluster.nodes
        connection = await connect(ours.url, "test")
        log = await open_log(connection, a_service(), 3, max_bytes=2**26)
        await log.append([message(log, "a")])
        home = ours.name
        while home == ours.name:  # the cluster puts the consumer where it likes
            batches = log.follow(0)
            assert [stored.seq for stored in await anext(batches)] == [1]
            home = await home_of_consumer(connection, log.stream)
            if home == ours.name:
                await batches.aclose()  # type: ignore[attr-defined]
        (node,) = [node for node in others if node.name == home]
        await node.kill()
        assert await certain(log, [message(log, "b")]) == (2,)
        assert [stored.seq for stored in await anext(batches)] == [2]
        assert connection.stats["reconnects"] == 0
        await batches.aclose()  # type: ignore[attr-defined]
        await connection.close()


async def test_a_stopped_server_leaves_appends_unknown_and_a_repeat_finds_them(tmp_path: Path) -> None:
    async with NatsServer(tmp_path) as server:
        connection = await connect(server.url, "test")
        log = await open_log(connection, a_service(), max_bytes=2**26)
        appends = [[message(log, f"{n}.{k}") for k in range(1 + n % 3)] for n in range(60)]
        assert server.pid
        await freeze(server.pid)
        outcomes = await asyncio.gather(*(log.append(each, timeout_s=0.7) for each in appends), return_exceptions=True)
        assert all(type(outcome) is Unavailable for outcome in outcomes)
        os.kill(server.pid, signal.SIGCONT)
        again = await asyncio.gather(*(log.append(each) for each in appends))
        assert sorted(seq for seqs in again for seq in seqs) == list(range(1, sum(map(len, appends)) + 1))
        assert [await log.append(each) for each in appends] == again
        assert await log.last_seq() == sum(map(len, appends))
        await connection.close()


async def test_without_a_server_the_answer_is_unavailable_within_the_deadline(tmp_path: Path) -> None:
    async with NatsServer(tmp_path) as server:
        connection = await connect(server.url, "test")
        log = await open_log(connection, a_service(), max_bytes=2**26)
        given = message(log, "a")
        await server.kill()
        async with asyncio.timeout(2):
            with pytest.raises(Unavailable):
                await log.append([given], timeout_s=0.5)
        await server.start()
        assert await log.append([given]) == (1,)
        batches = log.follow(0)
        assert len(await anext(batches)) == 1
        await connection.close()
        for asking in (log.append([given]), log.read_subject(given.subject), log.last_seq(), anext(batches)):
            with pytest.raises(Unavailable):
                await asking
