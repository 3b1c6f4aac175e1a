"""Remote control of a device: for 15 minutes one session of one installer reaches the device's own page (A-13, R-34).

Kept with the device, so that it has one at a time. The rule it protects: whoever knows the address of the page has
nothing without the ticket, and the ticket lets one browser in and never a second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import assert_never

from contracts.devices.remote_control import (
    REMOTE_CONTROL_MINUTES,
    ClaimRemoteControl,
    CloseRemoteControl,
    NoteRemoteControlUse,
    OpenRemoteControl,
    RemoteControlClaimed,
    RemoteControlClosed,
    RemoteControlOpened,
    RemoteControlUsed,
)
from contracts.permissions import within
from contracts.refusals import refused
from kernel.deciding.decider import Aggregate, Decision, Neighbours, Outcome, Ref
from services.devices.intercoms import device
from services.devices.intercoms.device import Device
from services.devices.link import presence

RemoteSessionEvent = RemoteControlOpened | RemoteControlClaimed | RemoteControlUsed | RemoteControlClosed


_LASTS = timedelta(minutes=REMOTE_CONTROL_MINUTES)
_NEVER = datetime(1970, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RemoteSession:
    """The newest remote control of a device, which is over or not."""

    device_id: str = ""
    remote_session_id: str = ""
    installer_id: str = ""
    mac: str = ""
    session_id: str = ""
    token_hash: str = ""
    ticket_hash: str = ""
    browser_hash: str | None = None
    expires_at: datetime = _NEVER
    closed: bool = True

    @property
    def opened_at(self) -> datetime:
        """When it began."""
        return self.expires_at - _LASTS

    def is_open(self, at: datetime) -> bool:
        """Whether somebody may reach the page by it at that moment."""
        return not self.closed and at < self.expires_at

    def lets_in(self, token_hash: str, browser_hash: str, at: datetime) -> bool:
        """Whether that browser may, by that token."""
        return self.is_open(at) and (self.token_hash, self.browser_hash) == (token_hash, browser_hash)


def evolve(session: RemoteSession, event: RemoteSessionEvent) -> RemoteSession:
    match event:
        case RemoteControlOpened():
            return RemoteSession(
                device_id=event.device_id,
                remote_session_id=event.remote_session_id,
                installer_id=event.installer_id,
                mac=event.mac,
                session_id=event.session_id,
                token_hash=event.token_hash,
                ticket_hash=event.ticket_hash,
                expires_at=event.expires_at,
                closed=False,
            )
        case RemoteControlClaimed():
            return replace(session, browser_hash=event.browser_hash)
        case RemoteControlUsed():
            return session
        case RemoteControlClosed():
            return replace(session, closed=True)
        case _:
            assert_never(event)


def open(command: OpenRemoteControl, session: RemoteSession, there: Neighbours) -> Outcome:
    target: Device = there[device.ref(command.device_id)]
    device.check(command.actor, target)
    if command.actor.session_id is None:
        # It ends with the session that opened it; without one nothing would end it in time.
        raise refused("forbidden")
    if not there[presence.ref(command.device_id)].online:
        raise refused("device-offline")
    if session.is_open(command.at) and session.session_id != command.actor.session_id:
        raise refused("remote-control-taken")
    if session.is_open(command.at) and session.remote_session_id == command.remote_session_id:
        return []
    opened = RemoteControlOpened(
        remote_session_id=command.remote_session_id,
        device_id=target.device_id,
        mac=target.mac,
        user_id=target.user_id,
        installer_id=target.installer_id,
        session_id=command.actor.session_id,
        token_hash=command.token_hash,
        ticket_hash=command.ticket_hash,
        expires_at=command.at + _LASTS,
    )
    reason = "opened-again" if session.is_open(command.at) else "time-is-up"
    return [*_ended(session, reason), opened]


def claim(command: ClaimRemoteControl, session: RemoteSession, _: Neighbours) -> Outcome:
    asked = (command.remote_session_id, command.ticket_hash)
    is_it = session.is_open(command.at) and (session.remote_session_id, session.ticket_hash) == asked
    if not is_it or session.browser_hash not in (None, command.browser_hash):
        raise refused("remote-control-unknown")
    if session.browser_hash is not None:
        return []
    claimed = RemoteControlClaimed(
        remote_session_id=session.remote_session_id,
        device_id=session.device_id,
        installer_id=session.installer_id,
        browser_hash=command.browser_hash,
    )
    return [claimed]


def note_use(command: NoteRemoteControlUse, session: RemoteSession, _: Neighbours) -> Outcome:
    # What was counted last comes in when it is over already.
    if session.remote_session_id != command.remote_session_id or command.requests == 0:
        return []
    used = RemoteControlUsed(
        remote_session_id=session.remote_session_id,
        device_id=session.device_id,
        installer_id=session.installer_id,
        requests=command.requests,
    )
    return [used]


def close(command: CloseRemoteControl, session: RemoteSession, there: Neighbours) -> Outcome:
    if not session.device_id or not within(command.actor, distributor_id=None, installer_id=session.installer_id):
        device.check(command.actor, there[device.ref(command.device_id)])
    if command.remote_session_id not in (None, session.remote_session_id):
        return []
    return _ended(session, command.reason)


def _ended(session: RemoteSession, reason: str) -> list[RemoteControlClosed]:
    if session.closed:
        return []
    closed = RemoteControlClosed(
        remote_session_id=session.remote_session_id,
        device_id=session.device_id,
        installer_id=session.installer_id,
        reason=reason,
    )
    return [closed]


def ref(device_id: str) -> Ref:
    """The remote control of that device."""
    return Ref("remote_session", device_id)


def _device(command: CloseRemoteControl, _: RemoteSession) -> list[Ref]:
    return [device.ref(command.device_id)]


def _device_and_presence(command: OpenRemoteControl, _: RemoteSession) -> list[Ref]:
    return [device.ref(command.device_id), presence.ref(command.device_id)]


REMOTE_SESSION: Aggregate[RemoteSession] = Aggregate(
    name="remote_session",
    initial=RemoteSession(),
    evolve=evolve,
    events=(RemoteControlOpened, RemoteControlClaimed, RemoteControlUsed, RemoteControlClosed),
    decisions={
        OpenRemoteControl: Decision("device_id", open, _device_and_presence),
        ClaimRemoteControl: Decision("device_id", claim),
        NoteRemoteControlUse: Decision("device_id", note_use),
        CloseRemoteControl: Decision("device_id", close, _device),
    },
)
