"""Appends that wait together commit together, and none of them pays for another's fate."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from kernel.connecting.connection import Connection, connect
from kernel.connecting.stream import open_log
from kernel.log.group_commit import WORTH_A_BATCH
from kernel.log.jetstream import JetStreamLog
from kernel.log.promise import Conflict, NewMessage

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
async def connection(nats_url: str) -> AsyncIterator[Connection]:
    client = await connect(nats_url, "test")
    yield client
    await client.close()


@pytest.fixture
async def log(connection: Connection) -> JetStreamLog:
    return await open_log(connection, f"t{uuid4().hex[:12]}", max_bytes=2**24)


def message(log: JetStreamLog, aggregate: str, expected: int = 0) -> NewMessage:
    return NewMessage(f"event.{log.stream.lower()}.thing.{aggregate}", uuid4().hex, {}, b"{}", expected)


async def batch_sizes(log: JetStreamLog, connection: Connection) -> list[int]:
    """The sizes of the batches in which the log was stored, as the server kept them; 1 for a message alone."""
    sizes: Counter[str] = Counter()
    for seq in range(1, await log.last_seq() + 1):
        stored = await connection.jetstream().get_msg(log.stream, seq, direct=True)
        assert stored.headers is not None
        sizes[stored.headers.get("Nats-Batch-Id", str(seq))] += 1
    return sorted(sizes.values())


async def test_a_lone_append_is_published_alone(log: JetStreamLog, connection: Connection) -> None:
    for n in range(5):
        await log.append([message(log, str(n))])
    assert await batch_sizes(log, connection) == [1] * 5


async def test_a_few_at_a_time_are_published_one_by_one(log: JetStreamLog, connection: Connection) -> None:
    await asyncio.gather(*(log.append([message(log, str(n))]) for n in range(WORTH_A_BATCH)))
    assert await batch_sizes(log, connection) == [1] * WORTH_A_BATCH


async def test_many_at_a_time_share_a_batch(log: JetStreamLog, connection: Connection) -> None:
    seqs = await asyncio.gather(*(log.append([message(log, str(n))]) for n in range(200)))
    assert sorted(seq for (seq,) in seqs) == list(range(1, 201))
    assert await batch_sizes(log, connection) == [1] * WORTH_A_BATCH + [200 - WORTH_A_BATCH]


async def test_small_batches_share_a_batch(log: JetStreamLog, connection: Connection) -> None:
    answers = await asyncio.gather(*(log.append([message(log, f"{n}{part}") for part in "abc"]) for n in range(20)))
    assert all(seqs == tuple(range(seqs[0], seqs[0] + 3)) for seqs in answers)
    assert await batch_sizes(log, connection) == [60]


async def test_one_members_conflict_fails_nobody_else(log: JetStreamLog) -> None:
    await log.append([message(log, "taken"), message(log, "claimed")])
    outcomes = await asyncio.gather(
        *(log.append([message(log, str(n))]) for n in range(40)),
        log.append([message(log, "taken")]),
        log.append([message(log, "new"), message(log, "claimed")]),
        *(log.append([message(log, f"{n}a"), message(log, f"{n}b")]) for n in range(10)),
        return_exceptions=True,
    )
    refused = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, BaseException)]
    assert refused == [40, 41]
    assert all(isinstance(outcomes[n], Conflict) for n in refused)
    assert await log.last_seq() == 2 + 40 + 20


async def test_rivals_for_one_subject_leave_the_others_alone(log: JetStreamLog) -> None:
    outcomes = await asyncio.gather(
        *(log.append([message(log, "hot" if n % 4 == 0 else str(n))]) for n in range(200)), return_exceptions=True
    )
    won = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, tuple)]
    assert len(won) == 151
    assert len([n for n in won if n % 4 == 0]) == 1
    assert await log.last_seq() == 151


async def test_a_cancelled_append_disturbs_nobody(log: JetStreamLog) -> None:
    chance = random.Random(7)
    for round_number in range(20):
        appends = [
            asyncio.ensure_future(log.append([message(log, "hot" if n < 32 else f"{round_number}.{n}.{part}")]))
            for n in range(64)
            for part in range(1 + n % 2)
        ]
        cancelled = []
        while not all(append.done() for append in appends):
            await asyncio.sleep(0)
            append = chance.choice(appends)
            if chance.random() < 0.3 and append.cancel():
                cancelled.append(append)
        for append in appends:
            assert append in cancelled or append.exception() is None or isinstance(append.exception(), Conflict)
    async with asyncio.timeout(5):
        await asyncio.gather(*(log.append([message(log, f"after.{n}")]) for n in range(WORTH_A_BATCH)))
    assert log._group._alone == 0
