"""Questions and wishes between processes: `command.<service>.<Name>` and `query.<service>.<Name>` on core NATS.

A refusal is an answer, not an exception; every answer comes within its deadline or is `Unavailable`; who acts is
proved by a signed token, never read from the body.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar
from uuid import uuid4

import structlog
from faststream.nats import NatsBroker, NatsMessage
from faststream.nats.security import NatsUserPassword
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import (
    ConnectionClosedError,
    ConnectionDrainingError,
    ConnectionReconnectingError,
    MaxPayloadError,
    NoRespondersError,
    OutboundBufferLimitError,
)
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from opentelemetry.trace import SpanKind, Status, StatusCode
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

import kernel.runtime.late_pongs  # noqa: F401 (nats-py goes deaf without it)
from contracts.message import (
    Accepted,
    Actor,
    Command,
    FieldRefusal,
    FilledMark,
    Query,
    Refusal,
    View,
    fields_marked,
    service_of,
)
from kernel.connecting.address import INBOXES, NatsAddress
from kernel.deciding.decider import Refused
from kernel.log.promise import LogFull, Unavailable
from kernel.process.settings import Settings
from kernel.process.telemetry import ANSWER_SECONDS, ANSWERS, trace_context, traced_headers, tracer
from kernel.talking import actor as proof

C = TypeVar("C", bound=Command)
Q = TypeVar("Q", bound=Query)
V = TypeVar("V", bound=View)
M = TypeVar("M", bound=BaseModel)

COMMAND_TIMEOUT_S = 10.0
QUERY_TIMEOUT_S = 5.0
CORRELATION = "correlation_id"
LOG_FULL = "log-full"
# While a server or a service is restarted nobody takes a message for a moment; it may wait that long.
_NOBODY_THERE_S = 2.0
_NOBODY_THERE_PAUSE_S = 0.05

_LOG_FULL_DETAIL = "There is no room for this at present; what revokes and erases is still done. Ask your operator."
_ACCEPTED, _VIEW, _REFUSED = b'{"accepted":', b'{"view":', b'{"refused":'

_log = structlog.get_logger()

_CODES = {
    "missing": "missing",
    "extra_forbidden": "unknown-field",
    "string_too_long": "too-long",
    "too_long": "too-long",
    "string_too_short": "too-short",
    "too_short": "too-short",
    "greater_than": "out-of-range",
    "greater_than_equal": "out-of-range",
    "less_than": "out-of-range",
    "less_than_equal": "out-of-range",
    "multiple_of": "out-of-range",
    "finite_number": "out-of-range",
    "int_parsing_size": "out-of-range",
    "enum": "not-allowed",
    "literal_error": "not-allowed",
    "value_error": "malformed",
    "string_pattern_mismatch": "malformed",
    "uuid_parsing": "malformed",
    "datetime_parsing": "malformed",
    "datetime_from_date_parsing": "malformed",
    "date_from_datetime_parsing": "malformed",
    "timezone_aware": "malformed",
    "json_invalid": "malformed",
    "moment-out-of-range": "moment-out-of-range",
}


class Asked(NamedTuple):
    """What accompanies a command on its way: which chain of messages it belongs to."""

    correlation_id: str


class Elsewhere(Unavailable):
    """The service that was asked does not answer, or says that it cannot now: this one is well."""


class RefusedElsewhere(Refused):
    """A service said no; `refusal()` is what it said, with every field at fault."""

    def __init__(self, refusal: Refusal) -> None:
        first = refusal.errors[0].field if refusal.errors else None
        super().__init__(refusal.code, refusal.detail, field=first)
        self._refusal = refusal

    def refusal(self) -> Refusal:
        """As the service worded it."""
        return self._refusal


def command_subject(contract: type[Command]) -> str:
    """Where commands of that kind are sent."""
    return f"command.{service_of(contract)}.{contract.__name__}"


def query_subject(contract: type[Query]) -> str:
    """Where queries of that kind are sent."""
    return f"query.{service_of(contract)}.{contract.__name__}"


def invalid(error: ValidationError) -> Refusal:
    """Pydantic's complaint as a refusal (`invalid`): per field a stable code and a sentence, never the input."""
    faults = []
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        # Pydantic's own types have underscores; a type of our contracts is the code itself.
        code = fault["type"] if "-" in fault["type"] else _CODES.get(fault["type"], "wrong-type")
        sentence = fault["msg"].removeprefix("Value error, ")
        faults.append(FieldRefusal(field=".".join(map(str, fault["loc"])), code=code, detail=sentence[:200]))
    return Refusal(code="invalid", detail="The message is not well formed.", errors=tuple(faults))


def _refuse(*faults: FieldRefusal) -> RefusedElsewhere:
    return RefusedElsewhere(Refusal(code="invalid", detail="The message is not well formed.", errors=faults))


def encode(message: Command | Query) -> bytes:
    """The body on the wire: everything but the actor, which travels as a token, and what the service itself fills in.

    Raises `ValueError` when a field that only the service may fill is set.
    """
    filled = fields_marked(type(message), FilledMark)
    for name in filled:
        if getattr(message, name) != type(message).model_fields[name].default:
            raise ValueError(f"{type(message).__name__}.{name} is filled in by its service, never sent")
    return message.model_dump_json(exclude={"actor", *filled}).encode()


