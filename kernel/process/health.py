"""Whether a process lives, whether it can work, and with what: `/health/live`, `/health/ready`, `/metrics`, `/version`.

A process that lives is never restarted because a server is away: it says that it is not ready, and waits.
"""

import asyncio
import contextlib
import json
import math
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, GCCollector, PlatformCollector, ProcessCollector, generate_latest

from kernel.process.slow_clients import BoundedProtocol
from kernel.process.telemetry import REGISTRY, VERSION

PROBE_TIMEOUT_S = 2.0

Probe = Callable[[], Awaitable[str | None]]
"""Returns when the dependency works, perhaps with a remark; raises `NotReady`, or anything, when it does not."""

_log = structlog.get_logger()


class NotReady(Exception):
    """Why a dependency does not work, in words for an operator."""


class Stage(StrEnum):
    """Where in its life a process is."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


@dataclass
class Health:
    """What one process says of itself. `probes` are asked anew each time, all at once, 2 s at the most."""

    service: str
    region: str
    is_alive: Callable[[], bool] = lambda: True
    probes: dict[str, Probe] = field(default_factory=dict)
    modules: Callable[[], dict[str, str]] | None = None
    """How other processes are that this one asks; without them it works still, though not for all."""
    stage: Stage = Stage.STARTING

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether it can work now, and the state of each dependency."""
        probes = dict(self.probes)  # a starting process adds some meanwhile
        answers = await asyncio.gather(*(_asked(probe) for probe in probes.values()))
        dependencies = dict(zip(probes, answers, strict=True))
        is_ready = self.stage is Stage.RUNNING and all(each["ok"] for each in answers)
        state = {"ready": is_ready, "stage": self.stage, "dependencies": dependencies}
        return is_ready, {**state, "modules": self.modules()} if self.modules else state

    def version(self) -> dict[str, str]:
        """What runs here."""
        return {"service": self.service, "version": VERSION, "region": self.region}


async def _asked(probe: Probe) -> dict[str, Any]:
    began = time.perf_counter()
    reason = remark = None
    try:
        remark = await asyncio.wait_for(probe(), PROBE_TIMEOUT_S)
    except NotReady as answer:
        reason = str(answer)
    except TimeoutError:
        reason = f"no answer within {PROBE_TIMEOUT_S:.0f} s"
    except Exception as error:  # noqa: BLE001 (whatever is wrong with it, it is not ready)
        reason = type(error).__name__
    milliseconds = round((time.perf_counter() - began) * 1000, 1)
    said = {"reason": reason, "remark": remark}
    return {"ok": reason is None, "ms": milliseconds, **{name: text for name, text in said.items() if text}}


_Message = MutableMapping[str, Any]


@dataclass(frozen=True)
class Surface:
    """The HTTP side of a service, as an ASGI application: nothing but what an operator and Prometheus ask."""

    health: Health

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        status, kind, body = await self._answer(scope["path"] if scope["method"] in ("GET", "HEAD") else "")
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, path: str) -> tuple[int, str, bytes]:
        match path:
            case "/health/live":
                return _json(200 if self.health.is_alive() else 503, {"alive": self.health.is_alive()})
            case "/health/ready":
                is_ready, state = await self.health.ready()
                return _json(200 if is_ready else 503, state)
            case "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY)
            case "/version":
                return _json(200, self.health.version())
        return _json(404, {"detail": "There is nothing here."})


def _json(status: int, content: object) -> tuple[int, str, bytes]:
    return status, "application/json", json.dumps(content).encode()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals are the process's, not the server's


@contextlib.asynccontextmanager
async def serving(
    application: Any, host: str, port: int, *, stop_timeout_s: float = 1, trusted_proxies: str = ""
) -> AsyncIterator[int]:
    """Serve an ASGI application while this lasts; gives the port. Raises `OSError` when it cannot have it.

    `X-Forwarded-For` and `X-Forwarded-Proto` are believed from `trusted_proxies` alone (addresses, networks).
    """
    config = uvicorn.Config(
        application,
        host=host,
        port=port,
        http=BoundedProtocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=75,  # longer than the proxies before it, or their next request meets a closed connection
        timeout_graceful_shutdown=math.ceil(stop_timeout_s),
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
        server_header=False,
    )
    sock = socket.create_server((host, port), backlog=config.backlog)
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield sock.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        sock.close()


def measure_process() -> None:
    """Add this process's memory, processor time and open files to the metrics. Once per process."""
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=REGISTRY)
