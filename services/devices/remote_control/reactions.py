"""What ends a remote control besides whoever opened it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid5

from contracts.accounts.access import AccessClosed, PasswordChanged, PasswordIssued, PasswordRevoked, SessionClosed
from contracts.devices.intercoms import DeviceUnbound
from contracts.devices.presence import DeviceWentOffline
from contracts.devices.remote_control import CloseRemoteControl, RemoteControlClosed, RemoteControlOpened
from contracts.message import Command, Recorded
from contracts.permissions import SYSTEM
from kernel.reacting.reaction import Context, Reaction
from kernel.reacting.timers import Due
from services.devices.remote_control import remote_session
from services.devices.remote_control.remote_session import RemoteSession
from services.devices.remote_control.remote_sessions import REMOTE_CONTROLS

TIME_IS_UP = "remote-control"
SESSION_IS_OVER = "session-is-over"
DEVICE_IS_OFFLINE = "device-is-offline"
DEVICE_IS_GONE = "device-is-gone"


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
"""End a remote control after its 15 minutes, so that the trail says when it ended.

Nobody could use it any longer anyway: one that has expired lets nobody in.
"""


async def close_of_device(recorded: Recorded, context: Context) -> Iterable[Command]:
    event = recorded.event
    assert isinstance(event, DeviceWentOffline | DeviceUnbound)
    present: RemoteSession = (await context.load(remote_session.ref(event.device_id)))[0]
    if present.closed or present.opened_at > recorded.at:
        return ()
    reason = DEVICE_IS_GONE if isinstance(event, DeviceUnbound) else DEVICE_IS_OFFLINE
    return (_closed(context, event.device_id, present.remote_session_id, reason),)


async def close_of_session(recorded: Recorded, context: Context) -> Iterable[Command]:
    match recorded.event:
        case SessionClosed() as event:
            mine: dict[str, Any] = {"session_id": event.session_id}
        case PasswordChanged() as event:
            mine = {"account_id": event.account_id, "session_id": {"$ne": event.kept_session_id}}
        case AccessClosed() | PasswordIssued() | PasswordRevoked() as event:
            mine = {"account_id": event.account_id}
        case _:
            raise AssertionError(f"nothing is said about {type(recorded.event).__name__}")
    rows = await context.database[REMOTE_CONTROLS.name].find(mine).sort("_id", 1).to_list()
    return [_closed(context, row["_id"], row["remote_session_id"], SESSION_IS_OVER) for row in rows]


def _closed(context: Context, device_id: str, remote_session_id: str, reason: str) -> CloseRemoteControl:
    stamp = context.stamp()
    return CloseRemoteControl(
        **{**stamp, "actor": SYSTEM}, device_id=device_id, remote_session_id=remote_session_id, reason=reason
    )


CLOSE_OF_DEVICE = Reaction(
    name="end_remote_control_when_device_is_gone",
    follows="devices",
    on={DeviceWentOffline: close_of_device, DeviceUnbound: close_of_device},
)
CLOSE_OF_SESSION = Reaction(
    name="end_remote_control_when_session_is_over",
    follows="accounts",
    on={
        SessionClosed: close_of_session,
        PasswordChanged: close_of_session,
        AccessClosed: close_of_session,
        PasswordIssued: close_of_session,
        PasswordRevoked: close_of_session,
    },
)
"""End a remote control when the device goes, or the session that opened it.

This frees the device for the next one and says in the trail why. It is not what keeps people out: who asks for the page
is let in by the session, the device's connection and the remote control as they are in that moment.
"""
