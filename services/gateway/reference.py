"""What forms choose from (countries, time zones, languages of mails) and what the region tells about itself."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import phonenumbers
from babel import Locale, UnknownLocaleError
from litestar import Controller, Request, Response, get
from litestar.datastructures import State
from litestar.params import QueryParameter
from pydantic import BaseModel

from contracts.accounts.words import MailLanguage
from contracts.zones import UTC_ZONE, former_names, inhabited_zones
from kernel.process.telemetry import VERSION
from services.gateway.settings import GatewaySettings

Language = Annotated[
    str, QueryParameter(max_length=35, pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$", description="BCP 47")
]

# Keys of the console's own texts: what this version is for (G-19).
SCOPE = ("single_family_houses", "single_tenant_residents", "devices", "remote_maintenance")


class Country(BaseModel):
    """A country or region, with the area code that its telephone numbers begin with."""

    code: str
    name: str
    area_code: str


class TimeZone(BaseModel):
    """A time zone as the guide writes it, with its offset now; `former` are names that systems still use for it."""

    id: str
    label: str
    former: list[str] = []


class LanguageName(BaseModel):
    """A language of account mails, by its own name and in the language asked for."""

    code: str
    name: str
    own_name: str


class About(BaseModel):
    """What this is and whom to ask; empty where the region's operator has set nothing.

    So many hours after a Reset or Delete nothing of what it erased is left in copies that the stores make.
    """

    product: str
    version: str
    region: str
    scope: list[str]
    sales_email: str
    support_email: str
    telephone: str
    manuals_url: str
    ticket_url: str
    smart_home_url: str
    payment_notice: str
    erased_within_hours: int


class Server(BaseModel):
    """A region at which one may log in."""

    region: str
    url: str
    current: bool


def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")


@lru_cache(maxsize=32)
def countries(language: str) -> tuple[Country, ...]:
    """Every country that has telephone numbers, by its name in `language` (English for languages unknown here)."""
    locale = _locale(language)
    named = (
        Country(code=code, name=locale.territories.get(code, code), area_code=f"+{prefix}")
        for code in phonenumbers.SUPPORTED_REGIONS
        if (prefix := phonenumbers.country_code_for_region(code))
    )
    return tuple(sorted(named, key=lambda country: country.name.casefold()))


def _label(name: str, offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    city = name.rpartition("/")[2].replace("_", " ")
    return f"GMT{sign}{abs(minutes) // 60}:{abs(minutes) % 60:02d} {city}"


def time_zones(now: datetime) -> list[TimeZone]:
    """The zones in which people live, and UTC, west to east, with their offsets at `now`."""
    zones = {*inhabited_zones(), UTC_ZONE}
    offsets = {name: now.astimezone(ZoneInfo(name)).utcoffset() or timedelta() for name in zones}
    ordered = sorted(offsets, key=lambda name: (offsets[name], name.rpartition("/")[2]))
    return [TimeZone(id=name, label=_label(name, offsets[name]), former=former_names(name)) for name in ordered]


def mail_languages(language: str) -> list[LanguageName]:
    """The twelve languages of account mails, in the guide's order (U-20)."""
    locale = _locale(language)
    return [
        LanguageName(code=each, name=_name(_locale(each), locale), own_name=_name(_locale(each), _locale(each)))
        for each in MailLanguage
    ]


def _name(language: Locale, reader: Locale) -> str:
    # "Simplified Chinese" where the reader's language has such a name, and not "Chinese (Simplified)".
    return reader.languages.get(str(language)) or language.get_display_name(reader) or str(language)


_A_DAY = {"Cache-Control": "public, max-age=86400"}
_AN_HOUR = {"Cache-Control": "public, max-age=3600"}


class ReferenceController(Controller):
    path = "/reference"
    tags = ["reference"]

    @get("/countries", operation_id="ListCountries", sync_to_thread=False, summary="Countries with their area codes")
    def list_countries(self, language: Language = "en") -> Response[list[Country]]:
        return Response(list(countries(str(_locale(language)))), headers=_A_DAY)

    @get("/time-zones", operation_id="ListTimeZones", sync_to_thread=False, summary="Time zones, west to east")
    def list_time_zones(self) -> Response[list[TimeZone]]:
        return Response(time_zones(datetime.now(UTC)), headers=_AN_HOUR)

    @get("/languages", operation_id="ListLanguages", sync_to_thread=False, summary="The languages of account mails")
    def list_languages(self, language: Language = "en") -> Response[list[LanguageName]]:
        return Response(mail_languages(language), headers=_A_DAY)


class RegionController(Controller):
    path = "/"
    tags = ["region"]

    @get("/about", operation_id="GetAbout", sync_to_thread=False, summary="Version, scope and contact")
    def get_about(self, request: Request[Any, Any, State]) -> About:
        settings: GatewaySettings = request.app.state.settings
        shown = settings.model_dump(include=set(About.model_fields))
        return About(product="SmartPlus", version=VERSION, scope=list(SCOPE), **shown)

    @get("/servers", operation_id="ListServers", sync_to_thread=False, summary="The regions at which one may log in")
    def list_servers(self, request: Request[Any, Any, State]) -> list[Server]:
        settings: GatewaySettings = request.app.state.settings
        return [Server(region=settings.region, url=settings.public_url, current=True)]
