"""The weather reaches the monitors that show it, and the provider is asked once for a place and half an hour."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from contracts.devices.configuration import NoteDeviceReport
from contracts.devices.intercoms import DeviceKind
from contracts.devices.presence import NoteDeviceOffline, NoteDeviceOnline
from contracts.devices.weather import IssueWeather, WeatherIssued
from contracts.message import Actor
from contracts.permissions import SYSTEM
from kernel.deciding.spec import Spec
from kernel.reacting.timers import Due, timer_id
from kernel.service.running import running
from ops.processes import free_port
from ops.servers import LOOPBACK, NatsServer
from services.accounts.__main__ import SERVICE as ACCOUNTS
from services.devices.__main__ import SERVICE as DEVICES
from services.devices.weather import reactions as issuing
from services.devices.weather import weather
from services.devices.weather.reactions import EVERY, WEATHER_TIMER, Forecasts, half_an_hour_is_over
from services.devices.weather.weather import WEATHER
from services.devices.weather.weather_port import NoAnswer, OpenMeteo, Place, StandIn, WeatherPort, port_of, towns
from tests.devices.conftest import Region, settings_for
from tests.devices.homes.test_sagas import facts, soon
from tests.devices.world import DEVICE, HERE, INSTALLER, MONITOR, NOW, USER, ask, changed

SHANGHAI = {"results": [{"name": "Shanghai", "latitude": 31.2222, "longitude": 121.4581, "country_code": "CN"}]}
SUNNY = {"current": {"time": "2026-03-26T16:15", "temperature_2m": 18.4, "weather_code": 1}}


@dataclass
class Provider:
    """A provider of Open-Meteo's shape: it answers what it is told to, and writes down the questions."""

    url: str
    answers: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, list[str]]]] = field(default_factory=list)
    head: bytes = b"HTTP/1.1 200 OK"
    silent: bool = False

    def tells(self, search: object = SHANGHAI, forecast: object = SUNNY) -> None:
        told = {"/v1/search": search, "/v1/forecast": forecast}
        self.answers = {
            path: each if isinstance(each, bytes) else json.dumps(each).encode() for path, each in told.items()
        }

    @property
    def port(self) -> OpenMeteo:
        return OpenMeteo(self.url, self.url)

    def times_asked(self, path: str) -> int:
        return sum(each == path for each, _ in self.asked)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
        path = urlsplit(line).path
        self.asked.append((path, parse_qs(urlsplit(line).query)))
        if self.silent:
            await reader.read()
        else:
            body = self.answers.get(path, b"{}")
            writer.write(self.head + b"\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body)
        writer.close()


@asynccontextmanager
async def a_provider() -> AsyncIterator[Provider]:
    port = free_port()
    made = Provider(f"http://{LOOPBACK}:{port}")
    made.tells()
    server = await asyncio.start_server(made.answer, LOOPBACK, port)
    async with server:
        yield made


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with a_provider() as made:
        yield made


# --- The provider -----------------------------------------------------------------------------------------------------


@pytest.mark.row("U-14", "R-51")
async def test_the_provider_is_asked_for_a_town_and_its_weather(provider: Provider) -> None:
    place = await provider.port.find("100 Century Avenue, Shanghai", "CN")
    assert place == Place(31.2, 121.5)
    assert await provider.port.now(place) == (18, 1)
    assert provider.asked == [
        ("/v1/search", {"name": ["Shanghai"], "count": ["1"], "format": ["json"], "countryCode": ["CN"]}),
        (
            "/v1/forecast",
            {"latitude": ["31.2"], "longitude": ["121.5"], "current": ["temperature_2m,weather_code"]},
        ),
    ]


async def test_a_provider_that_knows_its_customers_is_told_the_key(provider: Provider) -> None:
    port = port_of(provider.url + "/", provider.url, "k3y")
    assert isinstance(port, OpenMeteo)
    await port.now(Place(1.0, 2.0))
    assert provider.asked[0][1]["apikey"] == ["k3y"]
    assert "k3y" not in repr(port)


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("100 Century Avenue, Shanghai", ["Shanghai"]),
        ("12 Elm Street, Springfield, IL 62704, USA", ["Springfield", "IL", "USA"]),
        ("Unter den Linden 77, 10117 Berlin", ["Berlin"]),
        ("上海市浦东新区世纪大道100号", ["上海市"]),
        ("广东省深圳市南山区1号", ["深圳市"]),
        ("خیابان ولیعصر ۱۲، تهران", ["تهران"]),
        ("Villa Rosa", ["Villa Rosa"]),
        ("12345", []),
    ],
)
def test_streets_and_numbers_stay_here_where_an_address_has_more(address: str, asked: list[str]) -> None:
    assert towns(address) == asked


