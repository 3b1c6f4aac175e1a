"""Show the weather on the monitors of a home that can show it (U-13..U-15): when one connects, then each half hour.

Nobody is asked for what no connected monitor shows. The rule it protects: for one place the provider is asked once in
half an hour at most, whatever it answered, by however many processes; and whether it answers stops nothing here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid5
from weakref import WeakValueDictionary

import structlog

from contracts.accounts.households import GetUser, UserDetail
from contracts.devices.configuration import DeviceReported
from contracts.devices.presence import DeviceWentOnline
from contracts.devices.weather import IssueWeather
from contracts.message import Command, Recorded, Refused
from contracts.permissions import SYSTEM
from kernel.keeping.mongo import Database
from kernel.log.promise import Unavailable
from kernel.reacting.reaction import Context, Reaction
from kernel.reacting.timers import Due
from kernel.reading.readmodel import Row
from kernel.service.declaration import Tools
from services.devices.homes import home
from services.devices.homes.home import Home
from services.devices.intercoms import device
from services.devices.link import presence
from services.devices.models.model import Models
from services.devices.settings import DevicesSettings, settings_of
from services.devices.weather.weather_port import Conditions, NoAnswer, Place, WeatherPort, port_of

WEATHER_TIMER = "weather"
EVERY = timedelta(minutes=30)
STALE = timedelta(hours=3)
LOOKED_UP_FOR = timedelta(days=30)
_PATIENCE_S = 5.0
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = {"asked_at": _LONG_AGO, "heard_at": _LONG_AGO}
_log = structlog.get_logger()


async def monitor_connected(recorded: Recorded, context: Context) -> Iterable[Command]:
    """Of a device's connections only the newest matters: the log may be read again from its beginning."""
    event = recorded.event
    assert isinstance(event, DeviceWentOnline | DeviceReported)
    connected, _ = await context.load(presence.ref(event.device_id))
    models: Models = context.tables
    is_old = isinstance(event, DeviceWentOnline) and event.connection != connected.connection
    monitor, _ = await context.load(device.ref(event.device_id))
    if is_old or not connected.online or monitor.absent or not models.shows_weather(monitor.model, monitor.firmware):
        return ()
    return (IssueWeather(**context.stamp(), user_id=monitor.user_id, device_id=event.device_id),)


def half_an_hour_is_over(due: Due) -> IssueWeather:
    """What to do when that time has come."""
    user_id = due.owner.removeprefix("home.")
    return IssueWeather(command_id=uuid5(due.id, WEATHER_TIMER), at=due.at, actor=SYSTEM, user_id=user_id)


ISSUE_WEATHER = Reaction(
    name="issue_weather_to_monitors",
    follows="devices",
    on={DeviceWentOnline: monitor_connected, DeviceReported: monitor_connected},
)


def provider_in(settings: DevicesSettings) -> WeatherPort:
    """Whom these settings say to ask."""
    return port_of(settings.weather_url, settings.weather_search_url, settings.weather_key)


@dataclass(frozen=True)
class Forecasts:
    """The weather at places, asked for as seldom as promised. What is known is kept in the service's database.

    `provider` says whom to ask, by the settings.
    """

    provider: Callable[[DevicesSettings], WeatherPort]
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def prepare(self, command: IssueWeather, tools: Tools) -> IssueWeather:
        """Say which monitors show what; none when none is connected, or when nobody knows the weather."""
        lived_in, _ = await tools.load(home.ref(command.user_id))
        showing = await _showing(lived_in, tools)
        if not showing:
            return command
        now = datetime.now(UTC)
        await tools.timers.set(f"home.{command.user_id}", WEATHER_TIMER, _next(command.user_id, now))
        try:
            query = GetUser(actor=SYSTEM, user_id=command.user_id)
            household = await tools.caller.view(query, UserDetail)
        except (Refused, Unavailable):
            return command
        conditions = await self.at(household.address, household.country, tools, now)
        if conditions is None:
            return command
        wanted = [command.device_id] if command.device_id in showing else showing if command.device_id is None else []
        return command.model_copy(
            update={
                "installer_id": household.installer_id,
                "device_ids": tuple(wanted),
                "celsius": conditions.celsius,
                "code": conditions.code,
            }
        )

    async def at(self, address: str, country: str | None, tools: Tools, now: datetime) -> Conditions | None:
        """The weather at an address: newly asked, or what was heard in the last three hours."""
        # The address itself is kept nowhere.
        address_key = f"address.{tools.secrets.hashed('place', f'{country}/{address}')}"
        port = self.provider(settings_of(tools))
        find = partial(_find, port, address, country)
        found = await self._known(address_key, LOOKED_UP_FOR, find, tools.database, now)
        if "latitude" not in found:
            return None
        place = Place(found["latitude"], found["longitude"])
        place_key = f"place.{place.latitude:.1f}.{place.longitude:.1f}"
        heard = await self._known(place_key, EVERY, partial(_now, port, place), tools.database, now)
        if "code" not in heard or heard["heard_at"] < now - STALE:
            return None
        return Conditions(heard["celsius"], heard["code"])

    async def _known(
        self, name: str, good_for: timedelta, ask: Callable[[], Awaitable[Row]], database: Database, now: datetime
    ) -> Row:
        """What is known under that name, asked for anew by whoever finds first that it is that old.

        A question without an answer is repeated after half an hour.
        """
        turn = self._turns.get(name)
        if turn is None:
            turn = self._turns[name] = asyncio.Lock()
        collection = database["weather_places"]
        async with turn:
            await collection.update_one({"_id": name}, {"$setOnInsert": _NEVER}, upsert=True)
            due = {"_id": name, "asked_at": {"$lte": now - EVERY}, "heard_at": {"$lte": now - good_for}}
            claimed = await collection.update_one(due, {"$set": {"asked_at": now}})
            if claimed.modified_count:
                try:
                    async with asyncio.timeout(_PATIENCE_S):
                        heard = await ask()
                except (NoAnswer, TimeoutError) as silence:
                    _log.warning("no weather", reason=str(silence) or "no answer in time")
                else:
                    await collection.update_one({"_id": name}, {"$set": {**heard, "heard_at": now}})
            return await collection.find_one({"_id": name}) or {}


async def _find(port: WeatherPort, address: str, country: str | None) -> Row:
    place = await port.find(address, country)
    return place._asdict() if place else {}


async def _now(port: WeatherPort, place: Place) -> Row:
    return (await port.now(place))._asdict()


async def _showing(lived_in: Home, tools: Tools) -> list[str]:
    """The home's devices that are connected and show the weather."""
    models: Models = tools.tables
    showing = []
    for device_id in lived_in.devices:
        monitor, _ = await tools.load(device.ref(device_id))
        if not monitor.absent and models.shows_weather(monitor.model, monitor.firmware):
            connected, _ = await tools.load(presence.ref(device_id))
            if connected.online:
                showing.append(device_id)
    return showing


def _next(user_id: str, now: datetime) -> datetime:
    """The home's next minute of every half hour: always the same two an hour, and each home's its own."""
    offset = timedelta(seconds=int.from_bytes(user_id.encode()[-4:]) % int(EVERY.total_seconds()))
    since = (now - _LONG_AGO - offset) % EVERY
    return now - since + EVERY
