"""Time zones by their IANA name."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from zoneinfo import available_timezones

from services.accounts.refusing import refused

_NAMES = frozenset(available_timezones()) - {"Factory", "localtime", "posixrules"}


def known_zone(name: str | None) -> str | None:
    """The name itself, `None` for none. Refuses (`time-zone-invalid`) any other."""
    if not name:
        return None
    if name not in _NAMES:
        raise refused("time-zone-invalid", "time_zone")
    return name


def country_of(zone: str) -> str | None:
    """The country in which that time zone lies, also by a former name; None for one that lies in no country."""
    return _countries().get(zone)


@cache
def _countries() -> dict[str, str]:
    tables = files("tzdata") / "zoneinfo"
    rows = (line.split("\t") for line in (tables / "zone.tab").read_text("utf-8").splitlines())
    found = {row[2]: row[0] for row in rows if len(row) >= 3 and not row[0].startswith("#")}
    links = (line.split() for line in (tables / "tzdata.zi").read_text("utf-8").splitlines() if line.startswith("L "))
    return {**{former: found[present] for _, present, former in links if present in found}, **found}
