"""`smartplus rebuild` repairs what was damaged, says what it did, and refuses in words."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from kernel.lease import Lease
from ops.failures import ServerFailed
from ops.rebuild import rebuild


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
