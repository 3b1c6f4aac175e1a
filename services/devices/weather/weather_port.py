"""Where the weather comes from: a provider of Open-Meteo's shape, or a stand-in that needs no network.

The provider is told the name of a town, never a street: of an address of several parts the first is kept back, of every
part its numbers. What it answers is judged before it is used; whoever shows it names the provider (CC BY 4.0).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, NamedTuple, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_TIMEOUT_S = 3.0
_ANSWER_BYTES_MAX = 64 * 1024
_TRIES_MAX = 3
_CITY = re.compile(r"(?:[^省]{2,6}省)?([^市]{2,6}市)")
M = TypeVar("M", bound=BaseModel)


class NoAnswer(Exception):
    """The provider did not answer in time, or not what it should."""


class Place(NamedTuple):
    """A tenth of a degree: a town, not a house."""

    latitude: float
    longitude: float


class Conditions(NamedTuple):
    """Degrees Celsius and the code of WMO 4677."""

    celsius: int
    code: int


class WeatherPort(Protocol):
    """Finds places and tells the weather there. Both raise `NoAnswer`."""

    async def find(self, address: str, country: str | None) -> Place | None:
        """Where that address is, as far as the weather goes; None when nobody knows."""
        ...

    async def now(self, place: Place) -> Conditions:
        """The weather at that place."""
        ...


class StandIn:
    """Weather that is made up, the same for everybody who asks at the same place and hour."""

    async def find(self, address: str, country: str | None) -> Place | None:
        seed = hashlib.sha256(address.encode()).digest()
        return Place(round(seed[0] / 4 - 20, 1), float(seed[1] - 128))

    async def now(self, place: Place) -> Conditions:
        at = datetime.now(UTC)
        seed = hashlib.sha256(f"{place}/{at:%Y-%m-%dT%H}".encode()).digest()
        return Conditions(celsius=28 - int(abs(place.latitude)) // 2 + seed[0] % 7, code=(0, 1, 2, 3, 61)[seed[1] % 5])


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _Found(_Answer):
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]


class _Search(_Answer):
    results: tuple[_Found, ...] = ()


class _Current(_Answer):
    temperature_2m: Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
    weather_code: Annotated[int, Field(ge=0, le=99)]


class _Forecast(_Answer):
    current: _Current


@dataclass(frozen=True)
class OpenMeteo:
    """A client of a provider of Open-Meteo's shape. One request at a time, three seconds each, no redirects."""

    url: str
    search_url: str
    key: str = field(default="", repr=False)

    async def find(self, address: str, country: str | None) -> Place | None:
        for name in towns(address):
            asked = {"name": name, "count": "1", "format": "json", **({"countryCode": country} if country else {})}
            found = await self._ask(f"{self.search_url}/v1/search", asked, _Search)
            if found.results:
                return Place(round(found.results[0].latitude, 1), round(found.results[0].longitude, 1))
        return None

    async def now(self, place: Place) -> Conditions:
        asked = {
            "latitude": f"{place.latitude:.1f}",
            "longitude": f"{place.longitude:.1f}",
            "current": "temperature_2m,weather_code",
        }
        current = (await self._ask(f"{self.url}/v1/forecast", asked, _Forecast)).current
        return Conditions(round(current.temperature_2m), current.weather_code)

    async def _ask(self, url: str, asked: dict[str, str], answer: type[M]) -> M:
        import httpx  # here, because it is a tenth of the start of a service that mostly has no provider to ask

        parameters = asked | ({"apikey": self.key} if self.key else {})
        try:
            async with (
                httpx.AsyncClient(timeout=_TIMEOUT_S, follow_redirects=False) as client,
                client.stream("GET", url, params=parameters) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise NoAnswer(f"status {response.status_code}")
                body = bytearray()
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > _ANSWER_BYTES_MAX:
                        raise NoAnswer("more than was asked for")
            return answer.model_validate_json(bytes(body))
        except (httpx.HTTPError, httpx.InvalidURL, ValidationError) as error:
            # Not chained: the error may quote the address.
            raise NoAnswer(type(error).__name__) from None


def port_of(url: str, search_url: str, key: str) -> WeatherPort:
    """The provider at these addresses; without both of them the stand-in."""
    return OpenMeteo(url.rstrip("/"), search_url.rstrip("/"), key) if url and search_url else StandIn()


def towns(address: str) -> list[str]:
    """What in an address may be the name of its town, likeliest first."""
    return list(dict.fromkeys(_towns(address)))[:_TRIES_MAX]


def _towns(address: str) -> Iterator[str]:
    if city := _CITY.match(address.strip()):
        yield city[1]
        return
    parts = re.split(r"[,;\n\u060c\u3001\uff0c]", address)
    for part in parts[1:] or parts:
        name = " ".join(word for word in part.split() if not any(character.isdigit() for character in word))
        if len(name) > 1:
            yield name
