"""A timer that was acknowledged fires once for its owner and purpose, at its time, whatever is killed meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from nats.js.errors import NotFoundError

from contracts.message import Refused
from kernel.connecting.connection import Connection, connect
from kernel.process.health import NotReady
from kernel.process.settings import Settings
from kernel.reacting.timers import STREAM, Due, Timers, timer_id
from kernel.service.running import running
from ops.servers import NatsServer
from tests.kernel.toy import TOY


@pytest.fixture
async def nc(nats_url: str) -> AsyncIterator[Connection]:
    connection = await connect(nats_url, "timers")
    yield connection
    await connection.close()


@pytest.fixture
async def timers(nc: Connection) -> AsyncIterator[Timers]:
    made = Timers(nc, f"t{uuid4().hex[:10]}")
    await made.open()
    yield made
    await made.stop()


class Bell:
    """Keeps what rang, and lets a test wait for it."""

    def __init__(self) -> None:
        self.rung: list[Due] = []
        self._rings = asyncio.Condition()

    async def __call__(self, due: Due) -> None:
        async with self._rings:
            self.rung.append(due)
            self._rings.notify_all()

    async def wait(self, times: int, timeout_s: float = 20.0) -> list[Due]:
        async with asyncio.timeout(timeout_s), self._rings:
            await self._rings.wait_for(lambda: len(self.rung) >= times)
        return self.rung

    async def wait_for_owners(self, owners: set[str]) -> list[Due]:
        async with asyncio.timeout(40), self._rings:
            await self._rings.wait_for(lambda: owners <= {due.owner for due in self.rung})
        return self.rung


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def test_a_timer_fires_at_its_time_with_its_payload(timers: Timers) -> None:
    bell = Bell()
    await timers.serve(bell)
    at = soon(0.5)
    id = await timers.set("household.h1", "expiry", at, b"remind")
    (due,) = await bell.wait(1)
    assert due == Due(id, "household.h1", "expiry", at, b"remind")
    assert datetime.now(UTC) >= at


async def test_a_timer_set_in_the_past_fires_at_once(timers: Timers) -> None:
    bell = Bell()
    await timers.serve(bell)
    await timers.set("household.h1", "expiry", soon(-60))
    await bell.wait(1, 5)


async def test_a_moved_timer_fires_only_at_the_new_time(timers: Timers) -> None:
    bell = Bell()
    await timers.serve(bell)
    await timers.set("household.h1", "expiry", soon(0.4), b"old")
    moved = soon(1.2)
    await timers.set("household.h1", "expiry", moved, b"new")
    await timers.set("household.h1", "last", soon(2.0))
    rung = await bell.wait(2)
    assert [(due.purpose, due.payload) for due in rung] == [("expiry", b"new"), ("last", b"")]
    assert rung[0].at == moved


async def test_timers_that_fail_again_and_again_keep_no_other_waiting(timers: Timers) -> None:
    bell = Bell()
    tried: set[str] = set()

    async def ring(due: Due) -> None:
        if due.purpose == "fails":
            tried.add(due.owner)
            raise ValueError("never")
        await bell(due)

    await timers.serve(ring)
    await asyncio.gather(*(timers.set(f"household.h{n}", "fails", soon(-1)) for n in range(100)))
    await timers.set("household.good", "expiry", soon(-1))
    await bell.wait(1)
    async with asyncio.timeout(20):
        while len(tried) < 100:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def fired(nc: Connection, timers: Timers, owner: str, purpose: str) -> None:
    """The server has fired it, though nobody took it yet."""
    async with asyncio.timeout(10):
        while True:
            try:
                await nc.jetstream().get_last_msg(STREAM, f"due.{timers._service}.{owner}.{purpose}")
            except NotFoundError:
                continue
            return


async def test_a_moved_timer_that_fired_unheard_fires_only_at_the_new_time(timers: Timers, nc: Connection) -> None:
    bell = Bell()
    await timers.set("household.h1", "expiry", soon(-5), b"old")
    await fired(nc, timers, "household.h1", "expiry")
    await timers.set("household.h1", "expiry", soon(0.5), b"new")
    await timers.serve(bell)
    await timers.set("household.h1", "last", soon(1.2))
    assert [due.payload for due in await bell.wait(2)] == [b"new", b""]


async def test_a_cancelled_timer_never_fires(timers: Timers, nc: Connection) -> None:
    bell = Bell()
    await timers.set("household.h1", "expiry", soon(0.4))
    await timers.set("household.h2", "expiry", soon(-5))  # fired, but nobody has taken it yet
    await fired(nc, timers, "household.h2", "expiry")
    await timers.set("household.h1", "last", soon(1.0))
    await timers.cancel("household.h1", "expiry")
    await timers.cancel("household.h2", "expiry")
    await timers.cancel("household.h3", "never-set")
    await timers.serve(bell)
    rung = await bell.wait(1)
    assert [due.purpose for due in rung] == ["last"]


async def test_a_timer_that_fires_while_nobody_is_there_waits(timers: Timers) -> None:
    await timers.set("household.h1", "expiry", soon(-1))
    bell = Bell()
    await timers.serve(bell)
    await bell.wait(1)


async def test_a_timer_is_tried_again_until_it_succeeds_and_then_kept_no_longer(timers: Timers, nc: Connection) -> None:
    bell = Bell()

    async def twice_in_vain(due: Due) -> None:
        await bell(due)
        if len(bell.rung) < 3:
            raise ConnectionError

    await timers.serve(twice_in_vain)
    id = await timers.set("household.h1", "expiry", soon(-1))
    assert {due.id for due in await bell.wait(3)} == {id}
    await timers.stop()
    async with asyncio.timeout(10):
        while (await nc.jetstream().stream_info(STREAM, subjects_filter=f"*.{timers._service}.>")).state.subjects:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_what_is_done_is_cleared_without_touching_what_fired_after_it(timers: Timers, nc: Connection) -> None:
    bell, again = Bell(), asyncio.Event()

    async def slowly(due: Due) -> None:
        await bell(due)
        if due.payload == b"first":
            await again.wait()

    await timers.serve(slowly)
    await timers.set("household.h1", "expiry", soon(-5), b"first")
    await bell.wait(1)
    await timers.set("household.h1", "expiry", soon(-1), b"second")
    again.set()
    assert [due.payload for due in await bell.wait(2)] == [b"first", b"second"]


async def test_a_timer_that_another_service_had_fire_here_is_not_heeded(timers: Timers, nc: Connection) -> None:
    bell = Bell()
    await timers.serve(bell)
    at = soon(-1).isoformat()
    for subject, target in ((f"sch.other.{timers._service}.h1.x", f"due.{timers._service}.h1.x"),):
        told = {"Nats-Schedule": f"@at {at}", "Nats-Schedule-Target": target, "sp-timer": str(uuid4()), "sp-at": at}
        assert b"error" not in (await nc.request(subject, b"", headers=told)).data
    await nc.request(f"due.{timers._service}.h2.x", b"", headers={"sp-timer": str(uuid4()), "sp-at": at})
    await timers.set("household.last", "last", soon(0.5))
    assert [due.owner for due in await bell.wait(1)] == ["household.last"]


async def test_a_refused_timer_is_done(timers: Timers) -> None:
    bell = Bell()

    async def refuse(due: Due) -> None:
        await bell(due)
        raise Refused("order-unknown")

    await timers.serve(refuse)
    await timers.set("order.o1", "expiry", soon(-1))
    await timers.set("order.o2", "last", soon(2.5))
    assert [due.owner for due in await bell.wait(2)] == ["order.o1", "order.o2"]


async def test_replicas_share_the_timers(timers: Timers, nats_url: str) -> None:
    bell = Bell()
    await timers.serve(bell)
    other = await connect(nats_url, "replica")
    replica = Timers(other, timers._service)
    await replica.serve(bell)
    for number in range(20):
        await timers.set(f"household.h{number}", "expiry", soon(0.3))
    await timers.set("household.last", "last", soon(1.5))
    rung = await bell.wait(21)
    assert len({due.id for due in rung}) == len(rung) == 21
    await replica.stop()
    await other.close()


async def test_timers_survive_the_death_of_the_server(tmp_path: Path) -> None:
    async with NatsServer(tmp_path) as server:
        nc = await connect(server.url, "timers")
        timers = Timers(nc, "accounts")
        await timers.open()
        bell = Bell()
        await timers.serve(bell)
        for number in range(20):
            await timers.set(f"household.h{number}", "expiry", soon(3 + number / 20))
        await timers.cancel("household.h0", "expiry")
        await timers.set("household.h1", "expiry", soon(6), b"moved")
        await timers.set("household.h2", "expiry", soon(0.8))
        await bell.wait(1)
        for _ in range(3):
            await server.kill()
            await server.start()
        rung = await bell.wait_for_owners({f"household.h{number}" for number in range(1, 20)})
        await timers.set("household.last", "last", soon(-1))
        rung = await bell.wait_for_owners({"household.last"})
        # What was acknowledged in the moment of a kill may come again, but then with the same id.
        fired = {due.id: due for due in rung}.values()
        assert len(fired) == 20
        assert "household.h0" not in {due.owner for due in fired}
        assert [due.payload for due in fired if due.owner == "household.h1"] == [b"moved"]
        assert len(rung) <= 21
        await timers.stop()
        await nc.close()


@pytest.mark.parametrize(("owner", "purpose"), [("", "x"), ("a b", "x"), ("a.>", "x"), ("a", "x.y"), ("a.", "x")])
async def test_a_name_that_could_reach_other_timers_is_refused(timers: Timers, owner: str, purpose: str) -> None:
    with pytest.raises(ValueError, match="not the name of a timer"):
        await timers.set(owner, purpose, soon(1))
    with pytest.raises(ValueError, match="not the name of a timer"):
        await timers.cancel(owner, purpose)
    with pytest.raises(ValueError, match="with a zone"):
        await timers.set("a", "x", datetime(2027, 1, 1))


def test_the_same_timer_has_the_same_id_in_every_zone() -> None:
    at = datetime(2027, 1, 1, 12, tzinfo=UTC)
    berlin = at.astimezone(tz=__import__("zoneinfo").ZoneInfo("Europe/Berlin"))
    assert timer_id("accounts", "a", "x", at) == timer_id("accounts", "a", "x", berlin)
    assert timer_id("accounts", "a", "x", at) != timer_id("accounts", "a", "x", at + timedelta(seconds=1))


async def test_timers_go_on_after_their_stream_was_lost_and_it_is_said(tmp_path: Path) -> None:
    async with NatsServer(tmp_path / "nats") as server:
        nc = await connect(server.url, "timers")
        timers, bell = Timers(nc, "toy"), Bell()
        await timers.open()
        await timers.serve(bell)
        await timers.look()
        assert await timers.probe() is None
        await nc.jetstream().delete_consumer(STREAM, "toy")
        await timers.set("household.h1", "expiry", soon(-1))
        await timers.look()
        await bell.wait(1)
        assert await timers.probe() is None  # none was lost
        await nc.jetstream().delete_stream(STREAM)
        await timers.look()
        assert "lost" in str(await timers.probe())
        await timers.set("household.h2", "expiry", soon(-1))
        assert (await bell.wait(2))[-1].owner == "household.h2"
        await timers.stop()
        await nc.close()


async def test_a_service_whose_timers_cannot_be_kept_is_not_ready(tmp_path: Path) -> None:
    async with NatsServer(tmp_path / "nats") as server:
        nc = await connect(server.url, "timers")
        timers = Timers(nc, "toy")
        await timers.open()
        await timers.serve(Bell())
        await nc.jetstream().delete_stream(STREAM)
        await nc.jetstream().add_stream(name="OTHER", subjects=["due.>"])
        await timers.look()
        with pytest.raises(NotReady):
            await timers.probe()
        await nc.jetstream().delete_stream("OTHER")
        await timers.look()
        assert "lost" in str(await timers.probe())
        await timers.stop()
        await nc.close()


async def test_a_running_service_says_that_its_timers_were_lost(
    tmp_path: Path, mongodb_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.reacting.timers.LOOK_EVERY_S", 0.1)
    async with NatsServer(tmp_path / "nats") as server:
        prefix = f"test_{uuid4().hex[:8]}_"
        settings = Settings(nats_url=server.url, mongodb_uri=mongodb_uri, secret="00" * 32, database_prefix=prefix)
        async with running(TOY, settings) as toy:
            assert await toy.health.probes["timers"]() is None
            await toy.client.jetstream().delete_stream(STREAM)
            async with asyncio.timeout(20):
                while "lost" not in str(await toy.health.probes["timers"]()):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
