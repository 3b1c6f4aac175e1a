"""Each process has the subjects that it needs on NATS, and no others: tried as each of them against all others."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.live import live_subject
from kernel.connecting.address import NatsAddress
from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.log.promise import NewMessage
from kernel.reacting.timers import Timers
from kernel.service.declaration import Service
from kernel.service.running import running
from ops.nats_rights import OPERATOR, PARTS, Part
from ops.servers import MongoServer, NatsServer
from ops.up import service_names
from tests.kernel.jobs.place import place
from tests.kernel.jobs.toy_jobs import ERRAND, ERRANDS, TRIES, Errand
from tests.waiting import eventually

KEEPERS = sorted(name for name, part in PARTS.items() if part.keeps_log)


@dataclass
class Cell:
    """A nats-server with the streams of a region in it, an event in each, and somebody who hears everything."""

    server: NatsServer
    operator: Client
    heard: list[str] = field(default_factory=list)

    async def state(self) -> dict[str, tuple[int, int, str]]:
        """What every stream holds and how it is made."""
        found = {}
        for name in [*map(str.upper, KEEPERS), "SCHED"]:
            told = json.loads((await self.operator.request(f"$JS.API.STREAM.INFO.{name}", b"")).data)
            found[name] = (told["state"]["messages"], told["state"]["last_seq"], json.dumps(told["config"]))
        return found


@pytest.fixture(scope="module")
async def cell(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cell]:
    async with NatsServer(tmp_path_factory.mktemp("rights")) as server:
        operator = await connect(server.url, "operator")
        for name in KEEPERS:
            log = await open_log(operator, name, max_bytes=2**20)
            await log.append([NewMessage(f"event.{name}.thing.1", "first", {}, b"{}", 0)])
            timers = Timers(operator, name)
            await timers.open()
        cell = Cell(server, operator)

        async def hear(message: Msg) -> None:
            cell.heard.append(message.subject)

        await operator.subscribe(">", cb=hear)
        await operator.flush()
        yield cell
        await operator.close()


@asynccontextmanager
async def entered(cell: Cell, name: str) -> AsyncIterator[tuple[Client, list[str]]]:
    """As the process of that name; and what the server forbids it."""
    forbidden: list[str] = []

    async def refused(error: Exception) -> None:
        forbidden.append(str(error))

    address = NatsAddress.parse(cell.server.environment_of(name)["NATS_URL"])
    client = await nats.connect(list(address.servers), **address.credentials, error_cb=refused)
    yield client, forbidden
    await client.close()


def hostile(name: str) -> list[tuple[str, bytes]]:
    """What `name` must not be able to say."""
    said: list[tuple[str, bytes]] = []
    for other in KEEPERS:
        if other == name:
            continue
        stream = other.upper()
        said += [(f"event.{other}.thing.1", b"{}"), (f"projected.{other}", b"{}"), (f"timers.{other}", b"{}")]
        said += [(f"sch.{other}.thing.1.x", b""), (f"due.{other}.thing.1.x", b""), (f"probe.{other}", b"")]
        said += [(f"job.{other}.mail.1", b"{}"), (f"$JS.API.STREAM.INFO.JOBS_{stream}", b"")]
        said += [(f"$JS.API.CONSUMER.MSG.NEXT.JOBS_{stream}.mail", b""), (f"$JS.ACK.JOBS_{stream}.mail.1.1.1.1.1", b"")]
        said += [(f"$JS.API.CONSUMER.CREATE.SCHED.{other}.due.{other}.>", b"{}")]
        if other not in PARTS[name].asks:
            said += [(f"command.{other}.Do", b"{}"), (f"query.{other}.Tell", b"{}"), (f"health.{other}", b"")]
        if other not in PARTS[name].follows:
            said += [
                (f"$JS.API.STREAM.INFO.{stream}", b""),
                (f"$JS.API.STREAM.MSG.GET.{stream}", b'{"seq":1}'),
                (f"$JS.API.DIRECT.GET.{stream}.event.{other}.thing.1", b""),
            ]
            said += [(f"$JS.API.CONSUMER.CREATE.{stream}", json.dumps({"stream_name": stream, "config": {}}).encode())]
    said += [(f"$JS.API.STREAM.MSG.GET.{stream}", b'{"seq":1}') for stream in ("SCHED", "NEW", "PROBE")]
    for stream in [*map(str.upper, KEEPERS), "SCHED", "NEW"]:
        verbs = ["DELETE", "PURGE", "MSG.DELETE", "UPDATE"]
        said += [(f"$JS.API.STREAM.{verb}.{stream}", b"{}") for verb in verbs]
        said += [(f"$JS.API.STREAM.SNAPSHOT.{stream}", b"{}")]
        said += [(f"$JS.API.CONSUMER.LIST.{stream}", b""), (f"$JS.API.CONSUMER.NAMES.{stream}", b"")]
        said += [(f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.x", b"{}"), (f"$JS.API.STREAM.RESTORE.{stream}", b"{}")]
    said += [("$JS.API.STREAM.LIST", b""), ("$JS.API.ACCOUNT.PURGE.APP", b""), ("$JS.API.INFO", b"")]
    said += [(f"_INBOX.{other}.guess", b"") for other in PARTS if name not in PARTS[other].asks]
    said += [("device.0C1105000001.state", b"{}"), ("_INBOX.guess", b""), ("anything", b"")]
    if name != "devices":
        said += [("device.0C1105000001.cmd", b"{}"), ("devices.link.spoke", b"{}")]
    if name != "gateway":
        said += [("gateway.failures", b"{}")]
    if name == "gateway":
        said += [(live_subject("t", "users"), b"{}"), ("$JS.API.STREAM.CREATE.ACCOUNTS", b"{}")]
        said += [("probe.accounts", b""), ("$JS.API.STREAM.CREATE.GATEWAY", b"{}")]
    return said


@pytest.mark.parametrize("name", PARTS)
async def test_what_is_another_s_to_say_is_not_heard(cell: Cell, name: str) -> None:
    before = await cell.state()
    async with entered(cell, name) as (client, forbidden):
        cell.heard.clear()
        said = hostile(name)
        for subject, body in said:
            await client.publish(subject, body, f"_INBOX.{name}.mine")
        await client.flush()
        await cell.operator.flush()
        assert [each for each in cell.heard if not each.startswith(("$JS.EVENT", "_INBOX.app"))] == []
        async with asyncio.timeout(5):
            while len(forbidden) < len(said):
                await client.flush()
    assert await cell.state() == before


@pytest.mark.parametrize("name", PARTS)
async def test_what_is_said_to_another_cannot_be_listened_to(cell: Cell, name: str) -> None:
    part = PARTS[name]
    others = [other for other in (*PARTS, OPERATOR) if other != name]
    subjects = [f"{kind}.{other}.>" for other in others for kind in ("command", "query", "event", "_INBOX")]
    subjects += [f"{kind}.{other}" for other in others for kind in ("timers", "health", "probe")]
    subjects += [f"{kind}.{other}.>" for other in others for kind in ("_INBOX", "sch", "due", "job")]
    subjects += [">", "*", "_INBOX.>", "_INBOX.*.>", "event.>", "command.>", "query.>", "due.>", "$JS.>", "$SYS.>"]
    if not part.keeps_log:
        subjects += [f"event.{name}.>", f"command.{name}.>"]
    if "live.>" not in part.hears:
        subjects += ["live.>", "gateway.failures"]
    if name != "devices":
        subjects += ["device.*.state", "device.>", "devices.link.>"]
    async with entered(cell, name) as (client, forbidden):
        for subject in subjects:
            await client.subscribe(subject)
        async with asyncio.timeout(5):
            while len(forbidden) < len(subjects):
                await client.flush()


@pytest.mark.parametrize("name", KEEPERS)
async def test_nobody_has_a_copy_of_an_event_written_for_another_by_the_server(cell: Cell, name: str) -> None:
    """An event of one's own, delivered by a consumer to the subject of another's log: nobody listens there."""
    before = await cell.state()
    async with entered(cell, name) as (client, _):
        for other in KEEPERS:
            if other == name:
                continue
            config = {"deliver_subject": f"event.{other}.thing.2", "deliver_policy": "all", "ack_policy": "none"}
            request = {"stream_name": name.upper(), "config": config}
            await client.request(f"$JS.API.CONSUMER.CREATE.{name.upper()}", json.dumps(request).encode())
    for other, was in before.items():
        if other != name.upper():
            assert (await cell.state())[other] == was


@pytest.mark.parametrize("name", KEEPERS)
def test_a_service_has_the_rights_that_it_says_it_needs(name: str) -> None:
    service = importlib.import_module(f"services.{name}.__main__").SERVICE
    assert isinstance(service, Service)
    assert set(service.followed) == set(PARTS[name].follows)
    assert bool(service.jobs) == PARTS[name].has_jobs


def test_every_process_is_a_user_of_its_own() -> None:
    assert set(service_names()) == set(PARTS)


async def test_only_who_lets_devices_in_is_told_how(cell: Cell) -> None:
    urls = {name: cell.server.environment_of(name) for name in PARTS}
    assert len({each["NATS_URL"] for each in urls.values()}) == len(PARTS)
    assert {name for name, each in urls.items() if "NATS_AUTH_URL" in each} == {"devices"}
    assert all(cell.server.environment["NATS_URL"] not in each.values() for each in urls.values())


async def test_a_service_with_jobs_has_what_they_need_and_no_right_over_its_list(
    tmp_path: Path, mongo_server: MongoServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(PARTS, "toy", Part(has_jobs=True))  # type: ignore[arg-type]
    monkeypatch.setattr("kernel.jobs.jobs.LOOK_EVERY_S", 0.1)
    async with place(tmp_path, mongo_server.url) as here:
        url = here.server.environment_of("toy")["NATS_URL"]
        async with running(ERRANDS, here.settings.model_copy(update={"nats_url": url})) as toy:
            parked = str(await toy.jobs.put(ERRAND, Errand(errand_id="e", fails=TRIES), "e", datetime.now(UTC)))
            await here.until_parked(parked)
            await here.memory.wish("somebody", "run_errand", parked)
            await here.until_done(1)
            await here.until_empty()

            async def is_well() -> bool:
                return await toy.health.probes["jobs"]() is None

            await eventually(is_well)
            assert "nats-forbidden" not in capsys.readouterr().out
            for verb in ("DELETE", "PURGE", "UPDATE", "MSG.DELETE", "MSG.GET"):
                await toy.client.publish(f"$JS.API.STREAM.{verb}.JOBS_TOY", b"{}", "_INBOX.toy.mine")
            said = ""

            async def are_forbidden() -> bool:
                nonlocal said
                said += capsys.readouterr().out
                return said.count("nats-forbidden") >= 5

            await eventually(are_forbidden)


async def test_no_service_changes_a_stream_not_even_its_own(cell: Cell) -> None:
    """Whoever may update a stream may have it drop what it holds, and keep what is said to others."""
    before = await cell.state()
    for name in KEEPERS:
        config = json.loads(before[name.upper()][2])
        async with entered(cell, name) as (client, _):
            for harm in (
                {"max_msgs": 1, "discard": "old"},
                {"max_age": 10**9},
                {"subjects": [f"event.{name}.>", "command.>", "query.>"]},
                {"subjects": [f"event.{name}.>", "_INBOX.>"]},
                {"sources": [{"name": other.upper()} for other in KEEPERS if other != name]},
                {"republish": {"src": f"event.{name}.>", "dest": "live.>"}},
            ):
                request = json.dumps(config | harm).encode()
                await client.publish(f"$JS.API.STREAM.UPDATE.{name.upper()}", request, f"_INBOX.{name}.mine")
            await client.flush()
    await cell.operator.flush()
    assert await cell.state() == before
