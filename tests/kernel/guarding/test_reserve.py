"""A log that is all but full takes what ends a right and what erases; for everything else it says it has no room."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from contracts.message import Accepted
from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.guarding.budgets import COLLECTION
from kernel.guarding.room import RESERVE, Room, filling, reserve, resize
from kernel.log.promise import LogFull, NewMessage, Unavailable
from kernel.process.settings import Settings
from kernel.service.running import Running, running
from kernel.talking.caller import Caller
from ops.servers import NatsServer
from tests.kernel.toy import INSTALLER, REVOKED, TOY, Count, command_id, new_id

MIB = 2**20
LOOKED_AGAIN_S = 3.0


@pytest.fixture
async def toy(tmp_path: Path, mongodb_uri: str) -> AsyncIterator[Running]:
    async with NatsServer(tmp_path / "nats") as server:
        settings = Settings(
            nats_url=server.url,
            mongodb_uri=mongodb_uri,
            secret="00" * 32,
            database_prefix=f"test_{uuid4().hex[:8]}_",
            log_max_bytes="1MiB",
        )
        async with running(TOY, settings) as at_work:
            yield at_work


def count(**fields: Any) -> Count:
    return Count(command_id=command_id(), at=datetime.now(UTC), actor=INSTALLER, counter_id=new_id(), **fields)


async def until_full(caller: Caller) -> list[tuple[Count, Accepted]]:
    """Count until there is no room, however newly it is looked at; what was acknowledged."""
    acknowledged: list[tuple[Count, Accepted]] = []
    refused_since: float | None = None
    async with asyncio.timeout(60):
        while refused_since is None or time.monotonic() - refused_since < LOOKED_AGAIN_S:
            commands = [count() for _ in range(1 if acknowledged and refused_since else 50)]
            answers = await asyncio.gather(*map(caller.command, commands), return_exceptions=True)
            pairs = list(zip(commands, answers, strict=True))
            acknowledged += [(command, answer) for command, answer in pairs if isinstance(answer, Accepted)]
            refusals = [answer for answer in answers if not isinstance(answer, Accepted)]
            assert all(isinstance(refusal, LogFull) for refusal in refusals), refusals
            refused_since = (refused_since or time.monotonic()) if len(refusals) == len(answers) else None
            await asyncio.sleep(0.05 if refusals else 0)
    return acknowledged


async def test_the_reserve_is_for_revocation_and_erasure_alone(toy: Running) -> None:
    acknowledged = await until_full(toy.caller)
    found = await filling(toy.client, "toy")
    assert found.used <= MIB * (1 - RESERVE)
    assert found.used >= MIB * (1 - RESERVE) * 0.9

    # What was done before is answered as before, and is not done again.
    for command, answer in acknowledged[-3:]:
        assert await toy.caller.command(command) == answer
    revoked = [await toy.caller.command(count(label=REVOKED)) for _ in range(20)]
    assert len({each.position for each in revoked}) == 20
    with pytest.raises(LogFull):
        await toy.caller.command(count())
    assert await toy.log.last_seq() == len(acknowledged) + 20


async def test_a_service_in_its_reserve_stays_ready_and_says_so_and_takes_all_again_once_there_is_room(
    toy: Running,
) -> None:
    await until_full(toy.caller)

    async def remark() -> str:
        return str((await toy.health.ready())[1]["dependencies"]["room"].get("remark"))

    async with asyncio.timeout(30):
        while "Only revocation and erasure are recorded" not in await remark():  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        assert (await toy.health.ready())[0]
        refused = count()
        with pytest.raises(LogFull):
            await toy.caller.command(refused)
        await resize(toy.client, "toy", 2 * MIB, "a test")
        while True:
            try:
                accepted = await toy.caller.command(refused)
                break
            except Unavailable:
                await asyncio.sleep(0.1)
    assert accepted.extra.count == 1


async def test_a_service_that_cannot_record_even_what_ends_a_right_is_not_ready(toy: Running) -> None:
    await resize(toy.client, "toy", MIB // 4, "a test")
    revoked = count(label=REVOKED)
    with contextlib.suppress(LogFull):
        for _ in range(1000):
            revoked = count(label=REVOKED)
            await toy.caller.command(revoked)
    with pytest.raises(LogFull):
        await toy.caller.command(revoked)
    found = await filling(toy.client, "toy")
    assert found.used < found.most  # no log is used to its last byte
    is_ready, state = await toy.health.ready()
    assert not is_ready
    assert "% used" in state["dependencies"]["room"]["reason"]
    await resize(toy.client, "toy", MIB, "a test")
    async with asyncio.timeout(20):
        while not (await toy.health.ready())[0]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await toy.caller.command(revoked)


async def test_what_finds_no_room_costs_nobody_its_budget(toy: Running) -> None:
    acknowledged = await until_full(toy.caller)
    async with asyncio.timeout(20):
        while True:
            saved = await toy.database[COLLECTION].find_one({})
            if saved and saved["used"] == len(acknowledged):
                break
            await asyncio.sleep(0.1)


async def test_what_is_appended_between_two_looks_is_reckoned_with(nats_url: str) -> None:
    client = await connect(nats_url, "test")
    service = f"t{uuid4().hex[:12]}"
    await open_log(client, service, max_bytes=MIB)
    room = Room(client, service)
    await room.look()
    messages = [NewMessage(f"event.{service}.a.1", "1", {}, bytes(MIB // 4), 0)]
    for _ in range(3):
        with room.admitted(messages):
            pass
    with pytest.raises(LogFull), room.admitted(messages):
        pass
    with reserve(open=True), room.admitted(messages):
        pass
    await room.look()
    # What is under way while it is looked may not be stored yet: the look forgets nothing of it.
    with room.admitted(messages), room.admitted(messages), room.admitted(messages):
        await room.look()
        with pytest.raises(LogFull), room.admitted(messages):
            pass
    with pytest.raises(LogFull), room.admitted(messages):
        pass
    await room.look()
    with room.admitted(messages):
        pass
    await client.close()
