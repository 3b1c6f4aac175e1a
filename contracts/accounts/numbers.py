"""The SIP numbers of households and their people."""

from __future__ import annotations

from contracts.message import Event
from contracts.moments import RecordedMoment


class SipNumberAllocated(Event):
    """A SIP number belongs to a household or one of its people."""

    number: str
    household_id: str


class SipNumberReleased(Event):
    """The number is out of use and stays in quarantine until the given time (R-12)."""

    number: str
    quarantined_until: RecordedMoment
