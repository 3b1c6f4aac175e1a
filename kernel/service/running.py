"""A service, declared as one value and run by one function: everything a domain needs from the machinery is wired here.

The rules it protects: a command is authorised before anything else happens to it, a query never shows less than it was
asked to contain, and a stopping process finishes what it took.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, Protocol

import nats.errors
import pymongo
import structlog
import uvloop
from faststream.nats import NatsBroker
from nats.aio.client import Client
from pymongo.errors import ConnectionFailure, PyMongoError

from contracts.acting import disclosed
from contracts.live import Changed, live_subject
from contracts.message import Accepted, Command, Event, Position, Query, Recorded, View
from kernel.connecting.connection import UnfitServer, check_server
from kernel.connecting.making import patiently
from kernel.connecting.stream import open_log
from kernel.deciding.codec import Codec, Upcast
from kernel.deciding.decider import Aggregate, Ref, Refused
from kernel.deciding.handling import Contended, Deciding, Handled
from kernel.guarding.budgets import DEVICE, TENANT, Budgets
from kernel.guarding.erasure import Erasures, ErasureWatch
from kernel.guarding.guard import Guard
from kernel.guarding.room import Room, reserve
from kernel.guarding.writing import Writing
from kernel.keeping.mongo import BSON, Database, Mongo, mongo_client
from kernel.keeping.vault import Keys, MongoKeys, Secrets, WrongSecret, vault_keys
from kernel.log.integrity import keys_until
from kernel.log.jetstream import JetStreamLog
from kernel.log.promise import Log, Unavailable
from kernel.process.health import Health, NotReady, Stage, Surface, measure_process, serving
from kernel.process.settings import Settings, read_settings
from kernel.process.telemetry import (
    DEAD_LETTERS,
    PROJECTED_AGE_SECONDS,
    PROJECTED_EVENTS,
    PROJECTION_BATCH_EVENTS,
    PROJECTION_LAG_EVENTS,
    PROJECTION_LAG_SECONDS,
    VERSION,
    MeasuredLog,
    set_up_logging,
    set_up_tracing,
    trace_projected,
)
from kernel.reacting.issuing import Issuing
from kernel.reacting.reaction import Reaction, Reactions
from kernel.reacting.timers import Due, Timers
from kernel.reading.projection import Applied, Projector
from kernel.reading.readmodel import ReadModel
from kernel.reading.source import Source
from kernel.reading.watermark import Watermark
from kernel.runtime.collecting import collect_seldom
from kernel.runtime.tasks import ended
from kernel.talking.bus import Asked, Caller, Endpoints, client_of, make_broker
from kernel.talking.modules import answer_for

_CONNECT_TIMEOUT_S = 30.0
_QUERY_DATABASE_S = 4.0
_AFTER_TIMEOUT_S = 2.0
_COMMAND_DATABASE_S = 8.0
_LAG_EVERY_S = 2.0
_PROBE_S = 1
_PARKED = {"projection": "parked", "reactions": "reactions_parked"}

_log = structlog.get_logger()


class Notice(NamedTuple):
    """Something of a tenant's that changed."""

    tenant: str
    thing: str
    id: str


@dataclass(frozen=True)
class Working:
    """What preparing and answering a command may use. `load` gives an aggregate's state and its last sequence.

    `caller` asks other services, in the name of whoever acts. `erased_within` is how long after Reset and Delete
    something may be left in what stores copy.
    """

    load: Callable[[Ref], Awaitable[tuple[Any, int]]]
    secrets: Secrets
    keys: Keys
    database: Database
    timers: Timers
    caller: Caller
    erased_within: timedelta = timedelta(hours=24)


class Handles(Protocol):
    """Who decides commands; see `kernel.deciding.handling.Deciding.handle` for what it promises."""

    async def handle(self, command: Command, *, correlation_id: str | None = None) -> Handled: ...
    async def load(self, ref: Ref) -> tuple[Any, int]: ...


