"""Time zones by their IANA name."""

from __future__ import annotations

from contracts.refusals import refused
from contracts.zones import is_zone, present_zone


def known_zone(name: str | None) -> str | None:
    """The zone's present name, `None` for none. Refuses (`time-zone-invalid`) what is no zone's name."""
    if not name:
        return None
    if not is_zone(name):
        raise refused("time-zone-invalid", "time_zone")
    return present_zone(name)
