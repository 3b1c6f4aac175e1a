"""Time zones by the names that the IANA database uses today.

Names change (Europe/Kiev is Europe/Kyiv); browsers, systems and stored data go on with the former ones for years.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator

UTC_ZONE = "UTC"
_SAME_AS_UTC = frozenset({"Etc/UTC", "Etc/GMT"})
_NO_ZONES = frozenset({"Factory", "localtime", "posixrules"})


def is_zone(name: str) -> bool:
    """Whether there is a time zone of this name, be it a former one."""
    return name in _all()


def present_zone(name: str) -> str:
    """The present name of a time zone; what is none comes back as it is. All names of UTC are `UTC`."""
    inhabited, links = _tables()
    while name not in inhabited and name in links:
        name = links[name]
    return UTC_ZONE if name in _SAME_AS_UTC else name


def inhabited_zones() -> frozenset[str]:
    """The zones in which people live, by their present names."""
    return frozenset(_tables()[0])


def former_names(zone: str) -> list[str]:
    """Other names that systems still use for this zone."""
    return _former().get(zone, [])


def country_of(zone: str) -> str | None:
    """The country in which that time zone lies, also by a former name; None for one that lies in no country."""
    return _tables()[0].get(present_zone(zone))


ZoneName = Annotated[str, AfterValidator(present_zone)]
"""A time zone as it is shown: by its present name, however old what was stored is."""


@cache
def _former() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(_all()):
        if (present := present_zone(name)) != name:
            found.setdefault(present, []).append(name)
    return found


@cache
def _all() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_ZONES


@cache
def _tables() -> tuple[dict[str, str], dict[str, str]]:
    tables = files("tzdata") / "zoneinfo"
    rows = (line.split("\t") for line in (tables / "zone.tab").read_text("utf-8").splitlines())
    inhabited = {row[2]: row[0] for row in rows if len(row) >= 3 and not row[0].startswith("#")}
    words = (line.split() for line in (tables / "tzdata.zi").read_text("utf-8").splitlines() if line.startswith("L "))
    return inhabited, {former: present for _, present, former in words}
