"""Questions to nats-server over one subscription of our own.

A question may have many answers, and each is waited for within bounds.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError


class Asks:
    """Requests over one subscription of our own: cheaper than `Client.request`, and a request may have many answers."""

    def __init__(self, nc: Client) -> None:
        self._nc = nc
        self._inbox = nc.new_inbox() + "."
        self._receivers: dict[str, Callable[[Msg], None]] = {}
        self._count = 0
        self._subscription: Subscription | None = None

    async def open(self) -> None:
        self._subscription = await self._nc.subscribe(self._inbox + "*", cb=self._receive, pending_bytes_limit=0)

    async def close(self) -> None:
        """Take no more answers: whoever opens one again and again must close the former."""
        with suppress(NatsError, OSError):
            if self._subscription is not None:
                await self._subscription.unsubscribe()

    async def _receive(self, msg: Msg) -> None:
        receiver = self._receivers.get(msg.subject[len(self._inbox) :])
        if receiver is not None:
            receiver(msg)

    async def one(self, subject: str, body: bytes, headers: dict[str, str] | None, timeout_s: float) -> Msg:
        """The first answer. Raises `TimeoutError`, or what the client raises when it is not connected."""
        future: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        return await self._answer(future, lambda msg: _settle(future, msg), subject, body, headers, timeout_s)

    async def many(self, subject: str, body: bytes, timeout_s: float) -> tuple[list[Msg], Msg]:
        """All answers up to the one with a status, and that one. Each of them may take `timeout_s`."""
        messages: list[Msg] = []
        future: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

        def receive(msg: Msg) -> None:
            if msg.headers is not None and "Status" in msg.headers and not msg.data:
                _settle(future, msg)
            else:
                messages.append(msg)

        end = await self._answer(future, receive, subject, body, None, timeout_s)
        return messages, end

    async def _answer(
        self,
        future: asyncio.Future[Msg],
        receiver: Callable[[Msg], None],
        subject: str,
        body: bytes,
        headers: dict[str, str] | None,
        timeout_s: float,
    ) -> Msg:
        self._count += 1
        token = str(self._count)
        self._receivers[token] = receiver
        patience = asyncio.get_running_loop().call_later(timeout_s, _expire, future)
        try:
            await self._nc.publish(subject, body, reply=self._inbox + token, headers=headers)
            return await future
        finally:
            patience.cancel()
            del self._receivers[token]

    async def api(self, name: str, request: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """An answer of the JetStream API, which may be an `error`."""
        answer = await self.one(f"$JS.API.{name}", json.dumps(request).encode(), None, timeout_s)
        if answer.headers is not None and "Status" in answer.headers:
            return {"error": {"code": 503, "err_code": 0, "description": "nobody answers for JetStream"}}
        return dict(json.loads(answer.data))


def _settle(future: asyncio.Future[Msg], msg: Msg) -> None:
    if not future.done():
        future.set_result(msg)


def _expire(future: asyncio.Future[Msg]) -> None:
    if not future.done():
        future.set_exception(TimeoutError())
