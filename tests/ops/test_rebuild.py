"""`smartplus rebuild` repairs what was damaged, says what it did, and refuses in words."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from contracts.devices.audit import ListDeviceAudit
from contracts.devices.intercoms import BindDevice, DeviceKind
from contracts.devices.library import ClaimMac, FindMac, ListMacs, RegisterMac, RemoveMac
from contracts.message import Actor, Refused
from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.keeping.secrets import Secrets
from kernel.keeping.vault import MongoKeys
from kernel.log.promise import NewMessage
from kernel.reading.lease import Lease
from kernel.service.running import running
from ops.failures import ServerFailed
from ops.rebuild import rebuild
from ops.servers import NatsServer
from services.accounts.__main__ import SERVICE as ACCOUNTS
from services.devices.__main__ import SERVICE as DEVICES
from tests.devices.conftest import Region, a_mac, root, settings_for
from tests.ops.test_cli import smartplus


@pytest.fixture
async def prefix(nats_url: str, mongodb_uri: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    prefix = f"r{uuid4().hex[:8]}_"
    monkeypatch.setenv("NATS_URL", nats_url)
    monkeypatch.setenv("MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("SMARTPLUS_SECRET", uuid4().hex * 2)
    monkeypatch.setenv("SMARTPLUS_DATABASE_PREFIX", prefix)
    yield prefix
    async with AsyncMongoClient(mongodb_uri) as client:
        await client.drop_database(f"{prefix}accounts")


async def test_a_rebuild_says_what_it_built(prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    await rebuild("accounts")
    said = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert re.search(r"Rebuilt .*directory.* of accounts up to ACCOUNTS\.\d+\.", said)


async def test_an_unknown_service_is_refused_with_those_there_are() -> None:
    with pytest.raises(ServerFailed, match=r"no service called nowhere. There are: accounts"):
        await rebuild("nowhere")


async def test_a_second_rebuild_is_refused(prefix: str, mongodb_uri: str) -> None:
    async with AsyncMongoClient(mongodb_uri) as client:

        async def second(session: object) -> None:
            with pytest.raises(ServerFailed, match="already running"):
                await rebuild("accounts")

        await Lease(client[f"{prefix}accounts"], "rebuild").hold(second)


@pytest.fixture
def environment(nats_url: str, mongodb_uri: str, prefix: str) -> dict[str, str]:
    return {"NATS_URL": nats_url, "MONGODB_URI": mongodb_uri, "SMARTPLUS_DATABASE_PREFIX": prefix}


async def test_a_rebuild_that_cannot_be_ends_in_a_sentence_and_an_exit_code(
    prefix: str, mongodb_uri: str, environment: dict[str, str], tmp_path: Path
) -> None:
    async def ask(service: str = "accounts", **more: str) -> str:
        code, output = await smartplus("rebuild", service, "--data", str(tmp_path), **environment | more)
        assert code == 1, output
        assert "Traceback" not in output
        return output

    assert "There is no service called nowhere" in await ask("nowhere")
    assert "stay as they were" in await ask(MONGODB_URI="mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200")
    async with AsyncMongoClient[dict[str, Any]](mongodb_uri) as client:
        said = await Lease(client[f"{prefix}accounts"], "rebuild").hold(lambda session: ask())
    assert "A rebuild of accounts is already running." in said
    async with AsyncMongoClient[dict[str, Any]](mongodb_uri) as client:
        keys = MongoKeys(client, Secrets(bytes(32)), f"{prefix}vault")
        assert await keys.key("somebody")
        said = await ask()
        assert "that is not here" in said
        await client.drop_database(f"{prefix}vault")


async def test_a_rebuild_says_how_many_events_wait(
    prefix: str, nats_url: str, environment: dict[str, str], tmp_path: Path
) -> None:
    nc = await connect(nats_url, "test")
    log = await open_log(nc, "accounts")
    subjects = [f"event.accounts.household.{uuid4()}" for _ in range(12)]
    await log.append([NewMessage(subject, uuid4().hex, {}, b"{", 0) for subject in subjects])
    await nc.close()
    code, output = await smartplus("rebuild", "accounts", "--data", str(tmp_path), **environment)
    assert code == 0, output
    assert "Rebuilt" in output
    waiting = re.search(r"(\d+) events wait", re.sub(r"\s+", " ", output))
    assert waiting
    assert int(waiting[1]) >= 12


CODE = "7Q2K91XM"
GATE = {"kind": DeviceKind.DOORPHONE_SINGLE, "name": "Gate"}


@pytest.fixture
async def region(servers_dir: Path, mongodb_uri: str, prefix: str) -> AsyncIterator[Region]:
    # A nats-server of its own: what is folded is what this test recorded.
    async with NatsServer(servers_dir / f"nats-{prefix}") as nats:
        settings = settings_for(nats, mongodb_uri, prefix)
        async with running(ACCOUNTS, settings) as accounts, running(DEVICES, settings) as devices:
            yield Region(accounts, devices, {})


async def libraries(region: Region, macs: list[str], *owners: Actor) -> list[str]:
    """What is told of these MACs: each library with its total, where each one stands, and its trail."""
    told = [await region.see(ListMacs, owner) for owner in owners]
    told += [await region.see(FindMac, root, mac=mac) for mac in macs]
    # Whoever never had a MAC knows none of that name.
    for owner, mac in product(owners, macs):
        with suppress(Refused):
            told.append(await region.see(ListDeviceAudit, owner, subject_id=mac))
    return [view.model_dump_json() for view in told]


async def test_labels_and_claims_read_the_same_after_a_rebuild(
    region: Region, mongodb_uri: str, prefix: str, tmp_path: Path
) -> None:
    above, rightful = await region.distributor(), await region.installer()
    labelled, claimed, bound, anew = macs = [a_mac() for _ in range(4)]
    for mac in macs:
        await region.tell(RegisterMac, above, mac=mac, code=CODE)
    for mac in (claimed, bound, anew):
        await region.tell(ClaimMac, rightful, mac=mac, code=CODE)
    user_id = await region.user(rightful)
    await region.tell(BindDevice, rightful, device_id=str(uuid4()), user_id=user_id, **GATE, mac=bound)
    await region.tell(RemoveMac, rightful, mac=anew)
    await region.tell(RegisterMac, above, mac=anew, code=CODE)
    before = await libraries(region, macs, above, rightful)
    mine, theirs = [await region.see(ListMacs, owner) for owner in (above, rightful)]
    assert ({row.mac for row in mine.rows}, mine.total) == ({labelled, anew}, 2)
    assert ({row.mac for row in theirs.rows}, theirs.total) == ({claimed, bound}, 2)
    shown = {row.mac: row.has_label for row in (*mine.rows, *theirs.rows)}
    assert shown == {labelled: True, anew: True, claimed: False, bound: False}

    library = region.devices.database["library"]
    await library.delete_one({"_id": claimed})
    await library.update_many({}, {"$set": {"has_label": False, "distributor_id": "nobody", "shelves": ["nobody"]}})
    await region.devices.database["library_tallies"].update_many({}, {"$inc": {"count": 3}})
    with pytest.raises(Refused, match="mac-unknown"):
        await region.see(FindMac, root, mac=claimed)

    where = {"NATS_URL": region.devices.settings.nats_url, "MONGODB_URI": mongodb_uri, "SMARTPLUS_SECRET": "5a" * 32}
    code, output = await smartplus(
        "rebuild", "devices", "--data", str(tmp_path), **where, SMARTPLUS_DATABASE_PREFIX=prefix
    )
    assert code == 0, output
    assert await libraries(region, macs, above, rightful) == before
    with pytest.raises(Refused, match="mac-claim-refused"):
        await region.tell(ClaimMac, await region.installer(), mac=claimed, code=CODE)
    await region.tell(ClaimMac, rightful, mac=labelled, code=CODE)
    assert (await region.see(ListMacs, rightful)).total == 3
