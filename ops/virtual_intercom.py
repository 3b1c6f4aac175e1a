"""An intercom that is not there: it speaks docs/device-protocol.md as a real one would, and does what it is asked to.

It keeps what a real one keeps through a loss of power (its configuration, and which commands it has had), and forgets
what a real one forgets.
"""

from __future__ import annotations

import asyncio
import base64
import html
import json
import random
import socket
import struct
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import aiomqtt

SAID_AGAIN_S = 5.0
_REMEMBERED = 500
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
_PIECE_BYTES = 40 * 1024

Message = dict[str, Any]


@dataclass(frozen=True)
class Opening:
    """A relay that was pulsed, and why."""

    relay: int
    at: datetime
    by: str


@dataclass
class VirtualIntercom:
    """One intercom. `mac` and `key` are what binding it told; the rest is what it is.

    `run` keeps it connected while it has power. `lose_power` breaks the connection without a word, `power_on` starts it
    anew. `fail` makes it refuse commands of a type; `deaf` makes it obey nothing and answer nothing.
    """

    host: str
    port: int
    mac: str
    key: str = field(repr=False)
    model: str = "R29"
    firmware: str = "29.30.10.17"
    keepalive_s: int = 30
    said_again_s: float = SAID_AGAIN_S
    reboot_s: float = 0.2

    configuration: str = ""
    document: Message = field(default_factory=dict, repr=False)
    settings: dict[str, str] = field(default_factory=dict, repr=False)
    armed: bool = False
    weather: tuple[float, int] | None = None
    openings: list[Opening] = field(default_factory=list)
    boots: list[str] = field(default_factory=list)
    lines_run: list[str] = field(default_factory=list, repr=False)
    heard: list[str] = field(default_factory=list, repr=False)
    is_forgotten: bool = False
    deaf: bool = False
    tells_of_openings: bool = True

    _known: OrderedDict[str, tuple[str, str | None]] = field(default_factory=OrderedDict, repr=False)
    _nonces: OrderedDict[str, None] = field(default_factory=OrderedDict, repr=False)
    _failing: dict[str, str] = field(default_factory=dict, repr=False)
    _unsaid: OrderedDict[tuple[str, str], tuple[str, Message, float]] = field(default_factory=OrderedDict, repr=False)
    _power: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _connected: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _reconnect: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition, repr=False)
    _client: aiomqtt.Client | None = field(default=None, repr=False)
    refusals: int = 0

    # --- Being asked to -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Be there, while there is power. Returns when it was told to forget everything."""
        if not self.boots:
            self.power_on()
        pause_s = _FIRST_PAUSE_S
        while not self.is_forgotten:
            await self._power.wait()
            self._reconnect.clear()
            try:
                await self._connection()
                pause_s = _FIRST_PAUSE_S
            except (aiomqtt.MqttError, OSError):
                self.refusals += 1
            finally:
                self._client = None
                self._connected.clear()
                await self._notify()
            if not self._reconnect.is_set():
                # Thousands of devices that lost one server must not come back in one moment.
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def power_on(self) -> None:
        """Start, as after a loss of power."""
        self.boots.append(uuid4().hex)
        self._unsaid = OrderedDict((key, said) for key, said in self._unsaid.items() if key[0] != "state")
        self._say_state()
        self._power.set()

    def lose_power(self) -> None:
        """Break off without a word: no goodbye, and what was going on is not finished."""
        self._power.clear()
        self._break_off()

    def fail(self, type: str, reason: str = "failed-on-request") -> None:
        """Refuse the next command of that type (`reboot`, `unlock`, …) for that reason.

        A `configure` is refused until it is mended: the same one may be told twice, and a device keeps to its word.
        """
        self._failing[type] = reason

    def mend(self, type: str) -> None:
        """Refuse that type no more."""
        self._failing.pop(type, None)

    async def until(self, holds: Callable[[VirtualIntercom], bool], timeout_s: float = 60.0) -> None:
        """Returns when something holds of it. Raises `TimeoutError`."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: holds(self))

    async def until_connected(self, timeout_s: float = 60.0) -> None:
        """Returns when it is connected and has heard that its state was received. Raises `TimeoutError`."""
        await self.until(lambda it: it._connected.is_set() and ("state", "") not in it._unsaid, timeout_s)

    async def tell_door(
        self, kind: str, *, relay: int | None = None, method: str | None = None, who: str | None = None, **more: Any
    ) -> str:
        """Tell that a door was `opened`, somebody `refused`, or an `alarm`; the id under which it is told."""
        id = str(uuid4())
        told = {"kind": kind, "relay": relay, "method": method, "who": who, "at": datetime.now(UTC).isoformat(), **more}
        await self._say("event", id, {name: value for name, value in told.items() if value is not None})
        return id

    async def present(self, method: str, secret: str) -> int | None:
        """Somebody holds a card, types a PIN … at the door: the relay that opens, if one does."""
        for credential in self.document.get("credentials", []):
            if credential["kind"] == method and credential["secret"] == secret and _is_valid(credential):
                relay = int(credential["relays"][0])
                self.openings.append(Opening(relay, datetime.now(UTC), credential["id"]))
                await self.tell_door("opened", relay=relay, method=method, who=credential["id"])
                return relay
        await self.tell_door("refused", method=method)
        return None

    # --- Being there --------------------------------------------------------------------------------------------------

    async def _connection(self) -> None:
        will = aiomqtt.Will(f"d/{self.mac}/state", b'{"online": false}')
        client = aiomqtt.Client(
            self.host,
            self.port,
            username=self.mac,
            password=self.key,
            identifier=self.mac,
            keepalive=self.keepalive_s,
            will=will,
            timeout=10,
        )
        async with client:
            self._client = client
            await client.subscribe(f"d/{self.mac}/cmd")
            if not self._power.is_set():
                return
            self._say_state()
            self._connected.set()
            await self._say_all()
            await self._notify()
            again = asyncio.create_task(self._say_again())
            try:
                async for message in client.messages:
                    if isinstance(message.payload, bytes) and not self.deaf:
                        await self._hear(json.loads(message.payload))
                    if self._reconnect.is_set() or self.is_forgotten:
                        return
            finally:
                again.cancel()

    def _break_off(self) -> None:
        client = self._client
        if client is None:
            return
        with suppress(OSError):
            connection = cast("socket.socket | None", client._client.socket())
            if connection is not None:
                # Reset, as when a cable is cut at our end and somebody answers for us.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.shutdown(socket.SHUT_RDWR)

    # --- Speaking -----------------------------------------------------------------------------------------------------

    def _say_state(self) -> None:
        state = {
            "model": self.model,
            "firmware": self.firmware,
            "configuration": self.configuration,
            "boot": self.boots[-1],
            "armed": self.armed,
        }
        self._unsaid["state", ""] = ("state", state, 0.0)

    async def _say(self, kind: str, id: str, message: Message) -> None:
        """Say it now if somebody listens, and again until it is received."""
        self._unsaid[kind, id] = (kind, {"id": id, **message}, 0.0)
        await self._say_all()

    async def _say_all(self) -> None:
        now = asyncio.get_running_loop().time()
        for key, (kind, message, said_at) in list(self._unsaid.items()):
            if self._client is None or self.deaf or not self._connected.is_set():
                return
            if said_at and now - said_at < self.said_again_s:
                continue
            self._unsaid[key] = (kind, message, now)
            await self._publish(kind, message)

    async def _say_again(self) -> None:
        while True:
            await asyncio.sleep(self.said_again_s)
            with suppress(aiomqtt.MqttError):
                await self._say_all()

    async def _publish(self, kind: str, message: Message) -> None:
        if self._client is not None:
            with suppress(aiomqtt.MqttError):
                await self._client.publish(f"d/{self.mac}/{kind}", json.dumps(message).encode())

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # --- Obeying ------------------------------------------------------------------------------------------------------

    async def _hear(self, message: Message) -> None:
        self.heard.append(message["type"])
        match message["type"]:
            case "received" | "refused":
                self._unsaid.pop((message["of"], message["id"]), None)
            case "configure":
                await self._configure(message)
            case "weather":
                self.weather = (message["celsius"], message["code"])
            case "forget":
                self._reset(everything=True)
                self.is_forgotten = True
            case "web":
                await self._serve_page(message)
            case "reboot" | "reset" | "autop" | "unlock" | "arm":
                await self._obey(message)
            case _:
                pass  # of a newer cloud
        await self._notify()

    async def _configure(self, message: Message) -> None:
        if reason := self._failing.get("configure"):
            await self._say("ack", message["id"], {"state": "failed", "reason": reason})
            return
        self.configuration, self.document = message["id"], message["configuration"]
        self.settings |= _settings(self.document.get("autop", []))
        await self._say("ack", message["id"], {"state": "done"})

    async def _obey(self, message: Message) -> None:
        id, type = message["id"], message["type"]
        if known := self._known.get(id):
            await self._ack(id, *known)
            return
        if message["nonce"] in self._nonces:
            await self._ack(id, "failed", "nonce-used")
            return
        if datetime.now(UTC) > datetime.fromisoformat(message["expires_at"]):
            await self._ack(id, "failed", "too-late")
            return
        self._nonces[message["nonce"]] = None
        if reason := self._failing.pop(type, None):
            await self._ack(id, "failed", reason)
            return
        match type:
            case "unlock":
                await self._unlock(id, message["relay"])
            case "arm":
                self.armed = message["armed"]
                await self._ack(id, "done")
            case "autop":
                self.lines_run += message["lines"]
                self.settings |= _settings(message["lines"])
                await self._ack(id, "done")
            case "reset":
                await self._ack(id, "delivered")
                self._reset(everything=message["scope"] == "factory")
                await self._restart(id)
            case "reboot":
                await self._ack(id, "delivered")
                await self._restart(id)

    async def _unlock(self, id: str, relay: int) -> None:
        there = [each for each in self.document.get("relays", []) if each["number"] == relay and each["enabled"]]
        if not there:
            await self._ack(id, "failed", "no-such-relay")
            return
        self.openings.append(Opening(relay, datetime.now(UTC), id))
        await self._ack(id, "done")
        if self.tells_of_openings:
            await self.tell_door("opened", relay=relay, method="homepage")

    async def _restart(self, id: str) -> None:
        """Go down, come up, and say then that it is done."""
        self._known[id] = ("done", None)
        self._power.clear()
        self._reconnect.set()
        self._unsaid["ack", id] = ("ack", {"id": id, "state": "done"}, 0.0)
        loop = asyncio.get_running_loop()
        loop.call_later(self.reboot_s, self.power_on)

    def _reset(self, *, everything: bool) -> None:
        self.configuration, self.document, self.settings, self.armed = "", {}, {}, False
        if everything:
            self.openings.clear()

    async def _ack(self, id: str, state: str, reason: str | None = None) -> None:
        self._known[id] = (state, reason)
        for memory in (self._known, self._nonces):
            while len(memory) > _REMEMBERED:
                memory.popitem(last=False)
        await self._say("ack", id, {"state": state, **({"reason": reason} if reason else {})})

    # --- Its page -----------------------------------------------------------------------------------------------------

    async def _serve_page(self, message: Message) -> None:
        if not message.get("last", True):
            return
        status, body = self._page(message.get("path", "/"))
        headers = [["content-type", "text/html; charset=utf-8"], ["cache-control", "no-store"]]
        pieces = [body[at : at + _PIECE_BYTES] for at in range(0, len(body) or 1, _PIECE_BYTES)]
        for part, piece in enumerate(pieces):
            told: Message = {
                "id": message["id"],
                "part": part,
                "last": part == len(pieces) - 1,
                "body": base64.b64encode(piece).decode(),
            }
            if part == 0:
                told |= {"status": status, "headers": headers}
            await self._publish("web", told)

    def _page(self, path: str) -> tuple[int, bytes]:
        if path.partition("?")[0] not in ("/", "/index.html"):
            return 404, b"<!doctype html><title>404</title><p>There is no such page on this device."
        rows = {
            "Model": self.model,
            "Firmware": self.firmware,
            "MAC": self.mac,
            "Name": self.document.get("name", "not configured"),
            "Started": str(len(self.boots)),
            "Doors opened": str(len(self.openings)),
        }
        cells = "".join(f"<tr><th>{name}<td>{html.escape(value)}" for name, value in rows.items())
        page = (
            f"<!doctype html><meta charset=utf-8><title>{self.model}</title><h1>{self.model}</h1><table>{cells}</table>"
        )
        return 200, page.encode()


def _settings(lines: Sequence[str]) -> dict[str, str]:
    return {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}


def _is_valid(credential: Message) -> bool:
    now = datetime.now(UTC)
    begins, ends = (
        datetime.fromisoformat(credential[name]) if credential[name] else None for name in ("valid_from", "valid_to")
    )
    return (begins is None or begins <= now) and (ends is None or now < ends)


async def live(intercom: VirtualIntercom, *, flaky: bool = False) -> None:
    """Be an intercom for ever: somebody passes the door now and then; a flaky one loses power, refuses and lags."""
    being = asyncio.create_task(intercom.run())
    try:
        while not being.done():
            await asyncio.sleep(random.expovariate(1 / 90))
            await _something(intercom, flaky)
    finally:
        being.cancel()


async def _something(intercom: VirtualIntercom, flaky: bool) -> None:
    chance = random.random()  # noqa: S311
    if flaky and chance < 0.3:
        intercom.lose_power()
        await asyncio.sleep(random.uniform(1, 20))  # noqa: S311
        intercom.power_on()
    elif flaky and chance < 0.4:
        intercom.mend("configure")
        intercom.fail(random.choice(("reboot", "autop", "configure", "unlock")), "busy")  # noqa: S311
    elif credentials := intercom.document.get("credentials"):
        credential = random.choice(credentials)  # noqa: S311
        await intercom.present(credential["kind"], credential["secret"])
    elif relays := [each for each in intercom.document.get("relays", []) if each["enabled"]]:
        await intercom.tell_door("opened", relay=random.choice(relays)["number"], method="talking_page")  # noqa: S311
