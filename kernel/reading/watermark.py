"""Reading one's own writes: waiting, within bounds, until the read models contain a position.

Nobody polls: the projector says after each batch how far it is, and every replica of the service listens. Whoever waits
tells the projector, which then collects no longer.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any, Protocol

import nats.errors
import structlog

from contracts.message import Position
from kernel.keeping.mongo import Database
from kernel.reading.checkpoint import Place, places_of

_log = structlog.get_logger()


class _Message(Protocol):
    data: bytes


class _Listening(Protocol):
    async def unsubscribe(self) -> None: ...


class _Bus(Protocol):
    """What it needs of a NATS client."""

    async def subscribe(self, subject: str, *, cb: Callable[[Any], Awaitable[None]]) -> Any: ...
    async def publish(self, subject: str, payload: bytes = b"") -> None: ...
    async def flush(self, timeout: int = 10) -> None: ...


class Watermark:
    """How far the read models of `service` are, as known in this process.

    `epochs` names the present epoch of each stream that they are made of: what they contain of another one does not
    count. `hurry` tells the projector of this process that somebody waits for an event; it answers whether that is the
    one which projects.
    """

    def __init__(
        self,
        nc: _Bus,
        service: str,
        database: Database,
        epochs: Mapping[str, str] | None = None,
        hurry: Callable[[Position], bool] = lambda position: False,
    ) -> None:
        self._nc = nc
        self._projected = f"projected.{service}"
        self._awaited = f"awaited.{service}"
        self._database = database
        self._epochs = epochs or {}
        self._hurry = hurry
        self._places: dict[str, Place] = {}
        self._waiting: defaultdict[str, list[tuple[int, int, asyncio.Future[None]]]] = defaultdict(list)
        self._order = count()
        self._listening: list[_Listening] = []

    async def start(self) -> None:
        """Listen. Must be called once, before the first `reached`."""
        self._listening.append(await self._nc.subscribe(self._projected, cb=self._heard_of_projected))
        self._listening.append(await self._nc.subscribe(self._awaited, cb=self._heard_of_awaited))
        await self._nc.flush()
        await self._look()

    async def stop(self) -> None:
        while self._listening:
            await self._listening.pop().unsubscribe()

    async def reached(self, position: Position, timeout_s: float = 2.0) -> bool:
        """Whether the read models contain `position`, at once or within `timeout_s`.

        A stream that this service does not read is always reached: nothing of it will ever be in the read models.
        """
        if self._is_reached(position):
            return True
        arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting[position.stream], (position.seq, next(self._order), arrival))
        if not self._hurry(position):
            # Only a wish: without it the event comes a little later.
            with contextlib.suppress(nats.errors.Error):
                await self._nc.publish(self._awaited, str(position).encode())
        try:
            async with asyncio.timeout(timeout_s):
                await arrival
        except TimeoutError:
            # A notice may have been lost on the way. Then the answer comes late, but it is right.
            await self._look()
        return self._is_reached(position)

    def _is_reached(self, position: Position) -> bool:
        if not self._places:
            return False
        place = self._places.get(position.stream)
        return position.stream not in self._epochs if place is None else place.seq >= position.seq

    async def _look(self) -> None:
        self._learn(dict(await places_of(self._database)))

    async def _heard_of_projected(self, message: _Message) -> None:
        self._learn({stream: Place(**place) for stream, place in json.loads(message.data).items()})

    async def _heard_of_awaited(self, message: _Message) -> None:
        self._hurry(Position.parse(message.data.decode()))

    def _learn(self, places: dict[str, Place]) -> None:
        for stream, place in places.items():
            if place.epoch != self._epochs.get(stream, place.epoch):
                continue
            known = self._places.get(stream)
            # A slower projector may speak last; of another epoch only the newest word counts.
            if known is None or known.epoch != place.epoch or known.seq < place.seq:
                self._places[stream] = place
            self._wake(stream)

    def _wake(self, stream: str) -> None:
        waiting = self._waiting[stream]
        while waiting and (waiting[0][0] <= self._places[stream].seq or waiting[0][2].done()):
            _, _, arrival = heapq.heappop(waiting)
            if not arrival.done():
                arrival.set_result(None)