def decode(contract: type[M], body: bytes, actor: Actor) -> M:
    """The message on the wire, with `actor` as the one who acts. Raises `Refused` (`invalid`) naming each fault."""
    try:
        parsed = from_json(body, allow_inf_nan=False)
    except ValueError:
        raise _refuse(FieldRefusal(field="", code="malformed", detail="The body is not JSON.")) from None
    if not isinstance(parsed, dict):
        raise _refuse(FieldRefusal(field="", code="wrong-type", detail="The body is not a JSON object."))
    if sent := sorted(parsed.keys() & {"actor", *fields_marked(contract, FilledMark)}):
        raise _refuse(
            *(FieldRefusal(field=name, code="not-allowed", detail="This field is not the sender's.") for name in sent)
        )
    try:
        # Strict, so that "1" is not 1 and "yes" is not true; as JSON, where strictness still reads UUIDs and times.
        return contract.model_validate_json(to_json({**parsed, "actor": actor}), strict=True)
    except ValidationError as error:
        raise RefusedElsewhere(invalid(error)) from None


def make_broker(
    settings: Settings,
    name: str,
    *,
    closed: Callable[[], Awaitable[None]] | None = None,
    back: Callable[[], None] = lambda: None,
) -> NatsBroker:
    """A broker that reconnects for ever. `closed` is called when the client gives up for good: exit then.

    `back` is called after each reconnection: what was told meanwhile on core NATS was not heard.
    """

    async def report(error: Exception) -> None:
        if "permissions violation" in str(error).lower():
            # Its rights lack something (`ops.nats_rights`), or it was used for what is not its own.
            _log.error("nats-forbidden", reason=str(error))
        else:
            _log.warning("nats-error", error=type(error).__name__)

    async def disconnected() -> None:
        if not client_of(broker).is_closed:
            _log.warning("nats-disconnected")

    async def reconnected() -> None:
        _log.info("nats-reconnected")
        back()

    address = NatsAddress.parse(settings.nats_url)
    broker = NatsBroker(
        list(address.servers),
        security=NatsUserPassword(address.user, address.password or "") if address.user else None,
        name=name,
        inbox_prefix=address.inbox_prefix,
        allow_reconnect=True,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        connect_timeout=5,
        ping_interval=10,
        max_outstanding_pings=2,
        # Publishing while disconnected fails at once: what is sent late is a surprise.
        pending_size=0,
        error_cb=report,
        disconnected_cb=disconnected,
        reconnected_cb=reconnected,
        closed_cb=closed,
        graceful_timeout=settings.stop_timeout_s,
        apply_types=False,
        logger=None,
    )
    return broker


def client_of(broker: NatsBroker) -> Client:
    """The NATS client under a started broker: one connection per process is enough."""
    client: Client = broker.config.broker_config.connection_state.connection
    return client


async def listen(client: Client, subject: str, hear: Callable[[str, bytes], None], queue: str = "") -> None:
    """Have `hear` told the subject and body of whatever is published on `subject`, in order, until the client ends.

    Of those that listen in the same `queue`, one is told each.
    """

    async def heard(message: Msg) -> None:
        hear(message.subject, message.data)

    await client.subscribe(subject, queue=queue, cb=heard)


async def say(client: Client, subject: str, body: bytes) -> None:
    """Publish to whoever listens at this moment. Raises `Unavailable` when it cannot leave."""
    try:
        await client.publish(subject, body)
    except (NatsError, OSError) as failure:
        raise Unavailable(f"NATS: {type(failure).__name__}") from None


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
            return b"%b%b}" % (_ACCEPTED, accepted.model_dump_json().encode())

        self._register(command_subject(contract), contract.__name__, "accepted", answer)

    def query(self, contract: type[Q], look: Callable[[Q], Awaitable[View | bytes]]) -> None:
        """Answer queries of this kind with what `look` returns: a view, or one that is JSON already."""

        async def answer(message: Msg) -> bytes:
            view = await look(decode(contract, message.data, self._actor(message)))
            return b"%b%b}" % (_VIEW, view if isinstance(view, bytes) else view.model_dump_json().encode())

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
    return b"%b%b}" % (_REFUSED, refusal.model_dump_json().encode())


class Caller:
    """Sends commands and queries to whichever service owns them, on behalf of the actor in the message."""

    def __init__(self, client: Client, actor_key: bytes) -> None:
        self._client = client
        self._actor_key = actor_key

    async def command(
        self, command: Command, *, correlation_id: str | None = None, timeout_s: float = COMMAND_TIMEOUT_S
    ) -> Accepted:
        """The service's answer. The same command (same `command_id`) may always be sent again.

        Raises `Refused` when it says no, `Unavailable` when no answer came in time: then nobody knows whether it was
        obeyed, and sending it again finds out.
        """
        body = await self._ask(command, command_subject(type(command)), correlation_id, timeout_s)
        return Accepted.model_validate_json(_unwrapped(body, _ACCEPTED))

    async def query(
        self, query: Query, *, correlation_id: str | None = None, timeout_s: float = QUERY_TIMEOUT_S
    ) -> bytes:
        """The view as the service wrote it, in JSON. Raises `Refused` or `Unavailable`."""
        return _unwrapped(await self._ask(query, query_subject(type(query)), correlation_id, timeout_s), _VIEW)

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
    if not answer.startswith(_REFUSED):
        raise Unavailable("the answer is not one of ours")
    refusal = Refusal.model_validate_json(answer[len(_REFUSED) : -1])
    if refusal.code == "unavailable":
        raise Elsewhere(refusal.detail)
    if refusal.code == LOG_FULL:
        raise LogFull(refusal.detail)
    raise RefusedElsewhere(refusal)
