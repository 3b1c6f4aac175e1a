"""`smartplus rebuild` repairs what was damaged, says what it did, and refuses in words."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from kernel.jetstream import connect, open_log
from kernel.lease import Lease
from kernel.log import NewMessage
from kernel.vault import MongoKeys, Secrets
from ops.failures import ServerFailed
from ops.rebuild import rebuild
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
