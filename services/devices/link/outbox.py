"""What devices are told: first their configuration, then what waits for them, in order, until they say they have it.

The rules it protects: nothing overtakes a configuration that takes somebody's access away; a command is recorded as
sent before it is, so that none that was taken back is ever begun; and what nobody answered is sent again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import structlog

from contracts.devices.commands import (
    IMMEDIATE,
    OPEN_STATES,
    RESETS,
    DeviceCommandKind,
    DeviceCommandQueued,
    DeviceCommandState,
    NoteDeviceCommand,
)
from contracts.devices.configuration import ConfigurationApplied, ConfigurationIssued, ConfigurationRefused
from contracts.devices.homes import HomeEmptied
from contracts.devices.intercoms import DeviceUnbound
from contracts.devices.presence import DeviceWentOffline, DeviceWentOnline
from contracts.devices.weather import WeatherIssued
from contracts.message import Recorded
from contracts.permissions import SYSTEM
from kernel.deciding.decider import Refused
from kernel.deciding.handling import Contended
from kernel.log.promise import Unavailable
from kernel.service.declaration import Beside
from services.devices.commands import device_command
from services.devices.commands.device_command import DeviceCommand, DeviceCommandEvent
from services.devices.commands.device_commands import COMMANDS, STATE_OF
from services.devices.configuration import configuration
from services.devices.link.roster import Roster, Seat, until_projected
from services.devices.wire import wire

State = DeviceCommandState

CONFIGURE_AGAIN_S = 5.0
SEND_AGAIN_S = 5.0
UNLOCK_AGAIN_S = 1.0
ASK_AGAIN_S = 30.0
LONGEST_PAUSE_S = 60.0
_TRIED_AGAIN_S = 0.5
_MADE_AT_ONCE = 6
_SPOKEN_BEFORE_S = 10.0
# Who is connected for so long listens, also when what it said came by another way than the news of its coming.
_LISTENS_AFTER_S = 10.0
_log = structlog.get_logger()


@dataclass(slots=True)
class Waiting:
    """A command that is not over. `seq` is where it was queued; `lines` are kept only on the way out."""

    id: str
    kind: DeviceCommandKind
    seq: int
    nonce: str
    expires_at: datetime
    relay: int | None
    state: DeviceCommandState
    lines: tuple[str, ...] | None = None
    sent: int = 0
    sent_at: float = 0.0
    state_at: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Post:
    """One device for which something waits, or may."""

    device_id: str
    waiting: dict[str, Waiting] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    configured_on: tuple[str, str] | None = None
    """The connection on which it was sent which version."""
    configured_at: float = 0.0
    configured: int = 0


class Outbox:
    """Tells devices. One replica at a time does it."""

    def __init__(self, roster: Roster, beside: Beside, say: Callable[[str, bytes], Awaitable[None]]) -> None:
        self._roster = roster
        self._beside = beside
        self._say = say
        self._posts: dict[str, Post] = {}
        self._spoke_at: dict[str, float] = {}
        self._came_at: dict[str, float] = {}
        self._ready: set[str] = set()
        self._emptied: set[str] = set()
        self._others: set[asyncio.Task[None]] = set()
        self._making = asyncio.Semaphore(_MADE_AT_ONCE)

    async def run(self) -> None:
        """Never returns."""
        with self._roster.heard_by(self._heard):
            try:
                await self._open()
                await asyncio.Event().wait()
            finally:
                tasks = [post.task for post in self._posts.values() if post.task]
                for task in (*tasks, *self._others):
                    task.cancel()

    def spoke(self, device_id: str) -> None:
        """The device has said its state, so it listens now."""
        self._spoke_at[device_id] = time.monotonic()
        self._ready.add(device_id)
        self._wake(device_id)

    # --- What is to be done -------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        """Take up what an earlier holder of the lease left, and what was queued since."""
        database = self._beside.database
        # Connected before we listened: they have said their state to somebody. Whoever comes meanwhile has not.
        self._ready.update(seat.device_id for seat in self._roster.online())
        await until_projected(database, self._beside.log.stream, self._roster.seq)
        async for row in database[COMMANDS.name].find({"state": {"$in": list(OPEN_STATES)}}):
            self._keep(row["device_id"], _from_row(row))
        for device_id, post in list(self._posts.items()):
            if any(each.kind is DeviceCommandKind.ONE_TIME_AUTOP for each in post.waiting.values()):
                resets = {"device_id": device_id, "kind": {"$in": list(RESETS)}}
                async for row in database[COMMANDS.name].find(resets):
                    self._void_unsent(post, row["queued_seq"])
                    if row["state"] == State.DONE:
                        self._void(post, row["changed_seq"])
        for seat in self._roster.online():
            self._wake(seat.device_id)

    def _heard(self, recorded: Recorded) -> None:
        event = recorded.event
        match event:
            case DeviceCommandQueued():
                self._keep(event.device_id, _from_event(event, recorded.seq))
                if event.kind in RESETS:
                    self._void_unsent(self._posts[event.device_id], recorded.seq)
                self._wake(event.device_id)
            case _ if isinstance(event, DeviceCommandEvent):
                self._moved(event, recorded.seq)
            case ConfigurationIssued() | ConfigurationApplied() | ConfigurationRefused():
                self._emptied.discard(event.device_id)
                self._wake(event.device_id)
            case HomeEmptied():
                # Its configuration is being made anew. Until then, the one that the device has is not the last word.
                self._emptied.update(event.device_ids)
            case DeviceWentOnline():
                self._came_at[event.device_id] = time.monotonic()
                spoke_at = self._spoke_at.get(event.device_id, 0.0)
                if time.monotonic() - spoke_at > _SPOKEN_BEFORE_S:
                    self._ready.discard(event.device_id)
                self._wake(event.device_id)
            case DeviceWentOffline():
                self._ready.discard(event.device_id)
                self._came_at.pop(event.device_id, None)
            case DeviceUnbound():
                self._gone(event)
            case WeatherIssued():
                self._do(self._tell_weather(event))

    def _keep(self, device_id: str, waiting: Waiting) -> None:
        post = self._posts.setdefault(device_id, Post(device_id))
        post.waiting.setdefault(waiting.id, waiting)

    def _moved(self, event: DeviceCommandEvent, seq: int) -> None:
        post = self._posts.get(event.device_id)
        waiting = post.waiting.get(event.device_command_id) if post else None
        if post is None or waiting is None:
            return
        waiting.state = STATE_OF[type(event)]
        waiting.state_at = time.monotonic()
        if waiting.state not in OPEN_STATES:
            del post.waiting[waiting.id]
            if waiting.state is State.DONE and waiting.kind in RESETS:
                self._void(post, seq)
        # Being sent is our own doing; whoever sends goes on by itself.
        if waiting.state is not State.SENT:
            self._wake(event.device_id)

    def _void_unsent(self, post: Post, seq: int) -> None:
        """A reset was asked for: what the device was to do once, and has not been sent, is void (A-07)."""
        self._void(post, seq, (State.QUEUED,))

    def _void(self, post: Post, seq: int, states: Collection[DeviceCommandState] = OPEN_STATES) -> None:
        """The device was reset: what it was to do once, and was told before, is void (A-07)."""
        for waiting in list(post.waiting.values()):
            is_earlier = waiting.kind is DeviceCommandKind.ONE_TIME_AUTOP and waiting.seq < seq
            if is_earlier and waiting.state in states:
                del post.waiting[waiting.id]
                self._do(self._noted(waiting, State.CANCELLED, "device-reset"))

    def _gone(self, event: DeviceUnbound) -> None:
        self._ready.discard(event.device_id)
        self._spoke_at.pop(event.device_id, None)
        self._came_at.pop(event.device_id, None)
        self._emptied.discard(event.device_id)
        self._do(self._say(event.mac, wire.told("forget")))
        post = self._posts.pop(event.device_id, None)
        if post is None:
            return
        if post.task:
            post.task.cancel()
        for waiting in post.waiting.values():
            self._do(self._noted(waiting, State.CANCELLED, "device-gone"))

    # --- Doing it -----------------------------------------------------------------------------------------------------

    def _wake(self, device_id: str) -> None:
        post = self._posts.get(device_id)
        seat = self._roster.by_device(device_id)
        if seat is None or seat.connection is None:
            return
        if post is None:
            if seat.is_configured and device_id not in self._emptied:
                return
            post = self._posts[device_id] = Post(device_id)
        post.wake.set()
        if post.task is None:
            post.task = asyncio.create_task(self._serve(post))

    async def _serve(self, post: Post) -> None:
        try:
            while True:
                post.wake.clear()
                try:
                    pause_s = await self._step(post)
                except (Unavailable, Contended):
                    pause_s = _TRIED_AGAIN_S
                if pause_s is None:
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(post.wake.wait(), pause_s)
        except Exception as failure:  # noqa: BLE001 (the others are told all the same; this one at its next sign of life)
            _log.error("device-not-told", device_id=post.device_id, exc_info=failure)
        finally:
            post.task = None
            if not post.waiting and self._posts.get(post.device_id) is post:
                del self._posts[post.device_id]

    async def _step(self, post: Post) -> float | None:
        """Send what is due; how long to wait for the next, or `None` when there is nothing to wait for."""
        seat = self._roster.by_device(post.device_id)
        if seat is None or seat.connection is None:
            return None
        if post.device_id not in self._ready:
            left_s = self._came_at.get(post.device_id, 0.0) + _LISTENS_AFTER_S - time.monotonic()
            if left_s > 0:
                return left_s
            self._ready.add(post.device_id)
        pauses = []
        if not seat.is_configured or post.device_id in self._emptied:
            pauses.append(await self._configure(post, seat, seat.connection))
        now = datetime.now(UTC)
        waiting = sorted((each for each in post.waiting.values() if each.expires_at > now), key=lambda each: each.seq)
        for each in waiting:
            if each.kind in IMMEDIATE:
                pauses.append(await self._send(post, seat, each, UNLOCK_AGAIN_S))
        if seat.is_configured and post.device_id not in self._emptied:
            for each in waiting:
                if each.kind in IMMEDIATE:
                    continue
                pauses.append(await self._send(post, seat, each, SEND_AGAIN_S))
                # One after the other, but a device that never says what became of one does not stop the rest.
                if time.monotonic() - each.state_at < ASK_AGAIN_S or each.state is not State.DELIVERED:
                    break
        return min(pauses) if pauses else None

    async def _configure(self, post: Post, seat: Seat, connection: str) -> float:
        if post.configured_on == (connection, seat.issued) and post.device_id not in self._emptied:
            left_s = post.configured_at + _pause(CONFIGURE_AGAIN_S, post.configured) - time.monotonic()
            if left_s > 0:
                return left_s
        async with self._making:
            made = await configuration.present(post.device_id, self._beside.deciding.load, self._beside.keys)
        # Whatever is sent from here on comes after it on the same connection.
        self._emptied.discard(post.device_id)
        if made is None or (seat.is_configured and made.version == seat.applied):
            return 0.0
        await self._say(seat.mac, wire.configure(made.version, made.document))
        told = (connection, made.version)
        post.configured = post.configured + 1 if post.configured_on == told else 1
        post.configured_on, post.configured_at = told, time.monotonic()
        return _pause(CONFIGURE_AGAIN_S, post.configured)

    async def _send(self, post: Post, seat: Seat, waiting: Waiting, again_s: float) -> float:
        if waiting.state is State.DELIVERED:
            again_s = max(again_s, ASK_AGAIN_S)
        if waiting.sent:
            left_s = waiting.sent_at + _pause(again_s, waiting.sent) - time.monotonic()
            if left_s > 0:
                return left_s
            if not await self._is_open(waiting):
                post.waiting.pop(waiting.id, None)
                return 0.0
        # What waits may have been taken back meanwhile; what does not wait cannot, and is in a hurry.
        is_sent_first = waiting.kind in IMMEDIATE
        if not is_sent_first and waiting.state is State.QUEUED and not await self._noted(waiting, State.SENT):
            post.waiting.pop(waiting.id, None)
            return 0.0
        if waiting.kind is DeviceCommandKind.ONE_TIME_AUTOP and waiting.lines is None:
            waiting.lines = await self._lines_of(waiting.id)
        message = wire.command(
            waiting.kind,
            waiting.id,
            nonce=waiting.nonce,
            expires_at=waiting.expires_at,
            relay=waiting.relay,
            lines=waiting.lines or (),
        )
        await self._say(seat.mac, message)
        waiting.sent += 1
        waiting.sent_at = time.monotonic()
        if is_sent_first and waiting.state is State.QUEUED:
            await self._noted(waiting, State.SENT)
        return _pause(again_s, waiting.sent)

    async def _noted(self, waiting: Waiting, state: DeviceCommandState, reason: str | None = None) -> bool:
        """Whether it is open after that. Raises `Unavailable`."""
        note = NoteDeviceCommand(
            command_id=uuid4(),
            at=datetime.now(UTC),
            actor=SYSTEM,
            device_command_id=waiting.id,
            state=state,
            reason=reason,
        )
        try:
            handled = await self._beside.deciding.handle(note)
        except Refused:
            return False
        waiting.state = handled.state.state
        return waiting.state in OPEN_STATES

    async def _is_open(self, waiting: Waiting) -> bool:
        told: DeviceCommand = (await self._beside.deciding.load(device_command.of(waiting.id)))[0]
        waiting.state = told.state
        return told.is_open

    async def _lines_of(self, id: str) -> tuple[str, ...]:
        beside = self._beside
        first, *_ = await beside.log.read_subject(beside.codec.subject(device_command.of(id)))
        (recorded,) = await beside.codec.decode_many([first])
        return recorded.event.lines if isinstance(recorded.event, DeviceCommandQueued) else ()

    async def _tell_weather(self, event: WeatherIssued) -> None:
        seat = self._roster.by_device(event.device_id)
        if seat is not None and seat.connection is not None:
            await self._say(seat.mac, wire.told("weather", celsius=event.celsius, code=event.code))

    def _do(self, work: Awaitable[object]) -> None:
        async def until_done() -> None:
            with suppress(Unavailable, Contended):
                await work

        task = asyncio.create_task(until_done())
        self._others.add(task)
        task.add_done_callback(self._others.discard)


def _pause(first_s: float, times: int) -> float:
    """Longer each time, so that what is never answered does not keep the air full."""
    return min(first_s * 2.0 ** max(0, times - 1), LONGEST_PAUSE_S)


def _from_event(event: DeviceCommandQueued, seq: int) -> Waiting:
    return Waiting(event.device_command_id, event.kind, seq, event.nonce, event.expires_at, event.relay, State.QUEUED)


def _from_row(row: Any) -> Waiting:
    kind, state = DeviceCommandKind(row["kind"]), State(row["state"])
    return Waiting(row["_id"], kind, row["queued_seq"], row["nonce"], row["expires_at"], row["relay"], state)
