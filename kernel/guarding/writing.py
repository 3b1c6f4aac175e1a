"""Whether a service can write, which nobody sees who only reads: nats-server reads on after a full disk.

The rule it protects: a service is ready only if what it appends comes back. nats-server stops writing to a stream whose
disk was full, one stream at a time and until it is restarted, and says so on its `/healthz` alone.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from kernel.connecting.making import patiently, stream_made
from kernel.log.promise import Unavailable
from kernel.process.health import NotReady

STREAM = "PROBE"
FRESH_S = 5.0
"""So long an append that came back speaks for itself."""

_PROBE_WITHIN_S = 1.0
_MONITOR_WITHIN_S = 1.0
# Enough that it does not fit beside others into the last bytes of a full disk.
_BODY = bytes(1024)


class Writing:
    """What became of the appends of one service, and a probe for the time in which there are none.

    The probe is a message on a stream of its own (`probe.<service>`, one is kept). It shows that the server takes
    writes; whether the service's own stream does, its last append says, and the server's monitoring.
    """

    def __init__(
        self,
        nc: Client,
        service: str,
        replicas: int = 1,
        monitor_url: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nc = nc
        self._service = service
        self._replicas = replicas
        self._monitor_url = monitor_url
        self._clock = clock
        self._came_back: float | None = None
        self._lost_since: float | None = None

    async def open(self) -> None:
        """Make the stream of the probes, if there is none. Raises `Unavailable`."""
        await patiently(self._stream_made)

    async def _stream_made(self) -> None:
        config = {
            "name": STREAM,
            "subjects": ["probe.*"],
            "storage": "file",
            "retention": "limits",
            "discard": "old",
            "max_msgs_per_subject": 1,
            "num_replicas": self._replicas,
        }
        await stream_made(self._nc, config)

    def note(self, outcome: str) -> None:
        """An append ended like this, as `MeasuredLog` saw it. What is refused is refused before a write."""
        if outcome == "stored":
            self._came_back, self._lost_since = self._clock(), None
        elif outcome == "unavailable":
            self._lost_since = self._lost_since or self._clock()

    async def probe(self) -> str | None:
        """Returns when writes come back, perhaps with a remark. Raises `NotReady`."""
        now = self._clock()
        if self._lost_since is None and self._came_back is not None and now - self._came_back < FRESH_S:
            return None
        found, written = await asyncio.gather(self._monitored(), self._write())
        if found.trouble and found.sure and self._replicas == 1:
            raise NotReady(found.trouble)
        if written is not None:
            raise NotReady(written)
        if self._lost_since is not None and not found.sure:
            raise NotReady(f"no append has come back for {now - self._lost_since:.0f} s")
        # The server takes writes, and knows of no stream of its own that does not: what was lost was lost on the way.
        return found.trouble

    async def _write(self) -> str | None:
        """What is wrong with a write of the probe, None if it came back."""
        try:
            answer = await self._nc.request(f"probe.{self._service}", _BODY, timeout=_PROBE_WITHIN_S)
        except (NatsError, OSError, TimeoutError) as error:
            if isinstance(error, NoRespondersError):
                # Their stream may be lost: the next probe finds it again.
                with suppress(Unavailable, TimeoutError):
                    async with asyncio.timeout(_PROBE_WITHIN_S):
                        await self._stream_made()
            return f"a write does not come back within {_PROBE_WITHIN_S:.0f} s"
        trouble = json.loads(answer.data).get("error")
        return f"a write is refused: {trouble.get('description')}" if trouble else None

    async def _monitored(self) -> _Found:
        if self._monitor_url is None:
            return _Found(None, sure=False)
        try:
            return _Found(await asyncio.to_thread(ailment, self._monitor_url), sure=True)
        except OSError:
            return _Found("the monitoring of nats-server does not answer", sure=False)


class _Found(NamedTuple):
    """What the monitoring of nats-server finds wrong, None if nothing; `sure` when it was there to ask."""

    trouble: str | None
    sure: bool


def ailment(monitor_url: str) -> str | None:
    """What nats-server's plain `/healthz` finds wrong (a write error, a stream that is not whole), None if nothing.

    Raises `OSError` when it does not answer.
    """
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{monitor_url.rstrip('/')}/healthz", timeout=_MONITOR_WITHIN_S):
            return None
    except urllib.error.HTTPError as answer:
        try:
            return f"nats-server: {json.load(answer)['error']}"
        except (ValueError, KeyError):
            return f"nats-server answers {answer.code} when asked for its health"
