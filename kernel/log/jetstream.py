"""The log on NATS JetStream: one stream per service, every acknowledged message on the disk of a majority.

The rule it protects: an append ends as stored, as refused or as unknown, and is never reported as one when it is
another. What decides is the first message on the subject above the expectation: it is ours, or it is somebody else's.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from uuid import uuid4

from nats.aio.client import Client
from nats.aio.msg import Msg

from kernel.log.asks import Asks
from kernel.log.group_commit import MOST_IN_A_GROUP, Doubt, GroupCommit, Outcome, Unsettled
from kernel.log.integrity import Damaged, Loss, before, joined
from kernel.log.leader import Leader
from kernel.log.looking import Looking
from kernel.log.promise import LogFull, NewMessage, StoredMessage, Unavailable
from kernel.log.rules import refuse_malformed
from kernel.log.tail import Tail
from kernel.log.trouble import ATTEMPT_S, MOST_PAUSE_S, PAUSE_S, UNREACHED, doubt_of, now

_READ_WITHIN_S = 10.0


class JetStreamLog:
    """Keeps the promise of `kernel.log.promise.Log` on one stream."""

    def __init__(
        self,
        nc: Client,
        stream: str,
        prefix: str,
        epoch: str,
        asks: Asks,
        losses: Sequence[Loss] = (),
        *,
        replicated: bool,
    ) -> None:
        self.stream = stream
        self.epoch = epoch
        self.losses = tuple(losses)
        self.leader = Leader(asks, stream, joined(span for loss in losses for span in loss.holes))
        self.is_replicated = replicated
        self.newest = 0
        """The newest sequence that was appended here."""
        self.before_append: Callable[[], Awaitable[None]] | None = None
        """Raises `Unavailable` when nothing may be appended now."""
        self._nc = nc
        self._prefix = prefix
        self._asks = asks
        self._group = GroupCommit(self._publish)
        self._tail = Tail(nc, self.leader)
        self._looking = Looking(asks, self.leader, stream, replicated=replicated)

    async def close(self) -> None:
        """Ask the server nothing more; the log must not be used afterwards."""
        await self._asks.close()

    async def append(self, messages: Sequence[NewMessage], timeout_s: float = 10.0) -> tuple[int, ...]:
        if not messages:
            return ()
        refuse_malformed(messages, self._prefix, self._nc.max_payload)
        deadline = now() + timeout_s
        await self._be_allowed(deadline)
        publish = self._group.publish if len(messages) <= MOST_IN_A_GROUP else self._publish
        outcome = await publish(messages, deadline)
        seqs = outcome if isinstance(outcome, tuple) else await self._clear_up(messages, outcome, deadline)
        self.newest = max(self.newest, seqs[-1])
        self._looking.appended(messages, seqs)
        return seqs

    async def _be_allowed(self, deadline: float) -> None:
        while self.before_append is not None:
            try:
                async with asyncio.timeout_at(deadline):
                    await self.before_append()
                break
            except Damaged:
                raise
            except (Unavailable, TimeoutError) as error:
                if self._nc.is_closed or now() + MOST_PAUSE_S >= deadline:
                    raise Unavailable(f"{self.stream} was not seen whole: {error}") from error
            await asyncio.sleep(MOST_PAUSE_S)

    async def _clear_up(self, messages: Sequence[NewMessage], doubt: Unsettled, deadline: float) -> tuple[int, ...]:
        """Find out what became of an append, and try the same ids again while the log holds neither yes nor no."""
        unsure = False
        pause = PAUSE_S
        while True:
            if doubt.doubt is Doubt.WRONG:
                raise RuntimeError(f"{self.stream} refuses a message for good: {doubt.words}")
            unsure = unsure or doubt.doubt is Doubt.UNSURE
            found = await self._looking.look_for(messages, doubt.doubt, deadline)
            if found is not None:
                return found
            if doubt.doubt is Doubt.FULL and not unsure:
                raise LogFull(f"{self.stream} has no room: {doubt.words}")
            if self._nc.is_closed or doubt.doubt is Doubt.FULL or now() + pause >= deadline:
                raise Unavailable(f"{self.stream} did not say whether the messages are stored: {doubt.words}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, MOST_PAUSE_S)
            await self._be_allowed(deadline)
            outcome = await self._publish(messages, deadline)
            if isinstance(outcome, tuple):
                return outcome
            doubt = outcome

    async def _publish(self, messages: Sequence[NewMessage], deadline: float) -> Outcome:
        """One attempt, as one message or one atomic batch."""
        timeout_s = min(max(deadline - now(), 0.0), ATTEMPT_S)
        try:
            answer = await (
                self._asks.one(messages[0].subject, messages[0].body, _steered(messages[0]), timeout_s)
                if len(messages) == 1
                else self._publish_batch(messages, timeout_s)
            )
        except UNREACHED as error:
            return Unsettled(Doubt.UNSURE, f"{type(error).__name__} {error}".strip())
        if answer.headers is not None and "Status" in answer.headers:
            return Unsettled(Doubt.UNSURE, "nobody answers for the stream")
        ack = json.loads(answer.data)
        if "error" in ack:
            return doubt_of(ack["error"])
        if ack.get("duplicate"):
            return Unsettled(Doubt.KNOWN, "the id is known already")
        last: int = ack["seq"]
        return (last,) if len(messages) == 1 else tuple(range(last - len(messages) + 1, last + 1))

    async def _publish_batch(self, messages: Sequence[NewMessage], timeout_s: float) -> Msg:
        batch_id = uuid4().hex
        expected: set[str] = set()
        for number, message in enumerate(messages[:-1], 1):
            headers = _steered(message, message.subject not in expected)
            headers["Nats-Batch-Id"] = batch_id
            headers["Nats-Batch-Sequence"] = str(number)
            expected.add(message.subject)
            await self._nc.publish(message.subject, message.body, headers=headers)
        message = messages[-1]
        headers = _steered(message, message.subject not in expected)
        headers["Nats-Batch-Id"] = batch_id
        headers["Nats-Batch-Sequence"] = str(len(messages))
        headers["Nats-Batch-Commit"] = "1"
        return await self._asks.one(message.subject, message.body, headers, timeout_s)

    async def read_subject(self, subject: str, after: int = 0) -> list[StoredMessage]:
        deadline = now() + _READ_WITHIN_S
        pause = PAUSE_S
        while True:
            try:
                return await self._looking.read_all(subject, after)
            except UNREACHED as error:
                if self._nc.is_closed or now() + pause >= deadline:
                    raise Unavailable(f"{self.stream} cannot be read: {error!r}") from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, MOST_PAUSE_S)

    async def some(self, start: int, count: int) -> list[StoredMessage]:
        """Up to `count` messages from `start` on, as one replica has them, gaps or not. Raises `Unavailable`."""
        try:
            return (await self._looking.page(start, None, count, _READ_WITHIN_S))[0]
        except UNREACHED as error:
            raise Unavailable(f"{self.stream} cannot be read: {error!r}") from error

    def follow(
        self, after: int, batch: int = 500, aggregates: Collection[str] = ()
    ) -> AsyncGenerator[list[StoredMessage], None]:
        return self._tail.follow(after, batch, [f"{self._prefix}{each}.*" for each in sorted(aggregates)])

    async def last_seq(self) -> int:
        deadline = now() + _READ_WITHIN_S
        pause = PAUSE_S
        while True:
            try:
                answer = await self._asks.api(f"STREAM.INFO.{self.stream}", {}, ATTEMPT_S)
                words = answer.get("error", {}).get("description")
            except UNREACHED as error:
                words = repr(error)
            if words is None:
                return before(int(answer["state"]["last_seq"]), self.leader.accepted)
            if self._nc.is_closed or now() + pause >= deadline:
                raise Unavailable(f"{self.stream} does not tell its newest position: {words}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, MOST_PAUSE_S)


def _steered(message: NewMessage, expects: bool = True) -> dict[str, str]:
    headers = {**message.headers, "Nats-Msg-Id": message.id}
    if expects:
        headers["Nats-Expected-Last-Subject-Sequence"] = str(message.expected)
    return headers
