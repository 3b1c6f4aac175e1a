"""How a service's read models follow the log: in order, in batches, each event exactly once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import nats.errors
import structlog
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from contracts.message import Position, Recorded
from kernel.deciding.reasons import reason_of
from kernel.keeping.mongo import Database
from kernel.keeping.vault import WrongSecret
from kernel.log.promise import Unavailable
from kernel.reading.checkpoint import Checkpoint, Fenced, checkpoint_of, places_of
from kernel.reading.edition import PARKED, Edition
from kernel.reading.lease import Lease
from kernel.reading.pace import Pace
from kernel.reading.parking import OF_AN_EVENT, TRANSIENT, StillPoisoned, may_pass, remark_on
from kernel.reading.readmodel import ReadModel
from kernel.reading.rebuilding import Progress, finish_swap, rebuild, was_made_of
from kernel.reading.source import BATCH, Incoming, Source
from kernel.runtime.tasks import ended

_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
# How long the checkpoint may lack events that changed nothing.
_NOTED_AFTER_S = 0.2
# How long events may collect at most, and how many times as long as the batch before them took: those of the service's
# own log, and those of a log that it follows: commands look up what others recorded, and nobody waits for it there.
_OWN_PACE = (0.01, 12)
_FOLLOWED_PACE = (0.025, 60)
_log = structlog.get_logger()


class Phase(StrEnum):
    """What a projector is doing."""

    STANDBY = "standby"
    REBUILDING = "rebuilding"
    LIVE = "live"
    RETRYING = "retrying"


@dataclass(frozen=True, slots=True)
class Applied:
    """A batch that got into the read models: `age_s` is how old its newest event was then."""

    stream: str
    seq: int
    events: int
    duration_s: float
    age_s: float
    parked: int


async def _nobody(recorded: Sequence[Recorded]) -> None:
    return


class Projector:
    """Keeps the read models of `service`, in `database`, up with the logs they are made of.

    After each batch it calls `meter` with the figures, publishes `projected.<service>` (what the read models contain
    now, see `Watermark`), and calls `on_batch` with what got into the documents. Both may miss a batch when the process
    dies between committing and calling.
    """

    def __init__(
        self,
        service: str,
        sources: Sequence[Source],
        read_models: Sequence[ReadModel],
        database: Database,
        *,
        announce: Callable[[str, bytes], Awaitable[None]],
        on_batch: Callable[[Sequence[Recorded]], Awaitable[None]] = _nobody,
        meter: Callable[[Applied], None] = lambda applied: None,
    ) -> None:
        self.service = service
        self.phase = Phase.STANDBY
        self.problem: str | None = None
        self._sources = {source.log.stream: source for source in sources}
        self._paces = {
            stream: Pace(*(_OWN_PACE if source.service == service else _FOLLOWED_PACE))
            for stream, source in self._sources.items()
        }
        self._models = tuple(read_models)
        self._database = database
        self._lease = Lease(database, "projection")
        self._rebuild_lease = Lease(database, "rebuild")
        self._announce = announce
        self._on_batch = on_batch
        self._meter = meter

    @property
    def is_ready(self) -> bool:
        """Whether the read models may be asked: they follow the log here, or another replica sees to it."""
        return self.phase in (Phase.STANDBY, Phase.LIVE)

    def hurry(self, position: Position) -> bool:
        """Take that event soon, since somebody waits for it. False when another replica would have to."""
        if position.stream in self._paces and self.phase is Phase.LIVE:
            self._paces[position.stream].hurry(position.seq)
        return self.phase is not Phase.STANDBY

    async def run(self) -> None:
        """Follow the logs while holding the service's lease; stand by while another replica does.

        Never returns. What an event says never stops it: an event that cannot be taken waits, and others go on.
        """
        await self._lease.hold(self._lead)

    async def rebuild(self, progress: Callable[[Progress], None] = lambda progress: None) -> Checkpoint:
        """Fold the logs anew into fresh collections beside the live ones, and swap when they have caught up.

        May run beside a live projector, in another process. Raises `Held` when a rebuild is already running, and what
        ails MongoDB or the log; then nothing has changed.
        """
        return await self._rebuild_lease.hold(lambda session: self._rebuilt(session, progress), wait=False)

    async def unpark(self, subject: str) -> int:
        """Take all that waits of an aggregate, in order; return how many events that were.

        May run beside a live projector, in another process. Raises `StillPoisoned`; then nothing has changed.
        """
        async with self._database.client.start_session() as session:
            while True:
                checkpoint = await self._checkpoint()
                if checkpoint is None:
                    return 0
                edition = Edition(self._database, self._models)
                await edition.open(checkpoint)
                waiting = await edition.collection(PARKED).find({"subject": subject}).sort("seq", 1).to_list()
                if not waiting:
                    return 0
                source = self._sources[waiting[0]["stream"]]
                seqs = {document["seq"] for document in waiting}
                messages = await source.log.read_subject(subject, min(seqs) - 1)
                taken = [message for message in messages if message.seq in seqs]
                try:
                    await edition.retake(await source.incoming(taken, self._models, self.service), session)
                except Fenced:
                    continue  # the projector was faster; with the next look we may be
                except OF_AN_EVENT as failure:
                    if isinstance(failure, PyMongoError) and failure.has_error_label(TRANSIENT):
                        continue
                    if may_pass(failure):
                        raise
                    raise StillPoisoned(reason_of(failure)) from None
                return len(taken)

    async def parked(self) -> int:
        """How many events wait because they, or an earlier one of their aggregate, could not be taken."""
        return await self._database[PARKED].count_documents({})

    async def remark(self) -> str | None:
        """What an operator is to know: how many events wait."""
        return await remark_on(self._database[PARKED], f"smartplus rebuild {self.service}")

    async def lag(self) -> dict[str, int]:
        """How many events of each stream are not in the read models. Raises `Unavailable`."""
        places = await places_of(self._database)
        heads = {stream: await source.log.last_seq() for stream, source in self._sources.items()}
        return {stream: head - (places[stream].seq if stream in places else 0) for stream, head in heads.items()}

    async def _rebuilt(self, session: AsyncClientSession, progress: Callable[[Progress], None]) -> Checkpoint:
        return await rebuild(
            self.service, tuple(self._sources.values()), self._models, self._database, session, progress
        )

    async def _checkpoint(self) -> Checkpoint | None:
        checkpoint = await checkpoint_of(self._database)
        swapping = checkpoint is not None and checkpoint.swap is not None
        return await finish_swap(self._database, checkpoint) if checkpoint and swapping else checkpoint

    async def _lead(self, session: AsyncClientSession) -> None:
        try:
            await self._project(session)
        finally:
            self.phase, self.problem = Phase.STANDBY, None

    async def _project(self, session: AsyncClientSession) -> None:
        pause_s = _PAUSE_S
        while True:
            edition = Edition(self._database, self._models)
            began_at = time.monotonic()
            try:
                await self._open(edition)
                await self._say(edition)
                await self._follow(edition, session)
            except Fenced:
                _log.info("projection stepped back", service=self.service)
            except (PyMongoError, Unavailable, WrongSecret) as failure:
                self.phase, self.problem = Phase.RETRYING, f"tries again after {reason_of(failure)}"
                _log.warning("projection retries", service=self.service, reason=reason_of(failure))
            pause_s = _PAUSE_S if time.monotonic() - began_at > _LONGEST_PAUSE_S else min(2 * pause_s, _LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def _open(self, edition: Edition) -> None:
        await edition.create()
        checkpoint = await self._checkpoint()
        if checkpoint is None or not was_made_of(checkpoint, self._models, self._sources.values()):
            self.phase = Phase.REBUILDING
            _log.info("projection rebuilds", service=self.service)
            checkpoint = await self._rebuild_lease.hold(lambda session: self._rebuilt(session, lambda progress: None))
        await edition.index()
        await edition.open(checkpoint)

    async def _follow(self, edition: Edition, session: AsyncClientSession) -> None:
        self.phase, self.problem = Phase.LIVE, None
        batches: asyncio.Queue[list[Incoming] | Exception] = asyncio.Queue(maxsize=1)
        readers = [
            asyncio.create_task(self._read(source, edition.places[stream].seq, batches))
            for stream, source in self._sources.items()
        ]
        now = asyncio.get_running_loop().time
        note_at: float | None = None
        try:
            while True:
                if edition.is_ahead and note_at is not None and now() >= note_at:
                    await edition.note(session)
                note_at = (note_at or now() + _NOTED_AFTER_S) if edition.is_ahead else None
                try:
                    async with asyncio.timeout_at(note_at):
                        batch = await batches.get()
                except TimeoutError:
                    continue
                if isinstance(batch, Exception):
                    raise batch
                began_at = time.perf_counter()
                recorded = await edition.apply(batch, session)
                duration_s = time.perf_counter() - began_at
                self._paces[batch[-1].stream].took(duration_s)
                await self._tell(edition, batch, recorded, duration_s)
        finally:
            await ended(*readers)

    async def _read(self, source: Source, after: int, batches: asyncio.Queue[list[Incoming] | Exception]) -> None:
        # Reads and decodes the next batch while the present one is being written.
        pace = self._paces[source.log.stream]
        try:
            async with contextlib.aclosing(source.follow(after, self._models, self.service)) as following:
                async for batch in following:
                    await batches.put(batch)
                    if len(batch) < BATCH:
                        await pace.rest(batch[-1].seq)
        except Exception as failure:  # noqa: BLE001 (raised by whoever waits for the batch)
            await batches.put(failure)

    async def _tell(
        self, edition: Edition, batch: Sequence[Incoming], recorded: Sequence[Recorded], duration_s: float
    ) -> None:
        last = batch[-1]
        age_s = max(0.0, (datetime.now(UTC) - recorded[-1].at).total_seconds()) if recorded else 0.0
        self._meter(Applied(last.stream, last.seq, len(batch), duration_s, age_s, edition.parked_count))
        await self._say(edition)
        if recorded:
            try:
                await self._on_batch(recorded)
            except Exception as failure:  # noqa: BLE001 (they are in the documents; that somebody missed it stops nothing)
                _log.error("projected events not told", service=self.service, reason=reason_of(failure))

    async def _say(self, edition: Edition) -> None:
        places = {stream: place._asdict() for stream, place in edition.places.items()}
        # A notice is only a wake-up: whoever misses one looks the position up when its patience ends.
        with contextlib.suppress(nats.errors.Error):
            await self._announce(f"projected.{self.service}", json.dumps(places).encode())
