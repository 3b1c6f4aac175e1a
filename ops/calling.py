"""Speaking to the running system as its operator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kernel.connecting.connection import connect
from kernel.process.settings import read_settings
from kernel.talking.caller import Caller


@asynccontextmanager
async def calling(name: str) -> AsyncIterator[Caller]:
    """Whoever holds the region's secret may speak for anybody; `name` is how NATS sees this connection."""
    settings = read_settings()
    client = await connect(settings.nats_url, name)
    try:
        yield Caller(client, settings.secrets().actor)
    finally:
        await client.close()
