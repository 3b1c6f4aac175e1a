"""A nats-server that stood still for a moment is heard again as soon as it goes on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError

from kernel.connecting.connection import connect
from kernel.process.settings import Settings
from kernel.talking.broker import client_of, make_broker
from ops.servers import NatsServer
from tests.ops.watching import freeze


@pytest.mark.parametrize("made", ["connect", "broker"])
async def test_a_client_that_lost_patience_hears_a_server_that_goes_on(made: str, tmp_path: Path) -> None:
    async with NatsServer(tmp_path / "nats") as server:
        client: Client
        end: Callable[[], Awaitable[object]]
        if made == "connect":
            client = await connect(server.url, "test")
            end = client.close
        else:
            settings = Settings(nats_url=server.url, mongodb_uri="mongodb://unused", secret="00" * 32)
            broker = make_broker(settings, "test")
            await broker.connect()
            client, end = client_of(broker), broker.stop
        try:
            assert server.pid is not None
            await freeze(server.pid)
            for _ in range(3):
                with pytest.raises((NatsError, TimeoutError)):
                    await client.flush(0.2)  # type: ignore[arg-type]
            os.kill(server.pid, signal.SIGCONT)
            async with asyncio.timeout(2):
                await client.flush()
            assert client.stats["reconnects"] == 0
        finally:
            await end()
