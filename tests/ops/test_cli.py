"""The `smartplus` command: exit codes that a script can use, help that a person can read."""

import asyncio
import os
import stat
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.guarding.budgets import DEVICE, OWN_LIMITS, TENANT, Budgets
from kernel.guarding.room import Room
from kernel.keeping.mongo import mongo_client
from kernel.log.promise import NewMessage, Unavailable
from kernel.process.health import Health, NotReady, Stage
from kernel.talking.modules import answer_for
from ops import local
from ops.failures import ServerFailed
from ops.servers import NatsServer
from tests.faults.disks import LimitedFiles

NOWHERE = {"NATS_URL": "nats://127.0.0.1:1", "MONGODB_URI": "mongodb://127.0.0.1:1/?replicaSet=rs0"}


async def smartplus(*arguments: str, stdin: str | None = None, **environment: str) -> tuple[int | None, str]:
    """Exit code and all output of one command; `stdin` is what is typed meanwhile, None nothing at all."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", *arguments),
        stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "120", **environment},
    )
    output, _ = await process.communicate(None if stdin is None else stdin.encode())
    return process.returncode, output.decode()


async def test_doctor_is_content_with_this_machine_and_the_running_servers(
    nats_url: str, mongodb_uri: str, tmp_path: Path
) -> None:
    code, output = await smartplus("doctor", "--data", str(tmp_path), NATS_URL=nats_url, MONGODB_URI=mongodb_uri)
    assert code == 0, output
    assert "ok      NATS         2." in output
    assert "ok      MongoDB" in output
    assert "All that is needed is well." in output


async def test_doctor_knows_servers_from_the_files_of_a_container(
    nats_url: str, mongodb_uri: str, tmp_path: Path
) -> None:
    (tmp_path / "NATS_URL").write_text(f"{nats_url}\n")
    known = {"MONGODB_URI": mongodb_uri, "SMARTPLUS_SECRETS_DIR": str(tmp_path), "PATH": ""}
    code, output = await smartplus("doctor", "--data", str(tmp_path), **known)
    assert code == 0, output
    assert "ok      NATS         2." in output
    assert "nats-server" not in output


async def test_doctor_asks_each_service_and_nats_whether_it_writes(tmp_path: Path, mongodb_uri: str) -> None:
    async with NatsServer(tmp_path / "nats") as server:
        known = {"NATS_URL": server.url, "NATS_MONITOR_URL": server.monitor_url, "MONGODB_URI": mongodb_uri}
        client = await connect(server.url, "devices")
        devices = Health("devices", "local", stage=Stage.RUNNING)
        await answer_for(client, devices)
        code, output = await smartplus("doctor", "--data", str(tmp_path), **known)
        assert code == 0, output
        assert "ok      writing      every stream can be written" in output
        assert "ok      accounts     not running" in output
        assert "ok      devices      ready" in output

        async def lost() -> None:
            raise NotReady("no append has come back for 40 s")

        devices.probes["writing"] = lost
        # Where there is a gateway, each service must be there.
        code, output = await smartplus("doctor", "--data", str(tmp_path), **known, SMARTPLUS_OPERATIONS_PORT="1")
        assert code == 1, output
        assert "FAILED  accounts     away" in output
        assert "FAILED  devices      writing: no append has come back for 40 s" in output
        await client.close()


async def test_a_log_that_fills_is_said_by_doctor_and_resized(tmp_path: Path, mongodb_uri: str) -> None:
    async with NatsServer(tmp_path / "nats") as server:
        known = {"NATS_URL": server.url, "MONGODB_URI": mongodb_uri, "SMARTPLUS_SECRET": "00" * 32}
        client = await connect(server.url, "test")
        for service in ("accounts", "devices"):
            await open_log(client, service, max_bytes=2**20)
        log = await open_log(client, "devices")
        for number in range(44):
            await log.append([NewMessage(f"event.devices.a.{number}", str(number), {}, bytes(20_000), 0)])
        devices = Health("devices", "local", stage=Stage.RUNNING)
        devices.probes["room"] = Room(client, "devices").probe
        await answer_for(client, devices)
        code, output = await smartplus("doctor", "--data", str(tmp_path), **known)
        assert code == 1, output
        assert "FAILED  devices      ready: room: 84% used" in output
        assert "up to 6.0GiB are needed when the logs are full (accounts 1.0GiB, devices 1.0GiB)" in output

        code, output = await smartplus("log", "resize", "devices", "500KiB", **known)
        assert (code, "A log never shrinks below what it holds" in output) == (1, True), output
        code, output = await smartplus("log", "resize", "catering", "1GiB", **known)
        assert (code, "There are: accounts, devices." in output) == (1, True), output
        code, output = await smartplus("log", "resize", "devices", "plenty", **known)
        assert (code, "'plenty' is no size, such as 4GiB" in output) == (1, True), output
        code, output = await smartplus("log", "resize", "devices", "4MiB", **known)
        assert (code, "can hold 4.0MiB now; it could hold 1.0MiB" in output) == (0, True), output
        code, output = await smartplus("log", "size", **known)
        assert (code, "devices    21% used" in output, "accounts   0% used" in output) == (0, True, True), output
        devices.probes["room"] = Room(client, "devices").probe
        code, output = await smartplus("doctor", "--data", str(tmp_path), **known)
        assert code == 0, output
        await client.close()


async def test_who_had_most_recorded_today_is_shown(nats_url: str, mongodb_uri: str) -> None:
    prefix = f"test_{uuid4().hex[:8]}_"
    known = {
        "NATS_URL": nats_url,
        "MONGODB_URI": mongodb_uri,
        "SMARTPLUS_SECRET": "00" * 32,
        "SMARTPLUS_DATABASE_PREFIX": prefix,
    }
    async with mongo_client(mongodb_uri, "test") as mongo:
        budgets = Budgets("devices", {TENANT: 10, DEVICE: 5000}, mongo[f"{prefix}devices"])
        for id, events in (("quiet", 10), ("busy", 2500)):
            with budgets.charged(DEVICE, id):
                budgets.admit([NewMessage("event.devices.a.1", str(number), {}, b"", 0) for number in range(events)])
        await budgets.save()
        row = {"_id": "tenant shut", "kind": TENANT, "payer_id": "shut", "limit": 0}
        await mongo[f"{prefix}devices"][OWN_LIMITS].insert_one(row)
    code, output = await smartplus("log", "budgets", **known)
    assert code == 0, output
    shut, busy, quiet = output.splitlines()
    assert shut == "devices    tenant  shut         0 events, all of 0, a budget of its own"
    assert busy == "devices    device  busy     2,500 events, 50% of 5,000"
    assert quiet == "devices    device  quiet        10 events, 0% of 5,000"


async def test_doctor_says_which_stream_nats_does_not_write(tmp_path: Path, mongodb_uri: str) -> None:
    server = NatsServer(tmp_path / "nats")
    async with server:
        disk = LimitedFiles(tmp_path)
        client = await connect(server.url, "test")
        log = await open_log(client, "toy")
        disk.fill(server)
        with pytest.raises(Unavailable):
            await log.append([NewMessage("event.toy.counter.1", "1", {}, b"{}", 0)], timeout_s=2)
        known = {"NATS_URL": server.url, "NATS_MONITOR_URL": server.monitor_url, "MONGODB_URI": mongodb_uri}
        code, output = await smartplus("doctor", "--data", str(tmp_path), **known)
        assert code == 1, output
        assert "FAILED  writing      nats-server: JetStream stream 'APP > TOY' write error" in output
        disk.free(server)
        await client.close()


async def test_doctor_fails_with_the_way_out_when_a_server_does_not_answer(tmp_path: Path) -> None:
    code, output = await smartplus("doctor", "--data", str(tmp_path), **NOWHERE)
    assert code == 1, output
    assert "FAILED  NATS" in output
    assert "correct or unset NATS_URL" in output
    assert "FAILED  MongoDB" in output
    assert "correct or unset MONGODB_URI" in output


async def test_a_missing_dependency_is_exit_code_2_with_the_way_out(tmp_path: Path) -> None:
    code, output = await smartplus("up", "--data", str(tmp_path), MONGOD_BIN="/nowhere/mongod")
    assert code == 2, output
    assert "MONGOD_BIN is /nowhere/mongod, which cannot be run" in output


async def test_a_command_for_a_running_system_says_that_none_runs(tmp_path: Path) -> None:
    code, output = await smartplus("demo", "load", "--data", str(tmp_path))
    assert code == 2, output
    assert "Start it with: smartplus up" in output


async def test_an_unknown_service_is_wrong_usage() -> None:
    code, output = await smartplus("serve", "catering")
    assert code == 2
    assert "there is no service 'catering'" in output


async def test_help_names_every_command() -> None:
    code, output = await smartplus("--help")
    assert code == 0
    for command in ("up", "serve", "demo", "doctor", "events", "log", "rebuild", "intercoms"):
        assert f" {command} " in output


async def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        code, output = await smartplus("up", "--data", str(tmp_path), "--port", str(port))
    assert code == 1
    assert (
        f"Port {port} is in use. Stop what listens there, or choose another: smartplus up --port {port + 1}" in output
    )
    assert not (tmp_path / "nats").exists()


async def test_fresh_data_is_not_deleted_without_a_yes(tmp_path: Path) -> None:
    secret = local.secret_file(tmp_path).read_text()
    code, output = await smartplus("up", "--fresh", "--data", str(tmp_path))
    assert code == 1, output
    assert local.secret_file(tmp_path).read_text() == secret


def test_the_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    secret = local.secret_file(tmp_path)
    assert len(bytes.fromhex(secret.read_text())) == 32
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    before = secret.read_text()
    assert local.secret_file(tmp_path).read_text() == before


def test_one_folder_is_held_by_one_system(tmp_path: Path) -> None:
    with local.held(tmp_path), pytest.raises(ServerFailed, match="already runs on"), local.held(tmp_path):
        pass
    with local.held(tmp_path):
        pass


def test_wiping_deletes_only_what_is_ours(tmp_path: Path) -> None:
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "block").write_text("events")
    local.secret_file(tmp_path)
    (tmp_path / "somebody's thesis").write_text("years of work")
    local.wipe(tmp_path)
    assert not local.has_data(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["somebody's thesis"]


def test_a_running_system_is_found_through_its_folder_until_it_ends(tmp_path: Path) -> None:
    with local.announced(tmp_path, {"NATS_URL": "nats://somewhere"}):
        assert local.environment(tmp_path) == {"NATS_URL": "nats://somewhere"}
    assert local.environment(tmp_path) == {}


async def test_a_row_without_a_test_fails_the_list_of_rows() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "--rows", "-p", "no:cacheprovider", __file__),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 1
    assert b"L-01  NO TEST" in output
    assert b"rows are proved by a test. G-01" in output
