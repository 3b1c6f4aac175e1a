"""The commands and queries that a service answers, on core NATS.

The rules it protects: a refusal is an answer, not an exception, and whatever fails here is told to nobody.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import uuid4

import structlog
from faststream.nats import NatsBroker, NatsMessage
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from opentelemetry.trace import SpanKind, Status, StatusCode

from contracts.message import Accepted, Actor, Command, Query, Refusal, Refused, View
from kernel.connecting.address import INBOXES
from kernel.log.promise import LogFull, Unavailable
from kernel.process.telemetry import ANSWER_SECONDS, ANSWERS, trace_context, tracer
from kernel.talking import actor as proof
from kernel.talking.broker import client_of
from kernel.talking.wire import (
    ACCEPTED,
    CORRELATION,
    LOG_FULL,
    REFUSED,
    VIEW,
    Asked,
    command_subject,
    decode,
    query_subject,
)

C = TypeVar("C", bound=Command)
Q = TypeVar("Q", bound=Query)

_LOG_FULL_DETAIL = "There is no room for this at present; what revokes and erases is still done. Ask your operator."

_log = structlog.get_logger()


class Endpoints:
    """The commands and queries that one service answers, at most `workers` of a kind at a time per process.

    FastStream connects and describes them; what arrives is dispatched here (decision 18).
    """

    def __init__(self, broker: NatsBroker, service: str, actor_key: bytes, *, workers: int = 64) -> None:
        self._broker = broker
        self._service = service
        self._verifier = proof.Verifier(actor_key)
        self._workers = workers
        self._answers: dict[str, Callable[[Msg], Awaitable[bytes]]] = {}
        self._open: list[_Endpoint] = []

    def command(self, contract: type[C], obey: Callable[[C, Asked], Awaitable[Accepted]]) -> None:
        """Answer commands of this kind with what `obey` returns. `Refused` and `Unavailable` become refusals."""

        async def answer(message: Msg) -> bytes:
            command = decode(contract, message.data, self._actor(message))
            accepted = await obey(command, Asked((message.headers or {}).get(CORRELATION) or str(uuid4())))
            return b"%b%b}" % (ACCEPTED, accepted.model_dump_json().encode())

        self._register(command_subject(contract), contract.__name__, "accepted", answer)

    def query(self, contract: type[Q], look: Callable[[Q], Awaitable[View | bytes]]) -> None:
        """Answer queries of this kind with what `look` returns: a view, or one that is JSON already."""

        async def answer(message: Msg) -> bytes:
            view = await look(decode(contract, message.data, self._actor(message)))
            return b"%b%b}" % (VIEW, view if isinstance(view, bytes) else view.model_dump_json().encode())

        self._register(query_subject(contract), contract.__name__, "view", answer)

    async def open(self) -> None:
        """Answer from now on. The broker must be connected."""
        client = client_of(self._broker)
        for subject, answer in self._answers.items():
            endpoint = _Endpoint(client, answer, self._workers)
            await endpoint.open(subject, self._service)
            self._open.append(endpoint)

    async def drain(self, timeout_s: float) -> None:
        """Take no further messages, and return when all that were taken are answered.

        Raises `TimeoutError` after `timeout_s` seconds.
        """
        async with asyncio.timeout(timeout_s):
            await asyncio.gather(*(endpoint.drain() for endpoint in self._open))

    def _actor(self, message: Msg) -> Actor:
        token = (message.headers or {}).get(proof.HEADER)
        return self._verifier.verify(token, message.subject, message.data)

    def _register(self, subject: str, name: str, success: str, answer: Callable[[Msg], Awaitable[bytes]]) -> None:
        async def measured(message: Msg) -> bytes:
            began, outcome = time.perf_counter(), success
            context = trace_context(message.headers)
            with tracer().start_as_current_span(f"{subject} process", context, SpanKind.SERVER) as span:
                try:
                    answered = await answer(message)
                    if len(answered) > client_of(self._broker).max_payload:
                        raise RuntimeError(f"the answer has {len(answered)} bytes, more than a message may have")
                    return answered
                except Refused as refused:
                    outcome = refused.code
                    return _refusal(refused.refusal())
                except LogFull:
                    outcome = LOG_FULL
                    _log.warning("log-full", message=name)
                    return _refusal(Refusal(code=outcome, detail=_LOG_FULL_DETAIL))
                except Unavailable:
                    outcome = "unavailable"
                    _log.warning("unavailable", message=name)
                    return _refusal(Refusal(code=outcome, detail="The service cannot say now. Try again."))
                except Exception as error:  # noqa: BLE001 (the process edge: logged here once, told to nobody)
                    outcome = "internal"
                    _log.error("internal", message=name, exc_info=error)
                    return _refusal(Refusal(code=outcome, detail="Something went wrong here."))
                finally:
                    ANSWERS.labels(self._service, name, outcome).inc()
                    ANSWER_SECONDS.labels(self._service, name).observe(time.perf_counter() - began)
                    span.set_attribute("smartplus.outcome", outcome)
                    if outcome == "internal":
                        span.set_status(Status(StatusCode.ERROR))

        async def described(message: NatsMessage) -> bytes:
            raise NotImplementedError("FastStream describes this endpoint and does not run it")

        self._answers[subject] = measured
        self._broker.subscriber(subject, queue=self._service, title=name)(described)


class _Endpoint:
    """Answers what is asked on one subject, each message in a task of its own."""

    def __init__(self, client: Client, answer: Callable[[Msg], Awaitable[bytes]], workers: int) -> None:
        self._client = client
        self._answer = answer
        self._room = asyncio.Semaphore(workers)
        self._at_work: set[asyncio.Task[None]] = set()
        self._subscription: Subscription | None = None

    async def open(self, subject: str, queue: str) -> None:
        self._subscription = await self._client.subscribe(subject, queue=queue, cb=self._take)

    async def drain(self) -> None:
        if self._subscription is not None:
            await self._subscription.drain()  # type: ignore[no-untyped-call]
        if self._at_work:
            await asyncio.wait(self._at_work)

    async def _take(self, message: Msg) -> None:
        # Whatever finds no room waits in the subscription, which `drain` empties too.
        await self._room.acquire()
        task = asyncio.create_task(self._one(message))
        self._at_work.add(task)
        task.add_done_callback(self._done)

    async def _one(self, message: Msg) -> None:
        if not message.reply.startswith(INBOXES):
            return
        answered = await self._answer(message)
        # Whoever gets no answer, because the connection is away or nobody waits for one, may ask again.
        with contextlib.suppress(NatsError, OSError):
            await self._client.publish(message.reply, answered)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._at_work.discard(task)
        self._room.release()


def _refusal(refusal: Refusal) -> bytes:
    return b"%b%b}" % (REFUSED, refusal.model_dump_json().encode())
