"""Virtual intercoms by the dozen: bound by the system's own commands, then switched on until somebody ends it.

The rule it protects: a key is told once, so it is kept, for its owner alone; one that was lost is issued anew.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID, uuid4, uuid5

from rich.live import Live
from rich.text import Text

from contracts.accounts.households import AddUser, GetUser, UserDetail
from contracts.accounts.partners import InstallerPage, ListInstallers
from contracts.devices.intercoms import (
    BindDevice,
    DeviceKeyAnswer,
    DeviceKind,
    DevicePage,
    DeviceRow,
    ListDevices,
    RotateDeviceKey,
)
from contracts.devices.library import RegisterMac
from contracts.devices.relays import Relay
from contracts.message import Accepted, Actor, Answer, Command, Query, Refused, Role, View
from contracts.permissions import SYSTEM
from kernel.log.promise import Unavailable
from kernel.process.settings import read_settings
from kernel.talking.caller import Caller
from ops import demo_doors
from ops.calling import calling
from ops.demo import demo_installers
from ops.demo_doors import DOORS, SHANGHAI
from ops.failures import MissingDependency, ServerFailed
from ops.nats_accounts import write_secret
from ops.settings import OperatorSettings
from ops.virtual_intercom import VirtualIntercom, live
from services.devices.models.model import Model
from services.devices.models.models import known_models

A = TypeVar("A", bound=Answer)
V = TypeVar("V", bound=View)

HOUSEHOLD = "Virtual intercoms"
MAC_PREFIX = "0C1105F0"

_NAMES = UUID("0b6a7a4e-5a0e-4e0a-9f0b-6f3f3a0d6c11")
_HOME_TAKES = 90
_NUMBERS = 0x10000
_ASKED_TIMES = 10
_SAID_EVERY_S = 5.0
_LOOKED_EVERY_S = 60.0
_LOOKED_SOON_S = 2.0


class Intercom(VirtualIntercom):
    """One of a crew."""

    @property
    def is_connected(self) -> bool:
        return self._connected.is_set()


class Keys:
    """The devices' keys, in a file that its owner alone can read. Raises `ServerFailed` when it cannot be written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
        # Before any key is issued: it is told once.
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._write()
        except OSError as error:
            way_out = "name another folder with --data"
            raise ServerFailed(f"The keys cannot be kept in {path.parent} ({error.strerror}): {way_out}.") from None

    def of(self, row: DeviceRow) -> str | None:
        """The key of that device; one of an earlier device with its MAC opens nothing."""
        kept = self._kept.get(row.mac)
        return kept["key"] if kept and kept["device_id"] == row.device_id else None

    def keep(self, mac: str, device_id: str, key: str) -> None:
        self._kept[mac] = {"device_id": device_id, "key": key}
        self._write()

    def _write(self) -> None:
        write_secret(self._path, json.dumps(self._kept))


@dataclass
class Crew:
    """Intercoms that are switched on."""

    host: str
    port: int
    flaky: bool = False
    intercoms: dict[str, Intercom] = field(default_factory=dict)
    _being: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def switch_on(self, mac: str, key: str, model: str, firmware: str) -> None:
        """Have it be there. One that was told to forget everything starts as a new one."""
        if (present := self._being.pop(mac, None)) is not None:
            present.cancel()
        intercom = Intercom(self.host, self.port, mac, key, model=model, firmware=firmware)
        self.intercoms[mac] = intercom
        self._being[mac] = asyncio.create_task(live(intercom, flaky=self.flaky))

    def is_there(self, mac: str) -> bool:
        return mac in self._being and not self.intercoms[mac].is_forgotten

    async def switch_off(self) -> None:
        for task in self._being.values():
            task.cancel()
        await asyncio.gather(*self._being.values(), return_exceptions=True)

    def summary(self) -> str:
        """How they are, in one line."""
        all_of_them = self.intercoms.values()
        connected = sum(each.is_connected for each in all_of_them)
        configured = sum(bool(each.configuration) for each in all_of_them)
        opened = sum(len(each.openings) for each in all_of_them)
        return f"{connected} of {len(all_of_them)} connected, {configured} configured, doors opened {opened} times"


