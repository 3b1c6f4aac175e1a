"""The list of jobs of one service, kept by nats-server: what is put on it stays until it was done or parked.

The rule it protects: one cause puts one job. While the job is on the list a second one is refused by the server; once
it is off the list, `kernel.jobs.memory` knows it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from kernel.connecting.making import consumer_made, patiently, stream_made
from kernel.jobs.job import Job, P, job_id
from kernel.jobs.measuring import ENDED
from kernel.log.group_commit import Doubt
from kernel.log.promise import LogFull, Unavailable
from kernel.log.trouble import PAUSE_S, code_of, doubt_of, now
from kernel.process.telemetry import traced_headers
from kernel.runtime.crash import crash_here

ACK_WAIT_S = 20.0
"""After so long a job whose process died is handed out again; who works on one says so more often than that."""

ASKED, AGAIN = "sp-asked", "sp-again"
_MOST_BYTES = 64 * 2**20
_PAYLOAD_MOST_BYTES = 4096
_DUPLICATE_WINDOW_S = 120
_ANSWER_S = 5.0
# Of a cluster: a message with this id, or on this subject, is on its way into the stream, and may not arrive.
_UNDECIDED_CODES = {10158, 10164}
_log = structlog.get_logger()


class ListFull(LogFull):
    """The list has no room: the job is certainly not on it. Whoever works through the list makes room."""


@dataclass(frozen=True)
class Standing:
    """How the list is: bytes, of how many, how many jobs, and how many of each kind that is declared here.

    `unknown` are of kinds that are declared no more, so that nobody works on them; None when that could not be counted,
    because something came or went meanwhile.
    """

    used: int
    most: int
    jobs: int
    by_job: Mapping[str, int]
    unknown: int | None


class WorkList:
    """The list of one service; `jobs` are the kinds that it declares."""

    def __init__(self, nc: Client, service: str, jobs: Iterable[Job[Any]], replicas: int = 1) -> None:
        self._nc = nc
        self._service = service
        self._jobs = {job.name: job for job in jobs}
        self._replicas = replicas
        self.ack_wait_s = ACK_WAIT_S
        self.stream = stream_of(service)
        self.is_full = False
        """Whether the last job that was put found no room."""

    def subject(self, job: str, id: str = "*") -> str:
        return f"job.{self._service}.{job}.{id}"

    async def open(self) -> str | None:
        """As `make`; a server that has just begun is waited for."""
        return await patiently(self.make)

    async def make(self) -> str | None:
        """Make the list, and what hands out each kind of job, if they are not there. Raises `Unavailable`.

        When the list that is there now was made, if the server says so.
        """
        created = await stream_made(
            self._nc,
            {
                "name": self.stream,
                "subjects": [f"job.{self._service}.>"],
                "storage": "file",
                # What was done is gone, so an undone job is all that a lost consumer can hand out again.
                "retention": "workqueue",
                "discard": "new",
                "max_bytes": _MOST_BYTES,
                "max_msg_size": 2 * _PAYLOAD_MOST_BYTES,
                "duplicate_window": _DUPLICATE_WINDOW_S * 1_000_000_000,
                "num_replicas": self._replicas,
            },
        )
        for name in self._jobs:
            consumer = {
                "durable_name": name,
                "filter_subject": self.subject(name),
                "deliver_policy": "all",
                "ack_policy": "explicit",
                "ack_wait": int(self.ack_wait_s * 1_000_000_000),
                "max_deliver": -1,
                # Those that wait for their next try count too: they must not keep the others waiting.
                "max_ack_pending": -1,
            }
            await consumer_made(self._nc, self.stream, consumer)
        return created

    async def put(self, job: Job[P], payload: P, cause: str, asked_at: datetime) -> UUID:
        """Have the job done because of `cause`, something that happened at `asked_at`: the same cause again is nothing.

        Returns the job's id once the server has it on its disk. Raises `ListFull`, `Unavailable`, after which the same
        may be put again, and `ValueError` for what is no job of this service.
        """
        if self._jobs.get(job.name) is not job or not isinstance(payload, job.payload):
            raise ValueError(f"{job.name} is no job of {self._service}, or not with such a payload")
        body = payload.model_dump_json().encode()
        if len(body) > _PAYLOAD_MOST_BYTES:
            raise ValueError(f"the payload of {job.name} has {len(body)} bytes; let it carry ids")
        id = job_id(self._service, job.name, cause)
        if datetime.now(UTC) - asked_at > job.good_for:
            _log.warning("job-too-late", job=job.name, id=str(id), asked_at=asked_at.isoformat())
            return id
        await self._publish(job.name, str(id), body, asked_at, {"Nats-Msg-Id": str(id)})
        crash_here("job.put")
        return id

    async def put_back(self, job: str, id: str, body: bytes, token: str) -> bool:
        """Put a parked job on the list again, because of the wish that `token` names; False when it is on it still.

        Raises `ListFull` and `Unavailable`.
        """
        return await self._publish(job, id, body, datetime.now(UTC), {AGAIN: token})

    async def look(self) -> Standing:
        """How the list is now. Raises `Unavailable`."""
        before = await self._ask(f"$JS.API.STREAM.INFO.{self.stream}")
        by_job = {}
        for name in self._jobs:
            consumer = await self._ask(f"$JS.API.CONSUMER.INFO.{self.stream}.{name}")
            by_job[name] = int(consumer["num_pending"]) + int(consumer["num_ack_pending"])
        after = await self._ask(f"$JS.API.STREAM.INFO.{self.stream}")
        state = after["state"]
        jobs, stood_still = int(state["messages"]), state == before["state"]
        unknown = max(0, jobs - sum(by_job.values())) if stood_still else None
        return Standing(state["bytes"], after["config"]["max_bytes"], jobs, by_job, unknown)

    async def _publish(self, job: str, id: str, body: bytes, asked_at: datetime, more: Mapping[str, str]) -> bool:
        headers = {
            **traced_headers(),
            **more,
            ASKED: asked_at.astimezone(UTC).isoformat(),
            "Nats-Expected-Last-Subject-Sequence": "0",
        }
        try:
            said = await self._decided(self.subject(job, id), body, headers)
        except ListFull:
            ENDED.labels(self._service, job, "no-room").inc()
            self.is_full = True
            _log.error("jobs-full", stream=self.stream, job=job)
            raise
        self.is_full = False
        return "error" not in said

    async def _decided(self, subject: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        """The server's answer, once nobody else is putting the same: whether theirs is kept is not known before."""
        deadline = now() + _ANSWER_S
        while code_of(said := await self._ask(subject, body, headers)) in _UNDECIDED_CODES:
            if now() > deadline:
                raise Unavailable(f"{self.stream}: somebody else is putting the same")
            await asyncio.sleep(PAUSE_S)
        return said

    async def _ask(self, subject: str, body: bytes = b"", headers: dict[str, str] | None = None) -> dict[str, Any]:
        """The server's answer. That a job is on the list already, or just being put there, is a good one."""
        try:
            answer = await self._nc.request(subject, body, timeout=_ANSWER_S, headers=headers)
        except (NatsError, OSError, TimeoutError) as failure:
            raise Unavailable(f"{self.stream}: {type(failure).__name__}") from failure
        said: dict[str, Any] = json.loads(answer.data)
        if trouble := said.get("error"):
            doubt = doubt_of(trouble)
            if doubt.doubt is Doubt.FULL:
                raise ListFull(f"{self.stream} has no room: {trouble.get('description')}")
            if doubt.doubt not in (Doubt.CONTENDED, Doubt.KNOWN):
                raise Unavailable(f"{self.stream}: {trouble.get('description')}")
        return said


def stream_of(service: str) -> str:
    """The name of the stream that keeps the jobs of a service."""
    return f"JOBS_{service.upper()}"