async def test_a_place_that_nobody_knows_is_none(provider: Provider) -> None:
    provider.tells(search={})
    assert await provider.port.find("1 Nowhere, Nulltown, Voidland", None) is None
    assert [asked["name"] for _, asked in provider.asked] == [["Nulltown"], ["Voidland"]]


HOSTILE: list[Any] = [
    b"",
    b"{not json",
    b"null",
    b"[]",
    b'{"current": null}',
    {"current": {"temperature_2m": "<script>", "weather_code": 1}},
    {"current": {"temperature_2m": 1e308, "weather_code": 1}},
    {"current": {"temperature_2m": 18, "weather_code": 100}},
    {"current": {"temperature_2m": 18, "weather_code": -1}},
    {"current": {"temperature_2m": 18}},
    b'{"current": {"temperature_2m": NaN, "weather_code": 1}}',
    b'{"current": {"temperature_2m": Infinity, "weather_code": 1}}',
    b'{"current": ' * 5000,
    b" " * 100_000 + json.dumps(SUNNY).encode(),
    b"\xff\xfe",
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
async def test_a_hostile_answer_is_none(provider: Provider, hostile: Any) -> None:
    provider.tells(search=hostile, forecast=hostile)
    with pytest.raises(NoAnswer) as silence:
        await provider.port.now(Place(1.0, 2.0))
    assert "script" not in str(silence.value)


@pytest.mark.parametrize("latitude", [91, -91, "NaN", None, "1' OR 1=1"])
async def test_a_place_that_cannot_be_is_no_answer(provider: Provider, latitude: Any) -> None:
    provider.tells(search={"results": [{"latitude": latitude, "longitude": 2.0}]})
    with pytest.raises(NoAnswer):
        await provider.port.find("1 Elm Street, Springfield", None)


@pytest.mark.parametrize("status", [b"301 Moved\r\nlocation: http://192.0.2.1/", b"500 Oops", b"404 Not Found"])
async def test_a_redirect_is_not_followed_and_an_error_is_no_answer(provider: Provider, status: bytes) -> None:
    provider.head = b"HTTP/1.1 " + status
    with pytest.raises(NoAnswer):
        await provider.port.now(Place(1.0, 2.0))
    assert len(provider.asked) == 1


async def test_a_provider_that_is_away_is_no_answer() -> None:
    nobody = f"http://{LOOPBACK}:{free_port()}"
    with pytest.raises(NoAnswer):
        await OpenMeteo(nobody, nobody).now(Place(1.0, 2.0))


@pytest.mark.row("R-51")
async def test_without_a_provider_there_is_weather_all_the_same() -> None:
    port: WeatherPort = port_of("", "", "")
    assert isinstance(port, StandIn)
    place = await port.find("Elm Street 7", None)
    assert place is not None
    told = await port.now(place)
    assert -60 <= told.celsius <= 60
    assert 0 <= told.code <= 99


# --- Deciding ---------------------------------------------------------------------------------------------------------

here = Spec(WEATHER)
issue = ask(
    IssueWeather, SYSTEM, user_id=USER, installer_id=INSTALLER, device_ids=(DEVICE, MONITOR), celsius=18, code=1
)


def issued(device_id: str, celsius: int = 18, code: int = 1) -> WeatherIssued:
    return WeatherIssued(device_id=device_id, **HERE, celsius=celsius, code=code)


def test_weather_is_told_where_it_changed() -> None:
    here.given().when(issue).then(issued(DEVICE), issued(MONITOR))
    here.given().when(issue).again().then()
    here.given(issued(DEVICE), issued(MONITOR, 17)).when(issue).then(issued(MONITOR))


def test_a_monitor_that_connected_is_told_also_what_did_not_change() -> None:
    new = changed(issue, device_id=MONITOR, device_ids=(MONITOR,))
    here.given(issued(MONITOR)).when(new).then(issued(MONITOR))


def test_without_monitors_or_an_answer_nothing_is_told() -> None:
    here.given().when(changed(issue, device_ids=())).then()
    here.given().when(changed(issue, celsius=None, code=None)).then()


# --- The service ------------------------------------------------------------------------------------------------------


@dataclass
class Town:
    """A region whose provider is the local one."""

    region: Region
    provider: Provider

    async def monitor(self, who: Actor, user_id: str, model: str, firmware: str) -> str:
        device_id, _ = await self.region.device(who, user_id, kind=DeviceKind.INDOOR_MONITOR, name="Hall")
        await self.region.tell(NoteDeviceReport, SYSTEM, device_id=device_id, model=model, firmware=firmware)
        return device_id

    async def connects(self, device_id: str) -> None:
        await self.region.tell(NoteDeviceOnline, SYSTEM, device_id=device_id, connection=uuid4().hex)

    async def told(self, user_id: str) -> list[tuple[str, int, int]]:
        events = [each.event for each in await facts(self.region, weather.ref(user_id))]
        return [(each.device_id, each.celsius, each.code) for each in events if isinstance(each, WeatherIssued)]

    async def until_told(self, user_id: str, times: int) -> list[tuple[str, int, int]]:
        async def enough() -> bool:
            return len(await self.told(user_id)) >= times

        await soon(enough)
        return await self.told(user_id)


@pytest.fixture(scope="module")
async def town(servers_dir: Path, mongodb_uri: str) -> AsyncIterator[Town]:
    prefix = f"weather_{uuid4().hex[:8]}_"
    async with a_provider() as provider, NatsServer(servers_dir / "weather") as nats:
        settings = settings_for(nats, mongodb_uri, prefix)
        prepare: dict[Any, Any] = {**DEVICES.prepare, IssueWeather: Forecasts(lambda _: provider.port).prepare}
        async with (
            running(ACCOUNTS, settings) as accounts,
            running(replace(DEVICES, prepare=prepare), settings) as devices,
        ):
            yield Town(Region(accounts, devices, {}), provider)


SHOWS, SHOWS_NOT = ("C319", "119.30.10.203"), ("C319", "119.30.10.202")


@pytest.mark.row("U-13", "U-14", "U-15", "G-11")
async def test_a_monitor_that_shows_it_is_told_the_weather_when_it_connects(town: Town) -> None:
    who = await town.region.installer()
    user_id = await town.region.user(who)
    shows = await town.monitor(who, user_id, *SHOWS)
    old = await town.monitor(who, user_id, *SHOWS_NOT)
    other = await town.monitor(who, user_id, "X933", "933.30.10.203")
    for device_id in (old, other, shows):
        await town.connects(device_id)
    assert await town.until_told(user_id, 1) == [(shows, 18, 1)]
    await town.connects(shows)
    assert await town.until_told(user_id, 2) == [(shows, 18, 1)] * 2
    assert town.provider.times_asked("/v1/forecast") == 1


async def test_one_place_is_asked_once_in_half_an_hour_by_whomever(town: Town, provider: Provider) -> None:
    tools, now = town.region.devices, datetime.now(UTC)
    one, other = Forecasts(lambda _: provider.port), Forecasts(lambda _: provider.port)
    address = f"{uuid4().hex} Street, Shanghai"
    provider.tells(search={"results": [{"latitude": 10.0, "longitude": now.microsecond / 10_000}]})
    asked = [each.at(address, "CN", tools, now) for each in (one, one, one)]
    assert set(await asyncio.gather(*asked)) == {(18, 1)}
    assert await other.at(address, "CN", tools, now + EVERY - timedelta(seconds=1)) == (18, 1)
    assert await other.at(f"9 {address}", "CN", tools, now) == (18, 1)
    assert (provider.times_asked("/v1/search"), provider.times_asked("/v1/forecast")) == (2, 1)
    provider.tells(forecast={"current": {"temperature_2m": -0.5, "weather_code": 71}})
    assert await other.at(address, "CN", tools, now + EVERY) == (0, 71)
    assert (provider.times_asked("/v1/search"), provider.times_asked("/v1/forecast")) == (2, 2)


async def test_a_provider_in_trouble_is_not_asked_more_often_and_old_weather_ends(
    town: Town, provider: Provider
) -> None:
    tools, now = town.region.devices, datetime.now(UTC)
    forecasts = Forecasts(lambda _: provider.port)
    address = f"1 Elm Street, {uuid4().hex}, Voidland"
    provider.tells(search={"results": [{"latitude": -10.0, "longitude": now.microsecond / 10_000}]})
    assert await forecasts.at(address, None, tools, now) == (18, 1)
    provider.head = b"HTTP/1.1 503 Busy"
    for minutes in range(5, 200, 10):
        told = await forecasts.at(address, None, tools, now + timedelta(minutes=minutes))
        assert told == ((18, 1) if minutes < 180 else None)
    assert provider.times_asked("/v1/forecast") == 1 + 6
    provider.head = b"HTTP/1.1 200 OK"
    assert await forecasts.at(address, None, tools, now + timedelta(minutes=240)) == (18, 1)


async def test_a_provider_that_hangs_holds_nothing_up_for_long(
    town: Town, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "_PATIENCE_S", 0.2)
    provider.silent = True
    address = f"1 Elm Street, {uuid4().hex}"
    async with asyncio.timeout(5):
        assert (
            await Forecasts(lambda _: provider.port).at(address, None, town.region.devices, datetime.now(UTC)) is None
        )


@pytest.mark.row("U-14")
async def test_when_half_an_hour_is_over_monitors_are_told_what_changed(town: Town) -> None:
    who = await town.region.installer()
    user_id = await town.region.user(who, address="1 High Street, Reading")
    town.provider.tells(search={"results": [{"latitude": 51.4, "longitude": -1.0}]})
    shows = await town.monitor(who, user_id, *SHOWS)
    await town.connects(shows)
    assert await town.until_told(user_id, 1) == [(shows, 18, 1)]

    def over(minutes: int) -> IssueWeather:
        at = NOW + timedelta(minutes=minutes)
        owner = f"home.{user_id}"
        return half_an_hour_is_over(Due(timer_id("devices", owner, WEATHER_TIMER, at), owner, WEATHER_TIMER, at, b""))

    await town.region.devices.caller.command(over(30))
    assert await town.told(user_id) == [(shows, 18, 1)]
    await town.region.devices.database["weather_places"].update_one(
        {"_id": "place.51.4.-1.0"}, {"$set": {"celsius": 5, "code": 61}}
    )
    wish = over(60)
    await town.region.devices.caller.command(wish)
    await town.region.devices.caller.command(wish)
    assert await town.told(user_id) == [(shows, 18, 1), (shows, 5, 61)]

    await town.region.tell(NoteDeviceOffline, SYSTEM, device_id=shows, reason="closed")
    await town.region.devices.database["weather_places"].update_one(
        {"_id": "place.51.4.-1.0"}, {"$set": {"celsius": 9}}
    )
    await town.region.devices.caller.command(over(90))
    assert len(await town.told(user_id)) == 2


async def test_no_address_stands_where_the_weather_is_kept(town: Town) -> None:
    who = await town.region.installer()
    word = "Canaryville"
    user_id = await town.region.user(who, address=f"1 {word} Street, {word}")
    town.provider.tells(search={"results": [{"latitude": 1.0, "longitude": 1.0}]})
    shows = await town.monitor(who, user_id, *SHOWS)
    await town.connects(shows)
    await town.until_told(user_id, 1)
    kept = [each async for each in town.region.devices.database["weather_places"].find({})]
    assert kept
    assert word not in repr(kept)


def test_each_home_has_a_minute_of_its_own_and_keeps_it() -> None:
    minute = issuing._next(USER, NOW)
    assert NOW < minute <= NOW + EVERY
    assert issuing._next(USER, minute - timedelta(seconds=1)) == minute
    assert issuing._next(USER, minute) == minute + EVERY
    assert issuing._next(MONITOR, NOW) != minute


def test_a_service_starts_without_the_client_that_asks_a_provider() -> None:
    looked = "import sys, services.devices.__main__; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", looked], check=False).returncode == 0
