"""A service at work: everything that a domain needs of the machinery is wired here.

The rule it protects: a stopping process finishes what it took.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

import nats.errors
import structlog
import uvloop
from faststream.nats import NatsBroker
from nats.aio.client import Client

from kernel.connecting.address import NatsAddress
from kernel.connecting.connection import UnfitServer, check_server
from kernel.connecting.making import patiently
from kernel.connecting.stream import open_log
from kernel.deciding.codec import Codec
from kernel.deciding.handling import Deciding
from kernel.guarding.budgets import DEVICE, TENANT, Budgets
from kernel.guarding.erasure import Erasures, ErasureWatch
from kernel.guarding.guard import Guard
from kernel.guarding.room import Room
from kernel.guarding.writing import Writing
from kernel.jobs.jobs import Jobs
from kernel.keeping.mongo import BSON, Database, mongo_client
from kernel.keeping.vault import MongoKeys, WrongSecret, vault_keys
from kernel.log.integrity import keys_until
from kernel.log.jetstream import JetStreamLog
from kernel.log.promise import Unavailable
from kernel.process.health import Health, Stage, Surface, measure_process, serving
from kernel.process.settings import Settings, read_settings
from kernel.process.telemetry import VERSION, MeasuredLog, set_up_logging, set_up_tracing
from kernel.reacting.issuing import Issuing
from kernel.reacting.reactions import Reactions
from kernel.reacting.timers import Timers
from kernel.reading.projection import Projector
from kernel.reading.source import Source
from kernel.reading.watermark import Watermark
from kernel.runtime.collecting import collect_seldom
from kernel.runtime.tasks import ended
from kernel.service.declaration import BadTable, Service, Tools
from kernel.service.desk import Desk, Firing
from kernel.service.probes import log_answers, mongo_answers, nats_answers, projects, reacts
from kernel.service.telling import Meter, Telling, measure_lag
from kernel.talking.broker import client_of, make_broker
from kernel.talking.caller import Caller
from kernel.talking.endpoints import Endpoints
from kernel.talking.modules import answer_for

_CONNECT_TIMEOUT_S = 30.0

_log = structlog.get_logger()


@dataclass(frozen=True)
class Running(Tools):
    """A service at work in this process, with its tools."""

    port: int
    projector: Projector
    broken: asyncio.Future[None]
    """Fails with what makes it impossible to go on: end the process then."""


@contextlib.asynccontextmanager
async def running(service: Service, settings: Settings) -> AsyncIterator[Running]:
    """The service at work while this lasts; leaving finishes what was taken, within `stop_timeout_s`.

    Raises `BadTable`, `UnfitServer`, `WrongSecret` or `Unavailable` when it cannot start.
    """
    tables = service.tables(settings)
    async with contextlib.AsyncExitStack() as stack:
        health = Health(service.name, settings.region)
        port = await stack.enter_async_context(serving(Surface(health), settings.host, settings.port))
        broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        broker = await stack.enter_async_context(_connected(service.name, settings, broken))
        client = client_of(broker)
        health.is_alive = lambda: not client.is_closed
        health.probes["nats"] = lambda: nats_answers(client)
        await check_server(client, settings.nats_monitor_url)
        mongo = await stack.enter_async_context(mongo_client(settings.mongodb_uri, service.name))
        health.probes["mongodb"] = lambda: mongo_answers(mongo)

        secrets = settings.secrets()
        vault = mongo
        if settings.mongodb_vault_uri:
            vault = await stack.enter_async_context(mongo_client(settings.mongodb_vault_uri, f"{service.name}-vault"))
            health.probes["vault"] = lambda: mongo_answers(vault)
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
        health.probes["log"] = lambda: log_answers(log)
        health.probes["writing"] = writing.probe
        health.probes["room"] = room.probe
        codec = Codec(service.name, service.events, keys, secrets, service.upcast, keys_until(own.losses))
        deciding = Deciding(log, codec, service.aggregates, tables=tables)
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
            on_batch=Telling(service, client).tell,
            meter=Meter(service.name),
        )
        epochs = {each.log.stream: each.log.epoch for each in sources if each.service in _projected(service)}
        watermark = Watermark(client, service.name, database, epochs, projector.hurry)
        await watermark.start()
        keep = _Keeping(broken)
        stack.push_async_callback(keep.end)
        keep.task("room", room.watch())
        keep.task("erasure", watch.run())
        await budgets.learn()
        keep.task("budgets", budgets.keep())
        keep.task("guard", guard.watch())
        if service.read_models:
            health.probes["projection"] = lambda: projects(projector)
            keep.task("projection", projector.run())
            keep.task("lag", measure_lag(service.name, projector, database))

        timers = Timers(client, service.name, settings.replicas)
        caller = Caller(client, secrets.actor)
        inboxes = NatsAddress.parse(settings.nats_url).inbox_prefix
        jobs = Jobs(broker, service.name, service.jobs, database, inboxes, settings.replicas)
        tools = Tools(
            *(service, settings, secrets, client, caller, log, codec, keys, database, timers, jobs.worklist),
            *(deciding, health, watermark, tables),
            erased_since=erasures.since,
            task=keep.task,
            charged=budgets.charged,
        )
        if service.timers:
            await timers.open()
            await timers.serve(Firing(tools).fire)
            health.probes["timers"] = timers.probe
            keep.task("timers", timers.watch())
            stack.push_async_callback(timers.stop)
        if service.jobs:
            await jobs.open()
            health.probes["jobs"] = jobs.probe
            keep.task("jobs", jobs.watch())
        issuing = Issuing(service.commands, tools, caller)
        stands = (database, keys, timers, tables, jobs.worklist)
        reactions = Reactions(service.name, service.reactions, sources, issuing, *stands)
        if service.reactions:
            health.probes["reactions"] = lambda: reacts(reactions)
            keep.task("reactions", reactions.run())
        if service.beside is not None:
            await stack.enter_async_context(service.beside(tools))
        desk = Desk(tools, budgets)
        endpoints = Endpoints(broker, service.name, secrets.actor)
        for command in service.commands:
            endpoints.command(command, desk.obey)
        for query in service.queries:
            endpoints.query(query, desk.look)
        stack.push_async_callback(_drain, endpoints, jobs, settings.stop_timeout_s)
        await jobs.serve(tools)
        await endpoints.open()
        if not guard.has_waited:
            await answer_for(client, health)
        health.stage = Stage.RUNNING
        _log.info("serving", service=service.name, port=port, version=VERSION, epoch=log.epoch)
        try:
            yield Running(**vars(tools), port=port, projector=projector, broken=broken)
        finally:
            health.stage = Stage.STOPPING
            _log.info("stopping", service=service.name)


def run(service: Service) -> None:
    """Run the service until SIGTERM or SIGINT (exit code 0) or until it cannot go on (exit code 1)."""
    settings = read_settings(service.settings)
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
    except (BadTable, UnfitServer, WrongSecret, Unavailable, OSError) as error:
        _log.error("cannot-go-on", service=service.name, reason=str(error))
    except Exception as error:  # noqa: BLE001 (the process edge: logged here once)
        _log.error("cannot-go-on", service=service.name, exc_info=error)
    return 1


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


async def _drain(endpoints: Endpoints, jobs: Jobs, timeout_s: float) -> None:
    jobs_stop = asyncio.create_task(jobs.stop(timeout_s))
    try:
        await endpoints.drain(timeout_s)
    except (TimeoutError, nats.errors.Error) as error:
        _log.warning("drain-incomplete", error=type(error).__name__)
    await jobs_stop


async def _log_of(client: Client, settings: Settings, name: str) -> JetStreamLog:
    return await open_log(client, name, settings.replicas, settings.room_of(name))
