"""The SIP numbers of devices."""

from __future__ import annotations

from contracts.message import Event
from contracts.moments import RecordedMoment


class DeviceSipAllocated(Event):
    """The SIP number belongs to a device."""

    number: str
    device_id: str


class DeviceSipReleased(Event):
    """The number is out of use and stays in quarantine until the given time (R-12)."""

    number: str
    quarantined_until: RecordedMoment
