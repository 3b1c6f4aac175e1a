"""The weather at a home, as its monitors were last told it: told again only when it changed, or to a new connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.devices.weather import IssueWeather, WeatherIssued
from kernel.deciding.decider import Aggregate, Decision, Neighbours, Outcome, Ref

Told = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Weather:
    """What each device shows: degrees Celsius and the code of WMO 4677."""

    told: Mapping[str, Told] = field(default_factory=dict)


def evolve(weather: Weather, event: WeatherIssued) -> Weather:
    return Weather({**weather.told, event.device_id: (event.celsius, event.code)})


def issue(command: IssueWeather, weather: Weather, _: Neighbours) -> Outcome:
    if command.celsius is None or command.code is None or command.installer_id is None:
        return []
    now = (command.celsius, command.code)
    return [
        WeatherIssued(
            device_id=device_id,
            user_id=command.user_id,
            installer_id=command.installer_id,
            celsius=command.celsius,
            code=command.code,
        )
        for device_id in command.device_ids
        if device_id == command.device_id or weather.told.get(device_id) != now
    ]


def ref(user_id: str) -> Ref:
    """The weather at that household's home."""
    return Ref("weather", user_id)


WEATHER: Aggregate[Weather] = Aggregate(
    name="weather",
    initial=Weather(),
    evolve=evolve,
    events=(WeatherIssued,),
    decisions={IssueWeather: Decision("user_id", issue)},
)
