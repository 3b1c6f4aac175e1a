"""Credentials of a household: made, told once, shown without what opens, delivered when its devices say so."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from bson import json_util

from contracts.devices.configuration import ConfigurationApplied, ConfigurationIssued
from contracts.devices.homes import (
    CredentialKind,
    DeviceMovedOut,
    EmptyHome,
    GrantAnswer,
    GrantCredential,
    HomeForgotten,
    ListCredentials,
    WithdrawCredential,
)
from contracts.devices.intercoms import DeviceKind, EditDevice, UnbindDevice
from contracts.devices.relays import AccessMethod, RelayRef
from contracts.message import Accepted, Actor, Event, Recorded, Refused
from contracts.permissions import SYSTEM
from kernel.reading.readmodel import Row
from services.devices.__main__ import SERVICE
from services.devices.doors import door_secrets
from services.devices.doors.credentials import fold, keys, shown
from services.devices.homes import home
from tests.devices.conftest import Region
from tests.devices.homes.test_home import GARAGE, GATE, PIN, card_granted, emptied, granted, withdrawn
from tests.devices.world import DEVICE, FRONT_DOOR, HERE, NOW, USER, installer


async def grant(region: Region, who: Actor, user_id: str, device_id: str, **fields: Any) -> Accepted:
    told = {"kind": CredentialKind.PIN, "holder": "Li Wei", "relays": (RelayRef(device_id=device_id, relay=1),)}
    credential_id = fields.pop("credential_id", str(uuid4()))
    return await region.tell(GrantCredential, who, **{**told, **fields}, credential_id=credential_id, user_id=user_id)


async def gate(region: Region, who: Actor) -> tuple[str, str]:
    """A household with a door phone."""
    user_id = await region.user(who)
    device_id, _ = await region.device(who, user_id, relays=(FRONT_DOOR,))
    return user_id, device_id


@pytest.mark.row("D-29")
async def test_a_pin_is_made_told_once_and_shown_in_no_list(region: Region) -> None:
    who = await region.installer()
    user_id, device_id = await gate(region, who)
    wish = {"command_id": uuid4(), "credential_id": str(uuid4())}
    first = await grant(region, who, user_id, device_id, **wish)
    pin = first.extra.secret
    assert door_secrets.is_pin(pin)
    assert len(pin) >= 6
    again = await grant(region, who, user_id, device_id, **wish)
    assert (again.position, again.extra) == (first.position, first.extra)
    other = await grant(region, who, user_id, device_id, holder="Li Na")
    assert other.extra.secret != pin

    listed = await region.see(ListCredentials, who, user_id=user_id)
    assert [(each.holder, each.kind, each.delivered) for each in listed.rows] == [
        ("Li Na", CredentialKind.PIN, False),
        ("Li Wei", CredentialKind.PIN, False),
    ]
    assert pin not in listed.model_dump_json()


async def test_a_chosen_secret_is_not_told_and_stands_nowhere_in_the_clear(
    region: Region, capsys: pytest.CaptureFixture[str]
) -> None:
    who = await region.installer()
    user_id, device_id = await gate(region, who)
    pin = f"{uuid4().int % 10**8:08}"
    code = f"canary-{uuid4().hex}"
    told = [
        await grant(region, who, user_id, device_id, secret=pin),
        await grant(region, who, user_id, device_id, kind=CredentialKind.QR, secret=code),
    ]
    assert [each.extra for each in told] == [GrantAnswer(), GrantAnswer()]
    with pytest.raises(Refused) as refusal:
        await grant(region, who, user_id, device_id, secret=pin)
    assert (refusal.value.code, pin in str(refusal.value.refusal())) == ("credential-in-use", False)
    await region.see(ListCredentials, who, user_id=user_id)

    log = region.devices.log
    stored = await log.read_subject(region.devices.codec.subject(home.ref(user_id)))
    in_the_log = " ".join(each.body.decode() + json.dumps(dict(each.headers)) for each in stored)
    database = region.devices.database
    held = [document for model in SERVICE.read_models async for document in database[model.name].find({})]
    said = capsys.readouterr()
    for secret in (pin, code):
        assert secret not in in_the_log
        assert secret not in json.dumps(held, default=json_util.default)
        assert secret not in said.out + said.err


async def test_a_made_qr_code_is_long(region: Region) -> None:
    who = await region.installer()
    user_id, device_id = await gate(region, who)
    accepted = await grant(region, who, user_id, device_id, kind=CredentialKind.QR)
    assert len(accepted.extra.secret) == 32


async def test_a_household_s_access_is_its_installer_s_business_alone(region: Region) -> None:
    who, stranger = await region.installer(), await region.installer()
    user_id, device_id = await gate(region, who)
    credential_id = str(uuid4())
    await grant(region, who, user_id, device_id, credential_id=credential_id)
    with pytest.raises(Refused) as refusal:
        await grant(region, stranger, user_id, device_id)
    assert refusal.value.code == "user-unknown"
    with pytest.raises(Refused) as refusal:
        await grant(region, stranger, str(uuid4()), device_id)
    assert refusal.value.code == "user-unknown"
    assert (await region.see(ListCredentials, stranger, user_id=user_id)).rows == ()
    with pytest.raises(Refused) as refusal:
        await region.tell(WithdrawCredential, stranger, user_id=user_id, credential_id=credential_id)
    assert refusal.value.code == "credential-unknown"


@pytest.mark.row("D-29")
async def test_what_is_withdrawn_or_opens_nothing_any_more_is_in_no_list(region: Region) -> None:
    who = await region.installer()
    user_id, device_id = await gate(region, who)
    credential_id = str(uuid4())
    await grant(region, who, user_id, device_id, credential_id=credential_id)
    await grant(region, who, user_id, device_id, holder="Li Na")
    await region.tell(WithdrawCredential, who, user_id=user_id, credential_id=credential_id)
    assert [each.holder for each in (await region.see(ListCredentials, who, user_id=user_id)).rows] == ["Li Na"]
    await region.tell(UnbindDevice, who, device_id=device_id)
    assert (await region.see(ListCredentials, who, user_id=user_id)).rows == ()


@pytest.mark.row("D-23")
async def test_a_pin_is_shown_not_to_open_a_relay_at_which_pins_were_switched_off(region: Region) -> None:
    who = await region.installer()
    user_id, device_id = await gate(region, who)
    await grant(region, who, user_id, device_id)
    (row,) = (await region.see(ListCredentials, who, user_id=user_id)).rows
    assert row.closed == ()

    async def set_relay(**changes: Any) -> None:
        relay = FRONT_DOOR.model_copy(update=changes)
        form = {"kind": DeviceKind.DOORPHONE_SINGLE, "name": "Gate", "relays": (relay,)}
        await region.tell(EditDevice, who, device_id=device_id, **form)

    for changes in ({"methods": (AccessMethod.RF_CARD,)}, {"enabled": False}):
        await set_relay(**changes)
        (row,) = (await region.see(ListCredentials, who, user_id=user_id)).rows
        assert row.closed == row.relays == (RelayRef(device_id=device_id, relay=1),)
        await set_relay()
        (row,) = (await region.see(ListCredentials, who, user_id=user_id)).rows
        assert row.closed == ()


@pytest.mark.row("D-23")
async def test_what_a_door_takes_is_still_known_after_a_reset_of_its_household(region: Region) -> None:
    who = await region.installer()
    user_id, device_id = await gate(region, who)
    await region.tell(EmptyHome, SYSTEM, user_id=user_id, installer_id=who.installer_id)
    await grant(region, who, user_id, device_id)
    (row,) = (await region.see(ListCredentials, who, user_id=user_id)).rows
    assert row.closed == ()


# --- The fold ---------------------------------------------------------------------------------------------------------


def recorded(seq: int, event: Event) -> Recorded:
    return Recorded(
        stream="DEVICES",
        seq=seq,
        aggregate="home",
        aggregate_id=USER,
        event=event,
        event_id=str(uuid4()),
        at=NOW,
        actor=installer,
        command_id=str(uuid4()),
        correlation_id="",
    )


def folded(*events: Event) -> Row | None:
    row: Row | None = None
    for seq, event in enumerate(events, 1):
        told = recorded(seq, event)
        assert list(keys(told)) == [USER]
        row = fold(row, told)
    return row


def issued(configuration: str) -> ConfigurationIssued:
    return ConfigurationIssued(device_id=DEVICE, **HERE, configuration=configuration, residents=0)


def applied(configuration: str) -> ConfigurationApplied:
    return ConfigurationApplied(device_id=DEVICE, **HERE, configuration=configuration)


def delivered(row: Row | None) -> list[bool]:
    assert row is not None
    return [shown(each, row["devices"]).delivered for each in row["credentials"]]


def test_a_credential_is_delivered_once_its_devices_applied_what_was_issued_after_it() -> None:
    assert delivered(folded(granted)) == [False]
    assert delivered(folded(granted, issued("b" * 16))) == [False]
    assert delivered(folded(granted, issued("b" * 16), applied("a" * 16))) == [False]
    assert delivered(folded(granted, issued("b" * 16), applied("b" * 16))) == [True]
    later = (granted, issued("b" * 16), applied("b" * 16), card_granted)
    assert delivered(folded(*later)) == [True, False]
    assert delivered(folded(*later, issued("c" * 16), applied("b" * 16))) == [False, False]
    assert delivered(folded(*later, issued("c" * 16), applied("c" * 16))) == [True, True]


def test_an_emptied_home_and_one_with_nothing_left_have_no_document() -> None:
    assert folded(granted, withdrawn) is None
    assert folded(granted, emptied(DEVICE)) is None
    assert folded(granted, DeviceMovedOut(user_id=USER, device_id=DEVICE)) is None
    assert folded(granted, HomeForgotten(**HERE, device_ids=(), macs=(), erased_keys=())) is None
    assert folded(issued("a" * 16), applied("a" * 16)) is None


def test_the_document_holds_no_secret() -> None:
    row = folded(granted, card_granted)
    assert PIN not in json.dumps(row, default=str)
    assert card_granted.secret not in json.dumps(row, default=str)
    assert row is not None
    assert [each["relays"] for each in row["credentials"]] == [
        [ref.model_dump() for ref in relays] for relays in ((GATE,), (GATE, GARAGE))
    ]