class Fitter:
    """Binds intercoms for an installer, and gets keys."""

    def __init__(self, caller: Caller, installer: Actor, keys: Keys) -> None:
        self._caller = caller
        self._installer = installer
        self._keys = keys

    async def fit(self, count: int) -> list[DeviceRow]:
        """That many devices, those of an earlier time first. Raises `Refused` or `Unavailable`."""
        present = sorted(await self.devices(MAC_PREFIX), key=lambda row: row.mac)
        taken = {row.mac for row in present}
        numbers = iter([n for n in range(_NUMBERS) if _mac(n) not in taken])
        missing = max(0, count - len(present))
        position = ""
        async for user_id, room in self._homes(present):
            if missing <= 0:
                break
            for _ in range(min(room, missing)):
                position = await self._bind(user_id, numbers)
                missing -= 1
        found = await self.devices(MAC_PREFIX, after=position or None)
        return sorted(found, key=lambda row: row.mac)[:count]

    async def devices(self, prefix: str, after: str | None = None) -> list[DeviceRow]:
        """The installer's devices whose MAC begins so."""
        rows: list[DeviceRow] = []
        for number in itertools.count(1):
            query = ListDevices(actor=self._installer, key="mac", q=prefix, page=number, per_page=100, after=after)
            page = await self._view(query, DevicePage)
            rows += page.rows
            if len(page.rows) < page.per_page:
                break
        return rows

    async def key(self, row: DeviceRow) -> str:
        """The kept key, or another one."""
        if key := self._keys.of(row):
            return key
        accepted = await self._say(RotateDeviceKey, device_id=row.device_id)
        return self._keep(row.mac, row.device_id, accepted.extra)

    async def _homes(self, present: Sequence[DeviceRow]) -> AsyncIterator[tuple[str, int]]:
        """Households of ours, made where they are missing, and how many devices each still takes."""
        for n in itertools.count(1):
            user_id = str(uuid5(_NAMES, f"{self._installer.account_id} home {n}"))
            try:
                await self._caller.view(GetUser(actor=self._installer, user_id=user_id), UserDetail)
            except Refused:
                form = {"name": HOUSEHOLD if n == 1 else f"{HOUSEHOLD} {n}", "address": "Nowhere 1", "premium": True}
                try:
                    accepted = await self._say(AddUser, user_id=user_id, **form)
                except Refused as refused:
                    if refused.code != "id-taken":
                        raise
                    continue  # one that was deleted
                await self._view(GetUser(actor=self._installer, user_id=user_id, after=accepted.position), UserDetail)
            yield user_id, _HOME_TAKES - sum(row.user_id == user_id for row in present)

    async def _bind(self, user_id: str, numbers: Iterator[int]) -> str:
        """Bind the next MAC that is free; where the log stands after it."""
        for number in numbers:
            mac, device_id = _mac(number), str(uuid4())
            try:
                await self._say(RegisterMac, mac=mac)
            except Refused as refused:
                if refused.code == "mac-elsewhere":
                    continue
                if refused.code != "mac-registered":
                    raise
            model = model_of(number)
            form = form_of(model, number)
            try:
                accepted = await self._say(BindDevice, device_id=device_id, user_id=user_id, mac=mac, **form)
            except Refused as refused:
                if refused.code not in ("mac-bound", "mac-elsewhere"):
                    raise
                continue
            self._keep(mac, device_id, accepted.extra)
            return accepted.position
        raise ServerFailed(f"Every MAC that begins with {MAC_PREFIX} is taken.")

    def _keep(self, mac: str, device_id: str, answer: DeviceKeyAnswer) -> str:
        key = str(answer.device_key)
        self._keys.keep(mac, device_id, key)
        return key

    async def _view(self, query: Query, view: type[V]) -> V:
        """Patient with a service that was just started, or has much to do. Raises `Refused` or `Unavailable`."""
        for _ in range(_ASKED_TIMES - 1):
            try:
                return await self._caller.view(query, view)
            except Refused as refused:
                if refused.code != "behind":
                    raise
        return await self._caller.view(query, view)

    async def _say(self, wish: type[Command[A]], /, **fields: Any) -> Accepted[A]:
        stamp = {"command_id": uuid4(), "at": datetime.now(UTC), "actor": self._installer}
        return await self._caller.command(wish(**stamp, **fields))


def model_of(number: int) -> Model:
    """The model of the intercom of that number: each of the table in turn."""
    known = known_models().by_name
    return known[sorted(known)[number % len(known)]]


def firmware_of(model: Model, number: int = 0) -> str:
    """A firmware of that model, of those that can most where the table knows such."""
    bands = [band for band in (*model.methods_from, *model.weather_from) if len(band.start) == 4]
    if bands:
        return ".".join(map(str, bands[0].start))
    return f"{model.product_code or 30}.30.10.{17 + number % 5}"


def form_of(model: Model, number: int) -> dict[str, Any]:
    """The device form of an intercom of that model."""
    form: dict[str, Any] = {"kind": model.kind, "name": f"{model.name} no. {number + 1}"}
    match model.kind:
        case DeviceKind.DOORPHONE_SINGLE | DeviceKind.DOORPHONE_MULTI:
            names = ("Front door", "Garage")[: model.max_relays]
            form["relays"] = tuple(Relay(number=n, name=name, dtmf=f"{n}") for n, name in enumerate(names, 1))
        case DeviceKind.ACCESS_CONTROL:
            form["relays"] = (Relay(number=1, name="Entrance"),)
            form["security_relays"] = (Relay(number=1, name="Outer gate"),)
        case DeviceKind.INDOOR_MONITOR:
            form["arming_function"] = True
        case DeviceKind.GUARD_PHONE:
            pass
    return form


