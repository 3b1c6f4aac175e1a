"""What became of an append, and what a stream holds of a subject, from whichever replica answers.

The rule it protects: a replica that lags behind, or lost a message, is never taken for the log.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from kernel.log.asks import Asks
from kernel.log.group_commit import Doubt
from kernel.log.integrity import Chain, Span
from kernel.log.leader import Leader
from kernel.log.promise import Conflict, NewMessage, StoredMessage
from kernel.log.reader import expected_of, plain_headers
from kernel.log.trouble import ATTEMPT_S, NO_MESSAGE, UNREACHED, now

_SHORTEST_LOOK_S = 0.25
_PAGE = 1000
_SUBJECTS_REMEMBERED = 20_000


class Looking:
    """Looks into one stream. Raises `TimeoutError` when who answered cannot be believed: ask again."""

    def __init__(self, asks: Asks, leader: Leader, stream: str, *, replicated: bool) -> None:
        self._asks = asks
        self._leader = leader
        self._stream = stream
        # A replica that lags behind answers reads too, so on a cluster remember what must be in the answer.
        self._newest: dict[str, int] | None = {} if replicated else None

    def appended(self, messages: Sequence[NewMessage], seqs: Sequence[int]) -> None:
        """These are stored: no answer that lacks them is true."""
        if self._newest is not None:
            for message, seq in zip(messages, seqs, strict=True):
                self._remember(self._newest, message.subject, seq)

    @staticmethod
    def _remember(newest: dict[str, int], subject: str, seq: int) -> None:
        newest[subject] = max(seq, newest.pop(subject, 0))
        if len(newest) > _SUBJECTS_REMEMBERED:
            del newest[next(iter(newest))]

    async def look_for(self, messages: Sequence[NewMessage], doubt: Doubt, deadline: float) -> tuple[int, ...] | None:
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
        first, _ = await self.page(messages[0].expected + 1, messages[0].subject, 1, ATTEMPT_S)
        if not first or _id(first[0]) != messages[0].id:
            return None
        page, _ = await self.page(first[0].seq, None, len(messages), ATTEMPT_S)
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
            page, _ = await self.page(start, None, len(messages), ATTEMPT_S)
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
        msg = await self._asks.one(f"$JS.API.DIRECT.GET.{self._stream}", request, None, ATTEMPT_S)
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
        seen = await self.read_all(subject, 0 if doubt is Doubt.KNOWN else expected)
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
        answer = await self._asks.api(f"STREAM.MSG.GET.{self._stream}", {"seq": seq}, ATTEMPT_S)
        if "error" not in answer:
            return bool(answer["message"]["subject"] == subject)
        if answer["error"].get("err_code") == NO_MESSAGE:
            return False
        raise TimeoutError(answer["error"]["description"])

    async def read_all(self, subject: str, after: int) -> list[StoredMessage]:
        """Everything on a subject above `after`."""
        messages = await self._read_newest(subject, after) if after else None
        if messages is None:
            messages, more = await self.page(after + 1, subject, _PAGE, ATTEMPT_S)
            while more:
                page, more = await self.page(messages[-1].seq + 1, subject, _PAGE, ATTEMPT_S)
                messages += page
        chain = Chain(after, self._leader.accepted)
        for message in messages:
            if (lost := chain.lacks(message)) is not None and not await self._leader.look_for(Span(lost, lost)):
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
        msg = await self._asks.one(f"$JS.API.DIRECT.GET.{self._stream}.{subject}", b"", None, ATTEMPT_S)
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

    async def page(
        self, start: int, subject: str | None, count: int, timeout_s: float
    ) -> tuple[list[StoredMessage], bool]:
        """Up to `count` messages from `start` on, and whether more follow. `TimeoutError` when one is missing."""
        request: dict[str, Any] = {"seq": start, "batch": count}
        if subject is not None:
            request["next_by_subj"] = subject
        received, end = await self._asks.many(
            f"$JS.API.DIRECT.GET.{self._stream}", json.dumps(request).encode(), timeout_s
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


def _id(message: StoredMessage) -> str | None:
    return message.headers.get("Nats-Msg-Id")
