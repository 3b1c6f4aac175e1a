"""What servers write about themselves has a bounded size."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ops import logs
from ops.servers import MongoServer, NatsServer


def test_a_file_that_grew_is_emptied_and_its_last_copies_stay(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    with path.open("ab", buffering=0) as writer:
        for turn in range(8):
            writer.write(b"%d" % turn * 100)
            assert logs.rotate(path, largest=99)
            assert not logs.rotate(path, largest=99)
        writer.write(b"goes on")
    assert path.read_bytes() == b"goes on"
    kept = {each.name: each.read_bytes()[:1] for each in tmp_path.iterdir() if each != path}
    assert kept == {"server.log.1": b"7", "server.log.2": b"6", "server.log.3": b"5"}


def test_a_file_that_is_not_there_is_no_failure(tmp_path: Path) -> None:
    assert not logs.rotate(tmp_path / "server.log", largest=0)


@pytest.mark.parametrize("kind", [NatsServer, MongoServer])
async def test_a_server_s_log_is_kept_small_while_it_runs(
    tmp_path: Path, kind: type[NatsServer] | type[MongoServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LARGEST_BYTES", 512)
    monkeypatch.setattr(logs, "_LOOK_EVERY_S", 0.02)
    async with kind(tmp_path) as server, asyncio.timeout(20):
        for round_of_two in range(2):
            while not (tmp_path / f"server.log.{round_of_two + 1}").exists():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            await server.kill()
            await server.start()
        assert server.log_file.stat().st_size < 2**16
    assert not (tmp_path / f"server.log.{logs.COPIES + 1}").exists()
