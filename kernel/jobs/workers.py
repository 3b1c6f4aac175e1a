"""Who works through the list: FastStream subscribers, each of which takes one job at a time.

The rules it protects: no more jobs of a kind run than its `at_once`, one that is taken is at work, and a job that takes
long is not handed to another meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NothingCame
from nats.js.client import JetStreamContext

from kernel.jobs.job import Job
from kernel.jobs.worklist import WorkList
from kernel.runtime.tasks import ended

_ASKED_EVERY_S = 5.0
_PAUSE_S = 0.5
_OWN_PART = 0.9
PullSubscription = JetStreamContext.PullSubscription
_GIVEN_BACK_S = 2.0

Take = Callable[[Job[Any], NatsMessage], Awaitable[None]]


class Workers:
    """Hands each job to `take`, which answers the message. `inbox_prefix` is where this user's answers come."""

    def __init__(self, broker: NatsBroker, worklist: WorkList, inbox_prefix: str, take: Take) -> None:
        self._broker = broker
        self._worklist = worklist
        self._inbox_prefix = f"{inbox_prefix}.".encode()
        self._take = take
        self._subscribers: list[Any] = []
        self._at_work: set[asyncio.Task[None]] = set()
        self.running: Counter[str] = Counter()

    async def start(self, job: Job[Any]) -> None:
        """Take jobs of this kind from now on. The broker must be connected, the list open."""

        async def handed(message: NatsMessage) -> None:
            work = asyncio.create_task(self._work(job, message))
            self._at_work.add(work)
            work.add_done_callback(self._at_work.discard)
            # FastStream may stop waiting for it; `stop` here says when it ends.
            await asyncio.wait([work])

        # One to a place: with more to a place FastStream would have the fast ones wait for the slowest, or fetch what
        # it cannot begin.
        for _ in range(job.at_once):
            subscriber = self._broker.subscriber(
                self._worklist.subject(job.name),
                durable=job.name,
                stream=JStream(self._worklist.stream, declare=False),
                pull_sub=PullSub(batch_size=1, timeout=_ASKED_EVERY_S),
                inbox_prefix=self._inbox_prefix,
                ack_policy=AckPolicy.MANUAL,
                decoder=_as_it_came,
                no_reply=True,
                include_in_schema=False,
            )
            subscriber(handed)
            await subscriber.start()
            self._subscribers.append(subscriber)
            # Before it has fetched for the first time: its task begins with the next step of the loop.
            subscriber.subscription = cast(PullSubscription, _Patient(subscriber.subscription))

    async def stop(self, timeout_s: float) -> None:
        """Take no more, finish what is in hand; what lasts longer than `timeout_s` seconds is cancelled."""
        stopping = [asyncio.ensure_future(each.stop()) for each in self._subscribers]
        if self._at_work:
            await asyncio.wait(self._at_work, timeout=timeout_s * _OWN_PART)
        for work in self._at_work:
            work.cancel()
        if self._at_work:
            # They still give back what they did not finish.
            await asyncio.wait(self._at_work, timeout=_GIVEN_BACK_S)
        await ended(*self._at_work)
        if stopping:
            await asyncio.wait(stopping)
        self._subscribers.clear()

    async def _work(self, job: Job[Any], message: NatsMessage) -> None:
        holding = asyncio.create_task(_hold(message, self._worklist.ack_wait_s / 4))
        self.running[job.name] += 1
        try:
            await self._take(job, message)
        finally:
            self.running[job.name] -= 1
            await ended(holding)


class _Patient:
    """A subscription that is asked again at once whatever it answers: it takes its time when it cannot.

    FastStream runs a fetch that failed again without a pause, some thousand times a second while NATS is away, and
    remembers each (faststream#2632).
    """

    def __init__(self, subscription: Any) -> None:
        self._subscription = subscription

    async def fetch(self, batch: int, timeout: float | None) -> list[Msg]:
        began = asyncio.get_running_loop().time()
        with suppress(NatsError, OSError, NothingCame):
            return list(await self._subscription.fetch(batch=batch, timeout=timeout))
        if asyncio.get_running_loop().time() - began < _PAUSE_S:
            await asyncio.sleep(_PAUSE_S)
        return []

    async def unsubscribe(self) -> None:
        with suppress(NatsError):
            await self._subscription.unsubscribe()


async def _as_it_came(message: NatsMessage) -> NatsMessage:
    return message


async def _hold(message: NatsMessage, every_s: float) -> None:
    """Say that the job is worked on, for ever."""
    while True:
        await asyncio.sleep(every_s)
        with suppress(NatsError, OSError):
            await message.in_progress()
