"""The stream under a log: made when there is none, judged when there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from nats.aio.client import Client

from kernel.connecting.connection import UnfitServer
from kernel.log.asks import Asks
from kernel.log.integrity import losses_of
from kernel.log.jetstream import JetStreamLog
from kernel.log.promise import Unavailable
from kernel.log.trouble import ATTEMPT_S, MOST_PAUSE_S, NO_STREAM, STREAM_TAKEN, UNREACHED, code_of, now, way_out

_DEFAULT_MAX_BYTES = 2**30
_DUPLICATE_WINDOW_S = 120.0
_NANOSECONDS = 1_000_000_000


async def open_log(
    nc: Client,
    service: str,
    replicas: int = 1,
    max_bytes: int = _DEFAULT_MAX_BYTES,
    duplicate_window_s: float = _DUPLICATE_WINDOW_S,
    timeout_s: float = 30.0,
) -> JetStreamLog:
    """The log of a service; its stream is created when there is none, and left as it is when there is one.

    `duplicate_window_s` is how long the server itself knows ids; the log knows them for ever.
    Raises `UnfitServer` when the existing stream was made otherwise, `Unavailable` after `timeout_s`.
    """
    stream = service.upper()
    subjects = f"event.{service}.>"
    wanted = {
        "subjects": [subjects],
        "retention": "limits",
        "storage": "file",
        "discard": "new",
        "max_age": 0,
        "max_msgs": -1,
        "max_msgs_per_subject": -1,
        "allow_atomic": True,
        "allow_direct": True,
        "deny_delete": True,
        "deny_purge": True,
        "allow_rollup_hdrs": False,
    }
    new = {
        **wanted,
        "name": stream,
        "num_replicas": replicas,
        "max_bytes": max_bytes,
        "duplicate_window": int(duplicate_window_s * _NANOSECONDS),
        "metadata": {"epoch": uuid4().hex},
    }
    asks = Asks(nc)
    await asks.open()
    deadline = now() + timeout_s
    while True:
        answer = await _found_or_made(asks, stream, new)
        if "error" not in answer:
            break
        trouble = answer["error"]
        if trouble["code"] != 503:
            raise UnfitServer(f"The stream {stream} cannot be made: {trouble['description']}.{way_out(trouble)}")
        if now() > deadline:
            await asks.close()
            raise Unavailable(f"the stream {stream} is not available: {trouble['description']}")
        await asyncio.sleep(MOST_PAUSE_S)
    found = answer["config"]
    differing = [name for name, value in wanted.items() if found.get(name, False) != value]
    if found.get("allow_msg_schedules"):
        differing.append("allow_msg_schedules")
    metadata = found.get("metadata", {})
    epoch = metadata.get("epoch")
    if differing or not epoch:
        what = ", ".join(differing) or "an epoch in its metadata"
        raise UnfitServer(f"The stream {stream} was not made by this program: it differs in {what}.")
    losses = losses_of(metadata)
    return JetStreamLog(nc, stream, subjects[:-1], epoch, asks, losses, replicated=found["num_replicas"] > 1)


async def _found_or_made(asks: Asks, stream: str, new: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found = await asks.api(f"STREAM.INFO.{stream}", {}, ATTEMPT_S)
        if code_of(found) != NO_STREAM:
            return found
        made = await asks.api(f"STREAM.CREATE.{stream}", new, 10.0)
    except UNREACHED as error:
        return {"error": {"code": 503, "description": repr(error)}}
    # Somebody who follows this log makes it in this moment, with another epoch: that one counts, once it can be seen.
    return {"error": {**made["error"], "code": 503}} if code_of(made) == STREAM_TAKEN else made
