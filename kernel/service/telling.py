"""What is told of each projected event: to open pages, to its trace, and to the gauges of the projection."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import nats.errors
from nats.aio.client import Client
from pymongo.errors import PyMongoError

from contracts.live import Changed, live_subject
from contracts.message import Recorded
from kernel.keeping.mongo import Database
from kernel.log.promise import Unavailable
from kernel.process.telemetry import (
    DEAD_LETTERS,
    PROJECTED_AGE_SECONDS,
    PROJECTED_EVENTS,
    PROJECTION_BATCH_EVENTS,
    PROJECTION_LAG_EVENTS,
    PROJECTION_LAG_SECONDS,
    trace_projected,
)
from kernel.reading.projection import Applied, Projector
from kernel.service.declaration import Service

_LAG_EVERY_S = 2.0
_PARKED = {"projection": "parked", "reactions": "reactions_parked"}


@dataclass(frozen=True)
class Telling:
    """Tells open pages, and the trace of each event, what has become visible."""

    service: Service
    client: Client

    async def tell(self, recorded: Sequence[Recorded]) -> None:
        trace_projected(self.service.name, recorded)
        ids: defaultdict[str, dict[str, None]] = defaultdict(dict)
        newest: dict[str, str] = {}
        for each in recorded:
            for notice in self.service.live(each):
                subject = live_subject(notice.tenant, notice.thing)
                ids[subject][notice.id] = None
                newest[subject] = f"{each.stream}.{each.seq}"
        # Nobody is promised a notice: a page that missed one asks again when it reconnects.
        with contextlib.suppress(nats.errors.Error):
            for subject, position in newest.items():
                changed = Changed(ids=tuple(ids[subject]), position=position)
                await self.client.publish(subject, changed.model_dump_json().encode())


class Meter:
    """Counts the events that were projected, and how old they were."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, applied: Applied) -> None:
        PROJECTED_EVENTS.labels(self._service, applied.stream).inc(applied.events)
        PROJECTION_BATCH_EVENTS.labels(self._service).observe(applied.events)
        PROJECTED_AGE_SECONDS.labels(self._service).observe(applied.age_s)


async def measure_lag(service: str, projector: Projector, database: Database) -> None:
    """Keeps the gauges true also when nothing is projected, which is when they matter."""
    level_at: dict[str, float] = {}
    while True:
        with contextlib.suppress(Unavailable, PyMongoError):
            now = time.monotonic()
            for stream, events in (await projector.lag()).items():
                if events <= 0:
                    level_at[stream] = now
                PROJECTION_LAG_EVENTS.labels(service, stream).set(max(0, events))
                PROJECTION_LAG_SECONDS.labels(service, stream).set(now - level_at.setdefault(stream, now))
            for reader, parked in _PARKED.items():
                DEAD_LETTERS.labels(service, reader).set(await database[parked].estimated_document_count())
        await asyncio.sleep(_LAG_EVERY_S)
