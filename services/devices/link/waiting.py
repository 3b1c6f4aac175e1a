"""What waits for a device, and what the log says of it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from contracts.devices.commands import (
    OPEN_STATES,
    DeviceCommandKind,
    DeviceCommandQueued,
    DeviceCommandState,
    NoteDeviceCommand,
)
from contracts.message import Refused
from contracts.permissions import SYSTEM
from kernel.service.declaration import Tools
from services.devices.commands import device_command
from services.devices.commands.device_command import DeviceCommand
from services.devices.wire import wire

State = DeviceCommandState
LONGEST_PAUSE_S = 60.0


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


async def note_state(tools: Tools, waiting: Waiting, state: DeviceCommandState, reason: str | None = None) -> bool:
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
        handled = await tools.handle(note)
    except Refused:
        return False
    waiting.state = handled.state.state
    return waiting.state in OPEN_STATES


async def is_open(tools: Tools, waiting: Waiting) -> bool:
    told: DeviceCommand = (await tools.load(device_command.ref(waiting.id)))[0]
    waiting.state = told.state
    return told.is_open


async def lines_of(tools: Tools, id: str) -> tuple[str, ...]:
    first, *_ = await tools.log.read_subject(tools.codec.subject(device_command.ref(id)))
    (recorded,) = await tools.codec.decode_many([first])
    return recorded.event.lines if isinstance(recorded.event, DeviceCommandQueued) else ()


def message_of(waiting: Waiting) -> bytes:
    """How the device is told of it."""
    return wire.command(
        waiting.kind,
        waiting.id,
        nonce=waiting.nonce,
        expires_at=waiting.expires_at,
        relay=waiting.relay,
        lines=waiting.lines or (),
    )


def pause_after(first_s: float, times: int) -> float:
    """Longer each time, so that what is never answered does not keep the air full."""
    return min(first_s * 2.0 ** max(0, times - 1), LONGEST_PAUSE_S)


def from_event(event: DeviceCommandQueued, seq: int) -> Waiting:
    return Waiting(event.device_command_id, event.kind, seq, event.nonce, event.expires_at, event.relay, State.QUEUED)


def from_row(row: Any) -> Waiting:
    kind, state = DeviceCommandKind(row["kind"]), State(row["state"])
    return Waiting(row["_id"], kind, row["queued_seq"], row["nonce"], row["expires_at"], row["relay"], state)
