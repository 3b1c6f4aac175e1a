"""All who follow a log in one process share a consumer, and nobody misses or repeats a message for it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

import pytest

from kernel.connecting.connection import connect
from kernel.log.jetstream import JetStreamLog
from kernel.log.promise import Unavailable
from tests.kernel.log.test_log import Served, api, message, on_one_server, opened

__all__ = ["on_one_server"]

pytestmark = pytest.mark.timeout(120)


async def consumers(served: Served, log: JetStreamLog) -> int:
    answer = await api(served[0], f"CONSUMER.LIST.{log.stream}")
    return len(answer["consumers"])  # type: ignore[arg-type]


async def until_consumers(served: Served, log: JetStreamLog, count: int) -> None:
    async with asyncio.timeout(30):
        while await consumers(served, log) != count:  # noqa: ASYNC110 (the server tells nobody)
            await asyncio.sleep(0.02)


async def append(log: JetStreamLog, count: int) -> None:
    last = await log.last_seq()
    await log.append([message(log, str(last + number)) for number in range(count)])


async def append_mixed(log: JetStreamLog, count: int) -> None:
    """Every third one of another kind of aggregate."""
    last = await log.last_seq()
    made = [message(log, str(last + number)) for number in range(1, count + 1)]
    subject = f"event.{log.stream.lower()}.other."
    await log.append(
        [
            each if number % 3 else replace(each, subject=f"{subject}{number}")
            for number, each in enumerate(made, last + 1)
        ]
    )


def others(after: int, until: int) -> list[int]:
    return [seq for seq in range(after + 1, until + 1) if seq % 3 == 0]


async def followed(
    log: JetStreamLog,
    after: int,
    until: int,
    batch: int = 100,
    pause_s: float = 0.0,
    begun: asyncio.Event | None = None,
    go_on: asyncio.Event | None = None,
    aggregates: Sequence[str] = (),
) -> list[int]:
    """What a follower is handed that pauses after each batch, and after its first one until it may go on."""
    seqs: list[int] = []
    async with aclosing(log.follow(after, batch, aggregates)) as batches:
        async for messages in batches:
            assert 0 < len(messages) <= batch
            seqs += [each.seq for each in messages]
            if begun is not None:
                begun.set()
            if seqs[-1] >= until:
                return seqs
            if go_on is not None:
                await go_on.wait()
            await asyncio.sleep(pause_s)
    raise AssertionError


async def test_those_who_follow_the_same_log_share_a_consumer(on_one_server: Served) -> None:
    log = await opened(on_one_server)
    await append(log, 3)
    begun = [asyncio.Event() for _ in range(4)]
    followers = [asyncio.create_task(followed(log, 0, 10, begun=each)) for each in begun]
    await asyncio.gather(*(each.wait() for each in begun))
    assert await consumers(on_one_server, log) == 1
    await append(log, 7)
    assert await asyncio.gather(*followers) == [list(range(1, 11))] * 4
    await until_consumers(on_one_server, log, 0)


async def test_one_who_comes_later_catches_up_by_itself_and_shares_from_then_on(on_one_server: Served) -> None:
    log = await opened(on_one_server)
    await append(log, 1000)
    begun = asyncio.Event()
    first = asyncio.create_task(followed(log, 900, 1002, begun=begun))
    await begun.wait()
    begun.clear()
    late = asyncio.create_task(followed(log, 0, 1002, begun=begun))
    await begun.wait()
    await append(log, 1)
    await until_consumers(on_one_server, log, 1)
    await append(log, 1)
    assert (await first, await late) == (list(range(901, 1003)), list(range(1, 1003)))


async def test_a_slow_one_falls_out_of_memory_and_misses_nothing(on_one_server: Served) -> None:
    log = await opened(on_one_server)
    await append(log, 10)
    begun, go_on = asyncio.Event(), asyncio.Event()
    slow = asyncio.create_task(followed(log, 0, 5010, begun=begun, go_on=go_on))
    await begun.wait()
    quick = asyncio.create_task(followed(log, 0, 5010, batch=500))
    for _ in range(5):
        await append(log, 1000)
    assert await quick == list(range(1, 5011))
    go_on.set()
    assert await slow == list(range(1, 5011))


async def test_whoever_comes_and_goes_gets_everything_once_and_in_order(on_one_server: Served) -> None:
    log, chance = await opened(on_one_server), random.Random(20261127)
    await append_mixed(log, 200)

    async def visitor() -> None:
        await asyncio.sleep(chance.random())
        after, pause_s = chance.randrange(1500), chance.choice([0.0, 0.0, 0.001, 0.01])
        until = after + chance.randrange(1, 3000 - after)
        batch = chance.randrange(1, 500)
        if chance.random() < 0.5:
            got = await followed(log, after, until - 3, batch, pause_s, aggregates=["other"])
            assert got == others(after, got[-1])
        else:
            got = await followed(log, after, until, batch, pause_s)
            assert got == list(range(after + 1, got[-1] + 1))

    async def writer() -> None:
        for _ in range(280):
            await append_mixed(log, 10)
            await asyncio.sleep(0.001)

    async with asyncio.timeout(60):
        await asyncio.gather(writer(), *(visitor() for _ in range(40)))


async def test_those_who_follow_some_aggregates_share_it_as_well(on_one_server: Served) -> None:
    log = await opened(on_one_server)
    await append_mixed(log, 3)
    begun = [asyncio.Event() for _ in range(5)]
    all_of_it = asyncio.create_task(followed(log, 0, 12, begun=begun[0]))
    some = [asyncio.create_task(followed(log, 0, 12, begun=each, aggregates=["other"])) for each in begun[1:]]
    await asyncio.gather(*(each.wait() for each in begun))
    await append_mixed(log, 3)
    await until_consumers(on_one_server, log, 1)
    await append_mixed(log, 6)
    assert await all_of_it == list(range(1, 13))
    assert await asyncio.gather(*some) == [others(0, 12)] * 4


async def test_when_nobody_follows_all_of_it_any_more_the_others_go_on(on_one_server: Served) -> None:
    log = await opened(on_one_server)
    await append_mixed(log, 3)
    begun = [asyncio.Event(), asyncio.Event()]
    all_of_it = asyncio.create_task(followed(log, 0, 6, begun=begun[0]))
    some = asyncio.create_task(followed(log, 0, 60, begun=begun[1], aggregates=["other"]))
    await asyncio.gather(*(each.wait() for each in begun))
    await append_mixed(log, 3)
    await all_of_it
    for _ in range(18):
        await append_mixed(log, 3)
    async with asyncio.timeout(30):
        assert await some == others(0, 60)


async def test_who_follows_some_aggregates_does_not_wait_for_who_is_slow_with_all(on_one_server: Served) -> None:
    log = await opened(on_one_server)
    await append_mixed(log, 3)
    begun, go_on = [asyncio.Event(), asyncio.Event()], asyncio.Event()
    slow = asyncio.create_task(followed(log, 0, 3003, begun=begun[0], go_on=go_on))
    some = asyncio.create_task(followed(log, 0, 3003, begun=begun[1], aggregates=["other"]))
    await asyncio.gather(*(each.wait() for each in begun))
    for _ in range(3):
        await append_mixed(log, 1000)
    async with asyncio.timeout(60):
        assert await some == others(0, 3003)
    go_on.set()
    assert await slow == list(range(1, 3004))


async def test_a_closed_connection_is_told_to_all(nats_url: str) -> None:
    connection = await connect(nats_url, "test")
    log = await opened((connection, 1))
    await append(log, 1)
    begun = [asyncio.Event() for _ in range(2)]
    followers = [asyncio.create_task(followed(log, 0, 5, begun=each)) for each in begun]
    await asyncio.gather(*(each.wait() for each in begun))
    await connection.close()
    for follower in followers:
        with pytest.raises(Unavailable):
            await asyncio.wait_for(follower, 10)
