"""End a remote control after its 15 minutes, so that the trail says when it ended.

Nobody could use it any longer anyway: one that has expired lets nobody in.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid5

from contracts.devices.remote_control import CloseRemoteControl, RemoteControlClosed, RemoteControlOpened
from contracts.message import Command, Recorded
from contracts.permissions import SYSTEM
from kernel.reacting.reaction import Context, Reaction
from kernel.reacting.timers import Due

TIME_IS_UP = "remote-control"


async def await_end(recorded: Recorded, context: Context) -> Iterable[Command]:
    opened = recorded.event
    assert isinstance(opened, RemoteControlOpened)
    await context.timers.set(_owner(opened.device_id), TIME_IS_UP, opened.expires_at, opened.remote_session_id.encode())
    return ()


async def forget_end(recorded: Recorded, context: Context) -> Iterable[Command]:
    assert isinstance(recorded.event, RemoteControlClosed)
    await context.timers.cancel(_owner(recorded.event.device_id), TIME_IS_UP)
    return ()


def end(due: Due) -> CloseRemoteControl:
    """What to do when that time has come."""
    return CloseRemoteControl(
        command_id=uuid5(due.id, TIME_IS_UP),
        at=due.at,
        actor=SYSTEM,
        device_id=due.owner.removeprefix(_owner("")),
        remote_session_id=due.payload.decode(),
        reason="time-is-up",
    )


def _owner(device_id: str) -> str:
    return f"remote_session.{device_id}"


AWAIT_END = Reaction(
    name="end_remote_control_when_time_is_up",
    follows="devices",
    on={RemoteControlOpened: await_end, RemoteControlClosed: forget_end},
)
