"""What a device can be told, when it must be there for it, and what can be said about it afterwards."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.devices.commands import (
    CancelDeviceCommand,
    DeviceCommandCancelled,
    DeviceCommandDelivered,
    DeviceCommandDone,
    DeviceCommandExpired,
    DeviceCommandFailed,
    DeviceCommandKind,
    DeviceCommandLost,
    DeviceCommandQueued,
    DeviceCommandSent,
    DeviceCommandState,
    NoteDeviceCommand,
    QueueOneTimeAutop,
    RebootDevice,
    ResetDevice,
    ResetScope,
    SwitchArming,
    UnlockDoor,
)
from contracts.devices.intercoms import RelaysConfigured
from contracts.devices.presence import DeviceWentOffline, DeviceWentOnline
from contracts.devices.relays import AccessMethod
from contracts.message import Actor, Event, Role
from contracts.permissions import SYSTEM
from kernel.deciding.spec import Given, Outcome, Spec
from services.devices.commands.device_command import DEVICE_COMMAND
from services.devices.intercoms.decisions import DEVICE as DEVICE_AGGREGATE
from services.devices.link.presence import PRESENCE
from tests.devices.world import (
    DEVICE,
    DISTRIBUTOR,
    GARAGE,
    HERE,
    INSTALLER,
    MAC,
    MEMBER,
    MONITOR,
    NOW,
    USER,
    ask,
    bound,
    changed,
    installer,
    master,
    monitor_bound,
    names,
    number,
    settings,
    strangers,
    unbound,
)

device_command = Spec(DEVICE_COMMAND, DEVICE_AGGREGATE, PRESENCE)
Kind, State = DeviceCommandKind, DeviceCommandState

COMMAND, BATCH = number(41), number(42)
LINE = "Config.Network.NTP.Server = pool.ntp.org"
of_it = {"device_command_id": COMMAND, "device_id": DEVICE, "installer_id": INSTALLER}
online = DeviceWentOnline(device_id=DEVICE, installer_id=INSTALLER, connection="n1:7")
offline = DeviceWentOffline(device_id=DEVICE, installer_id=INSTALLER, reason="client-closed")
member = Actor(
    account_id=MEMBER, role=Role.FAMILY_MEMBER, distributor_id=DISTRIBUTOR, installer_id=INSTALLER, household_id=USER
)

reboot = ask(RebootDevice, device_command_id=COMMAND, device_id=DEVICE)
reset = ask(ResetDevice, device_command_id=COMMAND, device_id=DEVICE)
unlock = ask(UnlockDoor, device_command_id=COMMAND, device_id=DEVICE, relay=1)
arm = ask(SwitchArming, device_command_id=COMMAND, device_id=MONITOR, armed=True)
one_time = ask(
    QueueOneTimeAutop, SYSTEM, device_command_id=COMMAND, device_id=DEVICE, provisioning_id=BATCH, lines=(LINE,)
)
cancel = ask(CancelDeviceCommand, device_command_id=COMMAND)

queued = DeviceCommandQueued(
    **of_it,
    mac=MAC,
    user_id=USER,
    kind=Kind.REBOOT,
    relay=None,
    lines=(),
    provisioning_id=None,
    nonce="0" * 32,
    expires_at=NOW + timedelta(days=7),
)
unlock_queued = queued.model_copy(
    update={"kind": Kind.UNLOCK, "relay": 1, "expires_at": NOW + timedelta(seconds=5)},
)
sent, delivered, done = DeviceCommandSent(**of_it), DeviceCommandDelivered(**of_it), DeviceCommandDone(**of_it)
failed = DeviceCommandFailed(**of_it, reason="busy")
expired, lost = DeviceCommandExpired(**of_it), DeviceCommandLost(**of_it)
taken_back = DeviceCommandCancelled(**of_it, reason="taken-back")


def there(given: Given, *presence: Event) -> Given:
    return given.beside("device", DEVICE, bound).beside("presence", DEVICE, *presence)


def note(state: DeviceCommandState, *, reason: str | None = None, **stamps: Any) -> NoteDeviceCommand:
    return ask(NoteDeviceCommand, SYSTEM, device_command_id=COMMAND, state=state, reason=reason, **stamps)


def the_queued(outcome: Outcome) -> DeviceCommandQueued:
    assert outcome.refused is None, outcome.refused
    (event,) = outcome.events
    assert isinstance(event, DeviceCommandQueued)
    return event


# --- Being told -------------------------------------------------------------------------------------------------------


@pytest.mark.row("A-11")
@pytest.mark.parametrize("presence", [(), (online,), (online, offline)], ids=["never seen", "online", "offline"])
def test_a_reboot_waits_seven_days_for_a_device_that_is_off(presence: tuple[Event, ...]) -> None:
    event = the_queued(there(device_command.given(), *presence).when(reboot))
    assert event == queued.model_copy(update={"nonce": event.nonce})
    assert len(event.nonce) == 32


def test_the_same_wish_is_queued_once() -> None:
    there(device_command.given(), online).when(reboot).again().then()
    there(device_command.given(), online).when(unlock).again().then()


def test_another_wish_does_not_get_the_id_of_this_one() -> None:
    there(device_command.given(queued), online).when(unlock).then_refused("id-taken")
    relay_two = changed(unlock, relay=2)
    there(device_command.given(unlock_queued), online).when(relay_two).then_refused("id-taken")


def test_a_wish_asked_again_later_has_another_nonce() -> None:
    first = the_queued(there(device_command.given(), online).when(unlock))
    second = the_queued(there(device_command.given(), online).when(changed(unlock)))
    assert first.nonce != second.nonce


@pytest.mark.row("A-12", "R-33")
def test_a_reset_forgets_the_configuration_unless_more_is_asked() -> None:
    assert the_queued(there(device_command.given()).when(reset)).kind is Kind.CONFIGURATION_RESET


@pytest.mark.row("R-33")
def test_a_factory_reset_needs_the_mac_typed() -> None:
    factory = changed(reset, scope=ResetScope.FACTORY)
    there(device_command.given()).when(factory).then_refused("mac-not-confirmed", "confirmed_mac")
    for typed in ("0C110512BC98", "0C1105", "no mac"):
        wrong = changed(factory, confirmed_mac=typed)
        there(device_command.given()).when(wrong).then_refused("mac-not-confirmed", "confirmed_mac")
    for typed in (MAC, "0c:11:05:12:bc:97"):
        right = changed(factory, confirmed_mac=typed)
        assert the_queued(there(device_command.given()).when(right)).kind is Kind.FACTORY_RESET


def test_a_door_opens_within_five_seconds_or_not_at_all() -> None:
    event = the_queued(there(device_command.given(), online).when(unlock))
    assert (event.kind, event.relay, event.expires_at - NOW) == (Kind.UNLOCK, 1, timedelta(seconds=5))


@pytest.mark.parametrize("presence", [(), (online, offline)], ids=["never seen", "offline"])
def test_nothing_is_opened_or_armed_at_a_device_that_is_off(presence: tuple[Event, ...]) -> None:
    there(device_command.given(), *presence).when(unlock).then_refused("device-offline")
    monitor = device_command.given().beside("device", MONITOR, monitor_bound)
    monitor.when(arm).then_refused("device-offline")


@pytest.mark.row("D-30")
def test_a_relay_that_is_off_or_not_there_is_not_opened() -> None:
    there(device_command.given(), online).when(changed(unlock, relay=3)).then_refused("relay-unknown", "relay")
    without = GARAGE.model_copy(update={"enabled": False})
    configured = RelaysConfigured(
        device_id=DEVICE,
        **HERE,
        relays=settings(without),
        relay_names=names(without),
        security_relays=(),
        security_relay_names=(),
    )
    given = there(device_command.given(), online).beside("device", DEVICE, bound, configured)
    given.when(changed(unlock, relay=2)).then_refused("relay-unknown", "relay")


@pytest.mark.row("D-27", "D-28")
def test_residents_open_what_the_app_shows_them() -> None:
    hidden = GARAGE.model_copy(update={"methods": (AccessMethod.RF_CARD,)})
    configured = RelaysConfigured(
        device_id=DEVICE,
        **HERE,
        relays=settings(hidden),
        relay_names=names(hidden),
        security_relays=(),
        security_relay_names=(),
    )
    given = there(device_command.given(), online).beside("device", DEVICE, bound, configured)
    garage = changed(unlock, relay=2)
    assert the_queued(given.when(garage)).relay == 2
    for resident in (master, member):
        given.when(changed(garage, actor=resident)).then_refused("relay-unknown", "relay")
        shown = there(device_command.given(), online)
        assert the_queued(shown.when(changed(garage, actor=resident))).relay == 2


@pytest.mark.row("RA-2")
def test_arming_is_for_monitors_that_have_it() -> None:
    monitor_online = online.model_copy(update={"device_id": MONITOR})
    monitor = device_command.given().beside("presence", MONITOR, monitor_online)
    with_it = monitor.beside("device", MONITOR, monitor_bound)
    assert the_queued(with_it.when(arm)).kind is Kind.ARM
    assert the_queued(with_it.when(changed(arm, armed=False))).kind is Kind.DISARM
    without = monitor.beside("device", MONITOR, monitor_bound.model_copy(update={"arming_function": False}))
    without.when(arm).then_refused("arming-not-available")
    there(device_command.given(), online).when(changed(arm, device_id=DEVICE)).then_refused("arming-not-available")


@pytest.mark.row("A-15")
def test_one_time_lines_wait_with_the_batch_they_are_of() -> None:
    event = the_queued(there(device_command.given()).when(one_time))
    assert (event.kind, event.lines, event.provisioning_id) == (Kind.ONE_TIME_AUTOP, (LINE,), BATCH)


def test_one_time_lines_for_a_device_that_is_gone_are_dropped() -> None:
    device_command.given().beside("device", DEVICE, bound, unbound).when(one_time).then()


@pytest.mark.parametrize("wish", [reboot, reset, unlock], ids=["reboot", "reset", "unlock"])
def test_a_stranger_s_device_is_no_device(wish: RebootDevice | ResetDevice | UnlockDoor) -> None:
    for stranger in strangers:
        asked = wish.model_copy(update={"actor": stranger})
        there(device_command.given(), online).when(asked).then_refused("device-unknown")
    device_command.given().when(wish).then_refused("device-unknown")
    device_command.given().beside("device", DEVICE, bound, unbound).when(wish).then_refused("device-unknown")


# --- What becomes of it -----------------------------------------------------------------------------------------------


def test_a_device_that_hears_and_obeys() -> None:
    device_command.given(queued).when(note(State.SENT)).then(sent)
    device_command.given(queued, sent).when(note(State.DELIVERED)).then(delivered)
    device_command.given(queued, sent, delivered).when(note(State.DONE)).then(done)
    device_command.given(queued, sent, delivered).when(note(State.FAILED, reason="busy")).then(failed)


def test_an_answer_may_come_before_the_note_that_it_was_asked() -> None:
    device_command.given(queued).when(note(State.DONE)).then(done)
    device_command.given(queued).when(note(State.DELIVERED)).then(delivered)


@pytest.mark.parametrize("state", list(State))
def test_what_is_told_twice_or_too_late_changes_nothing(state: DeviceCommandState) -> None:
    for over in (done, failed, expired, taken_back):
        device_command.given(queued, sent, over).when(note(state, at=NOW + timedelta(days=8))).then()


def test_sending_again_is_not_told_again() -> None:
    device_command.given(queued, sent).when(note(State.SENT)).then()
    device_command.given(queued, sent, delivered).when(note(State.SENT)).then()
    device_command.given(queued, sent, delivered).when(note(State.DELIVERED)).then()


def test_what_no_device_ever_had_expires() -> None:
    device_command.given(queued).when(note(State.EXPIRED, at=NOW + timedelta(days=7))).then(expired)
    device_command.given(queued).when(note(State.EXPIRED, at=NOW + timedelta(days=6))).then()


@pytest.mark.parametrize("before", [(sent,), (sent, delivered)], ids=["sent", "delivered"])
def test_what_was_sent_without_an_answer_is_unknown_not_failed(before: tuple[Event, ...]) -> None:
    too_late = note(State.EXPIRED, at=NOW + timedelta(seconds=5))
    device_command.given(unlock_queued, *before).when(too_late).then(lost)


def test_a_late_answer_ends_the_not_knowing() -> None:
    device_command.given(unlock_queued, sent, lost).when(note(State.DONE)).then(done)
    device_command.given(unlock_queued, sent, lost).when(note(State.FAILED, reason="busy")).then(failed)
    device_command.given(unlock_queued, sent, lost).when(note(State.DELIVERED)).then()


def test_what_waits_can_be_taken_back() -> None:
    device_command.given(queued).when(cancel).then(taken_back)
    device_command.given(queued).when(cancel).again().then()


@pytest.mark.parametrize("begun", [sent, delivered, done, failed, expired])
def test_what_a_device_may_have_begun_cannot_be_taken_back(begun: Event) -> None:
    device_command.given(queued, begun).when(cancel).then_refused("device-command-begun")


@pytest.mark.row("A-07")
def test_what_a_reset_overtook_is_cancelled_with_the_reason() -> None:
    overtaken = DeviceCommandCancelled(**of_it, reason="device-reset")
    device_command.given(queued, sent).when(note(State.CANCELLED, reason="device-reset")).then(overtaken)
    device_command.given(queued, done).when(note(State.CANCELLED, reason="device-reset")).then()


def test_nobody_else_knows_of_the_command() -> None:
    for stranger in strangers:
        asked = changed(cancel, actor=stranger)
        device_command.given(queued).when(asked).then_refused("device-command-unknown")
    device_command.given().when(cancel).then_refused("device-command-unknown")
    assert installer.installer_id == INSTALLER
