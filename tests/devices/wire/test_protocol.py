"""docs/device-protocol.md says what is so, and whoever follows it with another client is a device."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel

from contracts.devices.commands import (
    COMMAND_DAYS,
    UNLOCK_SECONDS,
    DeviceCommandKind,
    DeviceCommandRow,
    DeviceCommandState,
    GetDeviceCommand,
    RebootDevice,
)
from contracts.devices.configuration import ConfigurationState
from contracts.devices.doors import DoorEventPage, ListDoorEvents
from contracts.devices.intercoms import DeviceDetail, GetDevice
from contracts.devices.relays import Relay
from contracts.devices.remote_control import PAGE_ANSWER_BYTES, AskDevicePage
from contracts.message import Actor
from contracts.permissions import SYSTEM
from services.devices.autop.profile import Profile
from services.devices.configuration.configuration import configured
from services.devices.homes.home import Home
from services.devices.intercoms.device import Device, DoorRelay
from services.devices.link import gatekeeper, intake, outbox, waiting
from services.devices.remote_control import tunnel
from services.devices.wire import wire
from tests.devices.conftest import Region, a_mac
from tests.devices.mosquitto import Firmware, shell
from tests.devices.world import MODELS

Json = dict[str, Any]

PAGE = (Path(__file__).parents[3] / "docs" / "device-protocol.md").read_text()
BLOCK = re.compile(r"^```(?:json|sh) ([\w -]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UP: Mapping[str, type[BaseModel]] = {
    "state": wire.DeviceState,
    "will": wire.LastWill,
    "ack": wire.DeviceAck,
    "event": wire.DoorReport,
    "piece": tunnel.Piece,
}


def blocks(beginning: str) -> list[tuple[str, str]]:
    """(name, text) of the page's blocks of that sort."""
    found = ((head.split(), text) for head, text in BLOCK.findall(PAGE))
    return [(head[-1], text) for head, text in found if " ".join(head[:-1]) == beginning]


SCHEMAS: dict[str, Json] = {name: json.loads(text) for name, text in blocks("schema")}
SHELL: dict[str, str] = dict(blocks(""))


# --- The page says what is so -----------------------------------------------------------------------------------------


