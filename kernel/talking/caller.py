"""Commands and queries sent to whichever service owns them.

The rule it protects: a refusal is an answer, and every answer comes within its deadline or is `Unavailable`.
"""

import asyncio
import time
from typing import TypeVar
from uuid import uuid4

from nats.aio.client import Client
from nats.errors import (
    ConnectionClosedError,
    ConnectionDrainingError,
    ConnectionReconnectingError,
    MaxPayloadError,
    NoRespondersError,
    OutboundBufferLimitError,
)
from nats.errors import TimeoutError as NatsTimeout
from opentelemetry.trace import SpanKind

from contracts.message import Accepted, Actor, Answer, Command, Query, Refusal, Refused, View, accepted_of
from kernel.log.promise import LogFull, Unavailable
from kernel.process.telemetry import traced_headers, tracer
from kernel.talking import actor as proof
from kernel.talking.wire import (
    ACCEPTED,
    CORRELATION,
    LOG_FULL,
    REFUSED,
    VIEW,
    Elsewhere,
    RefusedElsewhere,
    command_subject,
    encode,
    query_subject,
)

A = TypeVar("A", bound=Answer)
V = TypeVar("V", bound=View)

COMMAND_TIMEOUT_S = 10.0
QUERY_TIMEOUT_S = 5.0
# While a server or a service is restarted nobody takes a message for a moment; it may wait that long.
_NOBODY_THERE_S = 2.0
_NOBODY_THERE_PAUSE_S = 0.05


class Caller:
    """Sends commands and queries to whichever service owns them, on behalf of the actor in the message."""

    def __init__(self, client: Client, actor_key: bytes) -> None:
        self._client = client
        self._actor_key = actor_key

    async def command(
        self, command: Command[A], *, correlation_id: str | None = None, timeout_s: float = COMMAND_TIMEOUT_S
    ) -> Accepted[A]:
        """The service's answer. The same command (same `command_id`) may always be sent again.

        Raises `Refused` when it says no, `Unavailable` when no answer came in time: then nobody knows whether it was
        obeyed, and sending it again finds out.
        """
        body = await self._ask(command, command_subject(type(command)), correlation_id, timeout_s)
        # A newer service may answer more than was declared when this was written.
        return accepted_of(type(command)).model_validate_json(_unwrapped(body, ACCEPTED), extra="ignore")

    async def query(
        self, query: Query, *, correlation_id: str | None = None, timeout_s: float = QUERY_TIMEOUT_S
    ) -> bytes:
        """The view as the service wrote it, in JSON. Raises `Refused` or `Unavailable`."""
        return _unwrapped(await self._ask(query, query_subject(type(query)), correlation_id, timeout_s), VIEW)

    async def view(self, query: Query, view: type[V]) -> V:
        """The answer to `query`, read as `view`. Raises `Refused` or `Unavailable`."""
        return view.model_validate_json(await self.query(query))

    async def _ask(self, message: Command | Query, subject: str, correlation_id: str | None, timeout_s: float) -> bytes:
        body = encode(message)
        with tracer().start_as_current_span(f"{subject} ask", kind=SpanKind.CLIENT):
            headers = {CORRELATION: correlation_id or str(uuid4()), **traced_headers()}
            return await self._request(subject, body, message.actor, headers, time.monotonic() + timeout_s)

    async def _request(
        self, subject: str, body: bytes, actor: Actor, headers: dict[str, str], deadline: float
    ) -> bytes:
        nobody_until = min(deadline, time.monotonic() + _NOBODY_THERE_S)
        while True:
            try:
                remaining = max(0.001, deadline - time.monotonic())
                # A token is of use once: each attempt has its own.
                signed = {**headers, proof.HEADER: proof.sign(actor, subject, body, self._actor_key)}
                return bytes((await self._client.request(subject, body, timeout=remaining, headers=signed)).data)
            except (NoRespondersError, OutboundBufferLimitError, ConnectionReconnectingError) as error:
                # It was not sent, or reached nobody. In a restart that lasts a moment.
                if time.monotonic() > nobody_until:
                    raise Elsewhere(f"nobody answers {subject}: {type(error).__name__}") from None
                await asyncio.sleep(_NOBODY_THERE_PAUSE_S)
            except MaxPayloadError:
                raise Refused("too-large", "The message is larger than any may be.") from None
            except NatsTimeout:
                raise Elsewhere(f"no answer from {subject} in time") from None
            except (ConnectionClosedError, ConnectionDrainingError):
                raise Unavailable("this process is stopping") from None


def _unwrapped(answer: bytes, success: bytes) -> bytes:
    if answer.startswith(success):
        return answer[len(success) : -1]
    if not answer.startswith(REFUSED):
        raise Unavailable("the answer is not one of ours")
    refusal = Refusal.model_validate_json(answer[len(REFUSED) : -1])
    if refusal.code == "unavailable":
        raise Elsewhere(refusal.detail)
    if refusal.code == LOG_FULL:
        raise LogFull(refusal.detail)
    raise RefusedElsewhere(refusal)
