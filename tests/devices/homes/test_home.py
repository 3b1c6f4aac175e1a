"""What a home lets in, how it is emptied for the next residents, and how it is forgotten with everything in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.devices.cameras import CameraRemoved
from contracts.devices.homes import (
    CameraMovedIn,
    CameraMovedOut,
    CredentialGranted,
    CredentialKind,
    CredentialWithdrawn,
    DeviceMovedIn,
    DeviceMovedOut,
    EmptyHome,
    ForgetHome,
    GrantCredential,
    HomeEmptied,
    HomeForgotten,
    WithdrawCredential,
)
from contracts.devices.intercoms import DeviceUnbound
from contracts.devices.library import MacUnbound
from contracts.devices.numbers import DeviceSipReleased
from contracts.devices.relays import RelayRef
from contracts.message import Refused
from contracts.permissions import SYSTEM
from kernel.deciding.decider import Elsewhere
from kernel.deciding.spec import Given, Spec
from services.devices.cameras.camera import CAMERA as CAMERAS
from services.devices.homes import home
from services.devices.homes.decisions import HOME
from services.devices.homes.granting import CREDENTIALS_MAX
from services.devices.homes.home import THINGS_MAX, Home
from services.devices.intercoms.decisions import DEVICE as DEVICES
from services.devices.library.mac import MAC as MACS
from services.devices.numbers import sip
from services.devices.numbers.sip import SIP
from tests.devices.world import (
    CAMERA,
    DEVICE,
    DISTRIBUTOR,
    HERE,
    INSTALLER,
    MAC,
    MODELS,
    MONITOR,
    MONITOR_MAC,
    NOW,
    OTHER_DEVICE,
    USER,
    ask,
    bound,
    camera_added,
    changed,
    elsewhere,
    mac_bound,
    monitor_bound,
    moved_in,
    number,
    registered,
    strangers,
)

homes = Spec(HOME, DEVICES, MACS, SIP, CAMERAS, tables=MODELS)

CREDENTIAL, OTHER_CREDENTIAL = number(31), number(32)
GATE, GARAGE = RelayRef(device_id=DEVICE, relay=1), RelayRef(device_id=DEVICE, relay=2)
PIN, CARD = "402917", "04A22B19"

grant = ask(
    GrantCredential,
    credential_id=CREDENTIAL,
    user_id=USER,
    kind=CredentialKind.PIN,
    holder="李伟",
    secret=PIN,
    relays=(GATE,),
    installer_id=INSTALLER,
    distributor_id=DISTRIBUTOR,
)
granted = CredentialGranted(
    **HERE,
    credential_id=CREDENTIAL,
    kind=CredentialKind.PIN,
    holder="李伟",
    secret=PIN,
    relays=(GATE,),
    valid_from=None,
    valid_to=None,
)
card_granted = granted.model_copy(
    update={
        "credential_id": OTHER_CREDENTIAL,
        "kind": CredentialKind.RF_CARD,
        "secret": CARD,
        "relays": (GATE, GARAGE),
    }
)
withdraw = ask(WithdrawCredential, credential_id=CREDENTIAL, user_id=USER)
withdrawn = CredentialWithdrawn(**HERE, credential_id=CREDENTIAL)
empty = ask(EmptyHome, SYSTEM, user_id=USER, installer_id=INSTALLER)
forget = ask(ForgetHome, SYSTEM, user_id=USER, installer_id=INSTALLER)


def emptied(*devices: str, generation: int = 0, at: Any = NOW) -> HomeEmptied:
    return HomeEmptied(**HERE, device_ids=devices, emptied_at=at, erased_key=f"home.{USER}.{generation}")


def at_home(*events: Any) -> Given:
    """A home with the gate in it."""
    return homes.given(moved_in, *events).beside("device", DEVICE, bound)


# --- Credentials ------------------------------------------------------------------------------------------------------


@pytest.mark.row("D-29")
def test_a_credential_is_granted_for_relays_of_devices_at_home() -> None:
    at_home().when(grant).then(granted)
    at_home().when(grant).again().then()
    elsewhere_too = changed(grant, relays=(RelayRef(device_id=OTHER_DEVICE, relay=1),))
    at_home().when(elsewhere_too).then_refused("device-unknown", "relays.0")
    homes.given().when(grant).then_refused("device-unknown", "relays.0")


@pytest.mark.row("D-23", "D-30", "D-31")
def test_a_credential_opens_only_relays_that_are_on_and_have_its_method() -> None:
    wish = changed(grant, relays=(GATE, GARAGE))
    at_home().when(wish).then_refused("method-off", "relays.1")
    card = changed(wish, kind=CredentialKind.RF_CARD, secret=CARD)
    at_home().when(card).then(granted.model_copy(update={"kind": card.kind, "secret": CARD, "relays": card.relays}))
    off = bound.model_copy(update={"relays": (bound.relays[0].model_copy(update={"enabled": False}),)})
    homes.given(moved_in).beside("device", DEVICE, off).when(grant).then_refused("relay-unknown", "relays.0")
    third = changed(grant, relays=(RelayRef(device_id=DEVICE, relay=3),))
    at_home().when(third).then_refused("relay-unknown", "relays.0")


@pytest.mark.row("D-23")
def test_a_qr_code_goes_by_the_method_face() -> None:
    code = changed(grant, kind=CredentialKind.QR, secret="k7Jd0pQx4LmZ9wRt", relays=(GATE,))
    at_home().when(code).then(granted.model_copy(update={"kind": code.kind, "secret": code.secret}))
    at_home().when(changed(code, relays=(GARAGE,))).then_refused("method-off", "relays.0")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (CredentialKind.RF_CARD, ["04A2", "04a22b19", "0011223344"], ["", "04", "04A22B1G", "0" * 21]),
        (CredentialKind.NFC, ["04A22B19", "04a22b19ff3344"], ["04A22B1", "04A2"]),
        (CredentialKind.BLUETOOTH, ["a" * 16, "A_z-" * 32], ["a" * 15, "a" * 129, "ключключключключ"]),
        (CredentialKind.QR, ["k7Jd0pQx4LmZ9wRt", "https://a.example/" + "x" * 20], ["short", "with space" * 3]),
        (CredentialKind.FACE, ["QUJD" * 16, "QUJD" * 16 + "QQ=="], ["QUJD", "{}" * 40]),
    ],
)
def test_each_kind_has_its_form(kind: CredentialKind, good: list[str], bad: list[str]) -> None:
    for secret in good:
        wish = changed(grant, kind=kind, secret=secret)
        written = secret.upper() if kind in (CredentialKind.RF_CARD, CredentialKind.NFC) else secret
        at_home().when(wish).then(granted.model_copy(update={"kind": kind, "secret": written}))
    for secret in bad:
        at_home().when(changed(grant, kind=kind, secret=secret)).then_refused("credential-malformed", "secret")


def test_a_refused_secret_is_not_repeated() -> None:
    wrong = at_home().when(changed(grant, secret="1234word")).refused
    assert wrong is not None
    assert "1234word" not in repr(wrong) + str(wrong.refusal())
    assert PIN not in repr(grant)


def test_two_credentials_that_are_the_same_are_one_too_many() -> None:
    same = changed(grant, credential_id=OTHER_CREDENTIAL)
    at_home(granted).when(same).then_refused("credential-in-use", "secret")
    at_home(granted, withdrawn).when(same).then(granted.model_copy(update={"credential_id": OTHER_CREDENTIAL}))
    at_home(granted).when(changed(same, kind=CredentialKind.RF_CARD)).then(
        granted.model_copy(update={"credential_id": OTHER_CREDENTIAL, "kind": CredentialKind.RF_CARD})
    )


def test_a_pin_may_be_made_by_the_service() -> None:
    at_home().when(changed(grant, secret=None, made_secret="503871")).then(
        granted.model_copy(update={"secret": "503871"})
    )
    card = changed(grant, kind=CredentialKind.RF_CARD, secret=None)
    at_home().when(card).then_refused("credential-malformed", "secret")


def test_a_credential_may_be_for_a_time() -> None:
    week = {"valid_from": NOW, "valid_to": NOW + timedelta(days=7)}
    at_home().when(changed(grant, **week)).then(granted.model_copy(update=week))
    backwards = {"valid_from": NOW, "valid_to": NOW}
    at_home().when(changed(grant, **backwards)).then_refused("validity-backwards", "valid_to")


def test_an_id_names_one_credential() -> None:
    at_home(granted).when(changed(grant)).then()
    at_home(granted).when(changed(grant, holder="Somebody else")).then_refused("id-taken")
    at_home(granted).when(changed(grant, secret="402918")).then_refused("id-taken")


def test_a_home_has_two_hundred_credentials_at_most() -> None:
    many = [
        granted.model_copy(update={"credential_id": number(1000 + n), "secret": f"{700_000 + 7 * n}"})
        for n in range(CREDENTIALS_MAX)
    ]
    at_home(*many[1:]).when(grant).then(granted)
    at_home(*many).when(grant).then_refused("credentials-full")


def test_a_withdrawn_credential_is_gone() -> None:
    at_home(granted).when(withdraw).then(withdrawn)
    at_home(granted, withdrawn).when(withdraw).then_refused("credential-unknown")
    at_home().when(withdraw).then_refused("credential-unknown")


@pytest.mark.parametrize("stranger", strangers)
def test_strangers_find_neither_home_nor_credential(stranger: Any) -> None:
    at_home().when(changed(grant, actor=stranger)).then_refused("user-unknown")
    at_home(granted).when(changed(withdraw, actor=stranger)).then_refused("credential-unknown")


@pytest.mark.row("D-23", "D-29", "D-30", "D-31")
def test_a_device_is_told_what_opens_its_relays_as_they_are_set_now() -> None:
    lived_in = HOME.fold([moved_in, granted, card_granted])
    gate = DEVICES.fold([bound])
    told = {each.secret: numbers for each, numbers in home.opening(lived_in, DEVICE, gate.relays)}
    assert told == {PIN: (1,), CARD: (1, 2)}
    off = [relay for relay in gate.relays if relay.number == 2]
    told = {each.secret: numbers for each, numbers in home.opening(lived_in, DEVICE, off)}
    assert told == {CARD: (2,)}
    assert home.opening(lived_in, MONITOR, gate.relays) == []


def test_a_device_that_moves_out_takes_its_relays_from_every_credential() -> None:
    hall = RelayRef(device_id=MONITOR, relay=1)
    both = card_granted.model_copy(update={"relays": (GATE, hall)})
    monitor_in = DeviceMovedIn(user_id=USER, device_id=MONITOR, mac=MONITOR_MAC)
    left = HOME.fold([moved_in, monitor_in, granted, both, DeviceMovedOut(user_id=USER, device_id=DEVICE)])
    assert left.devices == {MONITOR: MONITOR_MAC}
    assert {id: each.relays for id, each in left.credentials.items()} == {OTHER_CREDENTIAL: (hall,)}


def test_a_credential_does_not_show_what_it_is() -> None:
    shown = repr(HOME.fold([moved_in, granted]))
    assert PIN not in shown
    assert "李伟" not in shown


# --- Emptying ---------------------------------------------------------------------------------------------------------


@pytest.mark.row("U-41")
def test_emptying_takes_every_credential_and_leaves_what_is_screwed_to_the_wall() -> None:
    camera_in = CameraMovedIn(user_id=USER, camera_id=CAMERA)
    at_home(camera_in, granted, card_granted).when(empty).then(emptied(DEVICE))
    at_home(granted).when(empty).again().then()
    left = HOME.fold([moved_in, camera_in, granted, emptied(DEVICE)])
    assert (left.devices, left.cameras, left.credentials) == ({DEVICE: MAC}, (CAMERA,), {})
    assert left.key == f"home.{USER}.1"


@pytest.mark.row("U-39")
def test_a_home_that_nothing_happened_to_is_emptied_all_the_same() -> None:
    homes.given().when(empty).then(emptied())
    homes.given(emptied()).when(changed(empty, at=NOW + timedelta(days=1))).then(
        emptied(generation=1, at=NOW + timedelta(days=1))
    )


def test_an_old_reset_that_comes_again_takes_nothing_from_the_next_residents() -> None:
    late = changed(empty, at=NOW - timedelta(hours=1))
    at_home(emptied(DEVICE), granted).when(late).then()
    at_home(emptied(DEVICE), granted).when(changed(empty)).then()


# --- Forgetting -------------------------------------------------------------------------------------------------------

REST = NOW + timedelta(days=90)


@pytest.mark.row("R-12")
def test_forgetting_lets_go_of_everything_in_one_step() -> None:
    camera_in = CameraMovedIn(user_id=USER, camera_id=CAMERA)
    monitor_in = DeviceMovedIn(user_id=USER, device_id=MONITOR, mac=MONITOR_MAC)
    told = {"distributor_id": DISTRIBUTOR}
    monitor_mac = [each.model_copy(update={"mac": MONITOR_MAC}) for each in (registered, mac_bound)]
    monitor_mac[1] = monitor_mac[1].model_copy(update={"device_id": MONITOR})
    numbers = sip.candidates(DEVICE)[0], sip.candidates(MONITOR)[1]
    given = (
        homes.given(moved_in, monitor_in, camera_in, granted)
        .beside("device", DEVICE, bound.model_copy(update={"sip": numbers[0]}))
        .beside("device", MONITOR, monitor_bound.model_copy(update={"sip": numbers[1]}))
        .beside("mac", MAC, registered, mac_bound)
        .beside("mac", MONITOR_MAC, *monitor_mac)
        .beside("camera", CAMERA, camera_added)
    )
    outcome = given.when(forget)
    forgotten, *rest = outcome.events
    assert forgotten == HomeForgotten(
        **HERE,
        device_ids=(DEVICE, MONITOR),
        macs=(MAC, MONITOR_MAC),
        erased_keys=(f"home.{USER}.0", f"device.{DEVICE}", f"device.{MONITOR}", f"camera.{CAMERA}"),
    )
    freed = [each for each in rest if isinstance(each, Elsewhere) and isinstance(each.event, MacUnbound)]
    assert [each.ref.id for each in freed] == [MAC, MONITOR_MAC]
    assert [each for each in rest if each not in freed] == [
        elsewhere("device", DEVICE, DeviceUnbound(**HERE, **told, device_id=DEVICE, mac=MAC)),
        Elsewhere(sip.ref(numbers[0]), DeviceSipReleased(number=numbers[0], quarantined_until=REST)),
        elsewhere("device", MONITOR, DeviceUnbound(**HERE, **told, device_id=MONITOR, mac=MONITOR_MAC)),
        Elsewhere(sip.ref(numbers[1]), DeviceSipReleased(number=numbers[1], quarantined_until=REST)),
        elsewhere("camera", CAMERA, CameraRemoved(**HERE, camera_id=CAMERA, linked_device_id=None)),
    ]
    outcome.again().then()


def test_a_home_that_nothing_happened_to_is_forgotten_all_the_same() -> None:
    gone = HomeForgotten(**HERE, device_ids=(), macs=(), erased_keys=(f"home.{USER}.0",))
    homes.given().when(forget).then(gone)
    homes.given(gone).when(empty).then()
    homes.given(gone).when(grant).then_refused("user-unknown")
    forgotten = HOME.fold([gone])
    with pytest.raises(Refused) as refusal:
        home.require_room(forgotten)
    assert refusal.value.code == "user-unknown"


def test_the_largest_home_is_forgotten_in_one_batch() -> None:
    things = [DeviceMovedIn(user_id=USER, device_id=number(100 + n), mac=f"0C11{n:08}") for n in range(THINGS_MAX)]
    with pytest.raises(Refused) as refusal:
        home.require_room(HOME.fold(things))
    assert refusal.value.code == "home-full"
    home.require_room(HOME.fold(things[:-1]))
    given = homes.given(*things)
    for thing in things:
        told = {"device_id": thing.device_id, "mac": thing.mac}
        given = given.beside("device", thing.device_id, bound.model_copy(update={**told, "sip": _sip(thing.device_id)}))
        given = given.beside("mac", thing.mac, registered, mac_bound.model_copy(update={**told, "user_id": USER}))
    assert len(given.when(forget).events) == 1 + 3 * THINGS_MAX


def _sip(device_id: str) -> str:
    return sip.candidates(device_id)[0]


def test_things_that_move_out_are_not_forgotten_again() -> None:
    events = [moved_in, CameraMovedIn(user_id=USER, camera_id=CAMERA)]
    moved_out = [DeviceMovedOut(user_id=USER, device_id=DEVICE), CameraMovedOut(user_id=USER, camera_id=CAMERA)]
    assert HOME.fold([*events, *moved_out]) == Home(user_id=USER)
    homes.given(*events, *moved_out).when(forget).then(
        HomeForgotten(**HERE, device_ids=(), macs=(), erased_keys=(f"home.{USER}.0",))
    )
