"""What a device is set to: all of it, nothing of others, and one version for one truth."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from contracts.devices.autop import RegularProfileChanged
from contracts.devices.homes import CredentialGranted, CredentialKind, CredentialWithdrawn, HomeEmptied
from contracts.devices.intercoms import DeviceDescribed, DeviceKind, RelaysConfigured
from contracts.devices.relays import AccessMethod, RelayRef
from contracts.message import Event
from services.devices.autop.profile import PROFILE
from services.devices.configuration.configuration import Document, configured, version_of
from services.devices.homes.decisions import HOME
from services.devices.intercoms.decisions import DEVICE as DEVICE_AGGREGATE
from tests.devices.world import (
    DEVICE,
    FRONT_DOOR,
    GARAGE,
    HERE,
    INSTALLER,
    MODELS,
    NOW,
    OTHER_DEVICE,
    USER,
    bound,
    moved_in,
    names,
    number,
    settings,
)

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
PIN = "583921"

granted = CredentialGranted(
    user_id=USER,
    installer_id=INSTALLER,
    credential_id=number(61),
    kind=CredentialKind.PIN,
    holder="李娜",
    secret=PIN,
    relays=(RelayRef(device_id=DEVICE, relay=1),),
    valid_from=None,
    valid_to=datetime(2027, 1, 1, tzinfo=UTC),
)
by_card = granted.model_copy(
    update={
        "credential_id": number(62),
        "kind": CredentialKind.RF_CARD,
        "secret": "A1B2C3D4",
        "relays": (RelayRef(device_id=DEVICE, relay=2), RelayRef(device_id=OTHER_DEVICE, relay=1)),
    }
)
withdrawn = CredentialWithdrawn(user_id=USER, installer_id=INSTALLER, credential_id=number(61))
emptied = HomeEmptied(
    user_id=USER, installer_id=INSTALLER, device_ids=(DEVICE,), emptied_at=NOW, erased_key=f"home.{USER}.0"
)


def made(device: tuple[Event, ...] = (), home: tuple[Event, ...] = (), lines: tuple[str, ...] = ()) -> Document:
    profile: tuple[Event, ...] = ()
    if lines:
        profile = (RegularProfileChanged(device_id=DEVICE, **HERE, provisioning_id=None, lines=lines, digest="0" * 16),)
    return configured(
        DEVICE_AGGREGATE.fold((bound, *device)), HOME.fold((moved_in, *home)), PROFILE.fold(profile), MODELS
    )


def relays(*wanted: object) -> RelaysConfigured:
    return RelaysConfigured(
        device_id=DEVICE,
        **HERE,
        relays=settings(*wanted),  # type: ignore[arg-type]
        relay_names=names(*wanted),  # type: ignore[arg-type]
        security_relays=(),
        security_relay_names=(),
    )


def opened_by(document: Document) -> list[tuple[str, list[int]]]:
    return [(each["secret"], each["relays"]) for each in document["credentials"]]


@pytest.mark.row("D-29")
def test_a_device_is_given_what_opens_its_own_relays() -> None:
    document = made(home=(granted, by_card))
    assert opened_by(document) == [(PIN, [1]), ("A1B2C3D4", [2])]
    assert document["credentials"][0]["valid_to"] == "2027-01-01T00:00:00+00:00"


def test_nobody_s_name_is_given_to_a_device() -> None:
    assert "李娜" not in str(made(home=(granted, by_card)))


@pytest.mark.row("D-23", "D-31")
def test_a_relay_without_the_method_is_not_opened_by_it() -> None:
    without_pin = FRONT_DOOR.model_copy(update={"methods": (AccessMethod.HOMEPAGE, AccessMethod.RF_CARD)})
    document = made((relays(without_pin, GARAGE),), (granted, by_card))
    assert opened_by(document) == [("A1B2C3D4", [2])]
    assert document["relays"][0]["methods"] == ["homepage", "rf_card"]


@pytest.mark.row("D-30")
def test_a_relay_that_is_off_is_opened_by_nothing() -> None:
    off = FRONT_DOOR.model_copy(update={"enabled": False})
    document = made((relays(off, GARAGE),), (granted,))
    assert document["credentials"] == []
    assert document["relays"][0] | {"name": "", "dtmf": ""} == {
        "number": 1,
        "enabled": False,
        "name": "",
        "dtmf": "",
        "methods": [],
    }


@pytest.mark.row("U-41")
def test_an_emptied_home_leaves_a_device_nothing_to_open_for() -> None:
    assert made(home=(granted, by_card, emptied))["credentials"] == []
    assert opened_by(made(home=(granted, by_card, withdrawn))) == [("A1B2C3D4", [2])]


@pytest.mark.row("A-08")
def test_the_regular_profile_is_part_of_it() -> None:
    assert made(lines=("Config.A.B = 1", "Config.A.C = 2"))["autop"] == ["Config.A.B = 1", "Config.A.C = 2"]


def test_one_truth_has_one_version() -> None:
    first, again = (version_of(made(home=(granted,)), KEY) for _ in range(2))
    assert first == again
    assert len(first) == 16


def test_whatever_changes_is_another_version() -> None:
    described = DeviceDescribed(
        device_id=DEVICE,
        **HERE,
        kind=DeviceKind.DOORPHONE_SINGLE,
        name="Courtyard",
        internet_access=True,
        transfer_ip=None,
        works_offline=False,
        arming_function=False,
    )
    documents = [
        made(),
        made((described,)),
        made((relays(FRONT_DOOR),)),
        made(home=(granted,)),
        made(home=(granted, by_card)),
        made(lines=("Config.A.B = 1",)),
        made(lines=("Config.A.B = 2",)),
    ]
    assert len({version_of(each, KEY) for each in documents}) == len(documents)


def test_a_version_does_not_tell_what_it_was_made_of() -> None:
    document = made(home=(granted,))
    assert version_of(document, KEY) != version_of(document, OTHER_KEY)


def test_what_a_device_has_does_not_change_what_it_is_to_have() -> None:
    target = DEVICE_AGGREGATE.fold((bound,))
    assert configured(target, HOME.fold((moved_in,)), PROFILE.fold(()), MODELS) == configured(
        replace(target, applied_version="0" * 16), HOME.fold((moved_in,)), PROFILE.fold(()), MODELS
    )
