"""What devices say: counted, read, made into commands of ours, and answered once it is safe with us.

The rule it protects: a device is believed about itself only, and what one of them sends costs the others nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

import structlog

from contracts.devices.commands import DeviceCommandState, NoteDeviceCommand
from contracts.devices.configuration import NoteConfigurationApplied, NoteConfigurationRefused, NoteDeviceReport
from contracts.devices.doors import RecordDoorEvent
from contracts.message import Command, Refused
from contracts.permissions import SYSTEM
from kernel.deciding.codec import KeyDestroyed
from kernel.deciding.handling import Contended
from kernel.guarding.budgets import DEVICE
from kernel.log.promise import Unavailable
from kernel.service.declaration import Tools
from services.devices.commands import device_command
from services.devices.commands.device_command import DeviceCommand
from services.devices.link.roster import Roster, Seat
from services.devices.wire import wire
from services.devices.wire.uplink import Unreadable, read
from services.devices.wire.wire import AckState, DeviceAck, DeviceState, DoorReport, LastWill

MESSAGES_PER_S = 20.0
MESSAGES_AT_ONCE = 60.0
VIOLATIONS_MAX = 10
VIOLATIONS_WITHIN_S = 60.0
KINDS = ("state", "ack", "event")

_AT_ONCE = 12
_WAITING_MAX = 10_000
_METERS_MAX = 100_000
_BOUND_A_MOMENT_AGO_S = 0.25
_LOGGED_EVERY_S = 60.0
_log = structlog.get_logger()

_STATES = {
    AckState.DELIVERED: DeviceCommandState.DELIVERED,
    AckState.DONE: DeviceCommandState.DONE,
    AckState.FAILED: DeviceCommandState.FAILED,
}


@dataclass(slots=True)
class Meter:
    """How much a device says: a bucket of tokens, and the moments at which it went too far."""

    tokens: float = MESSAGES_AT_ONCE
    filled_at: float = field(default_factory=time.monotonic)
    violations: deque[float] = field(default_factory=lambda: deque(maxlen=VIOLATIONS_MAX))
    logged_at: float | None = None

    def admits(self, now: float) -> bool:
        """Whether there is room for one more message."""
        self.tokens = min(MESSAGES_AT_ONCE, self.tokens + (now - self.filled_at) * MESSAGES_PER_S)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def is_too_much(self, now: float) -> bool:
        """Count a violation; whether that makes too many of them within a minute."""
        self.violations.append(now)
        return len(self.violations) == VIOLATIONS_MAX and now - self.violations[0] <= VIOLATIONS_WITHIN_S

    def is_news(self, now: float) -> bool:
        """Whether the log should hear that it cannot be understood: once in a while, however often it is so."""
        if self.logged_at is not None and now - self.logged_at < _LOGGED_EVERY_S:
            return False
        self.logged_at = now
        return True


class Intake:
    """Takes what devices say, each device's in order, many devices' at a time.

    `answer` sends bytes to a device, `heard` is told that a device has said its state and where in the log that stands,
    `quarantine` that a device does not keep to the rules. What is recorded counts for the device's
    budget: beyond that its states, reports, and what it says of its configuration, are answered and
    not recorded, so that it repeats none.
    """

    def __init__(
        self,
        roster: Roster,
        tools: Tools,
        answer: Callable[[str, bytes], Awaitable[None]],
        heard: Callable[[Seat, int], Awaitable[None]],
        quarantine: Callable[[Seat], Awaitable[None]],
    ) -> None:
        self._roster = roster
        self._tools = tools
        self._answer = answer
        self._heard = heard
        self._quarantine = quarantine
        self._meters: OrderedDict[str, Meter] = OrderedDict()
        self._queues: dict[str, deque[tuple[str, bytes]]] = {}
        self._waiting = 0
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._working: set[asyncio.Task[None]] = set()

    def take(self, subject: str, body: bytes) -> None:
        """A message as it comes from NATS: `device.<MAC>.<kind>`."""
        _, mac, kind = subject.split(".", 2)
        now = time.monotonic()
        meter = self._meter(mac)
        if not meter.admits(now) or len(body) > wire.MESSAGE_BYTES_MAX:
            self._count(mac, meter, now)
            return
        if self._waiting >= _WAITING_MAX:
            return  # it is sent again
        queue = self._queues.get(mac)
        self._waiting += 1
        if queue is not None:
            queue.append((kind, body))
            return
        self._queues[mac] = deque([(kind, body)])
        self._do(self._work(mac))

    async def stop(self) -> None:
        """Returns when what was taken is done."""
        if self._working:
            await asyncio.wait(self._working)

    async def _work(self, mac: str) -> None:
        queue = self._queues[mac]
        try:
            while queue:
                kind, body = queue.popleft()
                self._waiting -= 1
                async with self._room:
                    await self._one(mac, kind, body)
        finally:
            self._waiting -= len(queue)
            del self._queues[mac]

    async def _one(self, mac: str, kind: str, body: bytes) -> None:
        seat = self._roster.by_mac(mac)
        if seat is None:
            await asyncio.sleep(_BOUND_A_MOMENT_AGO_S)
            seat = self._roster.by_mac(mac)
        if seat is None:
            return
        try:
            match kind:
                case "state":
                    with self._tools.charged(DEVICE, seat.device_id):
                        await self._state(seat, body)
                case "ack":
                    await self._ack(seat, body)
                case "event":
                    with self._tools.charged(DEVICE, seat.device_id):
                        await self._event(seat, body)
        except Unreadable as fault:
            # It hurts nobody, so it is no violation: said again it would only be refused again.
            if self._meter(mac).is_news(time.monotonic()):
                _log.warning("device-message-refused", device_id=seat.device_id, kind=kind, reason=fault.reason)
            await self._answer(mac, wire.refused(kind, fault.id, fault.reason))
        except (Unavailable, Contended) as failure:
            # Without our answer it is sent again.
            _log.warning("device-message-not-taken", kind=kind, reason=type(failure).__name__)
        except Exception as failure:  # noqa: BLE001 (one message that breaks us must not take those behind it along)
            _log.error("device-message-failed", device_id=seat.device_id, kind=kind, reason=type(failure).__name__)

    async def _state(self, seat: Seat, body: bytes) -> None:
        if b'"online"' in body and _is_last_will(body):
            return
        state, id = read(DeviceState, body)
        seq = 0
        if (seat.model, seat.firmware) != (state.model.upper(), state.firmware):
            report = NoteDeviceReport(**_stamp(), device_id=seat.device_id, model=state.model, firmware=state.firmware)
            seq = await self._obeyed(report)
        if state.configuration != (seat.applied or ""):
            applied = NoteConfigurationApplied(**_stamp(), device_id=seat.device_id, configuration=state.configuration)
            seq = max(seq, await self._obeyed(applied))
        await self._answer(seat.mac, wire.received("state", id))
        await self._heard(seat, seq)

    async def _ack(self, seat: Seat, body: bytes) -> None:
        ack, id = read(DeviceAck, body)
        if "-" in ack.id:
            # There are no more of these than people gave commands.
            await self._acked_command(seat, ack)
        else:
            with self._tools.charged(DEVICE, seat.device_id):
                await self._acked_configuration(seat, ack)
        await self._answer(seat.mac, wire.received("ack", id))

    async def _acked_configuration(self, seat: Seat, ack: DeviceAck) -> None:
        if ack.state is AckState.DONE:
            await self._obeyed(NoteConfigurationApplied(**_stamp(), device_id=seat.device_id, configuration=ack.id))
        elif ack.state is AckState.FAILED:
            reason = ack.reason or "refused"
            await self._obeyed(
                NoteConfigurationRefused(**_stamp(), device_id=seat.device_id, configuration=ack.id, reason=reason)
            )

    async def _acked_command(self, seat: Seat, ack: DeviceAck) -> None:
        told: DeviceCommand = (await self._tools.load(device_command.ref(ack.id)))[0]
        if told.mac != seat.mac:
            return  # there is no such command for it
        note = NoteDeviceCommand(**_stamp(), device_command_id=ack.id, state=_STATES[ack.state], reason=ack.reason)
        await self._obeyed(note)

    async def _event(self, seat: Seat, body: bytes) -> None:
        report, id = read(DoorReport, body)
        await self._obeyed(recorded_door_event(seat, report))
        await self._answer(seat.mac, wire.received("event", id))

    async def _obeyed(self, command: Command) -> int:
        """Where the log stands after it; 0 when it was refused, which the device cannot help. Raises `Unavailable`.

        Words of a device whose household was deleted meanwhile are kept nowhere: that is refused too.
        """
        try:
            return (await self._tools.handle(command)).position.seq
        except (Refused, KeyDestroyed):
            return 0

    def _meter(self, mac: str) -> Meter:
        meter = self._meters.get(mac)
        if meter is None:
            meter = self._meters[mac] = Meter()
            if len(self._meters) > _METERS_MAX:
                self._meters.popitem(last=False)
        return meter

    def _count(self, mac: str, meter: Meter, now: float) -> None:
        seat = self._roster.by_mac(mac)
        if meter.is_too_much(now) and seat is not None:
            meter.violations.clear()
            _log.warning("device-quarantined", device_id=seat.device_id)
            self._do(self._quarantine(seat))

    def _do(self, work: Awaitable[None]) -> None:
        assert isinstance(work, Coroutine)
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            _log.error("device-message-failed", exc_info=failure)


def recorded_door_event(seat: Seat, report: DoorReport) -> RecordDoorEvent:
    """What a device told of its door, as it is recorded: under an id that no other device can take."""
    return RecordDoorEvent(
        **_stamp(),
        door_event_id=str(uuid5(UUID(seat.device_id), report.id)),
        device_id=seat.device_id,
        user_id=seat.user_id,
        kind=report.kind,
        happened_at=report.at,
        relay=report.relay,
        method=report.method,
        who=report.who,
        detail=report.detail,
    )


def _is_last_will(body: bytes) -> bool:
    try:
        read(LastWill, body)
    except Unreadable:
        return False
    return True


def _stamp() -> dict[str, Any]:
    return {"command_id": uuid4(), "at": datetime.now(UTC), "actor": SYSTEM}
