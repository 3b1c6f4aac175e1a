"""PINs, cards and DTMF codes as people write them, and camera addresses with what does not belong into them."""

from dataclasses import replace
from pathlib import Path

import pytest

from contracts.devices.cameras import CameraDescribed
from contracts.devices.homes import CredentialKind
from contracts.devices.intercoms import RelaysConfigured
from contracts.devices.relays import Relay, RelaySetting
from contracts.notations import masked_rtsp
from services.devices.cameras import cameras, rtsp
from services.devices.models import models
from services.devices.models.model import Model, Models
from tests.devices.cameras import test_camera
from tests.devices.homes import test_home
from tests.devices.intercoms import test_device
from tests.devices.world import DEVICE, MODELS, bound, changed, number, recorded, reported

at_home, grant, granted = test_home.at_home, test_home.grant, test_home.granted


@pytest.mark.parametrize(
    ("kind", "written", "plain"),
    [
        *((CredentialKind.PIN, each, each) for each in ("42", "402", "4029", "40291", "0000017", "40291755")),
        (CredentialKind.PIN, "٤٠٢٩١٧", "402917"),
        (CredentialKind.PIN, "۴۰۲۹۱۷\u200f", "402917"),
        (CredentialKind.PIN, " ４０２９", "4029"),
        (CredentialKind.RF_CARD, "0A:1B:2C:3D", "0A1B2C3D"),
        (CredentialKind.RF_CARD, "0a 1b–2c.3d\u200b", "0A1B2C3D"),
        (CredentialKind.RF_CARD, "۰۰۰۵۰۷۶۴۸۳", "0005076483"),
        (CredentialKind.NFC, "04-A2-2B-19", "04A22B19"),
        (CredentialKind.FACE, "QUJD\n" * 16, "QUJD" * 16),
    ],
)
def test_a_secret_is_read_in_any_notation(kind: CredentialKind, written: str, plain: str) -> None:
    wish = changed(grant, kind=kind, secret=written)
    at_home().when(wish).then(granted.model_copy(update={"kind": kind, "secret": plain}))


@pytest.mark.parametrize(
    "pin",
    [
        *("", "7", "402917551", "4029175512", "40291x", "40 2917", "000000", "777777", "123456", "876543", "901234"),
        *("11", "12", "98"),
    ],
)
def test_what_is_no_pin_or_guessed_first_says_so(pin: str) -> None:
    at_home().when(changed(grant, secret=pin or None)).then_refused("pin-malformed", "secret")


def test_a_card_s_number_in_two_parts_is_explained() -> None:
    for written in ("077,30211", "۰۷۷,۳۰۲۱۱", "0005076483 077,30211"):
        wish = changed(grant, kind=CredentialKind.RF_CARD, secret=written)
        at_home().when(wish).then_refused("card-in-parts", "secret")


@pytest.mark.parametrize("other", ["004A22B19", "4A22B19", "04:A2:2B:19", "0000004a22b19"])
def test_zeros_in_front_make_no_other_card(other: str) -> None:
    card = granted.model_copy(update={"kind": CredentialKind.RF_CARD, "secret": "04A22B19"})
    same = changed(grant, kind=CredentialKind.RF_CARD, secret=other, credential_id=number(77))
    at_home(card).when(same).then_refused("credential-in-use", "secret")


def test_zeros_in_front_make_another_pin() -> None:
    other = changed(grant, secret="0402917", credential_id=number(77))
    at_home(granted).when(other).then(granted.model_copy(update={"secret": "0402917", "credential_id": number(77)}))


def test_how_long_a_pin_is_stands_in_the_table_of_models(tmp_path: Path) -> None:
    assert MODELS.pin_digits("R28") == MODELS.pin_digits(None) == (2, 8)
    table = tmp_path / "models.toml"
    table.write_text('[[model]]\nname = "X920"\nkind = "doorphone_multi"\npin_digits = [4, 4]\n')
    assert models.read(table)["X920"].pin_digits == (4, 4)
    for wrong in ("[4, 2]", "[1, 8]", "[2, 9]", "[4]"):
        table.write_text(f'[[model]]\nname = "X920"\nkind = "doorphone_multi"\npin_digits = {wrong}\n')
        with pytest.raises(models.ModelsUnreadable, match="pin_digits"):
            models.read(table)


def test_a_pin_is_as_long_as_the_model_takes() -> None:
    four = Models({"R28": Model(name="R28", kind="doorphone_multi", pin_digits=(4, 4))})
    here = replace(test_home.at_home(), tables=four).beside("device", DEVICE, bound, reported)
    here.when(grant).then_refused("pin-length-not-for-model", "secret")
    here.when(changed(grant, secret="4029")).then(granted.model_copy(update={"secret": "4029"}))


