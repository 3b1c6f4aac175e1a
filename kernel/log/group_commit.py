"""Group commit: appends that wait at the same time share one atomic batch, because a batch costs one fixed price.

The rule it protects: an append never fails because of its neighbours, and a lone append never waits for company.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from kernel.log.promise import NewMessage

# Measured with `sync_interval: always`: a message published alone costs the server one flush (0.25 ms), a batch of any
# size 4 ms. So below this many waiting messages it is quicker to publish them one by one.
WORTH_A_BATCH = 12
MOST_IN_A_GROUP = 500


class Doubt(Enum):
    """Why an append was not simply acknowledged."""

    CONTENDED = "an expectation did not hold"
    KNOWN = "an id is known already"
    UNSURE = "no answer"
    FULL = "there is no room"
    WRONG = "the server refuses the message itself"


@dataclass(frozen=True, slots=True)
class Unsettled:
    """The answer to an append that is not plainly stored, with the server's words."""

    doubt: Doubt
    words: str


Outcome = tuple[int, ...] | Unsettled
"""The sequences of the stored messages, or why that is not certain."""

Publish = Callable[[Sequence[NewMessage], float], Awaitable[Outcome]]
"""Publish as one message or one atomic batch; the second argument is the deadline on the loop's clock."""


class _Turn(Enum):
    ALONE = "publish it yourself now"


@dataclass(slots=True, eq=False)
class _Waiting:
    messages: Sequence[NewMessage]
    deadline: float
    turn: asyncio.Future[Outcome | _Turn]

    @property
    def weight(self) -> int:
        return 1 if len(self.messages) == 1 else WORTH_A_BATCH


class GroupCommit:
    """Decides which appends go alone, which together, and which wait for the batch that is under way."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._queue: deque[_Waiting] = deque()
        self._alone = 0
        self._group: asyncio.Task[None] | None = None
        self._dispatching = False

    async def publish(self, messages: Sequence[NewMessage], deadline: float) -> Outcome:
        """One attempt. What failed in company has been tried alone before it is reported here."""
        free = not self._queue and self._group is None and not self._dispatching
        if free and len(messages) == 1 and self._alone < WORTH_A_BATCH:
            self._alone += 1
            return await self._publish_alone(messages, deadline)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(messages, deadline, loop.create_future())
        self._queue.append(waiting)
        self._dispatch_soon()
        patience = loop.call_at(deadline, _give_up, waiting.turn)
        try:
            turn = await waiting.turn
        except asyncio.CancelledError:
            if waiting.turn.done() and not waiting.turn.cancelled() and waiting.turn.result() is _Turn.ALONE:
                self._answered()
            raise
        finally:
            patience.cancel()
        if isinstance(turn, _Turn):
            return await self._publish_alone(messages, deadline)
        return turn

    async def _publish_alone(self, messages: Sequence[NewMessage], deadline: float) -> Outcome:
        try:
            return await self._publish(messages, deadline)
        finally:
            self._answered()

    def _answered(self) -> None:
        self._alone -= 1
        if self._queue:
            self._dispatch_soon()

    def _dispatch_soon(self) -> None:
        """Not at once: the callers that an answer has just woken get to queue their next append first."""
        if not self._dispatching:
            self._dispatching = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._dispatching = False
        if self._group is not None:
            return
        group = self._next_group()
        if sum(waiting.weight for waiting in group) >= WORTH_A_BATCH:
            taken = set(map(id, group))
            self._queue = deque(waiting for waiting in self._queue if id(waiting) not in taken)
            self._group = asyncio.get_running_loop().create_task(self._commit(group))
            return
        while self._queue and self._alone < WORTH_A_BATCH:
            waiting = self._queue.popleft()
            if not waiting.turn.done():
                self._go_alone(waiting)

    def _next_group(self) -> list[_Waiting]:
        """The longest-waiting appends, no subject twice: two expectations on one subject cannot both hold."""
        group: list[_Waiting] = []
        subjects: set[str] = set()
        room = MOST_IN_A_GROUP
        for waiting in self._queue:
            own = {message.subject for message in waiting.messages}
            if waiting.turn.done() or not subjects.isdisjoint(own):
                continue
            room -= len(waiting.messages)
            if room < 0:
                break
            subjects |= own
            group.append(waiting)
        return group

    def _go_alone(self, waiting: _Waiting) -> None:
        self._alone += 1
        waiting.turn.set_result(_Turn.ALONE)

    async def _commit(self, group: list[_Waiting]) -> None:
        messages = [message for waiting in group for message in waiting.messages]
        outcome: Outcome = Unsettled(Doubt.UNSURE, "interrupted")
        try:
            outcome = await self._publish(messages, max(waiting.deadline for waiting in group))
        finally:
            self._group = None
            self._answer(group, outcome)
            self._dispatch_soon()

    def _answer(self, group: list[_Waiting], outcome: Outcome) -> None:
        start = 0
        for waiting in group:
            end = start + len(waiting.messages)
            if not waiting.turn.done():
                if isinstance(outcome, tuple):
                    waiting.turn.set_result(outcome[start:end])
                elif outcome.doubt is Doubt.UNSURE or len(group) == 1:
                    waiting.turn.set_result(outcome)
                else:
                    self._go_alone(waiting)
            start = end


def _give_up(turn: asyncio.Future[Outcome | _Turn]) -> None:
    if not turn.done():
        turn.set_result(Unsettled(Doubt.UNSURE, "the deadline passed while other appends were under way"))
