"""Firmwares are compared within one product, and what a model can is data that an operator extends."""

from pathlib import Path

import pytest

from contracts.devices.intercoms import DeviceKind
from contracts.devices.models import ListModels
from contracts.devices.relays import RELAYS_MAX
from contracts.permissions import SYSTEM
from kernel.service.declaration import BadTable
from services.devices.__main__ import SERVICE
from services.devices.models import models as files
from services.devices.models.firmware import Band, Firmware, any_takes
from services.devices.models.model import Gate
from services.devices.models.models import ModelsUnreadable, known_models
from services.devices.settings import DevicesSettings
from tests.devices.conftest import Region
from tests.devices.world import MODELS


def takes(band: str, firmware: str) -> bool:
    parsed = Firmware.parse(firmware)
    return parsed is not None and Band.parse(band).takes(parsed)


@pytest.mark.row("D-24", "D-25")
@pytest.mark.parametrize(
    ("band", "firmware", "inside"),
    [
        ("28.30.10.7+", "28.30.10.7", True),
        ("28.30.10.7+", "28.30.10.10", True),
        ("28.30.10.7+", "28.30.9.99", False),
        ("28.30.10.7+", "28.30.100.0", True),
        ("28.30.10.7+", "28.31.0.0", True),
        ("28.30.10.7+", "29.30.10.7", False),
        ("28.30.10.7+", "227.30.10.7", False),
        ("28.30.10.7", "28.30.10.7", True),
        ("28.30.10.7", "28.30.10.8", False),
        ("28.30.*", "28.30.1.1", True),
        ("28.30.*", "28.31.1.1", False),
        ("28.*", "28.31.1.1", True),
        ("28.30.10.*", "28.30.101.1", False),
    ],
)
def test_a_band_is_one_firmware_a_floor_or_a_beginning(band: str, firmware: str, inside: bool) -> None:
    assert takes(band, firmware) is inside


@pytest.mark.parametrize("wrong", ["", "28", "28.30.10", "28.30.10.x", "28.*.1", "*", "+", "28.30.10.7-"])
def test_what_is_no_band_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="band"):
        Band.parse(wrong)


def test_an_exception_takes_a_branch_out_again() -> None:
    bands = [Band.parse("28.30.10.7+"), Band.parse("!28.30.101.*")]
    assert any_takes(bands, Firmware(28, 30, 10, 9))
    assert not any_takes(bands, Firmware(28, 30, 101, 9))
    assert not any_takes(bands[1:], Firmware(28, 30, 10, 9))


@pytest.mark.row("D-26")
def test_a_gate_is_open_closed_or_not_yet_known() -> None:
    assert MODELS.methods_gate("R28", "28.30.10.7") is Gate.OPEN
    assert MODELS.methods_gate("x912", "912.30.10.204") is Gate.OPEN
    assert MODELS.methods_gate("R28", "29.30.10.7") is Gate.CLOSED
    assert MODELS.methods_gate("R28", "not a firmware") is Gate.CLOSED
    assert MODELS.methods_gate("R29", "29.30.10.7") is Gate.CLOSED
    assert MODELS.methods_gate(None, None) is Gate.NOT_YET_KNOWN


@pytest.mark.row("U-15")
def test_only_a_c319_of_a_certain_firmware_shows_the_weather() -> None:
    assert MODELS.shows_weather("C319", "119.30.10.203")
    assert not MODELS.shows_weather("C319", "119.30.10.202")
    assert not MODELS.shows_weather("IT83", "83.30.10.203")
    assert not MODELS.shows_weather(None, None)


def test_no_two_models_share_a_product_code_and_bands_are_of_their_own_product() -> None:
    codes = [model.product_code for model in MODELS.by_name.values() if model.product_code is not None]
    assert len(codes) == len(set(codes))
    for model in MODELS.by_name.values():
        for band in (*model.methods_from, *model.weather_from):
            assert band.product == model.product_code


def test_an_operator_adds_models_and_replaces_some(tmp_path: Path) -> None:
    file = tmp_path / "more.toml"
    file.write_text(
        '[[model]]\nname = "x920"\nproduct_code = 920\nkind = "doorphone_multi"\nmax_relays = 2\n'
        'methods_from = ["920.1.0.0+"]\n[[model]]\nname = "R29"\nproduct_code = 29\nkind = "doorphone_multi"\n'
        'methods_from = ["29.30.10.7"]\n'
    )
    models = known_models(file)
    assert models.methods_gate("X920", "920.1.0.1") is Gate.OPEN
    assert models.max_relays("X920") == 2
    assert models.methods_gate("R29", "29.30.10.7") is Gate.OPEN
    assert models.methods_gate("R28", "28.30.10.7") is Gate.OPEN
    assert MODELS.model_of("X920") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("model = [", "TOML"),
        ('[[model]]\nname = "X"\nkind = "toaster"\n', "kind"),
        ('[[model]]\nname = "X"\nkind = "guard_phone"\nmethods_from = ["new"]\n', "band"),
        ('[[model]]\nname = "X"\nkind = "guard_phone"\nmax_relays = 9\n', "max_relays"),
        ('[[model]]\nname = "X"\nkind = "guard_phone"\ncolour = "red"\n', "colour"),
    ],
)
def test_a_wrong_table_is_refused_with_a_sentence(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(ModelsUnreadable, match=reason):
        files.read(file)
    with pytest.raises(ModelsUnreadable, match="cannot be read"):
        files.read(tmp_path / "missing.toml")


async def test_the_table_is_shown(region: Region) -> None:
    rows = {row.model: row for row in (await region.see(ListModels, SYSTEM)).rows}
    assert (rows["R28"].product_code, rows["R28"].methods_from) == (28, "28.30.10.7+")
    assert (rows["C319"].kind, rows["C319"].weather_from) == (DeviceKind.INDOOR_MONITOR, "119.30.10.203+")
    assert rows["R29Z"].max_relays == 1


def test_a_service_reads_its_table_at_its_start_and_nothing_changes_it(tmp_path: Path) -> None:
    file = tmp_path / "more.toml"
    file.write_text('[[model]]\nname = "X920"\nkind = "doorphone_multi"\nmax_relays = 2\n')
    told = {"nats_url": "nats://unused", "mongodb_uri": "mongodb://unused", "secret": "00" * 32}
    assert SERVICE.tables(DevicesSettings(**told)) == MODELS
    assert SERVICE.tables(DevicesSettings(**told, models_file=file)).max_relays("X920") == 2
    assert MODELS.max_relays("X920") == RELAYS_MAX
    with pytest.raises(BadTable, match=r"SMARTPLUS_MODELS_FILE: .*missing.toml cannot be read"):
        SERVICE.tables(DevicesSettings(**told, models_file=tmp_path / "missing.toml"))
