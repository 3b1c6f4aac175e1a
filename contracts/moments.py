"""Moments in time: what is taken of people and programs, and what every log and every database can hold.

A moment lies between 1970 and 2200, in UTC. Outside of that calendars and clocks are at fault: an empty clock reads as
year 1, BSON and timers end where the years get long, and an offset can lead out of what a calendar has.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime
from pydantic_core import PydanticCustomError

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(2199, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def in_utc(moment: datetime) -> datetime | None:
    """The same moment in UTC; None when it is before 1970, from 2200 on, or in no calendar at all.

    What has no zone is taken as UTC.
    """
    try:
        there = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return there if FIRST <= there <= LAST else None


def clamped(moment: datetime) -> datetime:
    """The nearest moment, in UTC, that everything here can hold."""
    if (there := in_utc(moment)) is not None:
        return there
    return FIRST if moment.year < FIRST.year + 1 else LAST


def _taken(moment: datetime) -> datetime:
    if (there := in_utc(moment)) is None:
        raise PydanticCustomError("moment-out-of-range", "This is not a time between the years 1970 and 2200.")
    return there


Moment = Annotated[AwareDatetime, AfterValidator(_taken)]
"""A moment that somebody gives: refused when it lies outside."""

RecordedMoment = Annotated[datetime, AfterValidator(clamped)]
"""A moment in an event or an answer: what stands in a log, whatever it says, never keeps it from being read."""
