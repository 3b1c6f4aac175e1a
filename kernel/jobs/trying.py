"""One try of a job, from the list to its end: done, to be tried again, or parked.

The rule it protects: the list forgets a job only after MongoDB has what became of it.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from faststream.nats import NatsMessage
from nats.errors import Error as NatsError
from pydantic import ValidationError
from pymongo.errors import PyMongoError

from contracts.message import Refused
from kernel.deciding.handling import Contended
from kernel.deciding.reasons import reason_of
from kernel.jobs.job import Failed, Job, Permanent
from kernel.jobs.measuring import ENDED, SECONDS
from kernel.jobs.memory import Begun, Early, Handed, Memory
from kernel.jobs.worklist import AGAIN, ASKED
from kernel.log.promise import Conflict, Unavailable
from kernel.process.telemetry import span_of
from kernel.reading.parking import may_pass
from kernel.runtime.crash import crash_here

DIED = "its process died, or stood still, in its last try"
_BESIDE = timedelta(days=1)
_LONGEST_PAUSE_S = 30.0
_log = structlog.get_logger()


@dataclass(frozen=True)
class Ailment:
    """Why a try failed; whether it counts as one; whether another would help."""

    reason: str
    counts: bool = True
    may_help: bool = True


def ailment_of(failure: Exception) -> Ailment:
    """What a failure of a job's work means."""
    if isinstance(failure, Failed):
        return Ailment(failure.code, may_help=not isinstance(failure, Permanent))
    if isinstance(failure, Refused):
        return Ailment(f"refused: {failure.code}")
    passes = isinstance(failure, Unavailable | Contended | Conflict) or may_pass(failure)
    return Ailment(reason_of(failure), counts=not passes)


def keep_of(job: Job[Any]) -> timedelta:
    """For how long it must be known that such a job is done."""
    return job.good_for + _BESIDE


class Trying:
    """Tries the jobs of one service. `tools` is what their work is given."""

    def __init__(self, service: str, memory: Memory, tools: Any) -> None:
        self._service = service
        self._memory = memory
        self._tools = tools

    async def take(self, job: Job[Any], message: NatsMessage) -> None:
        """Do the job of this message and answer it; raises nothing but a cancellation."""
        headers = message.raw_message.headers or {}
        handed = Handed(message.raw_message.subject.rpartition(".")[2], job.name, headers.get(AGAIN))
        try:
            await self._take(job, handed, message)
        except asyncio.CancelledError:
            # Its place is needed: another replica is to have it now.
            with suppress(NatsError, OSError):
                await message.nack()
            raise
        except PyMongoError as failure:
            _log.warning("job-waits", job=job.name, id=handed.id, reason=reason_of(failure))
            await _again(message, _pause_s(message))
        except Exception as failure:  # noqa: BLE001 (of the machinery here: the server hands the job out again)
            _log.error("job-stuck", job=job.name, id=handed.id, exc_info=failure)
            await _again(message, _LONGEST_PAUSE_S)

    async def _take(self, job: Job[Any], handed: Handed, message: NatsMessage) -> None:
        match next := await self._memory.begin(handed, keep_of(job)):
            case Begun():
                await self._try(job, handed, message, next.times)
            case Early():
                await _again(message, (next.until - datetime.now(UTC)).total_seconds())
            case _:
                await _forget(message)

    async def _try(self, job: Job[Any], handed: Handed, message: NatsMessage, times: int) -> None:
        if times > job.tries:
            await self._park(job, handed, message, DIED, times - 1)
            return
        began = time.perf_counter()
        try:
            ailment = await self._worked(job, message)
        except asyncio.CancelledError:
            await self._memory.passed(handed)
            raise
        finally:
            SECONDS.labels(self._service, job.name).observe(time.perf_counter() - began)
        if ailment is None:
            crash_here(f"job.{job.name}.worked")
            await self._memory.done(handed, keep_of(job))
            crash_here(f"job.{job.name}.done")
            await _forget(message)
            self._tell("done", job, handed, times=times, ms=round((time.perf_counter() - began) * 1000, 2))
            return
        is_late = datetime.now(UTC) - _asked_at(message) > job.good_for
        if not ailment.may_help or is_late or (ailment.counts and times >= job.tries):
            await self._park(job, handed, message, ailment.reason, times)
        elif ailment.counts:
            pause_s = job.pause_s(times)
            await self._memory.failed(handed, datetime.now(UTC) + timedelta(seconds=pause_s))
            self._tell("failed", job, handed, times=times, reason=ailment.reason, again_in_s=pause_s)
            await _again(message, pause_s)
        else:
            await self._memory.passed(handed)
            self._tell("passed", job, handed, reason=ailment.reason)
            await _again(message, _pause_s(message))

    async def _worked(self, job: Job[Any], message: NatsMessage) -> Ailment | None:
        """Why its work failed; None once it is done."""
        try:
            payload = job.payload.model_validate_json(message.raw_message.data)
        except ValidationError as poison:
            return Ailment(f"its payload cannot be read: {reason_of(poison).lstrip(': ')}", may_help=False)
        traceparent = (message.raw_message.headers or {}).get("traceparent")
        patience = asyncio.timeout(job.timeout_s)
        try:
            with span_of(f"job {job.name}", traceparent):
                async with patience:
                    crash_here(f"job.{job.name}.begun")
                    await job.work(payload, self._tools)
        except TimeoutError as failure:
            if patience.expired():
                return Ailment(f"not done within {job.timeout_s:g} s")
            return ailment_of(failure)
        except Exception as failure:  # noqa: BLE001 (whatever it is, the job is tried again or parked)
            return ailment_of(failure)
        return None

    async def _park(self, job: Job[Any], handed: Handed, message: NatsMessage, reason: str, tries: int) -> None:
        crash_here(f"job.{job.name}.parking")
        await self._memory.park(handed, message.raw_message.data, reason, tries, keep_of(job))
        crash_here(f"job.{job.name}.parked")
        await _forget(message)
        self._tell("parked", job, handed, times=tries, reason=reason)

    def _tell(self, outcome: str, job: Job[Any], handed: Handed, **more: Any) -> None:
        ENDED.labels(self._service, job.name, outcome).inc()
        say = {"parked": _log.error, "failed": _log.warning, "passed": _log.warning}.get(outcome, _log.info)
        say(f"job-{outcome}", job=job.name, id=handed.id, **more)


def _asked_at(message: NatsMessage) -> datetime:
    try:
        at = datetime.fromisoformat((message.raw_message.headers or {}).get(ASKED, ""))
    except ValueError:
        at = message.raw_message.metadata.timestamp
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _pause_s(message: NatsMessage) -> float:
    """Longer, the more often it was handed out: 1 s at first, 30 s at the most."""
    return float(min(2.0 ** min(message.raw_message.metadata.num_delivered - 1, 10), _LONGEST_PAUSE_S))


async def _again(message: NatsMessage, pause_s: float) -> None:
    # An answer that does not arrive is as good as none: it is handed out again after a while.
    with suppress(NatsError, OSError):
        await message.nack(delay=max(pause_s, 0.001))


async def _forget(message: NatsMessage) -> None:
    """The list has forgotten it when this returns; if it has not, it is handed out again and found to be over."""
    with suppress(NatsError, OSError):
        await message.ack_sync()
