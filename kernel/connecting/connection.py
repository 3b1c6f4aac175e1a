"""A connection to NATS that reconnects for ever, and whether its server is fit to be used."""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.request
from collections.abc import Callable
from typing import Any

from nats.aio.client import Client

from kernel.connecting.address import NatsAddress
from kernel.log.promise import Unavailable

OLDEST_SERVER = (2, 15, 1)
_CONNECT_WITHIN_S = 30.0

_logger = logging.getLogger(__name__)


class UnfitServer(Exception):
    """The NATS server must not be used: it would lose acknowledged events, or cannot do what the log needs."""


class Connection(Client):
    """A client that reconnects for ever. When `closed` is set it gave up all the same, and the process must end."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = asyncio.Event()


async def connect(url: str, name: str, back: Callable[[], None] = lambda: None) -> Connection:
    """Connect to the servers of `url` (comma-separated). Raises `Unavailable` when none answers within 30 s.

    `back` is called after each reconnection: what was told meanwhile on core NATS was not heard.
    Publishing while disconnected fails at once instead of being buffered: what is sent late is a surprise.
    """
    connection = Connection()
    address = NatsAddress.parse(url)

    async def closed() -> None:
        connection.closed.set()

    async def disconnected() -> None:
        if not connection.is_closed:
            _logger.warning("NATS connection lost")

    async def reconnected() -> None:
        _logger.info("NATS connection restored")
        back()

    async def failed(error: Exception) -> None:
        _logger.info("NATS connection: %r", error)

    try:
        async with asyncio.timeout(_CONNECT_WITHIN_S):
            await connection.connect(
                list(address.servers),
                **address.credentials,
                name=name,
                closed_cb=closed,
                disconnected_cb=disconnected,
                reconnected_cb=reconnected,
                error_cb=failed,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.25,  # type: ignore[arg-type]
                ping_interval=10,
                max_outstanding_pings=2,
                pending_size=0,
            )
    except TimeoutError as error:
        raise Unavailable(f"no NATS server answers at {address} within {_CONNECT_WITHIN_S:.0f} s") from error
    return connection


async def check_server(nc: Client, monitor_url: str | None = None) -> None:
    """Raises `UnfitServer` when the server is too old or, as its monitoring (if given) shows, does not flush writes."""
    version = nc.connected_server_version
    if (version.major, version.minor, version.patch) < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        found = f"{version.major}.{version.minor}.{version.patch}"
        raise UnfitServer(f"nats-server {found} is too old: batches with several expectations need {oldest} or later.")
    if monitor_url is None:
        return
    settings = (await asyncio.to_thread(_varz, monitor_url)).get("jetstream", {}).get("config")
    if not settings:
        raise UnfitServer(f"JetStream is off at {monitor_url}: start nats-server with a jetstream block.")
    if settings.get("sync_always") is not True:
        raise UnfitServer(
            f"The nats-server at {monitor_url} does not flush every write, so a power cut would lose acknowledged "
            "events: set jetstream.sync_interval to always."
        )


def _varz(monitor_url: str) -> dict[str, Any]:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{monitor_url.rstrip('/')}/varz", timeout=5) as answer:
            return dict(json.load(answer))
    except (OSError, ValueError) as error:
        raise UnfitServer(f"The monitoring of nats-server does not answer at {monitor_url}: {error}") from error
