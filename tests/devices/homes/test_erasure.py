"""After Reset and Delete nothing of former residents can be read from devices: not shown, not replayed, not rebuilt."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from bson import json_util

from contracts.accounts.leaving import DeleteUser, ResetUser
from contracts.devices.doors import DoorEventKind, ListDoorEvents
from contracts.devices.homes import CredentialKind, ListCredentials, WithdrawCredential
from contracts.devices.intercoms import GetDevice, UnbindDevice
from contracts.message import ERASED, Actor, Recorded
from kernel.log.promise import StoredMessage
from kernel.reading.readmodel import fingerprint
from services.devices.__main__ import SERVICE
from tests.devices.conftest import Region
from tests.devices.doors.test_credentials import grant
from tests.devices.doors.test_door_events import happens
from tests.devices.homes.test_sagas import until_emptied, until_forgotten
from tests.devices.world import FRONT_DOOR, NOW


async def lived_in(region: Region, who: Actor, word: str) -> tuple[str, str, str]:
    """A household whose residents' data contains `word`; what its installer named after it, `word` and `thing`."""
    user_id = await region.user(who, premium=True)
    relay = FRONT_DOOR.model_copy(update={"name": f"{word}thing door"})
    device_id, _ = await region.device(who, user_id, name=f"{word}thing gate", relays=(relay,))
    camera = {"name": f"{word}thing drive", "user_name": f"{word}thing", "password": f"{word}thing"}
    address = f"rtsp://{word}thing.example.org/1"
    camera_id = await region.camera(who, user_id, **camera, rtsp_address=address)
    qr = {"kind": CredentialKind.QR, "secret": f"{word}-opens-the-gate"}
    await grant(region, who, user_id, device_id, holder=f"Tenant {word}", **qr)
    gone = str(uuid4())
    await grant(region, who, user_id, device_id, credential_id=gone, holder=f"Cleaner {word}")
    await region.tell(WithdrawCredential, who, user_id=user_id, credential_id=gone)
    await happens(region, user_id, device_id, NOW, who=f"Visitor {word}")
    await happens(region, user_id, device_id, NOW, kind=DoorEventKind.REFUSED, who=f"Stranger {word}")
    await happens(region, user_id, device_id, NOW, kind=DoorEventKind.ALARM, detail=f"Pulled by {word}")
    return user_id, device_id, camera_id


async def in_read_models(region: Region) -> str:
    """Everything the read models hold, as text."""
    database = region.devices.database
    held = [document for model in SERVICE.read_models async for document in database[model.name].find({})]
    return json.dumps(held, default=json_util.default, ensure_ascii=False).casefold()


async def in_the_log(region: Region) -> tuple[list[StoredMessage], list[Recorded]]:
    """The whole log, as it is stored and as it reads today."""
    log = region.devices.log
    last = await log.last_seq()
    messages: list[StoredMessage] = []
    async for batch in log.follow(0):
        messages += batch
        if batch[-1].seq >= last:
            break
    return messages, await region.devices.codec.decode_many(messages)


async def until_destroyed(region: Region, *names: str) -> None:
    async with asyncio.timeout(60):
        while any((await region.devices.keys.existing(names)).values()):  # noqa: ASYNC110 (done by a reaction)
            await asyncio.sleep(0.02)


async def rebuilds_the_same(region: Region) -> None:
    live = await fingerprint(region.devices.database, SERVICE.read_models)
    await region.devices.projector.rebuild()
    rebuilt = await fingerprint(region.devices.database, SERVICE.read_models)
    assert {name: rebuilt[name] == live[name] for name in live} == dict.fromkeys(live, True)


@pytest.mark.row("U-39", "U-41", "R-50")
async def test_nothing_of_former_residents_can_be_read_after_a_reset(region: Region) -> None:
    who = await region.installer()
    word = f"canary{uuid4().hex[:10]}"
    user_id, device_id, _ = await lived_in(region, who, word)
    shown = await region.see(ListCredentials, who, user_id=user_id)
    assert [each.holder for each in shown.rows] == [f"Tenant {word}"]
    assert f"visitor {word}" in await in_read_models(region)
    await region.tell(ResetUser, who, user_id=user_id)
    await until_emptied(region, user_id)
    await until_destroyed(region, f"home.{user_id}.0")
    assert (await region.see(ListDoorEvents, who, user_id=user_id)).rows == ()

    def of_people(text: str) -> str:
        return text.casefold().replace(f"{word}thing", "")

    assert word not in of_people(await in_read_models(region))
    messages, recorded = await in_the_log(region)
    for message in messages:
        assert word not in message.body.decode() + json.dumps(dict(message.headers))
    assert word not in of_people(" ".join(each.event.model_dump_json() for each in recorded))
    sealed: dict[str, Any] = {
        type(each.event).__name__: each.event for each in recorded if getattr(each.event, "user_id", "") == user_id
    }
    assert (sealed["CredentialGranted"].holder, sealed["CredentialGranted"].secret) == (ERASED, ERASED)
    assert (sealed["DoorOpened"].who, sealed["EntryRefused"].who, sealed["AlarmRaised"].detail) == (ERASED,) * 3

    await rebuilds_the_same(region)
    assert word not in of_people(await in_read_models(region))
    device = await region.see(GetDevice, who, device_id=device_id)
    assert (device.name, device.relays[0].name) == (f"{word}thing gate", f"{word}thing door")


@pytest.mark.row("U-34", "R-12", "R-50")
async def test_nothing_of_a_household_can_be_read_after_it_is_deleted(region: Region) -> None:
    who = await region.installer()
    word = f"canary{uuid4().hex[:10]}"
    user_id, device_id, camera_id = await lived_in(region, who, word)
    await region.tell(DeleteUser, who, user_id=user_id)
    await until_forgotten(region, user_id)
    await until_destroyed(region, f"home.{user_id}.0", f"device.{device_id}", f"camera.{camera_id}")
    assert (await region.see(ListCredentials, who, user_id=user_id)).rows == ()

    assert word not in await in_read_models(region)
    messages, recorded = await in_the_log(region)
    for message in messages:
        assert word not in message.body.decode() + json.dumps(dict(message.headers))
    assert word not in " ".join(each.event.model_dump_json() for each in recorded)

    await rebuilds_the_same(region)
    assert word not in await in_read_models(region)


@pytest.mark.row("D-21", "R-50")
async def test_nothing_of_a_deleted_device_can_be_read(region: Region) -> None:
    who = await region.installer()
    word = f"canary{uuid4().hex[:10]}"
    user_id = await region.user(who)
    device_id, _ = await region.device(who, user_id, name=f"{word} gate", relays=(FRONT_DOOR,))
    qr = {"kind": CredentialKind.QR, "secret": f"{word}-opens-the-gate"}
    await grant(region, who, user_id, device_id, **qr)
    await region.tell(UnbindDevice, who, device_id=device_id)
    await until_destroyed(region, f"device.{device_id}")
    assert (await region.see(ListCredentials, who, user_id=user_id)).rows == ()
    assert word not in await in_read_models(region)
    await rebuilds_the_same(region)
    assert word not in await in_read_models(region)
