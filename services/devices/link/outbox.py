"""What devices are told: first their configuration, then what waits for them, in order, until they say they have it.

The rules it protects: nothing overtakes a configuration that takes somebody's access away; a command is recorded as
sent before it is, so that none that was taken back is ever begun; and what nobody answered is sent again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from contracts.devices.commands import (
    IMMEDIATE,
    OPEN_STATES,
    RESETS,
    DeviceCommandKind,
    DeviceCommandQueued,
    DeviceCommandState,
)
from contracts.devices.configuration import ConfigurationApplied, ConfigurationIssued, ConfigurationRefused
from contracts.devices.homes import HomeEmptied
from contracts.devices.intercoms import DeviceUnbound
from contracts.devices.presence import DeviceWentOffline, DeviceWentOnline
from contracts.devices.weather import WeatherIssued
from contracts.message import Recorded
from kernel.deciding.handling import Contended
from kernel.log.promise import Unavailable
from kernel.service.declaration import Tools
from services.devices.commands.device_command import DeviceCommandEvent
from services.devices.commands.device_commands import COMMANDS, STATE_OF
from services.devices.configuration import configuration
from services.devices.link.listeners import Listeners
from services.devices.link.roster import Roster, Seat
from services.devices.link.waiting import (
    Post,
    State,
    Waiting,
    from_event,
    from_row,
    is_open,
    lines_of,
    message_of,
    note_state,
    pause_after,
)
from services.devices.wire import wire

CONFIGURE_AGAIN_S = 5.0
SEND_AGAIN_S = 5.0
UNLOCK_AGAIN_S = 1.0
ASK_AGAIN_S = 30.0
_TRIED_AGAIN_S = 0.5
_MADE_AT_ONCE = 6
_log = structlog.get_logger()


class Outbox:
    """Tells devices. One replica at a time does it."""

    def __init__(self, roster: Roster, tools: Tools, say: Callable[[str, bytes], Awaitable[None]]) -> None:
        self._roster = roster
        self._tools = tools
        self._say = say
        self._posts: dict[str, Post] = {}
        self._listeners = Listeners()
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
        self._listeners.spoke(device_id)
        self._wake(device_id)

    # --- What is to be done -------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        """Take up what an earlier holder of the lease left, and what was queued since."""
        database = self._tools.database
        # Connected before we listened: they have said their state to somebody. Whoever comes meanwhile has not.
        self._listeners.were_there(seat.device_id for seat in self._roster.online())
        await self._tools.until_projected(self._roster.seq)
        async for row in database[COMMANDS.name].find({"state": {"$in": list(OPEN_STATES)}}):
            self._keep(row["device_id"], from_row(row))
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
                self._keep(event.device_id, from_event(event, recorded.seq))
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
                self._listeners.came(event.device_id)
                self._wake(event.device_id)
            case DeviceWentOffline():
                self._listeners.went(event.device_id)
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
                self._do(note_state(self._tools, waiting, State.CANCELLED, "device-reset"))

    def _gone(self, event: DeviceUnbound) -> None:
        self._listeners.forget(event.device_id)
        self._emptied.discard(event.device_id)
        self._do(self._say(event.mac, wire.downlink("forget")))
        post = self._posts.pop(event.device_id, None)
        if post is None:
            return
        if post.task:
            post.task.cancel()
        for waiting in post.waiting.values():
            self._do(note_state(self._tools, waiting, State.CANCELLED, "device-gone"))

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
        if (left_s := self._listeners.listens_in_s(post.device_id)) > 0:
            return left_s
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
            left_s = post.configured_at + pause_after(CONFIGURE_AGAIN_S, post.configured) - time.monotonic()
            if left_s > 0:
                return left_s
        async with self._making:
            made = await configuration.present(post.device_id, self._tools)
        # Whatever is sent from here on comes after it on the same connection.
        self._emptied.discard(post.device_id)
        if made is None or (seat.is_configured and made.version == seat.applied):
            return 0.0
        await self._say(seat.mac, wire.configure(made.version, made.document))
        told = (connection, made.version)
        post.configured = post.configured + 1 if post.configured_on == told else 1
        post.configured_on, post.configured_at = told, time.monotonic()
        return pause_after(CONFIGURE_AGAIN_S, post.configured)

    async def _send(self, post: Post, seat: Seat, waiting: Waiting, again_s: float) -> float:
        if waiting.state is State.DELIVERED:
            again_s = max(again_s, ASK_AGAIN_S)
        if waiting.sent:
            left_s = waiting.sent_at + pause_after(again_s, waiting.sent) - time.monotonic()
            if left_s > 0:
                return left_s
            if not await is_open(self._tools, waiting):
                post.waiting.pop(waiting.id, None)
                return 0.0
        # What waits may have been taken back meanwhile; what does not wait cannot, and is in a hurry.
        is_sent_first = waiting.kind in IMMEDIATE
        if (
            not is_sent_first
            and waiting.state is State.QUEUED
            and not await note_state(self._tools, waiting, State.SENT)
        ):
            post.waiting.pop(waiting.id, None)
            return 0.0
        if waiting.kind is DeviceCommandKind.ONE_TIME_AUTOP and waiting.lines is None:
            waiting.lines = await lines_of(self._tools, waiting.id)
        await self._say(seat.mac, message_of(waiting))
        waiting.sent += 1
        waiting.sent_at = time.monotonic()
        if is_sent_first and waiting.state is State.QUEUED:
            await note_state(self._tools, waiting, State.SENT)
        return pause_after(again_s, waiting.sent)

    async def _tell_weather(self, event: WeatherIssued) -> None:
        seat = self._roster.by_device(event.device_id)
        if seat is not None and seat.connection is not None:
            await self._say(seat.mac, wire.downlink("weather", celsius=event.celsius, code=event.code))

    def _do(self, work: Awaitable[object]) -> None:
        async def until_done() -> None:
            with suppress(Unavailable, Contended):
                await work

        task = asyncio.create_task(until_done())
        self._others.add(task)
        task.add_done_callback(self._others.discard)