def _mac(number: int) -> str:
    return f"{MAC_PREFIX}{number:04X}"


# --- The two crews ----------------------------------------------------------------------------------------------------


async def run(data: Path, count: int, flaky: bool, email: str | None) -> None:
    """`count` intercoms of an installer (of the demo's first one when none is named), until a signal."""
    crew = Crew(*_mqtt(), flaky=flaky)
    try:
        async with calling("smartplus intercoms") as caller:
            installer = await _installer(caller, email or SHANGHAI)
            fitter = Fitter(caller, installer, Keys(data / "intercoms" / f"{installer.account_id}.json"))
            rows = await fitter.fit(count)
            keyed = [await fitter.key(row) for row in rows]
    except Refused as refused:
        raise ServerFailed(refused.refusal().detail) from None
    except Unavailable as failure:
        raise ServerFailed(f"The system does not answer: {failure}") from None
    for row, key in zip(rows, keyed, strict=True):
        number = int(row.mac[-4:], 16)
        model = model_of(number)
        crew.switch_on(row.mac, key, model.name, firmware_of(model, number))
    await _shown(crew)


async def run_demo(data: Path) -> None:
    """The demo's intercoms, as soon as they are bound, also after the demo was reset. Until a signal."""
    crew = Crew(*_mqtt())
    keys = Keys(data / "intercoms" / "demo.json")
    looking = asyncio.create_task(_look(crew, keys))
    try:
        await _shown(crew, looking)
    finally:
        looking.cancel()


async def _look(crew: Crew, keys: Keys) -> None:
    """Switch on whichever of the demo's devices is bound and is not there. Never returns."""
    wanted = {door.mac: door for door in DOORS if not door.off}
    while True:
        with suppress(Refused, Unavailable, TimeoutError):
            async with calling("smartplus intercoms") as caller:
                for installer in demo_installers():
                    fitter = Fitter(caller, installer, keys)
                    for row in await fitter.devices(demo_doors.MAC_PREFIX):
                        door = wanted.get(row.mac)
                        if door is not None and not (crew.is_there(row.mac) and keys.of(row)):
                            key = await fitter.key(row)
                            crew.switch_on(row.mac, key, door.model, firmware_of(known_models().by_name[door.model]))
        gone = asyncio.create_task(_until_one_is_gone(crew, wanted))
        await asyncio.wait({gone}, timeout=_LOOKED_EVERY_S)
        gone.cancel()


async def _until_one_is_gone(crew: Crew, wanted: dict[str, Any]) -> None:
    await asyncio.sleep(_LOOKED_SOON_S)
    while all(crew.is_there(mac) for mac in wanted):  # noqa: ASYNC110 (they live in this process)
        await asyncio.sleep(_LOOKED_SOON_S)


async def _shown(crew: Crew, *others: asyncio.Task[None]) -> None:
    """Show how the crew is until SIGINT or SIGTERM, then switch it off. Raises what one of `others` raised."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, ended.set)
    showing = asyncio.create_task(_show_live(crew) if sys.stdout.isatty() else _print_changes(crew))
    waiting = asyncio.create_task(ended.wait())
    try:
        done, _ = await asyncio.wait({waiting, showing, *others}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {waiting}:
            task.result()
    finally:
        for task in (waiting, showing):
            task.cancel()
        await asyncio.gather(waiting, showing, return_exceptions=True)
        await crew.switch_off()


async def _show_live(crew: Crew) -> None:
    with Live(get_renderable=lambda: Text(f"{crew.summary()}. Ctrl-C ends it."), refresh_per_second=2):
        await asyncio.Event().wait()


async def _print_changes(crew: Crew) -> None:
    """For a file or a pipe: a line when another number of them is connected."""
    said = ""
    while True:
        connected = crew.summary().partition(",")[0]
        if crew.intercoms and connected != said:
            print(crew.summary(), flush=True)
            said = connected
        await asyncio.sleep(_SAID_EVERY_S)


def _mqtt() -> tuple[str, int]:
    url = urlsplit(read_settings(OperatorSettings).mqtt_url or "")
    if not url.hostname:
        raise MissingDependency("SMARTPLUS_MQTT_URL is not set: it says where devices connect, as mqtt://host:1883")
    return url.hostname, url.port or 1883


async def _installer(caller: Caller, email: str) -> Actor:
    page = await caller.view(ListInstallers(actor=SYSTEM, q=email, per_page=100), InstallerPage)
    for row in page.rows:
        if row.email == email.lower():
            return Actor(
                account_id=row.installer_id,
                role=Role.INSTALLER,
                distributor_id=row.distributor_id,
                installer_id=row.installer_id,
            )
    hint = " Load the demo first (smartplus up --demo), or name one with --installer." if email == SHANGHAI else ""
    raise ServerFailed(f"There is no installer {email}.{hint}")