# --- DTMF -------------------------------------------------------------------------------------------------------------


def relays(*codes: str) -> tuple[Relay, ...]:
    return tuple(
        test_device.FRONT_DOOR.model_copy(update={"number": n, "name": f"Door {n}", "dtmf": code})
        for n, code in enumerate(codes, 1)
    )


@pytest.mark.parametrize("codes", [("1", "12"), ("12", "1"), ("#", "#1"), ("1234", "12"), ("3", "4", "34", "33")])
def test_a_code_that_begins_another_is_refused(codes: tuple[str, ...]) -> None:
    outcome = test_device.at_home().when(changed(test_device.edit, relays=relays(*codes)))
    at = next(i for i, code in enumerate(codes) if any(code.startswith(o) or o.startswith(code) for o in codes[:i]))
    outcome.then_refused("dtmf-ambiguous", f"relays.{at}.dtmf")


def test_codes_that_can_be_told_apart_are_taken() -> None:
    apart = relays("12", "2")
    off = (relays("1")[0], relays("12", "12")[1].model_copy(update={"enabled": False}))
    for chosen in (apart, off):
        outcome = test_device.at_home().when(changed(test_device.edit, relays=chosen))
        assert (outcome.refused, len(outcome.events)) == (None, 1)


def test_codes_that_were_chosen_before_may_stay() -> None:
    old = RelaysConfigured(**test_device.THERE, **told(relays("1", "12")))
    same = changed(test_device.edit, relays=relays("1", "12"), name="Another name")
    assert test_device.at_home(old).when(same).refused is None
    third = changed(test_device.edit, relays=relays("1", "12", "13"))
    test_device.at_home(old).when(third).then_refused("dtmf-ambiguous", "relays.2.dtmf")


def told(relays: tuple[Relay, ...]) -> dict[str, object]:
    settings = tuple(RelaySetting(**each.model_dump(exclude={"name"})) for each in relays)
    return {
        "relays": settings,
        "relay_names": tuple(each.name for each in relays),
        "security_relays": (),
        "security_relay_names": (),
    }


# --- Cameras ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("rtsp://admin:12345?@192.0.2.9/s", "rtsp://***@192.0.2.9/s"),
        ("rtsp://admin:1/2@192.0.2.9/s", "rtsp://***@192.0.2.9/s"),
        ("rtsp://admin#x@cam.example:554/s?a=b", "rtsp://***@cam.example:554/s?a=b"),
        ("rtsp://admin:p@ss@192.0.2.9", "rtsp://***@192.0.2.9"),
        ("rtsp://admin:12345@camera/s", "rtsp://***@camera/s"),
        ("rtsp://192.0.2.9/stream@main", "rtsp://192.0.2.9/stream@main"),
        ("erased", "erased"),
    ],
)
def test_what_was_stored_before_is_masked(stored: str, shown: str) -> None:
    assert masked_rtsp(stored) == rtsp.shown(stored) == shown


def test_a_list_shows_no_user_of_an_address_that_was_stored_before() -> None:
    old = test_camera.camera_added.model_copy(update={"rtsp_address": "rtsp://admin:12345?@192.0.2.9/s"})
    row = cameras.fold(None, recorded(old, 1))
    assert row is not None
    assert row["rtsp_address"] == "rtsp://***@192.0.2.9/s"
    described = CameraDescribed(**old.model_dump(include=set(CameraDescribed.model_fields)))
    again = cameras.fold(row, recorded(described, 2))
    assert again is not None
    assert "12345" not in again["rtsp_address"]


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("rtsp://kamera.müller.example:554/ü", "rtsp://kamera.xn--mller-kva.example:554/ü"),
        ("rtsp://straße.example/s", "rtsp://xn--strae-oqa.example/s"),
        ("rtsp://my_cam.local/s", "rtsp://my_cam.local/s"),
        ("rtsp://[2001:db8::9]/s", "rtsp://[2001:db8::9]/s"),
        ("rtsp://Cam.Example/S", "rtsp://Cam.Example/S"),
    ],
)
def test_a_host_is_kept_by_idna_and_shown_as_typed(typed: str, stored: str) -> None:
    assert rtsp.kept(typed) == stored
    assert rtsp.shown(stored) == typed
    assert rtsp.kept(stored) == stored
    wish = changed(test_camera.add, rtsp_address=typed)
    added = test_camera.camera_added.model_copy(update={"rtsp_address": stored})
    test_camera.beside_devices(test_camera.camera.given()).when(wish).then(added, test_camera.moved_in)


def test_a_name_that_no_host_can_have_is_refused() -> None:
    wish = changed(test_camera.add, rtsp_address="rtsp://🏠.example/s")
    test_camera.camera.given().when(wish).then_refused("rtsp-malformed", "rtsp_address")
