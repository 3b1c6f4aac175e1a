"""What a service asks of nats-server at its start: the streams and consumers that it makes beside its log.

The rule it protects: a server that has just begun is waited for. A cluster without a leader answers nothing at all, and
one that has just chosen it refuses for a moment: neither is a reason for a service to end.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from nats.aio.client import Client
from nats.errors import Error as NatsError

from kernel.log.promise import Unavailable

_T = TypeVar("_T")

_WITHIN_S = 30.0
_ATTEMPT_S = 5.0
_PAUSE_S = 0.5
_STREAM_NAME_IN_USE = 10058


async def patiently(attempt: Callable[[], Awaitable[_T]], within_s: float = _WITHIN_S) -> _T:
    """What `attempt` returns, tried again for `within_s` while it raises `Unavailable`, which is raised then."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        try:
            return await attempt()
        except Unavailable:
            if loop.time() + _PAUSE_S > deadline:
                raise
            await asyncio.sleep(_PAUSE_S)


async def make_consumer(nc: Client, stream: str, config: Mapping[str, Any]) -> None:
    """Make that durable consumer; the same again changes nothing. Raises `Unavailable`."""
    await patiently(partial(consumer_made, nc, stream, config))


async def stream_made(nc: Client, config: Mapping[str, Any]) -> str | None:
    """Make that stream, in one attempt; one that exists stays as it is. Raises `Unavailable`.

    When the stream that is there now was made, if the server says so: not of one that differs from `config`.
    """
    created = (await _make(nc, f"STREAM.CREATE.{config['name']}", config)).get("created")
    return str(created) if created else None


async def consumer_made(nc: Client, stream: str, config: Mapping[str, Any]) -> None:
    """As `make_consumer`, in one attempt."""
    name = f"CONSUMER.CREATE.{stream}.{config['durable_name']}.{config['filter_subject']}"
    await _make(nc, name, {"stream_name": stream, "config": config})


async def _make(nc: Client, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        answer = await nc.request(f"$JS.API.{name}", json.dumps(request).encode(), timeout=_ATTEMPT_S)
    except (NatsError, OSError, TimeoutError) as error:
        raise Unavailable(f"{name}: {type(error).__name__}") from error
    made: dict[str, Any] = json.loads(answer.data)
    trouble = made.get("error", {})
    if trouble.get("err_code") not in (None, _STREAM_NAME_IN_USE):
        raise Unavailable(f"{name}: {trouble.get('description')}")
    return made
