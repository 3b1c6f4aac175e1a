"""Where commands and queries come in, and timers that have become commands.

The rules it protects: a command is authorised before anything else happens to it, and a query never shows less than
it was asked to contain.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pymongo
import structlog
from pymongo.errors import ConnectionFailure, PyMongoError

from contracts.acting import disclosed
from contracts.message import Accepted, Answer, Command, Position, Query, Refused, View, accepted_of
from kernel.deciding.handling import Contended
from kernel.guarding.budgets import TENANT, Budgets
from kernel.log.promise import Unavailable
from kernel.reacting.timers import Due
from kernel.service.declaration import Tools
from kernel.talking.wire import Asked

_QUERY_DATABASE_S = 4.0
_AFTER_TIMEOUT_S = 2.0
_COMMAND_DATABASE_S = 8.0
# What every code ends in that denies a thing.
_UNKNOWN = "-unknown"

_log = structlog.get_logger()


@dataclass(frozen=True)
class Firing:
    """Turns timers that fire into commands."""

    tools: Tools

    async def fire(self, due: Due) -> None:
        command = self.tools.service.timers[due.purpose](due)
        with _database_within(_COMMAND_DATABASE_S):
            handled = await self.tools.handle(command)
        _log.info("fired", purpose=due.purpose, command=type(command).__name__, position=str(handled.position))


@dataclass(frozen=True)
class Desk:
    """Where commands and queries come in."""

    tools: Tools
    budgets: Budgets

    async def obey(self, command: Command, asked: Asked) -> Accepted:
        began = time.perf_counter()
        service = self.tools.service
        service.authorize(command)
        kind = type(command)
        tenant = command.actor.installer_id or command.actor.distributor_id
        further, outlasts = service.brings_about(command), service.outlasts_budget(command)
        charged = self.budgets.charged(TENANT, tenant, further, outlasts=outlasts)
        with _database_within(_COMMAND_DATABASE_S), charged:
            try:
                handled = await self.tools.handle(command, correlation_id=asked.correlation_id)
            except Contended:
                raise Refused("contended", "Others changed the same thing just now. Try again.") from None
        _log.info(
            "decided",
            command=kind.__name__,
            aggregate=handled.ref.aggregate,
            position=str(handled.position),
            events=dict(Counter(event.type_name() for event in handled.events)),
            repeated=handled.repeated,
            ms=round((time.perf_counter() - began) * 1000, 2),
        )
        tell = service.answers.get(kind)
        answer = tell(command, handled, self.tools) if tell else Answer()
        told = disclosed(command.actor, answer)
        return accepted_of(kind)(id=handled.ref.id, position=str(handled.position), extra=told)

    async def look(self, query: Query) -> View | bytes:
        service = self.tools.service
        service.authorize(query)
        with _database_within(_QUERY_DATABASE_S):
            for position in _positions(query.after):
                if not await self.tools.watermark.reached(position, _AFTER_TIMEOUT_S):
                    raise Refused("behind", "What you ask for is not visible yet. Try again.", field="after")
            try:
                return await service.queries[type(query)](query, self.tools)
            except Refused as refusal:
                if not refusal.code.endswith(_UNKNOWN) or not await self._caught_up():
                    raise
            return await service.queries[type(query)](query, self.tools)

    async def _caught_up(self) -> bool:
        """Whether the read models contain, within a moment, all that is recorded: what is new is not unknown."""
        newest = Position(stream=self.tools.log.stream, seq=await self.tools.log.last_seq())
        return await self.tools.watermark.reached(newest, _AFTER_TIMEOUT_S)


def _positions(after: str | None) -> list[Position]:
    """Positions separated by commas, one per stream. Raises `Refused`."""
    try:
        return [Position.parse(each) for each in after.split(",")] if after else []
    except ValueError:
        raise Refused("invalid", "This is not a position.", field="after") from None


@contextlib.contextmanager
def _database_within(seconds: float) -> Iterator[None]:
    """Whatever is done with MongoDB in here ends within `seconds`, or as `Unavailable`."""
    try:
        with pymongo.timeout(seconds):
            yield
    except PyMongoError as error:
        if error.timeout or isinstance(error, ConnectionFailure):
            raise Unavailable(f"MongoDB: {type(error).__name__}") from None
        raise
