"""What devices say is read as well as it can be, and always answered (threats 16 and 18; docs/device-protocol.md)."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from contracts.devices.doors import DoorEventPage, DoorEventRow, ListDoorEvents
from services.devices.wire.uplink import REASON_CHARACTERS_MAX, Unreadable, read
from services.devices.wire.wire import DeviceAck, DeviceState, DoorReport
from tests.devices.conftest import Region
from tests.devices.mosquitto import Firmware
from tests.devices.wire.test_protocol import Bench, a_device

ID = "1c9f4d8e-52f3-4b0d-8f57-2d3b1a6c7e90"
EVENT = {"id": ID, "kind": "opened", "at": "2026-11-22T09:12:40+00:00", "relay": 1, "method": "pin", "who": "Ana"}
STATE = {"id": "1", "model": "R29", "firmware": "29.30.10.17", "configuration": "", "boot": "1"}
ACK = {"id": ID, "state": "done"}
KINDS: Mapping[str, tuple[type[BaseModel], dict[str, Any]]] = {
    "event": (DoorReport, EVENT),
    "state": (DeviceState, STATE),
    "ack": (DeviceAck, ACK),
}


def said(message: Mapping[str, Any], **changes: Any) -> bytes:
    return json.dumps({**message, **changes}, ensure_ascii=False).encode()


# --- What can be read is read -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "member", "value"),
    [
        (b"\xef\xbb\xbf" + said(EVENT), "id", ID),
        (said(EVENT) + b"\0", "id", ID),
        (b"\0 \r\n" + said(EVENT) + b"\n\0\0\0", "id", ID),
        (said(EVENT, id=ID.upper()), "id", ID),
        (said(EVENT, id=ID.replace("-", "")), "id", ID),
        (said(EVENT, id="{" + ID + "}"), "id", ID),
        (said(EVENT, kind="OPENED"), "kind", "opened"),
        (said(EVENT, kind=" Alarm "), "kind", "alarm"),
        (said(EVENT, relay="1"), "relay", 1),
        (said(EVENT, relay=1.0), "relay", 1),
        (said(EVENT, relay=None), "relay", None),
        (said(EVENT, who=17), "who", "17"),
        (said(EVENT, detail="é" * 300), "detail", "é" * 200),
        (said(EVENT, detail="\x1b[2J\x00Tür\u202e auf\u200b\n"), "detail", "[2JTür auf"),
        (said(EVENT, who="\u2066Nguyễn\u2069 \U0001fa77"), "who", "Nguyễn \U0001fa77"),
        (said(EVENT, method="p\x07in"), "method", "pin"),
        (said(EVENT, who="Zoë").replace("ë".encode(), b"\xeb"), "who", "Zoë"),
        (
            said(EVENT, who="درب", detail="در").replace("در".encode() + b'"}', "د".encode() + b'\xd8"}'),
            "detail",
            "د\ufffd",
        ),
        (said(EVENT, who="X").replace(b"X", b"\\ud83d"), "who", "\ufffd"),
        (said(EVENT, who="X").replace(b"X", b"\\ud83d\\ude00"), "who", "\U0001f600"),
    ],
    ids=lambda each: None if isinstance(each, bytes) else ascii(each)[:24],
)
def test_a_slip_of_the_firmware_is_read(body: bytes, member: str, value: object) -> None:
    assert getattr(read(DoorReport, body).message, member) == value


@pytest.mark.parametrize(
    ("kind", "body", "member", "value"),
    [
        (DeviceState, said(STATE, id=7), "id", "7"),
        (DeviceState, said(STATE, boot=1732266000), "boot", "1732266000"),
        (DeviceState, said(STATE, configuration="9F86D081884C7D65"), "configuration", "9f86d081884c7d65"),
        (DeviceState, said(STATE, armed="true"), "armed", True),
        (DeviceState, said(STATE, model=" R29 "), "model", "R29"),
        (DeviceAck, said(ACK, state="Done"), "state", "done"),
        (DeviceAck, said(ACK, id=ID.upper()), "id", ID),
        (DeviceAck, said(ACK, id="9F86D081884C7D65"), "id", "9f86d081884c7d65"),
        (DeviceAck, said(ACK, reason="x" * 999), "reason", "x" * 200),
    ],
    ids=lambda each: None if isinstance(each, bytes) else ascii(each)[:24],
)
def test_states_and_acks_are_read_alike(kind: type[BaseModel], body: bytes, member: str, value: object) -> None:
    assert getattr(read(kind, body).message, member) == value


@pytest.mark.parametrize(
    ("at", "moment"),
    [
        ("2026-11-22T12:42:40+03:30", datetime(2026, 11, 22, 9, 12, 40, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00+08:00", None),
        ("1405-09-01T12:00:00+03:30", None),
        ("0000-00-00T00:00:00Z", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-11-22T09:12:40", None),
        ("20261-11-22T09:12:40Z", None),
        ("9999-12-31T23:59:59-12:00", None),
        (1e300, None),
    ],
)
def test_a_time_that_cannot_be_is_no_time_and_its_event_is_read(at: object, moment: datetime | None) -> None:
    assert read(DoorReport, said(EVENT, at=at)).message.at == moment


@pytest.mark.parametrize("at", ["", "yesterday", {}, [], True])
def test_what_is_like_no_time_at_all_is_refused(at: object) -> None:
    with pytest.raises(Unreadable, match="at: "):
        read(DoorReport, said(EVENT, at=at))


def test_the_answer_names_a_message_as_its_device_did() -> None:
    assert read(DoorReport, said(EVENT, id=ID.upper())).id == ID.upper()
    assert read(DeviceState, said(STATE, id=7)).id == "7"
    assert read(DeviceState, said({name: value for name, value in STATE.items() if name != "id"})).id == ""


# --- What cannot be read is refused, with the reason ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "id", "reason"),
    [
        (b"", "", "not JSON"),
        (b"\xff\xfe", "", "not JSON"),
        (said(EVENT)[:-20], ID, "not JSON"),
        (b"[]", "", "not a JSON object"),
        (b"[" * 60_000, "", "not JSON"),
        (said(EVENT, relay=1).replace(b'"relay": 1', b'"relay": ' + b"1" * 5000), ID, "not JSON"),
        (said(EVENT, relay=1).replace(b'"relay": 1', b'"relay": NaN'), ID, "not JSON"),
        (said(EVENT, kind="door-held-open"), ID, "kind: enum"),
        (said(EVENT, id="42"), "42", "id: string_pattern_mismatch"),
        (said(EVENT, relay=17), ID, "relay: less_than_equal"),
        (said(EVENT, relay=True), ID, "relay: value_error"),
        (said(EVENT, who={"$gt": ""}), ID, "who: string_type"),
        (b"{}", "", "id: missing; kind: missing; at: missing"),
    ],
    ids=lambda each: None if isinstance(each, bytes) else ascii(each)[:24],
)
def test_a_message_that_cannot_be_read_is_refused_by_its_name(body: bytes, id: str, reason: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        read(DoorReport, body)
    assert (refusal.value.id, refusal.value.reason) == (id, reason)


def test_a_reason_tells_nothing_of_what_was_said() -> None:
    with pytest.raises(Unreadable) as refusal:
        read(DoorReport, said(EVENT, kind="Nguyen Thi Hong", relay="Nguyen", at="Hong"))
    assert "Nguyen" not in refusal.value.reason
    assert "Hong" not in refusal.value.reason


def mutated(body: bytes, chance: random.Random) -> bytes:
    """A valid message as a bad line, a full buffer or a hurried programmer makes it."""
    at = chance.randrange(len(body))
    junk = bytes(chance.choices((0, 9, 34, 44, 92, 123, 125, 0xC3, 0xE2, 0xF0, 0xFF, 0xEF), k=chance.randint(1, 6)))
    return chance.choice(
        (
            body[:at],
            body[at:],
            body[:at] + junk + body[at:],
            body[:at] + junk + body[at + len(junk) :],
            body.replace(b"1", b'"1"', 1),
            body.replace(b'"', b"'"),
            body.replace(b":", b":[", 1),
            body.upper(),
            body.decode(errors="replace").encode("utf-16"),
            body + body,
            body.replace(b", ", b",,", 1),
        )
    )


def reason_against(kind: type[BaseModel], body: bytes) -> str | None:
    """Why it cannot be read; `None` when it can."""
    try:
        read(kind, body)
    except Unreadable as refusal:
        return refusal.reason
    return None


@given(st.randoms(use_true_random=False), st.sampled_from(sorted(KINDS)))
def test_whatever_becomes_of_a_message_it_is_read_or_refused(chance: random.Random, name: str) -> None:
    kind, message = KINDS[name]
    body = said({**message, "detail": "در جلو 😀"})
    for _ in range(chance.randint(1, 3)):
        body = mutated(body, chance) or b"-"
    reason = reason_against(kind, body)
    assert reason is None or 0 < len(reason) <= REASON_CHARACTERS_MAX


# --- One bad message harms nobody -------------------------------------------------------------------------------------


async def doors(bench: Bench, count: int) -> list[DoorEventRow]:
    """What is recorded of the doors, once it is that much."""
    async with asyncio.timeout(60):
        while True:
            page: DoorEventPage = await bench.region.see(
                ListDoorEvents, bench.installer, device_id=bench.device_id, limit=100
            )
            if len(page.rows) >= count:
                return list(page.rows)
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_a_device_that_says_what_nobody_can_read_is_told_so_and_stays(region: Region, kind: str) -> None:
    bench = await a_device(region)
    async with Firmware(region.mqtt_port, bench.mac, bench.key) as firmware:
        for number in range(30):
            await firmware.say_bytes(kind, said({"id": f"bad-{number}"}))
            refused = await firmware.told("refused")
            assert (refused["of"], refused["id"]) == (kind, f"bad-{number}")
            assert refused["reason"]
        id = str(uuid4())
        await firmware.say("event", {**EVENT, "id": id})
        await firmware.told("received", lambda it: it["id"] == id)
    assert [each.kind for each in await doors(bench, 1)] == ["opened"]


async def test_an_event_told_again_in_other_letters_stands_once(region: Region) -> None:
    bench = await a_device(region)
    id = str(uuid4())
    async with Firmware(region.mqtt_port, bench.mac, bench.key) as firmware:
        for spelling in (id, id.upper(), id.replace("-", "")):
            await firmware.say("event", {**EVENT, "id": spelling})
            await firmware.told("received", lambda it, wanted=spelling: it["id"] == wanted)
        last = str(uuid4())
        await firmware.say("event", {**EVENT, "id": last, "kind": "alarm"})
        await firmware.told("received", lambda it: it["id"] == last)
    assert Counter(each.kind for each in await doors(bench, 2)) == {"opened": 1, "alarm": 1}


async def test_a_device_with_a_lost_clock_is_in_the_access_log_and_stops_nothing(region: Region) -> None:
    bench = await a_device(region)
    clocks = ("0001-01-01T00:00:00+08:00", "1970-01-01T00:00:07Z", "1405-09-06T12:00:00+03:30", "9999-12-31T23:59:59Z")
    began_at = datetime.now(UTC) - timedelta(seconds=1)
    async with Firmware(region.mqtt_port, bench.mac, bench.key) as firmware:
        for at in clocks * 2:
            id = str(uuid4())
            await firmware.say("event", {**EVENT, "id": id, "at": at, "kind": "alarm", "detail": "tampered"})
            await firmware.told("received", lambda it, wanted=id: it["id"] == wanted)
    rows = await doors(bench, len(clocks) * 2)
    assert {(each.kind, each.detail, each.clock_wrong) for each in rows} == {("alarm", "tampered", True)}
    assert all(each.happened_at >= began_at for each in rows)
    assert await region.devices.projector.parked() == 0
    assert region.devices.projector.is_ready


async def test_every_message_of_a_broken_device_is_answered_once(region: Region) -> None:
    bench = await a_device(region)
    chance = random.Random(20_261_127)
    answers = 0
    async with Firmware(region.mqtt_port, bench.mac, bench.key) as firmware:
        for number in range(150):
            kind = chance.choice(("event", "ack"))
            await firmware.say_bytes(kind, mutated(said(KINDS[kind][1], id=str(uuid4())), chance) or b"-")
            answer = await firmware.told_any(("received", "refused"))
            assert answer["of"] == kind, (number, answer)
            answers += 1
            await asyncio.sleep(0.06)  # what a device may say, lasting
        last = str(uuid4())
        await firmware.say("event", {**EVENT, "id": last})
        answer = await firmware.told_any(("received", "refused"))
    assert (answer["type"], answer["id"], answers) == ("received", last, 150)
