"""What `/health/ready` asks of what a service depends on."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable

import pymongo
from nats.aio.client import Client
from pymongo.errors import PyMongoError

from kernel.keeping.mongo import Mongo
from kernel.log.promise import Log
from kernel.process.health import NotReady
from kernel.reacting.reactions import Reactions
from kernel.reading.projection import Projector

_PROBE_S = 1


async def nats_answers(client: Client) -> None:
    """Raises `NotReady`, or what ails the connection."""
    if not client.is_connected:
        raise NotReady("not connected")
    await client.flush(_PROBE_S)


async def mongo_answers(client: Mongo) -> None:
    """Raises `PyMongoError` when nobody answers within a second."""
    with pymongo.timeout(_PROBE_S):
        await client.admin.command("ping")


async def log_answers(log: Log) -> None:
    """Raises `Unavailable`."""
    await log.last_seq()


async def projects(projector: Projector) -> str | None:
    """What waits of the read models. Raises `NotReady` while they do not follow the log."""
    if not projector.is_ready:
        raise NotReady(projector.problem or projector.phase)
    return await _remarked(projector.remark())


async def reacts(reactions: Reactions) -> str | None:
    """What waits of the reactions. Raises `NotReady` when one of them is stuck by our own fault."""
    if reactions.problem is not None:
        raise NotReady(reactions.problem)
    return await _remarked(reactions.remark())


async def _remarked(remark: Awaitable[str | None]) -> str | None:
    # Whether MongoDB answers is another probe's question.
    with contextlib.suppress(PyMongoError), pymongo.timeout(_PROBE_S):
        return await remark
    return None
