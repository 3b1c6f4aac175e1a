"""A SIP number: it belongs to one household at a time and rests for 90 days before it belongs to another (R-12).

Families have `59` and eight digits; persons have `3` and nine, which is also their UID.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from contracts.accounts.numbers import SipNumberAllocated, SipNumberReleased
from contracts.refusals import refused
from contracts.words import SIP_QUARANTINE_DAYS
from kernel.deciding.decider import Aggregate, Elsewhere, Neighbours

SipEvent = SipNumberAllocated | SipNumberReleased

# With a million families a candidate is taken once in a hundred times, all three once in a million.
_CANDIDATES = 3


@dataclass(frozen=True, slots=True)
class Sip:
    """Whose the number is, and from when it may be another's."""

    household_id: str | None = None
    free_at: datetime | None = None

    def is_free(self, at: datetime) -> bool:
        return self.household_id is None and (self.free_at is None or self.free_at <= at)


def evolve(sip: Sip, event: SipEvent) -> Sip:
    match event:
        case SipNumberAllocated():
            return Sip(household_id=event.household_id)
        case SipNumberReleased():
            return Sip(free_at=event.quarantined_until)
        case _:
            assert_never(event)


def family_candidates(household_id: str) -> tuple[str, ...]:
    return _candidates("59", 8, household_id)


def personal_candidates(account_id: str) -> tuple[str, ...]:
    return _candidates("3", 9, account_id)


def first_free(candidates: Iterable[str], at: datetime, numbers: Neighbours) -> str:
    """Refuses (`sip-exhausted`) when all are taken or resting."""
    for number in candidates:
        if numbers[SIP.ref(number)].is_free(at):
            return number
    raise refused("sip-exhausted")


def allocate(number: str, household_id: str) -> Elsewhere:
    return Elsewhere(SIP.ref(number), SipNumberAllocated(number=number, household_id=household_id))


def rest(numbers: Iterable[str], at: datetime) -> list[Elsewhere]:
    """Take the numbers out of use."""
    until = at + timedelta(days=SIP_QUARANTINE_DAYS)
    return [Elsewhere(SIP.ref(number), SipNumberReleased(number=number, quarantined_until=until)) for number in numbers]


def _candidates(prefix: str, digits: int, seed: str) -> tuple[str, ...]:
    return tuple(f"{prefix}{_number(f'{prefix}.{seed}.{i}') % 10**digits:0{digits}}" for i in range(_CANDIDATES))


def _number(seed: str) -> int:
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")


SIP = Aggregate(name="sip", initial=Sip(), evolve=evolve, events=(SipNumberAllocated, SipNumberReleased))
