"""Virtual intercoms: made by the system's own commands, there in the console, and obedient as real ones must be."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from contracts.devices.cameras import CameraPage, ListCameras
from contracts.devices.commands import DeviceCommandKind
from contracts.devices.homes import CredentialList, ListCredentials
from contracts.devices.intercoms import DevicePage, DeviceRow, ListDevices
from contracts.devices.library import ListMacs, MacPage, MacUse
from contracts.message import Actor
from kernel.service.running import running
from kernel.talking.caller import Caller
from ops import demo_doors, intercoms
from ops.demo import World, demo_installers
from ops.failures import ServerFailed
from ops.intercoms import Crew, Fitter, Intercom, Keys
from ops.processes import spawn_piped
from ops.servers import NatsServer
from services.accounts.__main__ import SERVICE as ACCOUNTS
from services.devices.__main__ import SERVICE as DEVICES
from services.devices.models.model import Gate
from services.devices.models.models import known_models
from services.devices.wire import wire
from tests.devices.conftest import Region, settings_for


@dataclass
class Place:
    """A region and how another process reaches it."""

    region: Region
    environment: dict[str, str]

    @property
    def caller(self) -> Caller:
        return self.region.devices.caller

    def crew(self) -> Crew:
        return Crew("127.0.0.1", self.region.mqtt_port)

    async def devices(self, installer: Actor, mac_prefix: str) -> list[DeviceRow]:
        query = ListDevices(actor=installer, key="mac", q=mac_prefix, per_page=100)
        return list((await self.caller.view(query, DevicePage)).rows)

    async def until_online(self, installer: Actor, mac_prefix: str, holds: Callable[[list[DeviceRow]], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds(await self.devices(installer, mac_prefix)):  # noqa: ASYNC110
                await asyncio.sleep(0.1)


@pytest.fixture(scope="session")
async def place(servers_dir: Path, mongodb_uri: str) -> AsyncIterator[Place]:
    prefix = f"intercoms_{uuid4().hex[:8]}_"
    async with (
        NatsServer(servers_dir / "intercoms") as nats,
        running(ACCOUNTS, settings := settings_for(nats, mongodb_uri, prefix)) as accounts,
        running(DEVICES, settings) as devices,
    ):
        environment = {
            **nats.environment,
            "MONGODB_URI": mongodb_uri,
            "SMARTPLUS_DATABASE_PREFIX": prefix,
            "SMARTPLUS_SECRET": settings.secret or "",
        }
        yield Place(Region(accounts, devices, {}, nats.mqtt_port), environment)


@asynccontextmanager
async def one(place: Place, tmp_path: Path) -> AsyncIterator[Intercom]:
    """A connected intercom that has been configured."""
    fitter = Fitter(place.caller, await place.region.installer(), Keys(tmp_path / "keys.json"))
    (row,) = await fitter.fit(1)
    crew = place.crew()
    crew.switch_on(row.mac, await fitter.key(row), "R29", "29.30.10.17")
    intercom = crew.intercoms[row.mac]
    intercom.tells_of_openings = False
    try:
        await intercom.until(lambda it: bool(it.configuration))
        yield intercom
    finally:
        await crew.switch_off()


async def test_they_are_bound_once_and_found_again_with_their_keys(place: Place, tmp_path: Path) -> None:
    installer = await place.region.installer()
    file = tmp_path / "intercoms" / "keys.json"
    fitter = Fitter(place.caller, installer, Keys(file))
    first = await fitter.fit(3)
    keys = [await fitter.key(row) for row in first]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    again = Fitter(place.caller, installer, Keys(file))
    second = await again.fit(4)
    assert [row.device_id for row in second[:3]] == [row.device_id for row in first]
    assert [await again.key(row) for row in second[:3]] == keys
    assert {row.owner for row in second} == {intercoms.HOUSEHOLD}
    assert all(row.mac.startswith(intercoms.MAC_PREFIX) for row in second)
    kinds = {model.name: model.kind for model in known_models().by_name.values()}
    assert [row.kind for row in second] == [kinds[intercoms.model_of(int(row.mac[-4:], 16)).name] for row in second]


async def test_a_lost_key_is_issued_anew_and_lets_the_intercom_in(place: Place, tmp_path: Path) -> None:
    installer = await place.region.installer()
    fitter = Fitter(place.caller, installer, Keys(tmp_path / "first.json"))
    (row,) = await fitter.fit(1)
    lost = await fitter.key(row)
    found = await Fitter(place.caller, installer, Keys(tmp_path / "second.json")).key(row)
    assert found != lost
    crew = place.crew()
    crew.switch_on(row.mac, found, "R29", "29.30.10.17")
    try:
        await place.until_online(installer, row.mac, lambda rows: rows[0].online and rows[0].model == "R29")
    finally:
        await crew.switch_off()


@pytest.mark.parametrize("folder", ["/dev/null/keys", "/proc"], ids=["cannot be made", "cannot be written"])
def test_a_folder_that_takes_no_keys_is_named_before_any_is_issued(folder: str) -> None:
    with pytest.raises(ServerFailed, match="name another folder with --data"):
        Keys(Path(folder) / "keys.json")


def test_there_is_a_firmware_for_every_model_of_the_table() -> None:
    models = known_models()
    for number, (name, model) in enumerate(models.by_name.items()):
        firmware = intercoms.firmware_of(model, number)
        wire.DeviceState(model=model.name, firmware=firmware, configuration="", boot="1")
        assert models.shows_weather(name, firmware) is bool(model.weather_from)
        assert (models.methods_gate(name, firmware) is Gate.OPEN) is bool(model.methods_from)


async def test_a_command_takes_effect_once_and_a_late_one_never(place: Place, tmp_path: Path) -> None:
    async with one(place, tmp_path) as intercom:

        async def tell(id: str, nonce: str, expires_at: datetime) -> None:
            message = wire.command(DeviceCommandKind.UNLOCK, id, nonce=nonce, expires_at=expires_at, relay=1)
            heard = len(intercom.heard)
            await place.region.devices.client.publish(wire.topic(intercom.mac, "cmd"), message)
            await intercom.until(lambda it: "unlock" in it.heard[heard:])

        id, soon = str(uuid4()), datetime.now(UTC) + timedelta(seconds=60)
        await tell(id, "first", soon)
        await tell(id, "first", soon)
        await tell(str(uuid4()), "first", soon)
        await tell(str(uuid4()), "second", datetime.now(UTC) - timedelta(seconds=1))
        assert [each.by for each in intercom.openings] == [id]
        await tell(other := str(uuid4()), "third", soon)
        assert [each.by for each in intercom.openings] == [id, other]


async def test_one_time_autop_dies_with_a_reset(place: Place, tmp_path: Path) -> None:
    async with one(place, tmp_path) as intercom:
        lines = ("Config.Settings.WEB_LOGIN.Timeout = 600",)
        soon = datetime.now(UTC) + timedelta(seconds=60)

        async def tell(kind: DeviceCommandKind, nonce: str) -> None:
            message = wire.command(kind, str(uuid4()), nonce=nonce, expires_at=soon, lines=lines)
            await place.region.devices.client.publish(wire.topic(intercom.mac, "cmd"), message)

        await tell(DeviceCommandKind.ONE_TIME_AUTOP, "autop")
        await intercom.until(lambda it: it.settings.get("Config.Settings.WEB_LOGIN.Timeout") == "600")
        boots = len(intercom.boots)
        await tell(DeviceCommandKind.CONFIGURATION_RESET, "reset")
        await intercom.until(lambda it: len(it.boots) > boots and bool(it.configuration))
        assert "Config.Settings.WEB_LOGIN.Timeout" not in intercom.settings


async def test_the_command_runs_them_until_ctrl_c(place: Place, tmp_path: Path) -> None:
    installer = await place.region.installer()
    email = f"{installer.account_id[:8]}@bright.example.org"
    process, output = await spawn_piped(
        [sys.executable, "-m", "ops", "intercoms", "--count", "3", "--installer", email, "--data", str(tmp_path)],
        {**os.environ, **place.environment},
    )
    try:
        async with asyncio.timeout(90):
            said = b""
            while b"3 of 3 connected" not in said:
                line = await output.readline()
                said += line
                assert line, said.decode()
        await place.until_online(installer, intercoms.MAC_PREFIX, lambda rows: all(row.online for row in rows))
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    await place.until_online(installer, intercoms.MAC_PREFIX, lambda rows: not any(row.online for row in rows))


async def test_an_installer_who_does_not_exist_is_named(place: Place, tmp_path: Path) -> None:
    process, output = await spawn_piped(
        [sys.executable, "-m", "ops", "intercoms", "--installer", "nobody@example.org", "--data", str(tmp_path)],
        {**os.environ, **place.environment},
    )
    said = (await output.read()).decode()
    assert await process.wait() == 1
    assert "There is no installer nobody@example.org." in said


@pytest.mark.timeout(300)
async def test_the_demo_has_doors_that_are_told_once_and_come_alive_again_after_a_reset(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    world = World(place.caller)
    await world.tell()
    assert not await world.doors_are_told()
    await world.tell_doors()
    shanghai, *_ = installers = demo_installers()
    (door, *_) = demo_doors.DOORS
    alive = {each.mac for each in demo_doors.DOORS if not each.off}

    looking = asyncio.create_task(intercoms._look(crew := place.crew(), Keys(tmp_path / "demo.json")))
    try:
        await _until_alive(place, installers, alive)
        assert await world.doors_are_told()
        mine = [each for each in await place.devices(shanghai, demo_doors.MAC_PREFIX) if each.mac == door.mac]
        assert [(each.name, each.model) for each in mine] == [(door.name, door.model)]
        household = mine[0].user_id
        cameras = await place.caller.view(ListCameras(actor=shanghai, user_id=household), CameraPage)
        assert sorted(row.linked_device_id or "" for row in cameras.rows) == ["", mine[0].device_id]
        passes = await place.caller.view(ListCredentials(actor=shanghai, user_id=household), CredentialList)
        assert len(passes.rows) == 2
        free = await place.caller.view(ListMacs(actor=shanghai, use=MacUse.UNBOUND, per_page=100), MacPage)
        assert {row.mac for row in free.rows} >= set(demo_doors.UNBOUND[door.installer])
        devices = await place.devices(shanghai, demo_doors.MAC_PREFIX)
        await World(place.caller).tell_doors()
        again = await place.devices(shanghai, demo_doors.MAC_PREFIX)
        assert {row.device_id for row in again} == {row.device_id for row in devices}

        turned = World(place.caller, "again ")
        await turned.clear()
        await turned.tell()
        await turned.tell_doors()
        await _until_alive(place, installers, alive)
        assert not {row.device_id for row in devices} & {
            row.device_id for row in await place.devices(shanghai, demo_doors.MAC_PREFIX)
        }
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await crew.switch_off()


async def _until_alive(place: Place, installers: tuple[Actor, ...], macs: set[str]) -> None:
    async with asyncio.timeout(90):
        while True:
            rows = [row for each in installers for row in await place.devices(each, demo_doors.MAC_PREFIX)]
            if {row.mac for row in rows if row.online and row.model} == macs:
                return
            await asyncio.sleep(0.2)
