"""Reading a stream from a position on, for ever: the kernel's own pull loop.

The rule it protects: every message above the position, once, in order, whatever happens to servers and consumers.
The consumer is disposable: it is made again after the last message handed out whenever anything looks wrong.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from kernel.log.integrity import Chain, Damaged, Span, without
from kernel.log.leader import Leader
from kernel.log.promise import StoredMessage, Unavailable

_HEARTBEAT_S = 1.0
_SILENCE_S = 2.5
_PULL_EXPIRES_S = 30.0
_CONSUMER_IDLE_S = 30.0
_PAUSE_S = 0.1
_MOST_PAUSE_S = 1.0
_NANOSECONDS = 1_000_000_000

_EXPECTED = "Nats-Expected-Last-Subject-Sequence"
_OWN_HEADERS = (
    _EXPECTED,
    "Nats-Batch-Id",
    "Nats-Batch-Sequence",
    "Nats-Batch-Commit",
)

_logger = logging.getLogger(__name__)


class _ConsumerLost(Exception):
    """The consumer or the way to it is gone; a new one takes over after the last message handed out."""


def plain_headers(headers: dict[str, str] | None) -> dict[str, str]:
    """The headers as they were appended (and `Nats-Msg-Id`), without those that only steered the append."""
    if headers is None:
        return {}
    for name in _OWN_HEADERS:
        headers.pop(name, None)
    return headers


def expected_of(headers: Mapping[str, str] | None) -> int | None:
    """What the message was appended after on its subject, as `StoredMessage.expected` has it."""
    expected = (headers or {}).get(_EXPECTED)
    return None if expected is None else int(expected)


async def follow_stream(
    nc: Client, leader: Leader, after: int, batch: int, subjects: Sequence[str] = ()
) -> AsyncGenerator[list[StoredMessage], None]:
    """Every message of the stream above `after`, as `Log.follow` promises; of these subjects, if any named.

    Raises `Unavailable` only when the client is closed and will never reconnect, and `Damaged` where a message was
    lost: without subjects every sequence must come, with subjects whatever a message was appended after.
    """
    pause, stream = _PAUSE_S, leader.stream
    chain = Chain(after, leader.accepted) if subjects else None
    while True:
        consumer = _Consumer(nc, leader, after, batch, subjects, chain)
        try:
            await consumer.open()
            while True:
                messages = await consumer.take()
                after = messages[-1].seq
                pause = _PAUSE_S
                yield messages
        except _ConsumerLost as reason:
            _logger.info("reading %s again after %d: %s", stream, after, reason)
        finally:
            await consumer.close()
        if consumer.gap is not None:
            await _look_for(leader, consumer.gap)
        if nc.is_closed:
            raise Unavailable(f"{stream} cannot be read: the connection is closed for good")
        await asyncio.sleep(pause)
        pause = min(pause * 2, _MOST_PAUSE_S)


async def _look_for(leader: Leader, gap: Span) -> None:
    try:
        await leader.look_for(gap)
    except Damaged:
        raise
    except Unavailable as error:
        _logger.info("it is not known yet whether %s lacks %d: %s", leader.stream, gap.first, error)


class _Consumer:
    """One ephemeral consumer with overlapping pulls into a buffer of at most two batches."""

    def __init__(
        self, nc: Client, leader: Leader, after: int, batch: int, subjects: Sequence[str], chain: Chain | None
    ) -> None:
        self.gap: Span | None = None
        """What should have come before the message at which this consumer ended."""
        self._nc = nc
        self._stream = leader.stream
        self._accepted = leader.accepted
        self._chain = chain
        self._after = after
        self._batch = batch
        self._subjects = subjects
        self._buffer: deque[StoredMessage] = deque()
        self._arrived = asyncio.Event()
        self._asked = 0
        self._delivered = 0
        self._lost: str | None = None
        self._name: str | None = None
        self._inbox = nc.new_inbox()
        self._subscription: Subscription | None = None
        self._reconnects = nc.stats["reconnects"]
        self._watch: asyncio.TimerHandle | None = None
        self._heard_at = 0.0

    async def open(self) -> None:
        settings: dict[str, object] = {
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self._after + 1,
            "ack_policy": "none",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": int(_CONSUMER_IDLE_S * _NANOSECONDS),
        }
        if self._subjects:
            settings["filter_subjects"] = self._subjects
        request = {"stream_name": self._stream, "config": settings}
        try:
            self._subscription = await self._nc.subscribe(self._inbox, cb=self._receive, pending_bytes_limit=0)
            answer = await self._nc.request(
                f"$JS.API.CONSUMER.CREATE.{self._stream}", json.dumps(request).encode(), timeout=5
            )
        except (TimeoutError, NatsError, OSError) as error:
            raise _ConsumerLost(f"no consumer: {error!r}") from error
        made = json.loads(answer.data)
        if "error" in made:
            raise _ConsumerLost(f"no consumer: {made['error'].get('description')}")
        self._name = made["name"]
        self._heard_at = asyncio.get_running_loop().time()
        self._keep_watch()

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        with suppress(NatsError, OSError):
            if self._subscription is not None:
                await self._subscription.unsubscribe()
            if self._name is not None:
                await self._nc.publish(f"$JS.API.CONSUMER.DELETE.{self._stream}.{self._name}")

    async def take(self) -> list[StoredMessage]:
        """What has arrived, at most a batch; waits for the first message."""
        while not self._buffer:
            if self._lost is not None:
                raise _ConsumerLost(self._lost)
            await self._pull()
            self._arrived.clear()
            if not self._buffer and self._lost is None:
                await self._arrived.wait()
        messages = [self._buffer.popleft() for _ in range(min(self._batch, len(self._buffer)))]
        await self._pull()
        return messages

    async def _pull(self) -> None:
        request = {
            "batch": self._batch,
            "expires": int(_PULL_EXPIRES_S * _NANOSECONDS),
            "idle_heartbeat": int(_HEARTBEAT_S * _NANOSECONDS),
        }
        while self._lost is None and self._asked + len(self._buffer) <= self._batch:
            if self._asked == 0:
                self._heard_at = asyncio.get_running_loop().time()
            self._asked += self._batch
            try:
                await self._nc.publish(
                    f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}", json.dumps(request).encode(), self._inbox
                )
            except (NatsError, OSError) as error:
                self._lose(f"no pull: {error!r}")

    async def _receive(self, msg: Msg) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        if not msg.reply:
            self._heed(msg)
            return
        if self._lost is not None:
            return
        tokens = msg.reply.split(".")
        # `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.…`; with a domain two tokens more.
        at = 5 if len(tokens) == 9 else 7
        seq, delivery = int(tokens[at]), int(tokens[at + 1])
        self._delivered += 1
        if delivery != self._delivered:
            self._lose(f"delivery {self._delivered} is missing")
            return
        self._asked -= 1
        if seq > self._after:
            expected = expected_of(msg.headers)
            message = StoredMessage(seq, msg.subject, plain_headers(msg.headers), msg.data, expected)
            self.gap = self._gap_before(message)
            if self.gap is not None:
                self._lose(f"{self.gap.first} did not come before {seq}")
                return
            self._after = seq
            self._buffer.append(message)
            self._arrived.set()

    def _gap_before(self, message: StoredMessage) -> Span | None:
        gap = Span(self._after + 1, message.seq - 1)
        if self._chain is not None:
            lacked = self._chain.lacks(message)
            gap = Span(lacked or 1, lacked or 0)
        return gap if gap.first <= gap.last and without((gap,), self._accepted) else None

    def _heed(self, msg: Msg) -> None:
        """A word from the server about a pull: a heartbeat, its end, or the end of the consumer."""
        headers = msg.headers or {}
        status, words = headers.get("Status", ""), headers.get("Description", "")
        if status in ("404", "408") or words.startswith("Batch Completed"):
            self._asked = max(0, self._asked - int(headers.get("Nats-Pending-Messages", self._batch)))
            self._arrived.set()
        elif status != "100":
            self._lose(f"{status} {words}".strip() or "an empty message")

    def _lose(self, reason: str) -> None:
        self._lost = self._lost or reason
        self._arrived.set()

    def _keep_watch(self) -> None:
        """A lost pull sends nothing, not even an error: only silence or a new connection betrays it."""
        loop = asyncio.get_running_loop()
        if self._nc.stats["reconnects"] != self._reconnects:
            self._lose("the connection was made anew")
        elif self._nc.is_closed:
            self._lose("the connection is closed")
        elif self._asked and loop.time() - self._heard_at > _SILENCE_S:
            self._lose("no heartbeat")
        if self._lost is None:
            self._watch = loop.call_later(_HEARTBEAT_S / 2, self._keep_watch)
