"""Settings are read once, and what is missing or wrong is said in one line."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from kernel.process.settings import read_settings

SECRET = "5c" * 32


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in {
        "NATS_URL": "nats://a:4222,nats://b:4222",
        "MONGODB_URI": "mongodb://user:swordfish@db",
        "SMARTPLUS_SECRET": SECRET,
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("SMARTPLUS_SECRET_FILE", "SMARTPLUS_PORT", "NATS_MONITOR_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def said(environment: pytest.MonkeyPatch) -> str:
    with pytest.raises(SystemExit) as stopped:
        read_settings()
    sentence = str(stopped.value)
    assert "\n" not in sentence
    assert SECRET not in sentence
    return sentence


def test_settings_come_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SMARTPLUS_PORT", "8123")
    environment.setenv("SMARTPLUS_REGION", "")
    settings = read_settings()
    assert (settings.nats_url, settings.port) == ("nats://a:4222,nats://b:4222", 8123)
    assert settings.region == "local"
    assert settings.database("accounts") == "accounts"


def test_settings_cannot_be_changed(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError):
        read_settings().port = 1


def test_settings_show_no_secret(environment: pytest.MonkeyPatch) -> None:
    shown = repr(read_settings())
    assert SECRET not in shown
    assert "swordfish" not in shown


@pytest.mark.parametrize("name", ["NATS_URL", "MONGODB_URI"])
def test_what_is_missing_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)
    assert said(environment) == f"smartplus: {name} is not set"


def test_a_wrong_value_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SMARTPLUS_PORT", "eighty")
    assert said(environment).startswith("smartplus: SMARTPLUS_PORT: ")


def test_a_process_without_a_secret_does_not_start(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("SMARTPLUS_SECRET")
    assert "set either SMARTPLUS_SECRET_FILE or SMARTPLUS_SECRET" in said(environment)


def test_a_secret_of_the_wrong_length_is_not_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SMARTPLUS_SECRET", SECRET + "ff")
    said(environment)


def test_the_secret_may_stand_in_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    same = read_settings().secrets()
    file = tmp_path / "secret"
    environment.delenv("SMARTPLUS_SECRET")
    environment.setenv("SMARTPLUS_SECRET_FILE", str(file))
    assert "cannot be read" in said(environment)
    file.write_text(SECRET + "\n")
    assert read_settings().secrets().actor == same.actor


def test_each_log_may_have_a_size_of_its_own(environment: pytest.MonkeyPatch) -> None:
    assert read_settings().room_of("accounts") == 2**30
    environment.setenv("SMARTPLUS_LOG_MAX_BYTES", "4GiB")
    assert read_settings().room_of("devices") == 4 * 2**30
    environment.setenv("SMARTPLUS_LOG_MAX_BYTES", "500 MB, devices = 20GiB")
    settings = read_settings()
    assert (settings.room_of("accounts"), settings.room_of("devices")) == (500_000_000, 20 * 2**30)


@pytest.mark.parametrize("sizes", ["much", "devices=", "4GiB;devices=1GiB", "10KiB", "devices=-1GiB"])
def test_a_size_that_is_none_is_refused(environment: pytest.MonkeyPatch, sizes: str) -> None:
    environment.setenv("SMARTPLUS_LOG_MAX_BYTES", sizes)
    assert said(environment).startswith("smartplus: SMARTPLUS_LOG_MAX_BYTES: ")
