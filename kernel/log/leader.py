"""What the leader of a stream says of it: the only one to ask whether a message is there or was lost.

A replica that lags shows less than the stream holds, and one that is damaged shows gaps that others do not have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import uuid4

from nats.errors import Error as NatsError

from kernel.log.asks import Asks
from kernel.log.integrity import (
    EPOCH,
    LOSSES,
    Damaged,
    Loss,
    Span,
    Spans,
    StreamState,
    in_words,
    joined,
    losses_of,
    losses_text,
    spans_of,
    without,
)
from kernel.log.promise import Unavailable

_ANSWER_S = 2.0
_NO_MESSAGE = 10037


async def _nobody_notes(damage: Damaged) -> None:
    return


class Leader:
    """The leader of `stream`. `accepted` are the gaps that an operator knows of; `note` hears of any other."""

    def __init__(self, asks: Asks, stream: str, accepted: Spans = ()) -> None:
        self._asks = asks
        self.stream = stream
        self.accepted = accepted
        self.note: Callable[[Damaged], Awaitable[None]] = _nobody_notes

    async def state(self) -> StreamState:
        """The whole stream. Raises `Unavailable` when nobody answers in 2 s, which may pass."""
        answer = await self._info({})
        if answer["state"].get("num_deleted"):
            answer = await self._info({"deleted_details": True})
        state, metadata = answer["state"], answer["config"].get("metadata", {})
        last: int = state["last_seq"]
        # A stream without messages says that its first sequence is the one after its last.
        gaps = [Span(1, min(state["first_seq"] - 1, last)), *spans_of(state.get("deleted") or ())]
        if last and not await self.has(last):
            gaps.append(Span(last, last))
        there = joined(Span(max(span.first, 1), span.last) for span in gaps if span.last > 0)
        return StreamState(self.stream, metadata.get(EPOCH, ""), last, there, losses_of(metadata))

    async def has(self, seq: int) -> bool:
        """Whether that message stands in the stream and can be read. Raises `Unavailable`."""
        answer = await self._api(f"STREAM.MSG.GET.{self.stream}", {"seq": seq})
        if "error" not in answer:
            return True
        if answer["error"].get("err_code") == _NO_MESSAGE:
            return False
        raise Unavailable(f"{self.stream}: {answer['error'].get('description')}")

    async def look_for(self, span: Span) -> bool:
        """Whether it is known that these messages are gone; False when the leader has them.

        Raises `Damaged` when it lacks them and nobody accepted that, `Unavailable` when that cannot be said now.
        """
        lost = without((span,), self.accepted)
        if not lost:
            return True
        # In this order: what the leader stores in between must not look as if it had lost it.
        if (await self._info({}))["state"]["last_seq"] < lost[0].first or await self.has(lost[0].first):
            return False
        damage = Damaged(self.stream, f"{in_words(lost)} missing", lost)
        await self.note(damage)
        raise damage

    async def accept(self, loss: Loss) -> None:
        """Let the stream go on without what is lost, in a new epoch: whoever follows it begins anew.

        Raises `Unavailable`; then it may be done all the same.
        """
        config = (await self._info({}))["config"]
        metadata = {name: text for name, text in config["metadata"].items() if not name.startswith("_nats.")}
        losses = losses_text([*losses_of(metadata), loss])
        config["metadata"] = {**metadata, EPOCH: uuid4().hex, LOSSES: losses}
        answer = await self._api(f"STREAM.UPDATE.{self.stream}", config)
        if "error" in answer:
            raise Unavailable(f"{self.stream}: {answer['error'].get('description')}")

    async def _info(self, request: Mapping[str, Any]) -> dict[str, Any]:
        answer = await self._api(f"STREAM.INFO.{self.stream}", request)
        if "error" in answer:
            raise Unavailable(f"{self.stream}: {answer['error'].get('description')}")
        return answer

    async def _api(self, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await self._asks.api(name, request, _ANSWER_S)
        except (TimeoutError, OSError, NatsError) as error:
            raise Unavailable(f"{self.stream} does not answer: {error!r}") from error
