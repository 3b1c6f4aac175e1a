"""Remote control of a device: who may have it, for how long, and what ends it (A-13, R-34, threat 10)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.devices.presence import DeviceWentOffline, DeviceWentOnline
from contracts.devices.remote_control import (
    ClaimRemoteControl,
    CloseRemoteControl,
    NoteRemoteControlUse,
    OpenRemoteControl,
    RemoteControlClaimed,
    RemoteControlClosed,
    RemoteControlOpened,
    RemoteControlUsed,
)
from contracts.permissions import SYSTEM, objection
from kernel.deciding.spec import Given, Spec
from services.devices.intercoms.decisions import DEVICE as DEVICES
from services.devices.link.presence import PRESENCE
from services.devices.remote_control.remote_session import REMOTE_SESSION
from tests.devices.world import (
    DEVICE,
    DISTRIBUTOR,
    HERE,
    INSTALLER,
    MAC,
    NOW,
    ask,
    bound,
    changed,
    installer,
    number,
    strangers,
    unbound,
)

SESSION, LATER = number(41), number(42)
sessions = Spec(REMOTE_SESSION, DEVICES, PRESENCE)

online = DeviceWentOnline(device_id=DEVICE, installer_id=INSTALLER, connection="1")
offline = DeviceWentOffline(device_id=DEVICE, installer_id=INSTALLER, reason="closed")
open_it = ask(OpenRemoteControl, remote_session_id=SESSION, device_id=DEVICE, token_hash="7" * 64, ticket_hash="8" * 64)
opened = RemoteControlOpened(
    remote_session_id=SESSION,
    device_id=DEVICE,
    mac=MAC,
    **HERE,
    session_id=installer.session_id or "",
    token_hash="7" * 64,
    ticket_hash="8" * 64,
    expires_at=NOW + timedelta(minutes=15),
)
claim = ask(
    ClaimRemoteControl,
    SYSTEM,
    remote_session_id=SESSION,
    device_id=DEVICE,
    ticket_hash="8" * 64,
    browser_hash="9" * 64,
)
claimed = RemoteControlClaimed(
    remote_session_id=SESSION, device_id=DEVICE, installer_id=INSTALLER, browser_hash="9" * 64
)
close = ask(CloseRemoteControl, device_id=DEVICE)
SOMEBODY_ELSE = installer.model_copy(update={"session_id": "d" * 64})


def closed(reason: str = "closed") -> RemoteControlClosed:
    return RemoteControlClosed(remote_session_id=SESSION, device_id=DEVICE, installer_id=INSTALLER, reason=reason)


def beside(given: Given, *presence: DeviceWentOnline | DeviceWentOffline) -> Given:
    return given.beside("device", DEVICE, bound).beside("presence", DEVICE, *(presence or (online,)))


@pytest.mark.row("A-13", "R-34")
def test_a_device_that_is_connected_can_be_reached_for_15_minutes() -> None:
    outcome = beside(sessions.given()).when(open_it)
    outcome.then(opened)
    outcome.again().then()


@pytest.mark.row("R-34")
def test_a_device_that_is_off_cannot_be_reached() -> None:
    beside(sessions.given(), online, offline).when(open_it).then_refused("device-offline")
    sessions.given().beside("device", DEVICE, bound).when(open_it).then_refused("device-offline")


def test_somebody_elses_device_is_unknown() -> None:
    for stranger in strangers:
        beside(sessions.given()).when(changed(open_it, actor=stranger)).then_refused("device-unknown")
    gone = beside(sessions.given()).beside("device", DEVICE, bound, unbound)
    gone.when(open_it).then_refused("device-unknown")


def test_nobody_opens_it_without_a_session_that_can_end() -> None:
    nobody = installer.model_copy(update={"session_id": None})
    beside(sessions.given()).when(changed(open_it, actor=nobody)).then_refused("forbidden")


def test_a_distributor_in_an_installers_account_may_not() -> None:
    distributor_within = installer.model_copy(update={"impersonator_id": DISTRIBUTOR})
    refusal = objection(changed(open_it, actor=distributor_within))
    assert refusal is not None
    assert refusal.code == "forbidden-while-impersonating"


def test_one_session_has_the_device_at_a_time() -> None:
    given = beside(sessions.given(opened))
    again = changed(open_it, remote_session_id=LATER)
    given.when(changed(again, actor=SOMEBODY_ELSE)).then_refused("remote-control-taken")
    once_more = opened.model_copy(update={"remote_session_id": LATER})
    given.when(again).then(closed("opened-again"), once_more)
    over = beside(sessions.given(opened, closed()))
    over.when(changed(again, actor=SOMEBODY_ELSE)).then(once_more.model_copy(update={"session_id": "d" * 64}))


def test_what_has_expired_holds_nobody_up() -> None:
    late = changed(open_it, remote_session_id=LATER, actor=SOMEBODY_ELSE, at=NOW + timedelta(minutes=15))
    outcome = beside(sessions.given(opened)).when(late)
    assert outcome.events[0] == closed("time-is-up")
    assert isinstance(outcome.events[1], RemoteControlOpened)


def test_the_ticket_lets_one_browser_in_and_no_second() -> None:
    outcome = sessions.given(opened).when(claim)
    outcome.then(claimed)
    outcome.again().then()
    second = changed(claim, browser_hash="0" * 64)
    sessions.given(opened, claimed).when(second).then_refused("remote-control-unknown")


@pytest.mark.parametrize(
    "wrong",
    [
        {"ticket_hash": "0" * 64},
        {"remote_session_id": LATER},
        {"at": NOW + timedelta(minutes=15)},
    ],
    ids=lambda each: next(iter(each)),
)
def test_nothing_but_the_right_ticket_in_time_lets_a_browser_in(wrong: dict[str, object]) -> None:
    sessions.given(opened).when(changed(claim, **wrong)).then_refused("remote-control-unknown")
    sessions.given(opened, closed()).when(claim).then_refused("remote-control-unknown")
    sessions.given().when(claim).then_refused("remote-control-unknown")


def test_it_can_be_ended_once() -> None:
    outcome = sessions.given(opened, claimed).beside("device", DEVICE, bound).when(close)
    outcome.then(closed())
    outcome.again().then()


def test_the_service_ends_it_also_when_the_device_is_gone() -> None:
    given = sessions.given(opened).beside("device", DEVICE, bound, unbound)
    theirs = ask(CloseRemoteControl, SYSTEM, device_id=DEVICE, remote_session_id=SESSION, reason="device-is-gone")
    given.when(theirs).then(closed("device-is-gone"))
    given.when(changed(theirs, remote_session_id=LATER)).then()


def test_nobody_ends_somebody_elses() -> None:
    for stranger in strangers:
        given = sessions.given(opened).beside("device", DEVICE, bound)
        given.when(changed(close, actor=stranger)).then_refused("device-unknown")
    sessions.given().when(close).then_refused("device-unknown")
    sessions.given().beside("device", DEVICE, bound).when(close).then()


def test_what_is_asked_by_it_is_counted_also_when_it_is_over() -> None:
    use = ask(NoteRemoteControlUse, SYSTEM, remote_session_id=SESSION, device_id=DEVICE, requests=7)
    used = RemoteControlUsed(remote_session_id=SESSION, device_id=DEVICE, installer_id=INSTALLER, requests=7)
    sessions.given(opened, claimed).when(use).then(used)
    sessions.given(opened, closed()).when(use).then(used)
    sessions.given(opened).when(changed(use, requests=0)).then()
    sessions.given(opened).when(changed(use, remote_session_id=LATER)).then()
