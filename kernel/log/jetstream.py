"""The log on NATS JetStream: one stream per service, every acknowledged message on the disk of a majority.

The rule it protects: an append ends as stored, as refused or as unknown, and is never reported as one when it is
another. What decides is the first message on the subject above the expectation: it is ours, or it is somebody else's.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import uuid4

from nats.aio.client import Client
from nats.aio.msg import Msg

import kernel.runtime.header_lines
import kernel.runtime.late_pongs  # noqa: F401 (nats-py goes deaf without it)
from kernel.log.asks import Asks
from kernel.log.group_commit import MOST_IN_A_GROUP, Doubt, GroupCommit, Outcome, Unsettled
from kernel.log.integrity import Chain, Damaged, Loss, Span, before, joined
from kernel.log.leader import Leader
from kernel.log.promise import Conflict, LogFull, NewMessage, StoredMessage, Unavailable
from kernel.log.reader import expected_of, plain_headers
from kernel.log.rules import refuse_malformed
from kernel.log.tail import Tail
from kernel.log.trouble import ATTEMPT_S, MOST_PAUSE_S, NO_MESSAGE, PAUSE_S, UNREACHED, doubt_of, now

_SHORTEST_LOOK_S = 0.25
_PAGE = 1000
_READ_WITHIN_S = 10.0
_SUBJECTS_REMEMBERED = 20_000


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
        # A replica that lags behind answers reads too, so on a cluster remember what must be in the answer.
        self._newest: dict[str, int] | None = {} if replicated else None

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
        if self._newest is not None:
            for message, seq in zip(messages, seqs, strict=True):
                self._remember(self._newest, message.subject, seq)
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

    @staticmethod
    def _remember(newest: dict[str, int], subject: str, seq: int) -> None:
        newest[subject] = max(seq, newest.pop(subject, 0))
        if len(newest) > _SUBJECTS_REMEMBERED:
            del newest[next(iter(newest))]

    async def _clear_up(self, messages: Sequence[NewMessage], doubt: Unsettled, deadline: float) -> tuple[int, ...]:
        """Find out what became of an append, and try the same ids again while the log holds neither yes nor no."""
        unsure = False
        pause = PAUSE_S
        while True:
            if doubt.doubt is Doubt.WRONG:
                raise RuntimeError(f"{self.stream} refuses a message for good: {doubt.words}")
            unsure = unsure or doubt.doubt is Doubt.UNSURE
            found = await self._look_for(messages, doubt.doubt, deadline)
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

    async def _look_for(self, messages: Sequence[NewMessage], doubt: Doubt, deadline: float) -> tuple[int, ...] | None:
        """The sequences of the messages when they are stored, None while that is open.

        Raises `Conflict` when they never can be.
        """
        chains: dict[str, list[NewMessage]] = {}
        for message in messages:
            chains.setdefault(message.subject, []).append(message)
        timeout_s = max(min(deadline - now(), ATTEMPT_S), _SHORTEST_LOOK_S)
        try:
            async with asyncio.timeout(timeout_s):
                if stored := await self._stored_together(messages):
                    return stored
                found = await asyncio.gather(*(self._find_chain(chain, doubt) for chain in chains.values()))
                places = {id: seq for places in found for id, seq in places.items()}
                if places and len(places) < len(messages):
                    return await self._seen_whole(messages, places)
        except UNREACHED:
            return None
        return tuple(places[message.id] for message in messages) if places else None

    async def _stored_together(self, messages: Sequence[NewMessage]) -> tuple[int, ...] | None:
        """A quick yes for a batch that is stored as it was sent."""
        if len(messages) == 1:
            return None
        first, _ = await self._page(messages[0].expected + 1, messages[0].subject, 1, ATTEMPT_S)
        if not first or _id(first[0]) != messages[0].id:
            return None
        page, _ = await self._page(first[0].seq, None, len(messages), ATTEMPT_S)
        if [_id(stored) for stored in page] != [message.id for message in messages]:
            return None
        return tuple(stored.seq for stored in page)

    async def _seen_whole(self, messages: Sequence[NewMessage], places: Mapping[str, int]) -> tuple[int, ...]:
        """The sequences of an append of which only some messages were found, as a replica shows it that lags behind.

        What was appended together stands together. Raises `Conflict` if it was not, `TimeoutError` while that is open.
        """
        found = {number: places[message.id] for number, message in enumerate(messages) if message.id in places}
        starts = {seq - number for number, seq in found.items()}
        if len(starts) == 1 and (start := starts.pop()) > 0:
            page, _ = await self._page(start, None, len(messages), ATTEMPT_S)
            wanted = [(start + number, message.id) for number, message in enumerate(messages)]
            seen = [(stored.seq, _id(stored)) for stored in page]
            if seen == wanted:
                return tuple(seq for seq, _ in wanted)
            newest = max(found)
            ended = newest < len(messages) - 1 and await self._ends_an_append(found[newest])
            if seen == wanted[: len(seen)] and not ended:
                raise TimeoutError("a replica answered that lags behind")
        raise Conflict("some of the messages are stored and others are not: they were never appended together")

    async def _ends_an_append(self, seq: int) -> bool:
        """Whether nothing was appended together with that message that stands after it."""
        request = json.dumps({"seq": seq}).encode()
        msg = await self._asks.one(f"$JS.API.DIRECT.GET.{self.stream}", request, None, ATTEMPT_S)
        headers = msg.headers or {}
        if "Nats-Sequence" not in headers:
            raise TimeoutError(f"direct get answered {headers.get('Status')}")
        return "Nats-Batch-Id" not in headers or "Nats-Batch-Commit" in headers

    async def _find_chain(self, chain: Sequence[NewMessage], doubt: Doubt) -> dict[str, int]:
        """Where the messages of one subject stand; empty while the place they want is free.

        What follows the expectation never changes, so any replica may tell it; that nothing follows only the leader
        may say, and even then a copy of ours may be under way.
        """
        subject, expected = chain[0].subject, chain[0].expected
        seen = await self._read_all(subject, 0 if doubt is Doubt.KNOWN else expected)
        ids = {message.id for message in chain}
        places = {own_id: stored.seq for stored in seen if (own_id := _id(stored)) in ids}
        if places:
            return places
        if seen and seen[-1].seq > expected:
            if self._newest is not None:
                self._remember(self._newest, subject, seen[-1].seq)
            raise Conflict(f"somebody else appended to {subject} after {expected}")
        if doubt is Doubt.CONTENDED and expected and not await self._leader_holds(expected, subject):
            raise Conflict(f"the newest message of {subject} is not {expected}")
        return {}

    async def _leader_holds(self, seq: int, subject: str) -> bool:
        answer = await self._asks.api(f"STREAM.MSG.GET.{self.stream}", {"seq": seq}, ATTEMPT_S)
        if "error" not in answer:
            return bool(answer["message"]["subject"] == subject)
        if answer["error"].get("err_code") == NO_MESSAGE:
            return False
        raise TimeoutError(answer["error"]["description"])

    async def read_subject(self, subject: str, after: int = 0) -> list[StoredMessage]:
        deadline = now() + _READ_WITHIN_S
        pause = PAUSE_S
        while True:
            try:
                return await self._read_all(subject, after)
            except UNREACHED as error:
                if self._nc.is_closed or now() + pause >= deadline:
                    raise Unavailable(f"{self.stream} cannot be read: {error!r}") from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, MOST_PAUSE_S)

    async def _read_all(self, subject: str, after: int) -> list[StoredMessage]:
        messages = await self._read_newest(subject, after) if after else None
        if messages is None:
            messages, more = await self._page(after + 1, subject, _PAGE, ATTEMPT_S)
            while more:
                page, more = await self._page(messages[-1].seq + 1, subject, _PAGE, ATTEMPT_S)
                messages += page
        chain = Chain(after, self.leader.accepted)
        for message in messages:
            if (lost := chain.lacks(message)) is not None and not await self.leader.look_for(Span(lost, lost)):
                raise TimeoutError("a replica answered that lacks a message")
        newest = self._newest.get(subject, 0) if self._newest else 0
        if newest > after and (not messages or messages[-1].seq < newest):
            raise TimeoutError("a replica answered that lags behind")
        return messages

    async def _read_newest(self, subject: str, after: int) -> list[StoredMessage] | None:
        """What is above `after` if that is one message at most; None when it may be more.

        The server knows the newest message of each subject. To look for those above an old position, it reads a whole
        block of the log from the disk.
        """
        msg = await self._asks.one(f"$JS.API.DIRECT.GET.{self.stream}.{subject}", b"", None, ATTEMPT_S)
        headers = dict(msg.headers or {})
        if headers.get("Status") == "404":
            if await self._leader_holds(after, subject):
                raise TimeoutError(f"the newest message of {subject} cannot be read")
            return []
        if "Nats-Sequence" not in headers:
            raise TimeoutError(f"direct get answered {headers.get('Status')}")
        seq = int(headers["Nats-Sequence"])
        if seq <= after:
            return []
        if headers.get("Nats-Expected-Last-Subject-Sequence") != str(after):
            return None
        expected = expected_of(headers)
        plain = plain_headers(headers)
        for name in ("Nats-Stream", "Nats-Time-Stamp", "Nats-Subject", "Nats-Sequence"):
            del plain[name]
        return [StoredMessage(seq, subject, plain, msg.data, expected)]

    async def _page(
        self, start: int, subject: str | None, count: int, timeout_s: float
    ) -> tuple[list[StoredMessage], bool]:
        """Up to `count` messages from `start` on, and whether more follow. `TimeoutError` when one is missing."""
        request: dict[str, Any] = {"seq": start, "batch": count}
        if subject is not None:
            request["next_by_subj"] = subject
        received, end = await self._asks.many(
            f"$JS.API.DIRECT.GET.{self.stream}", json.dumps(request).encode(), timeout_s
        )
        status = (end.headers or {}).get("Status")
        if status == "404":
            return [], False
        if status != "204":
            raise TimeoutError(f"direct get answered {status}")
        page: list[StoredMessage] = []
        last = 0
        for msg in received:
            expected = expected_of(msg.headers)
            headers = plain_headers(msg.headers)
            del headers["Nats-Stream"], headers["Nats-Time-Stamp"], headers["Nats-Num-Pending"]
            seq = int(headers.pop("Nats-Sequence"))
            if int(headers.pop("Nats-Last-Sequence")) != last:
                raise TimeoutError("a message of the answer is missing")
            last = seq
            page.append(StoredMessage(seq, headers.pop("Nats-Subject"), headers, msg.data, expected))
        if end.headers is None or int(end.headers["Nats-Last-Sequence"]) != last:
            raise TimeoutError("the end of the answer is missing")
        # Only the last line counts: the numbers before it are of the moment when the request came in.
        return page, int(end.headers["Nats-Num-Pending"]) > 0

    async def some(self, start: int, count: int) -> list[StoredMessage]:
        """Up to `count` messages from `start` on, as one replica has them, gaps or not. Raises `Unavailable`."""
        try:
            return (await self._page(start, None, count, _READ_WITHIN_S))[0]
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


def _id(message: StoredMessage) -> str | None:
    return message.headers.get("Nats-Msg-Id")


def _steered(message: NewMessage, expects: bool = True) -> dict[str, str]:
    headers = {**message.headers, "Nats-Msg-Id": message.id}
    if expects:
        headers["Nats-Expected-Last-Subject-Sequence"] = str(message.expected)
    return headers