def plain(node: Any, definitions: Json) -> Any:
    """A schema as the page shows it: without names and defaults; what may be null may as well be left out."""
    if isinstance(node, list):
        return [plain(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return plain(definitions[node["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in node:
        (one,) = (each for each in node["anyOf"] if each != {"type": "null"})
        return plain(one, definitions)
    properties = {name: plain(each, definitions) for name, each in node.get("properties", {}).items()}
    rest = {
        name: plain(each, definitions)
        for name, each in node.items()
        if name not in ("title", "description", "default", "properties", "$defs")
    }
    return {**rest, "properties": properties} if properties else rest


@pytest.mark.parametrize("name", UP)
def test_the_page_shows_the_schema_of_everything_that_devices_say(name: str) -> None:
    schema = UP[name].model_json_schema()
    assert SCHEMAS[name] == plain(schema, schema.get("$defs", {}))


@pytest.mark.parametrize(("name", "text"), blocks("up"))
def test_every_example_of_what_devices_say_is_taken(name: str, text: str) -> None:
    UP[name].model_validate_json(text)
    assert json.loads(text).keys() <= SCHEMAS[name]["properties"].keys()


ID, NONCE, LATER = str(uuid4()), "c56d7c0f", datetime(2026, 11, 29, tzinfo=UTC)


def _command(kind: DeviceCommandKind, **fields: Any) -> bytes:
    return wire.command(kind, ID, nonce=NONCE, expires_at=LATER, **fields)


RELAY = DoorRelay(1, True, "Door", "#", ())
DOCUMENT = configured(Device(relays=(RELAY,), security_relays=(RELAY,)), Home(), Profile(), MODELS)
QUESTION = AskDevicePage(
    actor=SYSTEM, token_hash="7" * 64, browser_hash="9" * 64, method="GET", path="/", headers=(), body=""
)
DOWN: Mapping[str, list[bytes]] = {
    "received": [wire.received(kind, ID) for kind in intake.KINDS],
    "refused": [wire.refused(kind, ID, "kind: enum") for kind in intake.KINDS],
    "configure": [wire.configure("9f86d081884c7d65", DOCUMENT)],
    "reboot": [_command(DeviceCommandKind.REBOOT)],
    "reset": [_command(DeviceCommandKind.CONFIGURATION_RESET), _command(DeviceCommandKind.FACTORY_RESET)],
    "autop": [_command(DeviceCommandKind.ONE_TIME_AUTOP, lines=("Config.A.B.C = 1",))],
    "unlock": [_command(DeviceCommandKind.UNLOCK, relay=1)],
    "arm": [_command(DeviceCommandKind.ARM), _command(DeviceCommandKind.DISARM)],
    "weather": [wire.downlink("weather", celsius=21, code=3)],
    "forget": [wire.downlink("forget")],
    "web": list(tunnel.pieces(QUESTION, "f3b0a1c2d4e5f607")),
}
TYPES: Mapping[str, Any] = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}


def keeps_to(schema: Json, value: Any) -> bool:
    """As much of JSON Schema as the page uses for what devices are told."""
    if "const" in schema or "enum" in schema:
        return value in schema.get("enum", [schema.get("const")])
    if not isinstance(value, TYPES[schema["type"]]) or (schema["type"] == "integer" and isinstance(value, bool)):
        return False
    if schema["type"] == "object" and "properties" in schema:
        properties = schema["properties"]
        return set(schema["required"]) <= value.keys() <= properties.keys() and all(
            keeps_to(properties[name], each) for name, each in value.items()
        )
    if schema["type"] == "array":
        return all(keeps_to(schema["items"], each) for each in value)
    return "pattern" not in schema or re.search(schema["pattern"], value) is not None


@pytest.mark.parametrize("name", DOWN)
def test_what_devices_are_told_keeps_to_the_page(name: str) -> None:
    for message in DOWN[name]:
        assert keeps_to(SCHEMAS[name], json.loads(message)), message


def test_every_command_type_is_on_the_page() -> None:
    told = {json.loads(_command(kind, relay=1))["type"] for kind in DeviceCommandKind}
    assert told <= {name for name, _ in blocks("down")}
    assert SCHEMAS.keys() == UP.keys() | DOWN.keys()


@pytest.mark.parametrize(("name", "text"), blocks("down"))
def test_every_example_of_what_devices_are_told_is_one(name: str, text: str) -> None:
    example = json.loads(text)
    assert keeps_to(SCHEMAS[name], example)
    assert any(example.keys() == json.loads(message).keys() for message in DOWN[name])


def test_the_example_of_a_configuration_is_whole() -> None:
    example = json.loads(dict(blocks("down"))["configure"])["configuration"]
    assert example.keys() == DOCUMENT.keys()
    assert example["sip"].keys() == DOCUMENT["sip"].keys()
    for relays in ("relays", "security_relays"):
        assert example[relays][0].keys() == DOCUMENT[relays][0].keys()


def test_the_page_has_the_limits_as_they_are() -> None:
    rows = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", PAGE.partition("## Limits")[2], re.MULTILINE))
    assert rows["A message, either way"].startswith(f"{wire.MESSAGE_BYTES_MAX:,} bytes")
    assert rows["Messages from you, lasting"] == f"{intake.MESSAGES_PER_S:.0f} a second"
    assert rows["Messages from you, at once"] == f"{intake.MESSAGES_AT_ONCE:.0f}"
    assert rows["Violations before quarantine"] == f"{intake.VIOLATIONS_MAX} within {intake.VIOLATIONS_WITHIN_S:.0f} s"
    assert rows["Quarantine"] == f"{gatekeeper.QUARANTINE_S:.0f} s"
    assert rows["Waiting commands live"] == f"{COMMAND_DAYS} days"
    assert rows["`unlock` and `arm` live"] == f"{UNLOCK_SECONDS} s"
    assert rows["An answer of the web page"] == f"{PAGE_ANSWER_BYTES // 1024} KiB"
    assert rows["An answer of the web page comes within"] == f"{tunnel.ANSWER_S:.0f} s"
    assert rows["Headers of an answer"] == f"{tunnel._HEADERS_MAX}"
    assert f"{tunnel.PIECE_BYTES // 1024} KiB before base64" in PAGE
    assert (outbox.CONFIGURE_AGAIN_S, outbox.SEND_AGAIN_S, outbox.UNLOCK_AGAIN_S) == (5, 5, 1)
    assert (outbox.ASK_AGAIN_S, waiting.LONGEST_PAUSE_S) == (30, 60)


# --- Another client follows it ----------------------------------------------------------------------------------------


@dataclass
class Bench:
    """A device that was bound, and the words by which the page's scripts know it."""

    region: Region
    installer: Actor
    device_id: str
    mac: str
    key: str

    async def script(self, name: str, **changes: str) -> tuple[int, str]:
        """Run a script of the page for this device; what is `changes` is another than it should be."""
        return await shell(SHELL[name], {**self._words, **changes})

    async def run(self, script: str, **changes: str) -> tuple[int, str]:
        return await shell(script, {**self._words, **changes})

    async def until(self, holds: Callable[[DeviceDetail], bool]) -> DeviceDetail:
        """The device as it is shown, once something holds of it. Raises `TimeoutError`."""
        async with asyncio.timeout(60):
            while True:
                shown: DeviceDetail = await self.region.see(GetDevice, self.installer, device_id=self.device_id)
                if holds(shown):
                    return shown
                await asyncio.sleep(0.05)

    async def reboot(self) -> str:
        id = str(uuid4())
        await self.region.tell(RebootDevice, self.installer, device_command_id=id, device_id=self.device_id)
        return id

    async def until_command(self, id: str, state: DeviceCommandState) -> None:
        async with asyncio.timeout(15):
            while True:
                row: DeviceCommandRow = await self.region.see(GetDeviceCommand, self.installer, device_command_id=id)
                if row.state is state:
                    return
                await asyncio.sleep(0.05)

    @property
    def _words(self) -> dict[str, str]:
        return {"HOST": "127.0.0.1", "PORT": str(self.region.mqtt_port), "MAC": self.mac, "KEY": self.key}


async def a_device(region: Region) -> Bench:
    installer = await region.installer()
    mac = a_mac()
    device_id, accepted = await region.device(
        installer, await region.user(installer), mac=mac, relays=(Relay(number=1, name="Front door"),)
    )
    return Bench(region, installer, device_id, mac, str(accepted.extra.device_key))


async def test_the_state_that_mosquitto_says_is_received_and_shown(region: Region) -> None:
    bench = await a_device(region)
    code, said = await bench.script("say-state")
    assert code == 0, said
    received = json.loads(said)
    assert (received["type"], received["of"], received["id"]) == ("received", "state", "1")
    shown = await bench.until(lambda it: it.model is not None)
    assert (shown.model, shown.firmware) == ("R29", "29.30.10.17")


async def test_whoever_is_connected_by_mosquitto_is_shown_as_online(region: Region) -> None:
    bench = await a_device(region)
    being = asyncio.create_task(bench.script("be-there"))
    try:
        await bench.until(lambda it: it.online)
    finally:
        being.cancel()
        await asyncio.gather(being, return_exceptions=True)
    await bench.until(lambda it: not it.online)


@pytest.mark.row("A-11")
async def test_a_firmware_of_libmosquitto_is_configured_and_reboots(region: Region) -> None:
    bench = await a_device(region)
    state = {"id": "1", "model": "R29", "firmware": "29.30.10.17", "configuration": "", "boot": "1"}
    async with Firmware(region.mqtt_port, bench.mac, bench.key) as firmware:
        await firmware.say("state", state)
        await firmware.told("received", lambda it: it["of"] == "state")
        configure = await firmware.told("configure")
        assert keeps_to(SCHEMAS["configure"], configure)
        assert [each["name"] for each in configure["configuration"]["relays"]] == ["Front door"]
        await firmware.say("ack", {"id": configure["id"], "state": "done"})
        await firmware.told("received", lambda it: it["id"] == configure["id"])
        shown = await bench.until(lambda it: it.configuration is ConfigurationState.APPLIED)
        assert shown.online

        id = await bench.reboot()
        told = await firmware.told("reboot")
        assert keeps_to(SCHEMAS["reboot"], told)
        assert told["id"] == id
        await firmware.say("ack", {"id": id, "state": "delivered"})
        await bench.until_command(id, DeviceCommandState.DELIVERED)
    async with Firmware(region.mqtt_port, bench.mac, bench.key) as again:
        await again.say("state", {**state, "configuration": configure["id"], "boot": "2"})
        await again.told("received", lambda it: it["of"] == "state")
        await again.say("ack", {"id": id, "state": "done"})
        await again.told("received", lambda it: it["id"] == id)
    await bench.until_command(id, DeviceCommandState.DONE)


async def test_a_command_is_acknowledged_with_mosquitto_pub(region: Region) -> None:
    bench = await a_device(region)
    id = await bench.reboot()
    state = {"model": "R29", "firmware": "29.30.10.17", "configuration": "", "boot": "1"}
    async with Firmware(region.mqtt_port, bench.mac, bench.key) as firmware:
        await firmware.say("state", state)
        configure = await firmware.told("configure")
        await firmware.say("ack", {"id": configure["id"], "state": "done"})
        await firmware.told("reboot", lambda it: it["id"] == id)
    code, said = await bench.script("ack", ID=id)
    assert code == 0, said
    await bench.until_command(id, DeviceCommandState.DONE)


async def test_a_door_event_that_mosquitto_tells_is_recorded(region: Region) -> None:
    bench = await a_device(region)
    code, said = await bench.script("event", ID=(id := str(uuid4())))
    assert code == 0, said
    assert json.loads(said)["id"] == id
    async with asyncio.timeout(15):
        while True:
            page: DoorEventPage = await region.see(ListDoorEvents, bench.installer, device_id=bench.device_id)
            if page.rows:
                break
            await asyncio.sleep(0.05)
    assert [(each.kind, each.relay, each.method) for each in page.rows] == [("opened", 1, "pin")]


async def test_a_wrong_key_and_another_client_id_are_refused_alike(region: Region) -> None:
    bench, other = await a_device(region), await a_device(region)
    answers = [
        await bench.script("ack", ID=ID, KEY="0" * 64),
        await bench.script("ack", ID=ID, KEY=other.key),
        await bench.script("ack", ID=ID, MAC=a_mac()),
        await bench.run(SHELL["ack"].replace('-i "$MAC"', "-i thief"), ID=ID),
        await bench.run(SHELL["ack"].replace('-i "$MAC"', f"-i {other.mac}"), ID=ID),
    ]
    for code, said in answers:
        assert code == 5, said
        assert "Connection Refused: not authorised" in said
    assert len(set(answers)) == 1
    assert (await bench.script("ack", ID=ID))[0] == 0


@pytest.mark.parametrize(
    "topic", ["d/{other}/cmd", "d/{other}/state", "d/+/cmd", "#", "d/{mac}/#", "$SYS/#", "device/#"]
)
async def test_what_is_said_to_others_is_not_heard(region: Region, topic: str) -> None:
    bench, other = await a_device(region), await a_device(region)
    theirs = topic.format(mac=bench.mac, other=other.mac)
    script = SHELL["be-there"].replace('"d/$MAC/cmd"', f"'{theirs}' -W 5")
    code, said = await bench.run(script)
    assert "All subscription requests were denied" in said, (code, said)


async def test_nobody_speaks_for_another_device(region: Region) -> None:
    bench, other = await a_device(region), await a_device(region)
    state = json.dumps({"model": "R29", "firmware": "29.30.10.66", "configuration": "", "boot": "1"})
    publish = SHELL["ack"].partition("-t ")[0]
    for topic in (f"d/{other.mac}/state", f"d/{other.mac}/cmd", f"device/{other.mac}/state"):
        code, said = await bench.run(f"{publish} -t {topic} -m '{state}'")
        assert code == 0, said  # acknowledged by the server, as the page says
    # What is said under one MAC is taken in order: had it come, it would have been taken before this.
    code, said = await other.script("event", ID=ID)
    assert code == 0, said
    assert (await other.until(lambda it: it.online is False)).model is None
