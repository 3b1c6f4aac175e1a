"""Time zones by their IANA name."""

from __future__ import annotations

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