@dataclass(frozen=True)
class Beside:
    """What work beside the endpoints may use: a link to devices, for example.

    `log` and `codec` are the service's own; `task` keeps a task as long as the service, and one that fails ends it.
    What is recorded within `charged` counts for that payer (`kernel.guarding.budgets`).
    """

    settings: Settings
    secrets: Secrets
    client: Client
    caller: Caller
    log: Log
    codec: Codec
    keys: Keys
    database: Database
    timers: Timers
    deciding: Handles
    health: Health
    task: Callable[[str, Coroutine[Any, Any, None]], None]
    charged: Callable[[str, str], contextlib.AbstractContextManager[None]]


@dataclass(frozen=True)
class Reading:
    """What answering a query may use. `load` gives an aggregate's state and its last sequence.

    `load` is for what no read model may hold, such as a secret that is compared and never shown.
    """

    database: Database
    secrets: Secrets
    load: Callable[[Ref], Awaitable[tuple[Any, int]]]
    client: Client
    settings: Settings
    erased_since: Callable[[datetime], Awaitable[datetime | None]]
    """Since when what was erased at that time is in no copy any more; None while it may be."""


Look = Callable[[Any, Reading], Awaitable[View | bytes]]
Prepare = Callable[[Any, Working], Awaitable[Command]]
Answer = Callable[[Any, Handled, Working], dict[str, Any]]


def _anybody(message: Command | Query) -> None:
    return


def _nothing_further(command: Command) -> int:
    return 0


def _never(command: Command) -> bool:
    return False


def _nothing_live(recorded: Recorded) -> Iterable[Notice]:
    return ()


@dataclass(frozen=True)
class Service:
    """One service, whole.

    `authorize` raises `Refused` for who may not ask that at all; what depends on the aggregate is its decider's.
    `prepare` fills in the fields marked `FilledMark`, after that and before it is decided. `answers` adds to `Accepted`
    what only that command answers; secrets among it are left out for whoever does not hand them over. `live` says what
    of a projected event may interest an open page.
    `timers` says, for each purpose, which command a timer that fires becomes; the command's id must be the timer's.
    `followed` names the events of other services that its read models and reactions take.
    `may_use_reserve` names what is recorded even when the log is all but full: revocation and erasure.
    `outlasts_budget` names what a spent budget of its tenant keeps nobody from, beside these.
    `brings_about` says how many events reactions will record because of a command, for its tenant's budget.
    `beside` is entered when the service works, before it takes commands, and left when it takes none any more.
    """

    name: str
    aggregates: tuple[Aggregate[Any], ...]
    read_models: tuple[ReadModel, ...] = ()
    queries: Mapping[type[Query], Look] = field(default_factory=dict)
    authorize: Callable[[Command | Query], None] = _anybody
    prepare: Mapping[type[Command], Prepare] = field(default_factory=dict)
    answers: Mapping[type[Command], Answer] = field(default_factory=dict)
    live: Callable[[Recorded], Iterable[Notice]] = _nothing_live
    reactions: tuple[Reaction, ...] = ()
    timers: Mapping[str, Callable[[Due], Command]] = field(default_factory=dict)
    followed: Mapping[str, tuple[type[Event], ...]] = field(default_factory=dict)
    upcast: Mapping[str, Upcast] = field(default_factory=dict)
    may_use_reserve: Callable[[Command], bool] = _never
    outlasts_budget: Callable[[Command], bool] = _never
    brings_about: Callable[[Command], int] = _nothing_further
    beside: Callable[[Beside], contextlib.AbstractAsyncContextManager[None]] | None = None

    @property
    def events(self) -> tuple[type[Event], ...]:
        """Every event it records."""
        return tuple(dict.fromkeys(event for aggregate in self.aggregates for event in aggregate.events))

    @property
    def commands(self) -> tuple[type[Command], ...]:
        """Every command it obeys."""
        return tuple(command for aggregate in self.aggregates for command in aggregate.decisions)


@dataclass(frozen=True)
class Running:
    """A service at work in this process."""

    service: Service
    settings: Settings
    port: int
    health: Health
    client: Client
    caller: Caller
    log: Log
    codec: Codec
    keys: Keys
    database: Database
    deciding: Deciding
    projector: Projector
    broken: asyncio.Future[None]
    """Fails with what makes it impossible to go on: end the process then."""


