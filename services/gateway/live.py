"""What changed, as server-sent events: ids only, so that a page knows what to ask again.

The rule it protects: the filter is made here, from the session; nobody hears of another tenant's things, and a stream
ends with its session.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Annotated, Any, NamedTuple

from litestar import Controller, Request, get
from litestar.datastructures import State
from litestar.params import HeaderParameter
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage
from pydantic import BaseModel

from contracts.accounts.access import SessionView
from contracts.live import Changed, installers_of
from contracts.message import Role
from kernel.log.promise import Unavailable
from services.gateway.asking.positions import Positions, merged
from services.gateway.asking.stream_ids import StreamIds
from services.gateway.guards.sessions import Holder, Sessions, holder_of, settled, signed_in
from services.gateway.http.problems import Problem

SUBJECT = "live.>"
SESSION = "session"
# A session also tells what its installer and its distributor may do.
SHOWN_BY_SESSIONS = (SESSION, "installer", "distributor")
PING_S = 15.0
# A browser reconnects by itself; being asked to now and then spreads streams over the replicas again.
LONGEST_S = 600.0
REMEMBERED = 4096
QUEUE = 256
PER_SESSION = 5

LastEventId = Annotated[str, HeaderParameter(name="Last-Event-ID", description="The last id that was received")]


class Change(BaseModel):
    """Things of one kind that changed, and a position: an answer from then on contains what this stream told so far."""

    thing: str
    ids: list[str]
    position: str


class _Notice(NamedTuple):
    number: int
    tenant: str
    change: Changed
    thing: str


class _Listener:
    """One open stream, and what waits to be sent to it: a notice, or None to look whether its session still lives."""

    def __init__(self, tenants: frozenset[str], holder: Holder) -> None:
        self.tenants = tenants
        self.session = holder.session
        self.person = holder.person
        self.waiting: asyncio.Queue[_Notice | None] = asyncio.Queue(QUEUE)
        self.missed = False
        self.doubtful = False
        self.told = ""

    def tell(self, notice: _Notice | None) -> None:
        try:
            self.waiting.put_nowait(notice)
        except asyncio.QueueFull:
            self.missed = True

    def doubt(self) -> None:
        """Send nothing more before its session was asked about."""
        self.doubtful = True
        self.tell(None)


def tenants_of(session: SessionView) -> frozenset[str]:
    """Whose changes a session may hear of. Raises `Problem` for those who have no console."""
    match session.role:
        case Role.SUPER_MANAGER:
            return frozenset(("super",))
        case Role.DISTRIBUTOR if session.distributor_id:
            return frozenset((session.distributor_id,))
        case Role.INSTALLER if session.installer_id and session.distributor_id:
            return frozenset((session.installer_id, installers_of(session.distributor_id)))
        case _:
            raise Problem(403, "not-allowed", "There is nothing live for this role.")


class Live:
    """All open streams of this process, and the newest notices for those that come back."""

    def __init__(self, sessions: Sessions, positions: Positions) -> None:
        self._sessions = sessions
        self._positions = positions
        self._ids = StreamIds()
        self._number = 0
        self._newest: deque[_Notice] = deque(maxlen=REMEMBERED)
        self._listeners: set[_Listener] = set()
        self._closing = False

    def hear(self, subject: str, message: bytes) -> None:
        """A notice on `live.<tenant>.<thing>`."""
        _, tenant, thing = subject.split(".", 2)
        changed = Changed.model_validate_json(message)
        self._number += 1
        told = _Notice(self._number, tenant, changed, thing)
        self._newest.append(told)
        if thing in SHOWN_BY_SESSIONS:
            self._sessions.forget(changed.ids)
        for listener in self._listeners:
            if thing == SESSION and {listener.session.session_id, listener.session.account_id} & set(changed.ids):
                listener.doubt()
            if tenant in listener.tenants:
                listener.tell(told)

    def missed(self) -> None:
        """Notices may have been lost: have everybody ask again."""
        self._newest.clear()
        self._number += 1
        self._sessions.forget_all()
        for listener in self._listeners:
            listener.missed = True
            listener.doubt()

    def close(self) -> None:
        """End all streams: the process stops."""
        self._closing = True
        for listener in self._listeners:
            listener.doubt()

    def open(self, holder: Holder, last_id: str) -> AsyncIterator[ServerSentEventMessage]:
        """The stream of a session, beginning after `last_id`. Raises `Problem` when it has too many open already."""
        tenants = tenants_of(holder.session)
        session_id = holder.session.session_id
        if sum(each.session.session_id == session_id for each in self._listeners) >= PER_SESSION:
            raise Problem(429, "too-many", f"A session has at most {PER_SESSION} live streams.")
        return self._stream(_Listener(tenants, holder), holder, last_id)

    async def _stream(self, listener: _Listener, holder: Holder, last_id: str) -> AsyncIterator[ServerSentEventMessage]:
        self._listeners.add(listener)
        began = time.monotonic()
        try:
            # Sent at once, so that the browser knows that it is connected and where to resume.
            yield ServerSentEventMessage(data=None, comment="ping", id=self._resumed(listener, last_id), retry=1000)
            while time.monotonic() < began + LONGEST_S and not self._closing:
                notice = await _next(listener.waiting)
                if notice is None or listener.doubtful:
                    listener.doubtful = False
                    if not await self._still_held(holder):
                        return
                if listener.missed:
                    listener.missed = False
                    while not listener.waiting.empty():
                        listener.waiting.get_nowait()
                    yield ServerSentEventMessage(event="resync", data="{}", id=self._id(self._number, listener))
                elif notice is None:
                    yield ServerSentEventMessage(data=None, comment="ping")
                else:
                    yield ServerSentEventMessage(
                        data=self._told(notice, listener), id=self._id(notice.number, listener)
                    )
        finally:
            self._listeners.discard(listener)

    def _resumed(self, listener: _Listener, last_id: str) -> str:
        """Have the listener told what it missed since `last_id`, or that it missed something; where it is now."""
        if not last_id:
            return self._id(self._number, listener)
        after = self._ids.number(last_id, listener.tenants)
        oldest = self._newest[0].number if self._newest else self._number + 1
        if after is None or not oldest - 1 <= after <= self._number:
            listener.missed = True
            listener.tell(None)
            return self._id(self._number, listener)
        for notice in self._newest:
            if notice.number > after and notice.tenant in listener.tenants:
                listener.tell(notice)
        return last_id

    def _told(self, notice: _Notice, listener: _Listener) -> str:
        """The change as that listener is told it: with all that it was told before, so that one position is enough."""
        listener.told = merged(each for each in (listener.told, notice.change.position) if each)
        position = self._positions.sealed(listener.told, listener.person)
        return Change(thing=notice.thing, ids=list(notice.change.ids), position=position).model_dump_json()

    def _id(self, number: int, listener: _Listener) -> str:
        return self._ids.made(number, listener.tenants)

    async def _still_held(self, holder: Holder) -> bool:
        held = [holder.session, *([holder.own] if holder.own else [])]
        try:
            return all([await self._sessions.ask(each.session_id) for each in held])
        except Unavailable:
            return False


async def _next(waiting: asyncio.Queue[_Notice | None]) -> _Notice | None:
    try:
        return await asyncio.wait_for(waiting.get(), PING_S)
    except TimeoutError:
        return None


class LiveController(Controller):
    path = "/live"
    tags = ["live"]
    guards = [signed_in, settled]

    @get(
        operation_id="Live",
        media_type="text/event-stream",
        summary="What changes in one's tree, as server-sent events",
        description="Each event's data is a `Change`. An event called `resync` means: something was missed, ask again.",
    )
    async def live(self, request: Request[Any, Any, State], last_event_id: LastEventId = "") -> ServerSentEvent:
        live: Live = request.app.state.live
        stream = live.open(holder_of(request), last_event_id)
        return ServerSentEvent(stream, headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
