"""Whatever the fields of a message may hold: it is accepted or refused with a code, and what is accepted can be stored.

Each body goes the whole way on real servers: read, decided, sealed, stored, read back, folded, into MongoDB, listed.
New messages and new fields are among them by themselves.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel

from contracts.accounts.access import ResetPassword
from contracts.accounts.households import AddUser
from contracts.accounts.members import AddMember
from contracts.accounts.partners import CreateDistributor, CreateInstaller, CreateSuperManager
from contracts.accounts.terms import ActivateUser, RenewUser
from contracts.devices.autop import SubmitAutop
from contracts.devices.cameras import AddCamera
from contracts.devices.doors import RecordDoorEvent
from contracts.devices.homes import GrantCredential
from contracts.devices.intercoms import BindDevice
from contracts.devices.library import MoveMac, RegisterMac, RemoveMac
from contracts.message import Actor, Command, FilledMark, Query, Refused, Role, fields_marked
from contracts.permissions import MAY, SYSTEM
from kernel.service.running import Running
from kernel.talking.wire import decode
from services.accounts.__main__ import SERVICE as ACCOUNTS
from services.devices.__main__ import SERVICE as DEVICES
from services.devices.wire.uplink import Unreadable, read
from services.devices.wire.wire import MESSAGE_BYTES_MAX, DeviceAck, DeviceState, DoorReport
from tests.devices.conftest import VIEWS, Region, a_mac, root
from tests.devices.mosquitto import Firmware
from tests.devices.wire.test_protocol import a_device
from tests.devices.world import FRONT_DOOR
from tests.extremes import variants
from tests.waiting import at_once

COMMANDS = sorted({*ACCOUNTS.commands, *DEVICES.commands}, key=lambda each: each.__name__)
MAKES: dict[type[Command], str] = {
    AddUser: "user_id",
    CreateDistributor: "distributor_id",
    CreateInstaller: "installer_id",
    CreateSuperManager: "account_id",
    AddMember: "member_id",
    BindDevice: "device_id",
    AddCamera: "camera_id",
    GrantCredential: "credential_id",
    RecordDoorEvent: "door_event_id",
}
"""The field with the id of what is made: each time it is another."""
NEEDS_MORE = {
    "AbandonMacImport": "a judged list",
    "CancelDeviceCommand": "a command that waits",
    "ChangePassword": "the present password",
    "ClaimMac": "the code of a label",
    "ClaimRemoteControl": "a token that was issued",
    "CloseSession": "a session",
    "GrantAccess": "account access that was offered",
    "IssueConfiguration": "a configuration of the very state",
    "NoteDeviceCommand": "a command that was sent",
    "OpenRemoteControl": "a device that is online",
    "OpenSession": "an account with a password",
    "RegisterMacRows": "a list that was started",
    "RetryProvisioning": "a batch that failed",
    "SetBudget": "a tenant that accounts has seen",
    "StageMacRows": "a list that was opened",
    "StartImpersonation": "account access that was granted",
    "StartMacImport": "a judged list",
    "SwitchArming": "an indoor monitor",
    "UnlockDoor": "a device that is online",
}
"""Which ordinary commands are refused here, and for want of what; all others are accepted as they are."""
BESIDE = {"actor", "command_id", "after"}
NOT_CODES = {"internal", "unavailable", "contended"}


async def known_in(region: Region) -> tuple[dict[str, Any], dict[Role, Actor]]:
    """A household with a gate, and who looks after it: what the fields of these names hold."""
    above = await region.distributor()
    who = await region.installer(above)
    user_id = await region.user(who, premium=True)
    device_id, _ = await region.device(who, user_id, relays=(FRONT_DOOR,))
    values = {
        "user_id": user_id,
        "household_id": user_id,
        "installer_id": who.account_id,
        "distributor_id": above.account_id,
        "device_id": device_id,
        "device_ids": [device_id],
        "linked_device_id": device_id,
        "camera_id": str(uuid4()),
        "account_id": who.account_id,
        "mac": a_mac(),
        "relays": [{"device_id": device_id, "relay": 1}],
        "email": f"{uuid4().hex[:8]}@extreme.example",
        "time_zone": "Asia/Shanghai",
        "country": "CN",
        "rtsp_address": "rtsp://192.168.1.20:554/stream",
        "firmware": "29.30.10.17",
        "model": "R29",
        "session_id": uuid4().hex * 2,
        "happened_at": "2026-11-22T09:30:00Z",
    }
    return values, {Role.SUPER_MANAGER: root, Role.DISTRIBUTOR: above, Role.INSTALLER: who}


def actor_of(message: type[Command | Query], people: dict[Role, Actor]) -> Actor:
    return next((people[role] for role in people if role in MAY.get(message, ())), SYSTEM)


async def said(region: Region, body: dict[str, Any], kind: type[Command], actor: Actor) -> str:
    """How it was answered: `accepted`, or the code of the refusal."""
    try:
        command = decode(kind, json.dumps(body).encode(), actor)
        await region.devices.caller.command(command)
    except Refused as refused:
        return refused.code
    return "accepted"


async def stored(service: Running) -> None:
    """All that is in the log is in the read models, and nothing waits."""
    async with asyncio.timeout(60):
        while any(behind > 0 for behind in (await service.projector.lag()).values()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert await service.projector.remark() is None, await service.database.parked.find().to_list(5)


async def things_of(region: Region, kind: type[Command], values: dict[str, Any], who: Actor) -> dict[str, Any]:
    """What exists already of that which the command names, beside its household and device."""
    fields, user_id, found = kind.model_fields, values["user_id"], dict[str, Any]()
    if "camera_id" in fields and MAKES.get(kind) != "camera_id":
        found["camera_id"] = await region.camera(who, user_id)
    if "member_id" in fields or kind is RenewUser:
        await region.tell(ActivateUser, SYSTEM, user_id=user_id)
    if "member_id" in fields and MAKES.get(kind) != "member_id":
        found["member_id"] = str(uuid4())
        await region.tell(AddMember, who, user_id=user_id, member_id=found["member_id"], name="Li Na")
    if "credential_id" in fields and MAKES.get(kind) != "credential_id":
        found["credential_id"] = str(uuid4())
        relays = [{"device_id": values["device_id"], "relay": 1}]
        pin = {"kind": "pin", "holder": "Li Na", "relays": relays}
        granted = {"credential_id": found["credential_id"], "user_id": user_id, **pin}
        await region.tell(GrantCredential, who, **granted)
    if "site_id" in fields:
        found["site_id"] = await region.user(who)
    if kind is ResetPassword:
        found["account_id"] = user_id
    return found


async def another_mac(region: Region, kind: type[Command], who: Actor) -> str:
    """A MAC that the command can be about: of the library, but for the one that puts it there."""
    mac = a_mac()
    if kind is not RegisterMac:
        await region.tell(RegisterMac, who, mac=mac)
    return mac


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda each: each.__name__)
async def test_every_command_at_its_extremes_is_refused_with_a_code_or_stored(
    region: Region, kind: type[Command]
) -> None:
    values, people = await known_in(region)
    values |= await things_of(region, kind, values, people[Role.INSTALLER])
    if kind not in (GrantCredential,):
        values.pop("relays")
    if kind is SubmitAutop:
        values["text"] = "Config.Settings.GENERAL.Led = 1"
    if "phone" in kind.model_fields:
        values["phone"] = "+8613800138000"
    hidden = BESIDE | fields_marked(kind, FilledMark)
    answers: dict[str, str] = {}

    async def tried(what: str, body: dict[str, Any]) -> None:
        varied = what.partition("=")[0]
        if varied in hidden - {"command_id"}:
            return
        # What can be there once is another each time, so that nothing but the extreme can be refused.
        fresh: dict[str, Any] = {MAKES[kind]: str(uuid4())} if kind in MAKES else {}
        fresh |= {name: str(uuid4()) for name in kind.model_fields if name.endswith("_id") and name not in values}
        if "email" in kind.model_fields and kind.__name__.startswith(("Add", "Create")):
            fresh["email"] = f"{uuid4().hex[:8]}@extreme.example"
        if kind in (BindDevice, RegisterMac, RemoveMac, MoveMac):
            fresh["mac"] = await another_mac(region, kind, people[Role.INSTALLER])
        sent = {name: value for name, value in body.items() if name not in hidden}
        fresh = {name: value for name, value in fresh.items() if name != varied and name not in hidden}
        sent = {**sent, "command_id": str(uuid4()), **fresh}
        if varied == "command_id":
            sent["command_id"] = body["command_id"]
        answers[what] = await said(region, sent, kind, actor_of(kind, people))

    ordinary, *extremes = variants(kind, values)
    await tried(*ordinary)
    await at_once(tried(*extreme) for extreme in extremes)
    assert {what: answer for what, answer in answers.items() if answer in NOT_CODES} == {}
    assert (answers["as it is"] == "accepted") is (kind.__name__ not in NEEDS_MORE), answers["as it is"]
    for service in (region.accounts, region.devices):
        await stored(service)


@pytest.mark.parametrize("kind", sorted(VIEWS, key=lambda each: each.__name__), ids=lambda each: each.__name__)
async def test_every_question_at_its_extremes_is_answered_or_refused_with_a_code(
    region: Region, kind: type[Query]
) -> None:
    values, people = await known_in(region)
    answers: dict[str, str] = {}

    async def tried(what: str, body: dict[str, Any]) -> None:
        if what.partition("=")[0] in BESIDE:
            return
        sent = {name: value for name, value in body.items() if name not in BESIDE}
        try:
            await region.devices.caller.query(decode(kind, json.dumps(sent).encode(), actor_of(kind, people)))
            answers[what] = "answered"
        except Refused as refused:
            answers[what] = refused.code

    await at_once(tried(*variant) for variant in variants(kind, values))
    assert {what: answer for what, answer in answers.items() if answer in NOT_CODES} == {}


@pytest.mark.parametrize("kind", [DeviceState, DeviceAck, DoorReport], ids=lambda each: each.__name__)
def test_every_message_of_a_device_at_its_extremes_is_read_or_refused_with_a_reason(kind: type[BaseModel]) -> None:
    readable = {"id": str(uuid4()), "model": "R29", "firmware": "29.30.10.17", "configuration": "", "boot": "1"}
    outcomes = set()
    for _, body in variants(kind, readable):
        try:
            read(kind, json.dumps(body).encode())
            outcomes.add("read")
        except Unreadable as refused:
            outcomes.add("refused" if refused.reason else "refused in silence")
    assert outcomes == {"read", "refused"}


@pytest.mark.parametrize(("name", "kind"), [("state", DeviceState), ("ack", DeviceAck), ("event", DoorReport)])
async def test_every_message_of_a_device_at_its_extremes_is_answered_and_what_is_taken_is_stored(
    region: Region, name: str, kind: type[BaseModel]
) -> None:
    bench = await a_device(region)
    readable = {"id": str(uuid4()), "model": "R29", "firmware": "29.30.10.17", "configuration": "", "boot": "1"}
    taken = set()
    async with Firmware(region.mqtt_port, bench.mac, bench.key) as firmware:
        for what, body in variants(kind, readable):
            fresh = {} if what.startswith("id=") else {"id": str(uuid4())}
            message = json.dumps({**body, **fresh}).encode()
            if len(message) > MESSAGE_BYTES_MAX:
                continue  # counted, and not answered
            await firmware.say_bytes(name, message)
            answer = await firmware.told_any(("received", "refused"), timeout_s=20)
            assert answer["of"] == name, what
            if answer["type"] == "received":
                taken.add(answer["id"])
            await asyncio.sleep(0.06)  # what a device may say, lasting
    await stored(region.devices)
    assert taken
    if kind is DoorReport:
        rows = region.devices.database["access_log"]
        assert await rows.count_documents({"device_id": bench.device_id}) == len({UUID(each) for each in taken})