@contextlib.asynccontextmanager
async def running(service: Service, settings: Settings) -> AsyncIterator[Running]:
    """The service at work while this lasts; leaving finishes what was taken, within `stop_timeout_s`.

    Raises `UnfitServer`, `WrongSecret` or `Unavailable` when it cannot start.
    """
    async with contextlib.AsyncExitStack() as stack:
        health = Health(service.name, settings.region)
        port = await stack.enter_async_context(serving(Surface(health), settings.host, settings.port))
        broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        broker = await stack.enter_async_context(_connected(service.name, settings, broken))
        client = client_of(broker)
        health.is_alive = lambda: not client.is_closed
        health.probes["nats"] = lambda: _nats_answers(client)
        await check_server(client, settings.nats_monitor_url)
        mongo = await stack.enter_async_context(mongo_client(settings.mongodb_uri, service.name))
        health.probes["mongodb"] = lambda: _mongo_answers(mongo)

        secrets = settings.secrets()
        vault = mongo
        if settings.mongodb_vault_uri:
            vault = await stack.enter_async_context(mongo_client(settings.mongodb_vault_uri, f"{service.name}-vault"))
            health.probes["vault"] = lambda: _mongo_answers(vault)
        keys = MongoKeys(vault, settings.wrappings(), settings.database("vault"))
        await keys.check()
        database: Database = mongo.get_database(settings.database(service.name), BSON)
        writing = Writing(client, service.name, settings.replicas, settings.nats_monitor_url)
        await writing.open()
        opened = partial(_log_of, client, settings)
        guard = Guard(client, database, vault_keys(vault, settings.database("vault")), opened, broken)
        health.probes["integrity"] = guard.probe
        own, *others = await guard.open((service.name, *service.followed), partial(answer_for, client, health))
        room = Room(client, service.name)
        limits = {TENANT: settings.tenant_events_per_day, DEVICE: settings.device_events_per_day}
        budgets = Budgets(service.name, limits, database)
        # The room first: what finds none, and comes again and again, is not counted.
        log = MeasuredLog(own, service.name, writing.note, room.admitted, budgets.admit)
        await patiently(partial(room.compare, settings.room_of(service.name)))
        health.probes["log"] = lambda: _log_answers(log)
        health.probes["writing"] = writing.probe
        health.probes["room"] = room.probe
        codec = Codec(service.name, service.events, keys, secrets, service.upcast, keys_until(own.losses))
        deciding = Deciding(log, codec, service.aggregates)
        recorded_by = {event: aggregate.name for aggregate in service.aggregates for event in aggregate.events}
        sources = [Source(service.name, log, codec, recorded_by)]
        for (name, events), followed in zip(service.followed.items(), others, strict=True):
            followed_codec = Codec(name, events, keys, secrets, keys_until=keys_until(followed.losses))
            sources.append(Source(name, followed, followed_codec))
        erasures = Erasures(vault, settings.database("vault"))
        watch = ErasureWatch(service.name, erasures, settings.erased_within)
        health.probes["erasure"] = watch.probe
        projector = Projector(
            service.name,
            [each for each in sources if each.service in _projected(service)],
            service.read_models,
            database,
            announce=client.publish,
            on_batch=_Telling(service, client).tell,
            meter=_Meter(service.name),
        )
        epochs = {each.log.stream: each.log.epoch for each in sources if each.service in _projected(service)}
        watermark = Watermark(client, service.name, database, epochs)
        await watermark.start()
        keep = _Keeping(broken)
        stack.push_async_callback(keep.end)
        keep.task("room", room.watch())
        keep.task("erasure", watch.run())
        await budgets.learn()
        keep.task("budgets", budgets.keep())
        keep.task("guard", guard.watch())
        if service.read_models:
            health.probes["projection"] = lambda: _projects(projector)
            keep.task("projection", projector.run())
            keep.task("lag", _measure_lag(service.name, projector, database))

        timers = Timers(client, service.name, settings.replicas)
        caller = Caller(client, secrets.actor)
        working = Working(deciding.load, secrets, keys, database, timers, caller, settings.erased_within)
        handling = _Preparing(service, deciding, working)
        if service.timers:
            await timers.open()
            await timers.serve(_Firing(service, handling).fire)
            health.probes["timers"] = timers.probe
            keep.task("timers", timers.watch())
            stack.push_async_callback(timers.stop)
        issuing = Issuing(service.commands, handling, caller)
        reactions = Reactions(service.name, service.reactions, sources, issuing, database, keys, timers)
        if service.reactions:
            health.probes["reactions"] = lambda: _reacts(reactions)
            keep.task("reactions", reactions.run())
        if service.beside is not None:
            beside = Beside(
                *(settings, secrets, client, caller, log, codec, keys, database, timers, handling, health, keep.task),
                charged=budgets.charged,
            )
            await stack.enter_async_context(service.beside(beside))
        reading = Reading(database, secrets, deciding.load, client, settings, erasures.since)
        desk = _Desk(service, handling, watermark, reading, budgets)
        endpoints = Endpoints(broker, service.name, secrets.actor)
        for command in service.commands:
            endpoints.command(command, desk.obey)
        for query in service.queries:
            endpoints.query(query, desk.look)
        await endpoints.open()
        if not guard.has_waited:
            await answer_for(client, health)
        stack.push_async_callback(_drain, endpoints, settings.stop_timeout_s)
        health.stage = Stage.RUNNING
        _log.info("serving", service=service.name, port=port, version=VERSION, epoch=log.epoch)
        try:
            yield Running(
                service, settings, port, health, client, caller, log, codec, keys, database, deciding, projector, broken
            )
        finally:
            health.stage = Stage.STOPPING
            _log.info("stopping", service=service.name)


