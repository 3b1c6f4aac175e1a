"""A service, declared as one value: what a domain says of itself, and what its own code may use."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from nats.aio.client import Client

from contracts.message import Answer, Command, Event, Position, Query, Recorded, View, answer_of
from kernel.deciding.codec import Codec, Upcast
from kernel.deciding.decider import Aggregate, Ref
from kernel.deciding.handling import Deciding, Handled
from kernel.guarding.room import reserve
from kernel.jobs.job import Job
from kernel.jobs.worklist import WorkList
from kernel.keeping.mongo import Database
from kernel.keeping.secrets import Secrets
from kernel.keeping.vault import Keys
from kernel.log.promise import Log
from kernel.process.health import Health
from kernel.process.settings import Settings
from kernel.reacting.reaction import Reaction
from kernel.reacting.timers import Due, Timers
from kernel.reading.readmodel import ReadModel
from kernel.reading.watermark import Watermark
from kernel.talking.caller import Caller


class BadTable(Exception):
    """A table that a service reads at its start says something else than it may: the sentence says what."""


class Notice(NamedTuple):
    """Something of a tenant's that changed."""

    tenant: str
    thing: str
    id: str


@dataclass(frozen=True)
class Tools:
    """What a service's own code may use: to prepare and answer a command, to answer a query, to work beside both.

    `log` and `codec` are the service's own. `caller` asks other services, in the name of whoever acts. `erased_since`
    says since when what was erased at that time is in no copy any more; None while it may be.
    `tables` is what the service read at its start.
    `task` keeps a task as long as the service, and one that fails ends it. What is recorded within `charged` counts for
    that payer (`kernel.guarding.budgets`). What is put on the list `jobs` is done later, such as a mail.
    """

    service: Service
    settings: Settings
    secrets: Secrets
    client: Client
    caller: Caller
    log: Log
    codec: Codec
    keys: Keys
    database: Database
    timers: Timers
    jobs: WorkList
    deciding: Deciding
    health: Health
    watermark: Watermark
    tables: Any
    erased_since: Callable[[datetime], Awaitable[datetime | None]]
    task: Callable[[str, Coroutine[Any, Any, None]], None]
    charged: Callable[[str, str], contextlib.AbstractContextManager[None]]

    async def handle(self, command: Command, *, correlation_id: str | None = None) -> Handled:
        """Decide a command, once its service has filled in what nobody else knows. Raises what `Deciding` does."""
        if prepare := self.service.prepare.get(type(command)):
            command = await prepare(command, self)
        with reserve(open=self.service.may_use_reserve(command)):
            return await self.deciding.handle(command, correlation_id=correlation_id)

    async def until_projected(self, seq: int) -> None:
        """Returns when the read models contain that event of the service's own log."""
        while not await self.watermark.reached(Position(stream=self.log.stream, seq=seq)):
            continue

    async def load(self, ref: Ref) -> tuple[Any, int]:
        """An aggregate's state and its last sequence, also what no read model may hold, such as a secret to compare."""
        return await self.deciding.load(ref)


Look = Callable[[Any, Tools], Awaitable[View | bytes]]
Prepare = Callable[[Any, Tools], Awaitable[Command]]
Tell = Callable[[Any, Handled, Tools], Answer]


def _anybody(message: Command | Query) -> None:
    return


def _nothing_further(command: Command) -> int:
    return 0


def _never(command: Command) -> bool:
    return False


def _no_tables(settings: Settings) -> None:
    return


def _nothing_live(recorded: Recorded) -> Iterable[Notice]:
    return ()


@dataclass(frozen=True)
class Service:
    """One service, whole.

    `authorize` raises `Refused` for who may not ask that at all; what depends on the aggregate is its decider's.
    `prepare` fills in the fields marked `FilledMark`, after that and before it is decided. `answers` makes
    what a command declares to answer; secrets among it are left out for whoever does not hand them over. `live` says
    what of a projected event may interest an open page.
    `timers` says, for each purpose, which command a timer that fires becomes; the command's id must be the timer's.
    `jobs` says what is done later and apart from whoever asked for it, such as mails.
    `followed` names the events of other services that its read models and reactions take.
    `may_use_reserve` names what is recorded even when the log is all but full: revocation and erasure.
    `outlasts_budget` names what a spent budget of its tenant keeps nobody from, beside these.
    `brings_about` says how many events reactions will record because of a command, for its tenant's budget.
    `settings` is what it reads from its environment.
    `tables` reads what decisions look up, once, at the start; the process ends with a `BadTable` that it raises.
    `beside` is entered when the service works, before it takes commands, and left when it takes none any more.
    """

    name: str
    aggregates: tuple[Aggregate[Any], ...]
    read_models: tuple[ReadModel, ...] = ()
    queries: Mapping[type[Query], Look] = field(default_factory=dict)
    authorize: Callable[[Command | Query], None] = _anybody
    prepare: Mapping[type[Command], Prepare] = field(default_factory=dict)
    answers: Mapping[type[Command], Tell] = field(default_factory=dict)
    live: Callable[[Recorded], Iterable[Notice]] = _nothing_live
    reactions: tuple[Reaction, ...] = ()
    timers: Mapping[str, Callable[[Due], Command]] = field(default_factory=dict)
    jobs: tuple[Job[Any], ...] = ()
    followed: Mapping[str, tuple[type[Event], ...]] = field(default_factory=dict)
    upcast: Mapping[str, Upcast] = field(default_factory=dict)
    may_use_reserve: Callable[[Command], bool] = _never
    outlasts_budget: Callable[[Command], bool] = _never
    brings_about: Callable[[Command], int] = _nothing_further
    settings: type[Settings] = Settings
    tables: Callable[[Any], object] = _no_tables
    beside: Callable[[Tools], contextlib.AbstractAsyncContextManager[None]] | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError` when a command declares an answer that nobody makes, or the other way about."""
        declared = {command for command in self.commands if answer_of(command) is not Answer}
        if wrong := declared ^ self.answers.keys():
            raise ValueError(f"{self.name}: what these answer is not declared, or not made: {wrong}")

    @property
    def events(self) -> tuple[type[Event], ...]:
        """Every event it records."""
        return tuple(dict.fromkeys(event for aggregate in self.aggregates for event in aggregate.events))

    @property
    def commands(self) -> tuple[type[Command], ...]:
        """Every command it obeys."""
        return tuple(command for aggregate in self.aggregates for command in aggregate.decisions)
