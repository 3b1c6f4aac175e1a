"""How quickly do devices and the cloud hear of each other? A whole house, and devices that speak MQTT and nothing else.

    python -m bench.link            2,000 devices, some minutes
    python -m bench.link --quick    200 devices, a minute, rough

Presence: from the first byte until all are shown online; beside until each has its CONNACK, which is what nats-server
and the gatekeeper's answer take. Status updates: from a device to the answer that it was received, as many at once as
there are devices; beside the same way through nats-server to somebody who answers at once. Unlocking: from the request
to the relay; beside the answer to the same request. AutoP: from the submit until all are done. Memory: what a connected
device adds to nats-server and to the service.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import uuid4

import uvloop
from nats.aio.msg import Msg

from bench.processes import Spent, memory_mb, pids
from bench.report import heading, judge, load_average, show, timing
from contracts.accounts.households import AddUser
from contracts.devices.intercoms import BindDevice, DeviceKind
from contracts.devices.library import RegisterMac
from contracts.devices.relays import Relay
from contracts.message import Actor, Answer, Command, Refused, Role
from kernel.connecting.connection import connect
from kernel.keeping.mongo import mongo_client
from kernel.log.promise import Unavailable
from kernel.talking.caller import Caller
from tests.house import House, Person, distributor, house, installer, super_manager, system

ONLINE_S = 10.0
AUTOP_S = 5.0
UNLOCK_MS = 60.0
AUTOP_DEVICES = 500
HOME_TAKES = 90
AT_ONCE = 16
UNLOCKS = 300
STATUS_S = 10.0
LOOK_EVERY_S = 0.02

A = TypeVar("A", bound=Answer)
Message = dict[str, Any]


@dataclass
class Device(asyncio.Protocol):
    """A device's side of the wire, as lean as it can be: MQTT 3.1.1 with QoS 0."""

    device_id: str
    mac: str
    key: str
    configuration: str = ""
    heard: Callable[[Message], None] = lambda message: None
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    attempts: int = 0
    _settled: asyncio.Event = field(default_factory=asyncio.Event)
    _transport: asyncio.Transport | None = None
    _bytes: bytearray = field(default_factory=bytearray)

    async def connect(self, port: int) -> None:
        """Returns when it is connected; like any device it tries again when it was not let in in time."""
        while not self.connected.is_set():
            self.attempts += 1
            self._settled.clear()
            self._bytes.clear()
            await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)
            await self._settled.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none of asyncio's
        rest = _text("MQTT") + b"\x04\xc2" + (60).to_bytes(2) + _text(self.mac) + _text(self.mac) + _text(self.key)
        self._send(0x10, rest)

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        while (packet := self._packet()) is not None:
            first, body = packet
            match first >> 4:
                case 2:
                    assert body[1] == 0, "refused"
                    self.connected.set()
                    self._settled.set()
                    self._send(0x82, b"\x00\x01" + _text(f"d/{self.mac}/cmd") + b"\x00")
                case 9:
                    self.say_state()
                case 3:
                    self._hear(json.loads(body[2 + int.from_bytes(body[:2]) :]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._settled.set()

    def say(self, kind: str, message: Message) -> None:
        self._send(0x30, _text(f"d/{self.mac}/{kind}") + json.dumps(message).encode())

    def say_state(self) -> None:
        state = {"model": "R29", "firmware": "29.30.10.17", "configuration": self.configuration, "boot": self.mac}
        self.say("state", state)

    def ping(self) -> None:
        self._send(0xC0, b"")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _hear(self, message: Message) -> None:
        match message["type"]:
            case "configure":
                self.configuration = message["id"]
                self.say("ack", {"id": message["id"], "state": "done"})
                self.ready.set()
            case "unlock" | "autop":
                self.say("ack", {"id": message["id"], "state": "done"})
        self.heard(message)

    def _send(self, first: int, rest: bytes) -> None:
        if self._transport is None:
            return
        length, header = len(rest), bytearray([first])
        while True:
            length, digit = divmod(length, 128)
            header.append(digit | (0x80 if length else 0))
            if not length:
                break
        self._transport.write(bytes(header) + rest)

    def _packet(self) -> tuple[int, bytes] | None:
        length, shift, at = 0, 0, 1
        while True:
            if at >= len(self._bytes):
                return None
            digit = self._bytes[at]
            length |= (digit & 127) << shift
            shift, at = shift + 7, at + 1
            if not digit & 128:
                break
        if len(self._bytes) < at + length:
            return None
        packet = (self._bytes[0], bytes(self._bytes[at : at + length]))
        del self._bytes[: at + length]
        return packet


def _text(value: str) -> bytes:
    return len(value).to_bytes(2) + value.encode()


# --- Their households -------------------------------------------------------------------------------------------------


async def bound(place: House, person: Person, above: Person, count: int) -> list[Device]:
    """So many devices of the installer, by the system's own commands."""
    actor = Actor(
        account_id=person.account_id,
        role=Role.INSTALLER,
        distributor_id=above.account_id,
        installer_id=person.account_id,
    )
    async with system(place) as caller:
        homes = [str(uuid4()) for _ in range(-(-count // HOME_TAKES))]
        for number, user_id in enumerate(homes):
            form = {"user_id": user_id, "name": f"House {number}", "address": "Kastanienallee 1", "premium": False}
            await _tell(caller, AddUser, actor, **form)
        turns = asyncio.Semaphore(AT_ONCE)

        async def bind(number: int) -> Device:
            mac, device_id = f"0C1105{number:06X}", str(uuid4())
            form = {
                "device_id": device_id,
                "user_id": homes[number // HOME_TAKES],
                "mac": mac,
                "kind": DeviceKind.DOORPHONE_SINGLE,
                "name": f"Door {number}",
                "relays": (Relay(number=1, name="Door"),),
            }
            async with turns:
                await _tell(caller, RegisterMac, actor, mac=mac)
                key = str((await _tell(caller, BindDevice, actor, **form)).device_key)
            return Device(device_id, mac, key)

        return await asyncio.gather(*map(bind, range(count)))


async def _tell(caller: Caller, kind: type[Command[A]], actor: Actor, /, **fields: Any) -> A:
    wish = kind(command_id=uuid4(), at=datetime.now(UTC), actor=actor, **fields)
    while True:
        try:
            return (await caller.command(wish)).extra
        except Unavailable:
            continue
        except Refused as refused:
            if refused.code != "user-unknown":  # devices has not heard of the household yet
                raise
            await asyncio.sleep(LOOK_EVERY_S)


# --- The questions ----------------------------------------------------------------------------------------------------


async def connect_all(place: House, devices: list[Device]) -> float:
    """Seconds until each has its CONNACK."""
    began = time.perf_counter()
    await asyncio.gather(*(each.connect(place.nats[0].mqtt_port) for each in devices))
    return time.perf_counter() - began


async def presence(place: House, devices: list[Device]) -> None:
    before = {name: memory_mb(pid) for name, pid in pids(place).items()}
    async with mongo_client(place.environment["MONGODB_URI"], "bench") as mongo:
        fleet = mongo["devices"]["fleet"]
        spent, began = Spent(place), time.perf_counter()
        connecting = asyncio.create_task(connect_all(place, devices))
        while await fleet.count_documents({"online": True}) < len(devices):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY_S)
        online_s = time.perf_counter() - began
        connected_s = await connecting
        await asyncio.gather(*(each.ready.wait() for each in devices))
        configured_s = time.perf_counter() - began
    show("processor time a device, until configured", spent.told(len(devices)))
    again = sum(each.attempts - 1 for each in devices)
    show("until connected", f"{connected_s:6.2f} s, {again} of them tried again")
    show("until shown online", f"{online_s:6.2f} s")
    show("until configured", f"{configured_s:6.2f} s")
    judge(
        "",
        f"presence of {len(devices):,} devices connecting at once",
        online_s,
        ONLINE_S,
        at_most=True,
        unit=" s",
        ours=f"configured in {configured_s:.1f} s",
        floor=f"connected in {connected_s:.1f} s",
    )
    for name in ("nats", "devices"):
        added = (memory_mb(pids(place)[name]) - before[name]) / len(devices) * 1024
        judge("", f"memory of {name} for a connected device", added, None, unit=" KB")


async def round_trips(devices: list[Device], say: Callable[[Device], None], answer: str, seconds: float) -> list[float]:
    """How long each message took to be answered, every device sending its next when it has the answer of the last."""
    latencies: list[float] = []
    ends = time.perf_counter() + seconds

    def start(device: Device) -> None:
        sent = time.perf_counter()

        def heard(message: Message) -> None:
            if message["type"] != answer:
                return
            now = time.perf_counter()
            latencies.append(now - sent)
            if now < ends:
                start(device)

        device.heard = heard
        say(device)

    for each in devices:
        start(each)
    await asyncio.sleep(seconds + 1)
    for each in devices:
        each.heard = lambda message: None
    return latencies


async def status(place: House, devices: list[Device], seconds: float) -> None:
    """Kept below what one device may say."""
    client = await connect(place.environment["NATS_URL"], "bench")

    async def echo(message: Msg) -> None:
        mac = message.subject.split(".")[1]
        await client.publish(f"device.{mac}.cmd", b'{"type":"echo"}')

    await client.subscribe("device.*.web", cb=echo)
    await client.flush()
    floor = timing(await round_trips(devices, lambda each: each.say("web", {"id": "echo"}), "echo", seconds), seconds)
    spent = Spent(place)
    found = await round_trips(devices, Device.say_state, "received", seconds)
    show("processor time an update", spent.told(len(found)))
    ours = timing(found, seconds)
    show("floor: to somebody who answers at once", floor)
    show("status updates", ours)
    judge("", "status updates a second / wire alone", ours.rate / floor.rate, None, ours=ours, floor=floor)
    await client.close()


async def unlocking(person: Person, device: Device, count: int) -> None:
    took, answered = [], []
    for _ in range(count):
        opened = asyncio.get_running_loop().create_future()

        def heard(message: Message, opened: asyncio.Future[float] = opened) -> None:
            if message["type"] == "unlock" and not opened.done():
                opened.set_result(time.perf_counter())

        device.heard = heard
        began = time.perf_counter()
        await person.do("POST", f"/devices/{device.device_id}/unlock", json={"relay": 1})
        answered.append(time.perf_counter() - began)
        took.append(await asyncio.wait_for(opened, 5) - began)
        await asyncio.sleep(0.06)  # what a device may say in a second is counted
    device.heard = lambda message: None
    ours, floor = timing(took, sum(took)), timing(answered, sum(answered))
    show("floor: the request's own answer", floor)
    show("request to relay", ours)
    judge(
        "",
        "unlock to relay, p99",
        ours.p99,
        UNLOCK_MS,
        at_most=True,
        unit=" ms",
        ours=f"p50 {statistics.median(took) * 1000:.1f} ms",
        floor=f"answered p99 {floor.p99:.1f} ms",
    )


async def autop(place: House, person: Person, devices: list[Device]) -> None:
    for kind in ("one_time", "regular"):
        last, left, over = 0.0, {each.mac for each in devices}, asyncio.Event()

        def heard(mac: str, message: Message, left: set[str] = left, over: asyncio.Event = over) -> None:
            nonlocal last
            if message["type"] in ("autop", "configure"):
                last = time.perf_counter()
            if message["type"] == "received" and message["of"] == "ack":
                left.discard(mac)
                if not left:
                    over.set()

        for each in devices:
            each.heard = partial(heard, each.mac)
        body = {
            "kind": kind,
            "text": "Config.Settings.Volume.Ring = 7\nConfig.Settings.Screen.Brightness = 3",
            "device_ids": [each.device_id for each in devices],
        }
        spent, began = Spent(place), time.perf_counter()
        made = await person.do("POST", "/provisionings", json=body)
        submitted_s = time.perf_counter() - began
        await over.wait()
        acknowledged_s = time.perf_counter() - began
        path = f"/provisionings/{made['id']}?after={made['position']}"
        while int(str((await person.do("GET", path))["done"])) < len(devices):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY_S * 5)
        done_s = time.perf_counter() - began
        show(f"{kind}: processor time a device", spent.told(len(devices)))
        show(f"{kind}: until submitted", f"{submitted_s:6.2f} s")
        show(f"{kind}: until the last device was told", f"{last - began:6.2f} s")
        show(f"{kind}: until the last acknowledgement", f"{acknowledged_s:6.2f} s")
        show(f"{kind}: until all are shown done", f"{done_s:6.2f} s")
        judge(
            "",
            f"{kind} AutoP for {len(devices)} devices, to the last acknowledgement",
            acknowledged_s,
            AUTOP_S * len(devices) / AUTOP_DEVICES,
            at_most=True,
            unit=" s",
            ours=f"told in {last - began:.1f} s",
            floor=f"submitted in {submitted_s:.1f} s",
        )


async def run(count: int, quick: bool) -> None:
    print(f"{load_average()} at the start")
    with tempfile.TemporaryDirectory(prefix="bench-link-", ignore_cleanup_errors=True) as folder:
        async with house(Path(folder)) as place:
            root = await super_manager(place)
            above = await distributor(place, root)
            person = await installer(place, above)
            began = time.perf_counter()
            devices = await bound(place, person, above, count)
            show("bound", f"{count / (time.perf_counter() - began):,.0f} devices/s")
            heading(f"{count:,} devices connect at once")
            await presence(place, devices)
            heading("Unlocking")
            await unlocking(person, devices[0], 60 if quick else UNLOCKS)
            heading("Status updates")
            await status(place, devices, 3 if quick else STATUS_S)
            heading("AutoP")
            await autop(place, person, devices[:AUTOP_DEVICES])
            for each in devices:
                each.close()
            for somebody in (root, above, person):
                await somebody.http.aclose()
    print(f"\n{load_average()} at the end")


def main() -> None:
    parser = argparse.ArgumentParser(description="Devices and the cloud, and how quickly they hear of each other.")
    parser.add_argument("--devices", type=int, default=2000)
    parser.add_argument("--quick", action="store_true", help="200 devices, rough")
    wish = parser.parse_args()
    uvloop.run(run(200 if wish.quick else wish.devices, wish.quick))


if __name__ == "__main__":
    main()
