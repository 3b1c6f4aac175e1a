"""Due work comes by itself: one durable timer per owner and purpose, kept by the server, fired as a message.

The rule it protects: a timer that was acknowledged fires, at its time or as soon as anybody is there again; it may be
delivered more than once, so what it causes carries the timer's id.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from contracts.message import Refused
from contracts.moments import clamped
from kernel.connecting.making import consumer_made, make_consumer, patiently, stream_made
from kernel.deciding.reasons import reason_of
from kernel.log.promise import Unavailable
from kernel.process.health import NotReady

STREAM = "SCHED"
LOOK_EVERY_S = 5.0
_NAMESPACE = UUID("0d4e3a58-6f0f-5f0e-9b55-6b1c0b5d7a10")
_OWNER = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_PURPOSE = re.compile(r"[A-Za-z0-9_-]+")
_ANSWER_S = 5.0
_ACK_WAIT_S = 30
_AT_ONCE = 64
# Those that failed count until they are tried again: they must not keep the others waiting.
_IN_HAND = 1_000
_LONGEST_PAUSE_S = 30.0
# The server says here on which subject a timer that fires was set: only its own service may publish there.
_SET_ON = "Nats-Scheduler"
_log = structlog.get_logger()


@dataclass(frozen=True)
class Due:
    """A timer that fired. Its `id` is the same however often it is delivered: derive command ids from it."""

    id: UUID
    owner: str
    purpose: str
    at: datetime
    payload: bytes


def timer_id(service: str, owner: str, purpose: str, at: datetime) -> UUID:
    """The id of the timer of `owner` for `purpose` at that moment."""
    return uuid5(_NAMESPACE, f"{service}/{owner}/{purpose}/{at.astimezone(UTC).isoformat()}")


class Timers:
    """The timers of one service. An owner is the name of an aggregate (`household.<id>`); a purpose is one word."""

    def __init__(self, nc: Client, service: str, replicas: int = 1) -> None:
        self._nc = nc
        self._service = service
        self._replicas = replicas
        self._subscription: Subscription | None = None
        self._in_hand: set[asyncio.Task[None]] = set()
        self._created: str | None = None
        self._away: str | None = None
        self._lost_at: datetime | None = None

    async def open(self) -> None:
        """Make the stream that keeps the timers, if there is none. Raises `Unavailable`."""
        self._created = await patiently(self._stream_made)

    async def watch(self) -> None:
        """Every few seconds `look` whether the stream and what hands out its timers are there, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Make anew what is not there any more; call it once this serves. The timers of a lost stream are lost."""
        try:
            created = await self._stream_made()
            await consumer_made(self._nc, STREAM, self._consumer())
        except Unavailable as failure:
            self._away = str(failure)
            return
        self._away = None
        if created and self._created and created != self._created:
            self._lost_at = datetime.now(UTC)
            _log.error("timers-lost", service=self._service, stream=STREAM, made_before=self._created, made=created)
        self._created = created or self._created

    async def probe(self) -> str | None:
        """For readiness. Raises `NotReady` while no timer can be kept or fire; a remark once timers were lost."""
        if self._away:
            raise NotReady(self._away)
        if self._lost_at is None:
            return None
        return f"timers were lost before {self._lost_at:%Y-%m-%d %H:%M} UTC; docs/operating says what to do"

    async def _stream_made(self) -> str | None:
        config = {
            "name": STREAM,
            "subjects": ["sch.>", "due.>"],
            "storage": "file",
            "retention": "limits",
            "num_replicas": self._replicas,
            "allow_msg_schedules": True,
            "allow_msg_ttl": True,
            "allow_direct": True,
        }
        return await stream_made(self._nc, config)

    async def set(self, owner: str, purpose: str, at: datetime, payload: bytes = b"") -> UUID:
        """Fire at `at` (with a zone; in the past: at once), instead of whatever was set for this owner and purpose.

        Returns the timer's id when the server has it on its disk. `payload` must not be personal: it is kept in the
        clear. Raises `ValueError` for an owner, purpose or time that cannot be, and `Unavailable`, after which the
        same may be set again.
        """
        if at.tzinfo is None:
            raise ValueError("a timer needs a time with a zone")
        name = self._name(owner, purpose)
        id = timer_id(self._service, owner, purpose, at)
        # What fired already and nobody took belongs to the old time.
        await self._clear(f"due.{name}")
        headers = {
            "Nats-Schedule": f"@at {at.astimezone(UTC).isoformat()}",
            "Nats-Schedule-Target": f"due.{name}",
            "sp-timer": str(id),
            "sp-at": at.astimezone(UTC).isoformat(),
        }
        answer = await self._ask(f"sch.{name}", payload, headers)
        if "error" in answer:
            raise Unavailable(f"the timer is not set: {answer['error'].get('description')}")
        return id

    async def cancel(self, owner: str, purpose: str) -> None:
        """Fire no more. What is being delivered in this moment cannot be called back. Raises `Unavailable`."""
        name = self._name(owner, purpose)
        await self._clear(f"sch.{name}")
        await self._clear(f"due.{name}")

    async def serve(self, fired: Callable[[Due], Awaitable[None]]) -> None:
        """Hand each timer that fires to `fired`, in this process or another replica's, until it returns without error.

        A `Refused` counts as done: the owner no longer wants it. Anything else is tried again, with pauses of up to
        30 s. Returns once the server knows; the rest happens in the background until `stop`. Raises `Unavailable`.
        """
        room = asyncio.Semaphore(_AT_ONCE)

        async def deliver(msg: Msg) -> None:
            async with room:
                await self._deliver(msg, fired)

        async def receive(msg: Msg) -> None:
            task = asyncio.create_task(deliver(msg))
            self._in_hand.add(task)
            task.add_done_callback(self._in_hand.discard)

        self._subscription = await self._nc.subscribe(f"timers.{self._service}", queue=self._service, cb=receive)
        try:
            await make_consumer(self._nc, STREAM, self._consumer())
        except Unavailable:
            await self.stop()
            raise

    def _consumer(self) -> dict[str, Any]:
        return {
            "durable_name": self._service,
            "filter_subject": f"due.{self._service}.>",
            "deliver_subject": f"timers.{self._service}",
            "deliver_group": self._service,
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "ack_wait": _ACK_WAIT_S * 1_000_000_000,
            "max_deliver": -1,
            "max_ack_pending": _IN_HAND,
        }

    async def stop(self) -> None:
        """Take no more, and finish what is in hand."""
        if self._subscription is not None:
            await self._subscription.unsubscribe()
            self._subscription = None
        if self._in_hand:
            await asyncio.wait(self._in_hand)

    async def _deliver(self, msg: Msg, fired: Callable[[Due], Awaitable[None]]) -> None:
        headers = msg.headers or {}
        name = msg.subject.removeprefix("due.")
        if headers.get(_SET_ON) != f"sch.{name}" or not name.startswith(f"{self._service}."):
            # What cleared the subject, or what another service had fire here: no timer of ours.
            await self._answer(msg, b"+ACK")
            return
        owner, _, purpose = name.removeprefix(f"{self._service}.").rpartition(".")
        try:
            at = clamped(datetime.fromisoformat(headers["sp-at"]))
            await fired(Due(UUID(headers["sp-timer"]), owner, purpose, at, msg.data))
        except Refused as refused:
            _log.info("timer refused", service=self._service, purpose=purpose, code=refused.code)
        except Exception as failure:  # noqa: BLE001 (a timer is never dropped: it is tried until it succeeds)
            attempt = msg.metadata.num_delivered
            _log.warning("timer failed", purpose=purpose, attempt=attempt, reason=reason_of(failure))
            await self._answer(msg, b'-NAK {"delay": %d}' % int(min(2.0 ** (attempt - 1), _LONGEST_PAUSE_S) * 1e9))
            return
        # Done: it need not be kept. The sequence is the fourth token from the end of `$JS.ACK...`.
        seq = msg.metadata.sequence.stream
        await self._answer(msg, b"+ACK")
        with suppress(Unavailable):  # acknowledged, so never delivered again; only its bytes stay
            await self._clear(f"due.{name}", seq)

    async def _answer(self, msg: Msg, word: bytes) -> None:
        try:
            await self._nc.publish(msg.reply, word)
        except NatsError:
            return  # delivered again after the wait, and repeated then

    def _name(self, owner: str, purpose: str) -> str:
        if not _OWNER.fullmatch(owner) or not _PURPOSE.fullmatch(purpose):
            raise ValueError(f"not the name of a timer: {owner!r}, {purpose!r}")
        return f"{self._service}.{owner}.{purpose}"

    async def _clear(self, subject: str, up_to: int | None = None) -> None:
        """Keep nothing on the subject; with `up_to`, unless something came after that one.

        By a message that takes the place of all before it and is gone in a second: to purge the stream, or to delete
        from it, is a right over the timers of every service.
        """
        headers = {"Nats-Rollup": "sub", "Nats-TTL": "1s"}
        if up_to is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(up_to)
        answer = await self._ask(subject, b"", headers)
        if "error" in answer:
            raise Unavailable(f"the timer is not cleared: {answer['error'].get('description')}")

    async def _ask(
        self, subject: str, request: dict[str, Any] | bytes, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        try:
            answer = await self._nc.request(subject, body, timeout=_ANSWER_S, headers=headers)
        except (TimeoutError, NatsError, OSError) as failure:
            raise Unavailable(f"the server did not answer: {type(failure).__name__}") from failure
        return dict(json.loads(answer.data))
