"""Online is who has a connection: whatever ended before it, or is told twice, changes nothing."""

from contracts.devices.presence import DeviceWentOffline, DeviceWentOnline, NoteDeviceOffline, NoteDeviceOnline
from contracts.permissions import SYSTEM
from kernel.deciding.spec import Spec
from services.devices.intercoms.decisions import DEVICE as DEVICE_AGGREGATE
from services.devices.link.presence import PRESENCE
from tests.devices.world import DEVICE, INSTALLER, ask, bound, unbound

presence = Spec(PRESENCE, DEVICE_AGGREGATE)

went_online = DeviceWentOnline(device_id=DEVICE, installer_id=INSTALLER, connection="n1:7")
online_again = DeviceWentOnline(device_id=DEVICE, installer_id=INSTALLER, connection="n1:8")
went_offline = DeviceWentOffline(device_id=DEVICE, installer_id=INSTALLER, reason="client-closed")
connected = ask(NoteDeviceOnline, SYSTEM, device_id=DEVICE, connection="n1:7")
connected_again = ask(NoteDeviceOnline, SYSTEM, device_id=DEVICE, connection="n1:8")
ended = ask(NoteDeviceOffline, SYSTEM, device_id=DEVICE, connection="n1:7", reason="client-closed")
vanished = ask(NoteDeviceOffline, SYSTEM, device_id=DEVICE, reason="not-connected")


def test_a_device_that_connects_is_online() -> None:
    presence.given().beside("device", DEVICE, bound).when(connected).then(went_online)


def test_the_same_connection_is_told_once() -> None:
    presence.given().beside("device", DEVICE, bound).when(connected).again().then()


def test_another_connection_is_told() -> None:
    presence.given(went_online).beside("device", DEVICE, bound).when(connected_again).then(online_again)


def test_a_device_whose_connection_ends_is_offline() -> None:
    presence.given(went_online).when(ended).then(went_offline)
    presence.given(went_online).when(ended).again().then()


def test_the_end_of_a_former_connection_says_nothing() -> None:
    presence.given(went_online, online_again).when(ended).then()


def test_a_device_that_the_server_does_not_list_is_offline_whatever_its_connection() -> None:
    presence.given(went_online, online_again).when(vanished).then(
        DeviceWentOffline(device_id=DEVICE, installer_id=INSTALLER, reason="not-connected")
    )


def test_a_device_that_never_connected_cannot_end() -> None:
    presence.given().when(vanished).then()


def test_a_device_that_is_gone_does_not_come_online_but_goes_offline() -> None:
    presence.given().beside("device", DEVICE, bound, unbound).when(connected).then_refused("device-unknown")
    presence.given().when(connected).then_refused("device-unknown")
    presence.given(went_online).beside("device", DEVICE, bound, unbound).when(ended).then(went_offline)