def run(service: Service) -> None:
    """Run the service until SIGTERM or SIGINT (exit code 0) or until it cannot go on (exit code 1)."""
    settings = read_settings()
    set_up_logging(service.name, settings)
    set_up_tracing(service.name, settings)
    measure_process()
    collect_seldom()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        raise SystemExit(runner.run(_until_told(service, settings)))


async def _until_told(service: Service, settings: Settings) -> int:
    working = asyncio.current_task()
    assert working is not None
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, working.cancel)
    try:
        async with running(service, settings) as at_work:
            await at_work.broken
    except asyncio.CancelledError:
        _log.info("stopped", service=service.name)
        return 0
    except (UnfitServer, WrongSecret, Unavailable, OSError) as error:
        _log.error("cannot-go-on", service=service.name, reason=str(error))
    except Exception as error:  # noqa: BLE001 (the process edge: logged here once)
        _log.error("cannot-go-on", service=service.name, exc_info=error)
    return 1


@dataclass(frozen=True)
class _Preparing:
    """Handles a command after its service has filled in what only the service knows."""

    service: Service
    deciding: Deciding
    working: Working

    async def handle(self, command: Command, *, correlation_id: str | None = None) -> Handled:
        if prepare := self.service.prepare.get(type(command)):
            command = await prepare(command, self.working)
        with reserve(open=self.service.may_use_reserve(command)):
            return await self.deciding.handle(command, correlation_id=correlation_id)

    async def load(self, ref: Ref) -> tuple[Any, int]:
        return await self.deciding.load(ref)


@dataclass(frozen=True)
class _Firing:
    """Turns timers that fire into commands."""

    service: Service
    handling: _Preparing

    async def fire(self, due: Due) -> None:
        command = self.service.timers[due.purpose](due)
        with _database_within(_COMMAND_DATABASE_S):
            handled = await self.handling.handle(command)
        _log.info("fired", purpose=due.purpose, command=type(command).__name__, position=str(handled.position))


