"""The servers of one machine keep what they acknowledged through a crash, and say what is wrong in one message."""

import asyncio
import socket
import stat
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest
from pymongo import AsyncMongoClient

from ops.failures import ServerFailed
from ops.servers import MongoServer, NatsCluster, NatsServer, find_mongod, require_disk_space
from tests.ports import is_reached_from_here_alone


async def test_nats_keeps_an_acknowledged_event_through_a_kill(tmp_path: Path) -> None:
    async with NatsServer(tmp_path) as server:
        client = await nats.connect(server.url)
        stream = client.jetstream()
        await stream.add_stream(name="KEPT", subjects=["kept.>"])
        await stream.publish("kept.one", b"first")
        await client.close()
        await server.kill()
        await server.start()
        client = await nats.connect(server.url)
        assert (await client.jetstream().get_msg("KEPT", seq=1)).data == b"first"
        await client.close()


async def test_nats_syncs_every_write(nats_monitor_url: str) -> None:
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        state = (await client.get(f"{nats_monitor_url}/varz")).json()
    assert state["jetstream"]["config"]["sync_always"] is True


async def test_servers_of_one_machine_are_reached_from_there_alone(tmp_path: Path) -> None:
    async with NatsServer(tmp_path / "nats") as nats_server, MongoServer(tmp_path / "mongod", cache_gb=0.25) as mongod:
        monitor = httpx.URL(nats_server.monitor_url).port or 0
        for port in (nats_server.port, monitor, nats_server.mqtt_port, mongod.port):
            assert await is_reached_from_here_alone(port), port


async def test_mongod_keeps_a_document_through_a_kill_and_on_another_port(tmp_path: Path) -> None:
    async with MongoServer(tmp_path, cache_gb=0.25) as server:
        await _insert(server.url, "before the kill")
        await server.kill()
        await server.start()
        assert await _documents(server.url) == ["before the kill"]
        first_port = server.port
    async with MongoServer(tmp_path, cache_gb=0.25) as server:
        assert server.port != first_port
        await _insert(server.url, "on the other port")
        assert await _documents(server.url) == ["before the kill", "on the other port"]


async def test_mongod_writes_down_nothing_of_what_it_was_slow_with(tmp_path: Path) -> None:
    slowly = {"$where": "sleep(250) || true"}
    async with MongoServer(tmp_path, cache_gb=0.25) as server, AsyncMongoClient[dict[str, Any]](server.url) as client:
        people = client.ops_test.people
        await people.insert_one({"_id": 1, "name": "somebody at first"})
        await people.find_one({"name": "somebody at first", **slowly})
        await people.update_one({"_id": 1, **slowly}, {"$set": {"name": "somebody later"}})
        await people.delete_one({"name": "somebody later", **slowly})
    said = server.log_file.read_text().splitlines()
    assert said
    assert [line for line in said if "somebody" in line] == []


async def test_what_a_server_keeps_is_its_owner_s_alone_also_in_a_folder_of_before(tmp_path: Path) -> None:
    for kind in (NatsServer, MongoServer):
        for is_there in (False, True):
            folder = tmp_path / f"{kind.__name__}{is_there}"
            if is_there:
                folder.mkdir(mode=0o755)
                for name in ("server.log", "server.log.1"):
                    (folder / name).touch(mode=0o644)
            async with kind(folder) as server:
                logs = [*folder.glob("server.log*")]
                assert server.log_file in logs
                assert {stat.S_IMODE(path.stat().st_mode) for path in logs} == {0o600}
                assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_mongod_has_transactions(mongodb_uri: str) -> None:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongodb_uri)
    async with client, client.start_session() as session:
        async with await session.start_transaction():
            await client.ops_test.left.insert_one({"half": 1}, session=session)
            await client.ops_test.right.insert_one({"half": 2}, session=session)
        assert await client.ops_test.right.count_documents({}) == 1


async def test_three_nats_servers_outlive_the_loss_of_one(tmp_path: Path) -> None:
    async with NatsCluster(tmp_path) as cluster:
        client = await nats.connect(cluster.url.split(","))
        stream = client.jetstream(timeout=30)
        await stream.add_stream(name="KEPT", subjects=["kept.>"], num_replicas=3)
        await stream.publish("kept.one", b"all three")
        await cluster.nodes[0].kill()
        await _published(client, "kept.two", b"two of three")
        await cluster.start()
        assert (await stream.stream_info("KEPT")).state.messages == 2
        await client.close()


@pytest.mark.parametrize("kind", [NatsServer, MongoServer])
async def test_a_port_in_use_is_said_with_the_way_out(tmp_path: Path, kind: type[NatsServer | MongoServer]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerFailed, match=f"port {port} is in use. Stop what listens there, or choose another"):
            await kind(tmp_path, port).start()


async def test_a_missing_library_is_said_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file"
    monkeypatch.setenv("MONGOD_BIN", str(_program(tmp_path / "mongod", f"echo '{said}' >&2; exit 127")))
    with pytest.raises(ServerFailed, match=r"shared library libcurl\.so\.4.*apt-get install libcurl4"):
        await MongoServer(tmp_path / "data").start()
    with pytest.raises(ServerFailed, match=r"apt-get install libcurl4"):
        find_mongod().version()


async def test_a_mongod_that_dies_at_its_start_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"a folder was here")
    with pytest.raises(ServerFailed, match=r"(?s)mongod died at its start.*journal.*smartplus up --fresh"):
        await MongoServer(tmp_path, cache_gb=0.25).start()


def test_a_full_disk_is_said_before_anything_starts() -> None:
    with pytest.raises(ServerFailed, match="No disk space: /proc has 0 MiB left"):
        require_disk_space(Path("/proc"))


def _program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


async def _insert(url: str, text: str) -> None:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url)
    async with client:
        await client.kept.notes.insert_one({"text": text})


async def _documents(url: str) -> list[str]:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url)
    async with client:
        return [document["text"] async for document in client.kept.notes.find().sort("_id")]


async def _published(client: Any, subject: str, payload: bytes) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await client.jetstream(timeout=2).publish(subject, payload, headers={"Nats-Msg-Id": subject})
            except nats.errors.Error:
                continue
            return
