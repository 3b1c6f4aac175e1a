"""How the services of a region are, asked over the bus: `health.<service>` answers what its `/health/ready` says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from typing import Any

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from kernel.connecting.address import INBOXES
from kernel.process.health import PROBE_TIMEOUT_S, Health
from kernel.runtime.tasks import ended

AWAY = "away"
READY = "ready"

# Its own probes may take their whole time before it says how it is.
_ANSWER_WITHIN_S = PROBE_TIMEOUT_S + 1.0
_EVERY_S = 2.0
# So long a service may be away without a line: it restarts, or comes up beside whoever asks.
_SILENT_S = 10.0

_log = structlog.get_logger()


async def answer_for(client: Client, health: Health) -> None:
    """Answer how this process is, until the client ends; of several replicas one answers."""
    running: set[asyncio.Task[None]] = set()

    async def answer(message: Msg) -> None:
        if not message.reply.startswith(INBOXES):
            return
        _, state = await health.ready()
        with contextlib.suppress(NatsError, OSError):
            await client.publish(message.reply, json.dumps(state).encode())

    async def asked(message: Msg) -> None:
        task = asyncio.create_task(answer(message))
        running.add(task)
        task.add_done_callback(running.discard)

    await client.subscribe(f"health.{health.service}", queue=health.service, cb=asked)


async def how_is(client: Client, service: str) -> str:
    """`ready`, perhaps with remarks behind a colon; `away`; or what is not well, in words for an operator."""
    try:
        answer = await client.request(f"health.{service}", b"", timeout=_ANSWER_WITHIN_S)
    except NoRespondersError:
        return AWAY
    except (NatsError, OSError, TimeoutError):
        return f"no answer within {_ANSWER_WITHIN_S:.0f} s"
    return _in_words(json.loads(answer.data))


def _in_words(state: dict[str, Any]) -> str:
    dependencies: dict[str, dict[str, Any]] = state["dependencies"]
    reasons = [f"{name}: {each['reason']}" for name, each in dependencies.items() if not each["ok"]]
    remarks = [f"{name}: {each['remark']}" for name, each in dependencies.items() if each.get("remark")]
    if state["ready"]:
        return f"{READY}: {'; '.join(remarks)}" if remarks else READY
    return "; ".join(reasons) or str(state["stage"])


class Modules:
    """How each of these services was when it was last asked, every two seconds: `how_is`."""

    def __init__(self, client: Client, services: Sequence[str]) -> None:
        self._client = client
        self._states: dict[str, str] = dict.fromkeys(services, "not asked yet")
        self._away_since: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    def states(self) -> dict[str, str]:
        """By name of the service."""
        return dict(self._states)

    def start(self) -> None:
        """Ask from now on, until `stop`."""
        self._task = asyncio.create_task(self._ask_on(), name="modules")

    async def stop(self) -> None:
        """Ask no more."""
        if self._task is not None:
            await ended(self._task)

    async def _ask_on(self) -> None:
        while True:
            states = await asyncio.gather(*(how_is(self._client, service) for service in self._states))
            for service, state in zip(tuple(self._states), states, strict=True):
                self._note(service, state)
            await asyncio.sleep(_EVERY_S)

    def _note(self, service: str, state: str) -> None:
        self._states[service] = state
        if state == AWAY:
            since = self._away_since.setdefault(service, time.monotonic())
            if _SILENT_S <= time.monotonic() - since < _SILENT_S + _EVERY_S:
                _log.warning("module-away", module=service)
        elif self._away_since.pop(service, None) is not None and state.startswith(READY):
            _log.info("module-back", module=service)
