"""A SIP number: it belongs to one device at a time and rests for 90 days before it belongs to another (R-12).

Devices have `58` and eight digits; families and persons have others, which accounts gives out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from contracts.devices.numbers import DeviceSipAllocated, DeviceSipReleased
from contracts.refusals import refused
from contracts.words import SIP_QUARANTINE_DAYS
from kernel.deciding.decider import Aggregate, Elsewhere, Neighbours, Ref

SipEvent = DeviceSipAllocated | DeviceSipReleased

# With a million devices a candidate is taken once in a hundred times, all three once in a million.
_CANDIDATES = 3


@dataclass(frozen=True, slots=True)
class Sip:
    """Whose the number is, and from when it may be another's."""

    device_id: str | None = None
    free_at: datetime | None = None

    def is_free(self, at: datetime) -> bool:
        return self.device_id is None and (self.free_at is None or self.free_at <= at)


def evolve(sip: Sip, event: SipEvent) -> Sip:
    match event:
        case DeviceSipAllocated():
            return Sip(device_id=event.device_id)
        case DeviceSipReleased():
            return Sip(free_at=event.quarantined_until)
        case _:
            assert_never(event)


def ref(number: str) -> Ref:
    """The number itself."""
    return Ref("sip", number)


def candidates(device_id: str) -> tuple[str, ...]:
    """The numbers that the device may get: always the same ones."""
    return tuple(f"58{_number(f'58.{device_id}.{i}') % 10**8:08}" for i in range(_CANDIDATES))


def first_free(candidates: Iterable[str], at: datetime, numbers: Neighbours) -> str:
    """Refuses (`sip-exhausted`) when all are taken or resting."""
    for number in candidates:
        if numbers[ref(number)].is_free(at):
            return number
    raise refused("sip-exhausted")


def allocate(number: str, device_id: str) -> Elsewhere:
    return Elsewhere(ref(number), DeviceSipAllocated(number=number, device_id=device_id))


def rest(number: str, at: datetime) -> Elsewhere:
    """Take the number out of use."""
    until = at + timedelta(days=SIP_QUARANTINE_DAYS)
    return Elsewhere(ref(number), DeviceSipReleased(number=number, quarantined_until=until))


def _number(seed: str) -> int:
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")


SIP: Aggregate[Sip] = Aggregate(
    name="sip", initial=Sip(), evolve=evolve, events=(DeviceSipAllocated, DeviceSipReleased)
)
