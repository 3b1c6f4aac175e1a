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

from contracts import devices
from contracts.message import Actor, Command, FilledMark, Query, Role, fields_marked
from contracts.permissions import MAY, SYSTEM
from kernel.bus import decode
from kernel.decider import Refused
from kernel.service import Running
from services.accounts.__main__ import SERVICE as ACCOUNTS
from services.devices.__main__ import SERVICE as DEVICES
from services.devices.uplink import Unreadable, read
from services.devices.wire import MESSAGE_BYTES_MAX, DeviceAck, DeviceState, DoorReport
from tests.devices.conftest import VIEWS, Region, a_mac, root
from tests.devices.mosquitto import Firmware
from tests.devices.test_access import gate
from tests.devices.test_protocol import a_device
from tests.extremes import variants

COMMANDS = sorted({*ACCOUNTS.commands, *DEVICES.commands}, key=lambda each: each.__name__)
TARGETS = {
    command: decision.target
    for service in (ACCOUNTS, DEVICES)
    for aggregate in service.aggregates
    for command, decision in aggregate.decisions.items()
}
MAKING = ("Add", "Create", "Bind", "Grant", "Open", "Stage", "Submit", "Record", "Start", "Set", "Restart", "Unlock")
BESIDE = {"actor", "command_id", "after"}
NOT_CODES = {"internal", "unavailable"}


async def known_in(region: Region) -> tuple[dict[str, Any], dict[Role, Actor]]:
    """A household with a gate, and who looks after it: what the fields of these names hold."""
    above = await region.distributor()
    who = await region.installer(above)
    user_id, device_id = await gate(region, who)
    values = {
        "user_id": user_id,
        "household_id": user_id,
        "installer_id": who.account_id,
        "distributor_id": above.account_id,
        "device_id": device_id,
        "device_ids": [device_id],
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
            await asyncio.sleep(0.02)
    assert await service.projector.remark() is None, await service.database.parked.find().to_list(5)


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda each: each.__name__)
async def test_every_command_at_its_extremes_is_refused_with_a_code_or_stored(
    region: Region, kind: type[Command]
) -> None:
    values, people = await known_in(region)
    if kind not in (devices.GrantCredential,):
        values.pop("relays")
    hidden = BESIDE | fields_marked(kind, FilledMark)
    answers: dict[str, str] = {}
    for what, body in variants(kind, values):
        if what.partition("=")[0] in hidden - {"command_id"}:
            continue
        target = TARGETS[kind]
        fresh = {target: str(uuid4())} if kind.__name__.startswith(MAKING) and target.endswith("_id") else {}
        sent = {name: value for name, value in body.items() if name not in hidden}
        sent = {**sent, "command_id": str(uuid4()), **({} if what.startswith(f"{target}=") else fresh)}
        if what.startswith("command_id="):
            sent["command_id"] = body["command_id"]
        answers[what] = await said(region, sent, kind, actor_of(kind, people))
    assert {what: answer for what, answer in answers.items() if answer in NOT_CODES} == {}
    for service in (region.accounts, region.devices):
        await stored(service)


@pytest.mark.parametrize("kind", sorted(VIEWS, key=lambda each: each.__name__), ids=lambda each: each.__name__)
async def test_every_question_at_its_extremes_is_answered_or_refused_with_a_code(
    region: Region, kind: type[Query]
) -> None:
    values, people = await known_in(region)
    answers: dict[str, str] = {}
    for what, body in variants(kind, values):
        if what.partition("=")[0] in BESIDE:
            continue
        sent = {name: value for name, value in body.items() if name not in BESIDE}
        try:
            await region.devices.caller.query(decode(kind, json.dumps(sent).encode(), actor_of(kind, people)))
            answers[what] = "answered"
        except Refused as refused:
            answers[what] = refused.code
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
