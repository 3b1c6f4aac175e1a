"""Saying something on one subject and hearing what is said on another, for as long as it takes.

The rule it protects: nothing that is heard piles up without bound, and who has stopped listening is told nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from kernel.log.promise import Unavailable

_WAITING_MAX = 256


class Overrun(Exception):
    """More was said than was listened to."""


class Conversation:
    """One side of it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_WAITING_MAX)
        self._is_overrun = False

    async def say(self, subject: str, body: bytes) -> None:
        """Whether anybody hears it is theirs to say. Raises `Unavailable`."""
        try:
            await self._client.publish(subject, body)
        except NatsError as failure:
            raise Unavailable(f"NATS: {type(failure).__name__}") from None

    async def hear(self) -> bytes:
        """What is said next, in order. Raises `Overrun` when some of it was lost."""
        body = await self._waiting.get()
        if self._is_overrun:
            raise Overrun
        return body

    async def _heard(self, message: Msg) -> None:
        try:
            self._waiting.put_nowait(message.data)
        except asyncio.QueueFull:
            self._is_overrun = True


@asynccontextmanager
async def conversation(client: Client, hearing: str) -> AsyncIterator[Conversation]:
    """Hear what is said on the subject `hearing` while this lasts. Raises `Unavailable`."""
    told = Conversation(client)
    try:
        subscription = await client.subscribe(hearing, cb=told._heard)
    except NatsError as failure:
        raise Unavailable(f"NATS: {type(failure).__name__}") from None
    try:
        yield told
    finally:
        with contextlib.suppress(NatsError):
            await subscription.unsubscribe()
