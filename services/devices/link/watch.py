"""The watch: whether each device is still there, as the servers say it.

The rule it protects: what is shown as online is what the servers say, within seconds, however a connection ended.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

import structlog

from contracts.devices.intercoms import DeviceKeyIssued, DeviceUnbound
from contracts.devices.presence import NoteDeviceOffline, NoteDeviceOnline
from contracts.message import Recorded, Refused
from contracts.permissions import SYSTEM
from kernel.deciding.handling import Contended
from kernel.guarding.budgets import DEVICE, SPENT
from kernel.log.promise import Unavailable
from kernel.service.declaration import Tools
from kernel.talking.connections import Connected, Connections, Ended
from services.devices.library import mac
from services.devices.library.mac import Mac
from services.devices.link.roster import Roster, Seat

RECONCILED_EVERY_S = 30.0
PAST_BUDGET_EVERY_S = 60.0
"""How often at most the presence of a device is noted that had as much recorded today as a day allows."""
_PINGED_EVERY_S = 2.0
_GIVEN_UP_AFTER_S = 3.0
_SILENT_PAUSE_S = 1.0
_ONCE_MORE_S = 1.0
_FAREWELL_S = 0.5
_AT_ONCE = 256
_TRIED_AGAIN_S = 0.5
_ENDED_REMEMBERED = 20_000
_log = structlog.get_logger()


class Watch:
    """Keeps presence true, and shows devices out whose key is void. One replica at a time does it.

    What is noted counts for the device's budget. Beyond that only what it is now is noted, once in
    `PAST_BUDGET_EVERY_S`, not each coming and going.
    """

    def __init__(
        self,
        roster: Roster,
        connections: Connections,
        tools: Tools,
    ) -> None:
        self._roster = roster
        self._connections = connections
        self._tools = tools
        self._past_budget: dict[str, float] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._silent_since: dict[str, float] = {}
        self._look = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Never returns."""
        with self._roster.heard_by(self._heard):
            try:
                await self._connections.watch(self._came, self._went)
                while True:
                    self._look.clear()
                    pause_s = RECONCILED_EVERY_S
                    try:
                        if await self._reconcile():
                            pause_s = _SILENT_PAUSE_S
                    except Unavailable:
                        pause_s = _SILENT_PAUSE_S
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._until_something_was_missed(), pause_s)
            finally:
                for task in self._working:
                    task.cancel()

    def look_again(self) -> None:
        """Compare with the servers' lists now: something may have been missed."""
        self._look.set()

    async def _until_something_was_missed(self) -> None:
        """Returns when it was told so, or a server that has devices answers no more: it says nothing of its own end."""
        while not self._look.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), _PINGED_EVERY_S)
                return
            servers = {seat.connection.partition(":")[0] for seat in self._roster.online() if seat.connection}
            with suppress(Unavailable):
                if servers and await self._connections.silent(servers):
                    return

    def show_out(self, name: str) -> None:
        """End the device's connection, and once more what came in by an answer that was given just before."""
        self._do(self._kick_twice(name))

    def _came(self, connected: Connected) -> None:
        if seat := self._roster.by_mac(connected.user):
            self._do(self._note_online(seat, connected))
        else:
            # Bound a moment ago, or unbound: the log will tell.
            self._do(self._look_soon())

    def _went(self, ended: Ended) -> None:
        self._ended[ended.connected.id] = None
        if len(self._ended) > _ENDED_REMEMBERED:
            self._ended.popitem(last=False)
        if seat := self._roster.by_mac(ended.connected.user):
            # It may be back in a moment: when its budget is spent, the servers' lists tell.
            self._do(self._note_offline(seat, ended.connected.id, _slug(ended.reason), is_newest=False))

    def _heard(self, recorded: Recorded) -> None:
        match recorded.event:
            case DeviceUnbound() as event:
                # A moment later: it is told to forget everything first.
                self._do(self._kick_twice(event.mac, _FAREWELL_S))
            case DeviceKeyIssued() as event:
                if seat := self._roster.by_device(event.device_id):
                    self.show_out(seat.mac)

    async def _reconcile(self) -> bool:
        """Make presence what the servers' lists say. True when some server that had devices did not answer."""
        before = self._roster.online()
        listed = await self._connections.listed()
        there = {connected.id for connected in listed.connected}
        back = {connected.user for connected in listed.connected if connected.id not in self._ended}
        silent = {seat.connection.partition(":")[0] for seat in before if seat.connection} - listed.servers
        now = time.monotonic()
        self._silent_since = {server: self._silent_since.get(server, now) for server in silent}
        lost = {server for server, since in self._silent_since.items() if now - since >= _GIVEN_UP_AFTER_S}
        notes: list[Coroutine[Any, Any, None]] = []
        for seat in before:
            if seat.connection is None or seat.connection in there:
                continue
            server = seat.connection.partition(":")[0]
            if server in listed.servers or server in lost:
                is_newest = seat.mac not in back
                notes.append(self._note_offline(seat, seat.connection, "not-connected", is_newest=is_newest))
        for connected in listed.connected:
            known = self._roster.by_mac(connected.user)
            if known and known.connection != connected.id and connected.id not in self._ended:
                notes.append(self._note_online(known, connected))
            elif known is None and not await self._is_bound(connected.user):
                notes.append(self._kick_twice(connected.user))
        await asyncio.gather(*notes)
        return bool(silent - lost)

    async def _is_bound(self, name: str) -> bool:
        owner: Mac = (await self._tools.load(mac.ref(name)))[0]
        return owner.device_id is not None

    async def _note_online(self, seat: Seat, connected: Connected) -> None:
        async with self._turn(seat.device_id):
            if connected.id in self._ended:
                return
            wish = NoteDeviceOnline(**_stamp(), device_id=seat.device_id, connection=connected.id)
            await self._note(wish, is_newest=True)

    async def _note_offline(self, seat: Seat, connection: str, reason: str, *, is_newest: bool) -> None:
        async with self._turn(seat.device_id):
            wish = NoteDeviceOffline(**_stamp(), device_id=seat.device_id, connection=connection, reason=reason)
            await self._note(wish, is_newest=is_newest)

    def _turn(self, device_id: str) -> asyncio.Lock:
        """What is noted of one device is noted in the order in which it was told."""
        turn = self._turns.get(device_id)
        if turn is None:
            turn = self._turns[device_id] = asyncio.Lock()
        return turn

    async def _note(self, wish: NoteDeviceOnline | NoteDeviceOffline, *, is_newest: bool) -> None:
        async with self._room:
            while True:
                try:
                    await self._record(wish, is_newest=is_newest)
                except Refused:
                    return  # the device is gone
                except (Unavailable, Contended):
                    await asyncio.sleep(_TRIED_AGAIN_S)
                else:
                    return

    async def _record(self, wish: NoteDeviceOnline | NoteDeviceOffline, *, is_newest: bool) -> None:
        try:
            with self._tools.charged(DEVICE, wish.device_id):
                await self._tools.handle(wish)
        except Refused as refusal:
            if refusal.code != SPENT:
                raise
            now, before = time.monotonic(), self._past_budget.get(wish.device_id)
            # What is not noted now differs from the servers' lists until it is.
            if is_newest and (before is None or now - before >= PAST_BUDGET_EVERY_S):
                await self._tools.handle(wish)
                self._past_budget[wish.device_id] = now

    async def _kick_twice(self, name: str, after_s: float = 0) -> None:
        for pause_s in (after_s, _ONCE_MORE_S):
            await asyncio.sleep(pause_s)
            with suppress(Unavailable):
                await self._connections.kick(name)

    async def _look_soon(self) -> None:
        await asyncio.sleep(_ONCE_MORE_S)
        self.look_again()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            _log.error("presence not noted", exc_info=failure)
            self.look_again()


def _stamp() -> dict[str, Any]:
    return {"command_id": uuid4(), "at": datetime.now(UTC), "actor": SYSTEM}


def _slug(reason: str) -> str:
    """The server's words as a code."""
    return re.sub("[^a-z]+", "-", reason.lower()).strip("-")[:64] or "ended"
