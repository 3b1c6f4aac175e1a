"""A place whose services look often, and hand out again soon."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernel.jobs import jobs as jobs_module
from ops.servers import MongoServer
from tests.kernel.jobs.place import Place, place


@pytest.fixture
async def here(tmp_path: Path, mongo_server: MongoServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr(jobs_module, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr("kernel.jobs.worklist.ACK_WAIT_S", 2.0)
    async with place(tmp_path, mongo_server.url, stop_timeout_s=2) as made:
        yield made
