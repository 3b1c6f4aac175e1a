"""The jobs of a service at work: its list, who works through it, what is parked, and what is said of all that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from faststream.nats import NatsBroker
from pymongo.errors import PyMongoError

from kernel.deciding.reasons import reason_of
from kernel.jobs.job import Job
from kernel.jobs.measuring import JOBS, LIST_BYTES, LIST_MAX_BYTES
from kernel.jobs.memory import ARE_PARKED, Memory
from kernel.jobs.trying import Trying, keep_of
from kernel.jobs.workers import Workers
from kernel.jobs.worklist import Standing, WorkList
from kernel.keeping.mongo import Database
from kernel.log.promise import Unavailable
from kernel.process.health import NotReady
from kernel.runtime.crash import crash_here
from kernel.talking.broker import client_of

LOOK_EVERY_S = 5.0
_WISHES_EVERY_S = 1.0
_REMARK_FROM = 0.8
_log = structlog.get_logger()


class Jobs:
    """The jobs of one service in this process. `inbox_prefix` is where answers come for its user of NATS."""

    def __init__(
        self,
        broker: NatsBroker,
        service: str,
        jobs: Sequence[Job[Any]],
        database: Database,
        inbox_prefix: str,
        replicas: int = 1,
    ) -> None:
        self._broker = broker
        self._service = service
        self._jobs = {job.name: job for job in jobs}
        if len(self._jobs) != len(jobs):
            raise ValueError(f"two jobs of {service} have one name")
        self._inbox_prefix = inbox_prefix
        self.memory = Memory(database)
        self.worklist = WorkList(client_of(broker), service, jobs, replicas)
        self._workers: Workers | None = None
        self._created: str | None = None
        self._lost_at: datetime | None = None
        self._away: str | None = None
        self._standing: Standing | None = None
        self._parked = self._unknown = 0

    async def open(self) -> None:
        """Make the list, so that jobs can be put on it. Raises `Unavailable` and `PyMongoError`."""
        self._created = await self.worklist.open()
        await self.memory.open()

    async def serve(self, tools: Any) -> None:
        """Work through the list from now on; `tools` is what the work is given."""
        self._workers = Workers(
            self._broker, self.worklist, self._inbox_prefix, Trying(self._service, self.memory, tools).take
        )
        for job in self._jobs.values():
            await self._workers.start(job)

    async def stop(self, timeout_s: float) -> None:
        """Take no more, finish what is in hand. What lasts longer goes back to the list, and it counts as no try."""
        if self._workers is not None:
            await self._workers.stop(timeout_s)

    async def watch(self) -> None:
        """Keep the gauges true, make anew what is not there any more, and fulfil wishes, for ever."""
        await asyncio.gather(self._watch(), self._fulfil())

    async def _watch(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """How the list is now, and what is parked; what is lost is made anew. The jobs of a lost list are lost."""
        try:
            created = await self.worklist.make()
            self._standing = await self.worklist.look()
            parked = await self.memory.parked()
        except (Unavailable, PyMongoError) as failure:
            self._away = str(failure) if isinstance(failure, Unavailable) else reason_of(failure)
            return
        self._away, self._parked = None, sum(parked.values())
        if self._standing.unknown is not None:
            self._unknown = self._standing.unknown
        if created and self._created and created != self._created:
            self._lost_at = datetime.now(UTC)
            _log.error("jobs-lost", service=self._service, stream=self.worklist.stream, made=created)
        self._created = created or self._created
        self._measure(self._standing, parked)

    def _measure(self, standing: Standing, parked: dict[str, int]) -> None:
        LIST_BYTES.labels(self._service).set(standing.used)
        LIST_MAX_BYTES.labels(self._service).set(standing.most)
        for name in {*self._jobs, *parked}:
            running = self._workers.running[name] if self._workers else 0
            waiting = max(0, standing.by_job.get(name, 0) - running)
            for state, count in (("waiting", waiting), ("running", running), ("parked", parked.get(name, 0))):
                JOBS.labels(self._service, name, state).set(count)

    async def probe(self) -> str | None:
        """For readiness. Raises `NotReady` while the list is away; a remark on what a person is to look after."""
        if self._away:
            raise NotReady(self._away)
        remarks = []
        if self._parked:
            remarks.append(f"{self._parked} {ARE_PARKED}")
        if self.worklist.is_full:
            remarks.append("the list of jobs is full, nothing more is put on it")
        elif (found := self._standing) and found.used >= _REMARK_FROM * found.most:
            remarks.append(f"the list of jobs is {found.used / found.most:.0%} full: {found.jobs} wait")
        if self._unknown:
            remarks.append(f"{self._unknown} jobs wait that this version does not know")
        if self._lost_at:
            remarks.append(f"jobs were lost before {self._lost_at:%Y-%m-%d %H:%M} UTC; docs/operating says what to do")
        return "; ".join(remarks) or None

    async def _fulfil(self) -> None:
        """Put back on the list what somebody wishes to be done after all, for ever."""
        while True:
            try:
                for each in await self.memory.wished(self._jobs):
                    again = each["again"]
                    # First the list: whoever takes it from there knows the wish. One that is on the list still, from
                    # before it was parked, is about to leave it.
                    if await self.worklist.put_back(each["job"], each["_id"], bytes(each["payload"]), again["token"]):
                        crash_here("jobs.again")
                        await self.memory.reopen(each["_id"], again["token"], keep_of(self._jobs[each["job"]]))
                        _log.info("job-again", job=each["job"], id=each["_id"], by=again["by"])
            except (Unavailable, PyMongoError) as failure:
                _log.warning("job-wishes-wait", reason=reason_of(failure))
            await asyncio.sleep(_WISHES_EVERY_S)
