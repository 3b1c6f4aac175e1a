"""A service that cannot write is not ready, whoever notices it first: its own appends, a probe, or nats-server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from nats.aio.client import Client

from kernel.connecting import making
from kernel.connecting.connection import connect
from kernel.guarding.writing import FRESH_S, STREAM, Writing, ailment
from kernel.process.health import NotReady
from ops.processes import free_port
from ops.servers import NatsCluster, NatsServer


class Clock:
    """Seconds, as the test sets them."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def nc(nats_url: str) -> AsyncIterator[Client]:
    client = await connect(nats_url, "test")
    yield client
    await client.close()


async def opened(nc: Client, monitor_url: str | None = None, clock: Clock | None = None, replicas: int = 1) -> Writing:
    writing = Writing(nc, f"t{uuid4().hex[:12]}", replicas, monitor_url, clock or Clock())
    await writing.open()
    return writing


@asynccontextmanager
async def ailing(answer: str) -> AsyncIterator[str]:
    """The address of a monitoring that answers every question with 500 and these words."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 500 Internal Server Error\r\nContent-Length: {len(answer)}\r\nConnection: close\r\n\r\n"
        writer.write((head + answer).encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def is_well(writing: Writing) -> bool:
    try:
        return await writing.probe() is None
    except NotReady:
        return False


async def probes_of(nc: Client) -> int:
    return int((await nc.jetstream().stream_info(STREAM)).state.last_seq)


async def test_an_idle_service_writes_a_probe_and_keeps_one(nc: Client) -> None:
    writing = await opened(nc)
    before = await nc.jetstream().stream_info(STREAM)
    for _ in range(3):
        assert await writing.probe() is None
    after = await nc.jetstream().stream_info(STREAM)
    assert after.state.last_seq - before.state.last_seq == 3
    assert after.state.messages - before.state.messages == 1


async def test_an_append_that_came_back_lately_is_proof_enough(nc: Client) -> None:
    clock = Clock()
    writing = await opened(nc, clock=clock)
    writing.note("stored")
    before = await probes_of(nc)
    assert await writing.probe() is None
    assert await probes_of(nc) == before
    clock.now += FRESH_S
    writing.note("conflict")  # came back, and wrote nothing
    assert await writing.probe() is None
    assert await probes_of(nc) == before + 1


async def test_an_append_that_did_not_come_back_is_no_write_until_one_does(nc: Client) -> None:
    clock = Clock()
    writing = await opened(nc, clock=clock)
    writing.note("stored")
    writing.note("unavailable")
    clock.now += 40
    writing.note("unavailable")
    # Another stream may well take writes while this one does not: the probe alone is no proof.
    with pytest.raises(NotReady, match="no append has come back for 40 s"):
        await writing.probe()
    for outcome in ("conflict", "full"):
        writing.note(outcome)
        with pytest.raises(NotReady):
            await writing.probe()
    writing.note("stored")
    assert await writing.probe() is None


async def test_what_was_lost_on_the_way_is_over_when_the_server_says_that_all_streams_are_well(
    nc: Client, nats_monitor_url: str
) -> None:
    writing = await opened(nc, nats_monitor_url)
    writing.note("unavailable")
    assert await writing.probe() is None


async def test_a_monitoring_that_is_away_is_a_remark_and_proves_nothing(nc: Client) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    writing = await opened(nc, nowhere)
    assert await writing.probe() == "the monitoring of nats-server does not answer"
    writing.note("unavailable")
    with pytest.raises(NotReady, match="no append has come back"):
        await writing.probe()
    with pytest.raises(OSError, match="refused"):
        ailment(nowhere)


async def test_a_server_that_does_not_take_the_probe_makes_not_ready(tmp_path: Path) -> None:
    async with NatsServer(tmp_path) as server:
        client = await connect(server.url, "test")
        writing = await opened(client)
        await client.jetstream().delete_stream(STREAM)
        with pytest.raises(NotReady, match="a write does not come back within 1 s"):
            await writing.probe()
        await client.close()


async def test_a_cluster_that_has_no_leader_yet_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "_ATTEMPT_S", 0.5)
    async with NatsCluster(tmp_path) as cluster:
        client = await connect(cluster.url, "test")
        _, *others = cluster.nodes
        await asyncio.gather(*(node.kill() for node in others))
        opening = asyncio.create_task(opened(client, replicas=3))
        done, _ = await asyncio.wait([opening], timeout=2)
        assert not done
        await cluster.start()
        writing = await opening
        async with asyncio.timeout(20):
            while not await is_well(writing):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        await client.close()


async def test_a_lost_stream_of_probes_is_noticed_and_made_anew(tmp_path: Path) -> None:
    async with NatsServer(tmp_path / "nats") as server:
        nc = await connect(server.url, "test")
        writing = await opened(nc)
        assert await is_well(writing)
        await nc.jetstream().delete_stream(STREAM)
        with pytest.raises(NotReady, match="a write does not come back within 1 s"):
            await writing.probe()
        assert await is_well(writing)
        await nc.close()


async def test_a_stream_that_refuses_the_probe_makes_not_ready(tmp_path: Path) -> None:
    async with NatsServer(tmp_path) as server:
        client = await connect(server.url, "test")
        writing = await opened(client)
        config = (await client.jetstream().stream_info(STREAM)).config
        config.max_msg_size = 100
        await client.jetstream().update_stream(config)
        with pytest.raises(NotReady, match="a write is refused: message size exceeds maximum allowed"):
            await writing.probe()
        await client.close()


@pytest.mark.parametrize("answer", ['{"status":"error","error":"a write error: no space left"}', "<html>"])
async def test_a_server_that_says_that_it_ails_makes_not_ready_though_the_probe_came_back(
    nc: Client, answer: str
) -> None:
    async with ailing(answer) as monitor_url:
        alone = await opened(nc, monitor_url)
        with pytest.raises(NotReady, match=r"nats-server(: a write error: no space left| answers 500 when)"):
            await alone.probe()