@dataclass(frozen=True)
class _Desk:
    """Where commands and queries come in."""

    service: Service
    handling: _Preparing
    watermark: Watermark
    reading: Reading
    budgets: Budgets

    async def obey(self, command: Command, asked: Asked) -> Accepted:
        began = time.perf_counter()
        self.service.authorize(command)
        kind = type(command)
        tenant = command.actor.installer_id or command.actor.distributor_id
        further, outlasts = self.service.brings_about(command), self.service.outlasts_budget(command)
        charged = self.budgets.charged(TENANT, tenant, further, outlasts=outlasts)
        with _database_within(_COMMAND_DATABASE_S), charged:
            try:
                handled = await self.handling.handle(command, correlation_id=asked.correlation_id)
            except Contended:
                raise Refused("contended", "Others changed the same thing just now. Try again.") from None
        answer = self.service.answers.get(kind)
        _log.info(
            "decided",
            command=kind.__name__,
            aggregate=handled.ref.aggregate,
            position=str(handled.position),
            events=dict(Counter(recorded.event.type_name() for recorded in handled.recorded)),
            repeated=handled.repeated,
            ms=round((time.perf_counter() - began) * 1000, 2),
        )
        extra = answer(command, handled, self.handling.working) if answer else {}
        return Accepted(id=handled.ref.id, position=str(handled.position), extra=disclosed(command.actor, extra))

    async def look(self, query: Query) -> View | bytes:
        self.service.authorize(query)
        with _database_within(_QUERY_DATABASE_S):
            for position in _positions(query.after):
                if not await self.watermark.reached(position, _AFTER_TIMEOUT_S):
                    raise Refused("behind", "What you ask for is not visible yet. Try again.", field="after")
            return await self.service.queries[type(query)](query, self.reading)


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


@dataclass(frozen=True)
class _Telling:
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


def _projected(service: Service) -> frozenset[str]:
    return frozenset((service.name, *(name for model in service.read_models for name in model.follows)))


class _Keeping:
    """Tasks that last as long as the service. One that fails breaks it."""

    def __init__(self, broken: asyncio.Future[None]) -> None:
        self._broken = broken
        self._tasks: list[asyncio.Task[None]] = []

    def task(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._look_at)
        self._tasks.append(task)

    async def end(self) -> None:
        await ended(*self._tasks)

    def _look_at(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) and not self._broken.done():
            self._broken.set_exception(error)


@contextlib.asynccontextmanager
async def _connected(name: str, settings: Settings, broken: asyncio.Future[None]) -> AsyncIterator[NatsBroker]:
    is_leaving = False

    async def closed() -> None:
        if not is_leaving and not broken.done():
            broken.set_exception(Unavailable("the NATS client has given up"))

    broker = make_broker(settings, name, closed=closed)
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            await broker.connect()
    except TimeoutError:
        raise Unavailable(f"no NATS server answers within {_CONNECT_TIMEOUT_S:.0f} s") from None
    client = client_of(broker)
    try:
        yield broker
    finally:
        is_leaving = True
        try:
            async with asyncio.timeout(settings.stop_timeout_s):
                await broker.stop()
        except (TimeoutError, nats.errors.Error):
            await client.close()


async def _drain(endpoints: Endpoints, timeout_s: float) -> None:
    try:
        await endpoints.drain(timeout_s)
    except (TimeoutError, nats.errors.Error) as error:
        _log.warning("drain-incomplete", error=type(error).__name__)


async def _nats_answers(client: Client) -> None:
    if not client.is_connected:
        raise NotReady("not connected")
    await client.flush(_PROBE_S)


async def _mongo_answers(client: Mongo) -> None:
    with pymongo.timeout(_PROBE_S):
        await client.admin.command("ping")


async def _log_of(client: Client, settings: Settings, name: str) -> JetStreamLog:
    return await open_log(client, name, settings.replicas, settings.room_of(name))


async def _log_answers(log: Log) -> None:
    await log.last_seq()


async def _projects(projector: Projector) -> str | None:
    if not projector.is_ready:
        raise NotReady(projector.problem or projector.phase)
    return await _remarked(projector.remark())


async def _reacts(reactions: Reactions) -> str | None:
    if reactions.problem is not None:
        raise NotReady(reactions.problem)
    return await _remarked(reactions.remark())


async def _remarked(remark: Awaitable[str | None]) -> str | None:
    # Whether MongoDB answers is another probe's question.
    with contextlib.suppress(PyMongoError), pymongo.timeout(_PROBE_S):
        return await remark
    return None


class _Meter:
    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, applied: Applied) -> None:
        PROJECTED_EVENTS.labels(self._service, applied.stream).inc(applied.events)
        PROJECTION_BATCH_EVENTS.labels(self._service).observe(applied.events)
        PROJECTED_AGE_SECONDS.labels(self._service).observe(applied.age_s)


async def _measure_lag(service: str, projector: Projector, database: Database) -> None:
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
