"""The link to devices: who they are, what they say, what they are told. MQTT is nats-server's; here it is NATS.

The rule it protects: every replica lets devices in and hears them, one at a time tells them and keeps their presence,
and what that one knew the next one finds in the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import structlog

from contracts.devices.homes import HomeEmptied
from contracts.devices.weather import WeatherIssued
from contracts.message import Event, Recorded
from kernel.keeping.vault import WrongSecret
from kernel.log.promise import StoredMessage, Unavailable
from kernel.process.health import NotReady
from kernel.reading.lease import Lease
from kernel.reading.source import decoded
from kernel.service.declaration import Tools
from kernel.talking.admission import admitting
from kernel.talking.broker import listen, say
from kernel.talking.connections import Connections, connections
from services.devices.commands.device_command import DEVICE_COMMAND
from services.devices.link.gatekeeper import ACCOUNT, Gate
from services.devices.link.intake import KINDS, Intake
from services.devices.link.outbox import Outbox
from services.devices.link.roster import Roster, RosterEvent, Seat
from services.devices.link.watch import Watch
from services.devices.settings import settings_of
from services.devices.wire import wire

LEASE = "device-link"
SPOKE = "devices.link.spoke"
QUARANTINED = "devices.link.quarantined"

_BATCH = 500
_LOOK_AGAIN_S = 0.05
_TRIED_AGAIN_S = 0.5
_KINDS: tuple[type[Event], ...] = (
    *RosterEvent.__args__,
    *DEVICE_COMMAND.events,
    HomeEmptied,
    WeatherIssued,
)
_log = structlog.get_logger()


@asynccontextmanager
async def linked(tools: Tools) -> AsyncIterator[None]:
    """The link at work while this lasts. The service need not wait for it, and says in its readiness how it is."""
    link = Link(tools)
    tools.health.probes["link"] = link.state
    tools.task("link", link.run())
    yield


class Link:
    """One replica's side of it."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._roster = Roster()
        self._gate = Gate(self._roster, tools.load)
        self._watch: Watch | None = None
        self._outbox: Outbox | None = None
        self._telling: set[asyncio.Future[None]] = set()
        self._is_up = False

    async def state(self) -> str | None:
        """For the service's readiness."""
        if not self._is_up:
            raise NotReady("starting")
        return None if self._lets_devices_in else "devices cannot connect: NATS_AUTH_URL and its like are not set"

    async def run(self) -> None:
        """Never returns. Raises `Unavailable` when it can never go on: the service ends then."""
        tools = self._tools
        await self._until_built()
        await self._roster.load(tools.database, tools.log.stream, tools.log.epoch)
        async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            await self._roster.reached(await tools.log.last_seq())
            intake = Intake(self._roster, tools, self._tell, self._spoke, self._quarantine)
            stack.push_async_callback(intake.stop)
            await listen(tools.client, SPOKE, self._heard_speak)
            await listen(tools.client, QUARANTINED, self._heard_of_quarantine)
            for kind in KINDS:
                await listen(tools.client, wire.topic("*", kind), intake.take, queue=tools.log.stream)
            system = await self._open_doors(stack, tasks)
            tasks.create_task(Lease(tools.database, LEASE).hold(lambda _: self._lead(system)))
            self._is_up = True

    @property
    def _lets_devices_in(self) -> bool:
        settings = settings_of(self._tools)
        return bool(settings.nats_auth_url and settings.nats_system_url and settings.nats_issuer_seed)

    async def _open_doors(self, stack: contextlib.AsyncExitStack, tasks: asyncio.TaskGroup) -> Connections | None:
        settings = settings_of(self._tools)
        if not (settings.nats_auth_url and settings.nats_system_url and settings.nats_issuer_seed):
            _log.warning("no-device-link", reason="NATS_AUTH_URL, NATS_SYSTEM_URL or the issuer's seed is not set")
            return None
        answering = await stack.enter_async_context(
            admitting(settings.nats_auth_url, settings.nats_issuer_seed, self._gate.decide)
        )
        system = await stack.enter_async_context(connections(settings.nats_system_url, ACCOUNT, self._look_again))
        for connection in (answering, system.client):
            tasks.create_task(_while_open(connection.closed))
        return system

    async def _lead(self, system: Connections | None) -> None:
        """What one replica at a time does."""
        self._outbox = Outbox(self._roster, self._tools, self._tell)
        try:
            async with asyncio.TaskGroup() as tasks:
                if system is not None:
                    self._watch = Watch(self._roster, system, self._tools)
                    tasks.create_task(self._watch.run())
                tasks.create_task(self._outbox.run())
        finally:
            self._watch = self._outbox = None

    # --- Keeping up with the log --------------------------------------------------------------------------------------

    async def _until_built(self) -> None:
        projects = self._tools.health.probes["projection"]
        while True:
            with contextlib.suppress(NotReady):
                await projects()
                return
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def _follow(self) -> None:
        log = self._tools.log
        wanted = {kind.type_name().rpartition(".v")[0] for kind in _KINDS}
        following = cast(AsyncGenerator[list[StoredMessage], None], log.follow(self._roster.seq, _BATCH))
        async with contextlib.aclosing(following):
            async for messages in following:
                mine = [each for each in messages if each.headers.get("ce-type", "").rpartition(".v")[0] in wanted]
                for recorded in await self._decoded(mine):
                    self._roster.take(recorded)
                self._roster.pass_by(messages[-1].seq)

    async def _decoded(self, messages: Sequence[StoredMessage]) -> list[Recorded]:
        """What can be read of them; the rest is parked by the projector, which says so."""
        while True:
            try:
                events = await decoded(self._tools.codec, messages)
            except (Unavailable, WrongSecret):
                await asyncio.sleep(_TRIED_AGAIN_S)
            else:
                return [each for each in events if isinstance(each, Recorded)]

    # --- Between the parts, which may be in different replicas --------------------------------------------------------

    async def _tell(self, mac: str, message: bytes) -> None:
        await say(self._tools.client, wire.topic(mac, "cmd"), message)

    async def _spoke(self, seat: Seat, seq: int) -> None:
        await say(self._tools.client, SPOKE, json.dumps({"device_id": seat.device_id, "seq": seq}).encode())

    def _heard_speak(self, _subject: str, body: bytes) -> None:
        if self._outbox is not None:
            told = json.loads(body)
            task = asyncio.ensure_future(self._let_know(self._outbox, told["device_id"], told["seq"]))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _let_know(self, outbox: Outbox, device_id: str, seq: int) -> None:
        # What the device said of itself must be known before it is told anything.
        await self._roster.reached(seq)
        outbox.spoke(device_id)
        seat = self._roster.by_device(device_id)
        if seat is not None and seat.connection is None and self._watch is not None:
            self._watch.look_again()

    async def _quarantine(self, seat: Seat) -> None:
        await say(self._tools.client, QUARANTINED, seat.mac.encode())

    def _heard_of_quarantine(self, _subject: str, body: bytes) -> None:
        self._gate.quarantine(body.decode())
        if self._watch is not None:
            self._watch.show_out(body.decode())

    def _look_again(self) -> None:
        if self._watch is not None:
            self._watch.look_again()


async def _while_open(closed: asyncio.Event) -> None:
    await closed.wait()
    raise Unavailable("a NATS client of the device link has given up")
