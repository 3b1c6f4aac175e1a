"""How long a session lasts that nobody uses, and how many one person has.

Using it moves its end. It ends at once with the right to it; this is for what was forgotten on some device.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from contracts.message import Role

SESSIONS_MAX = 20
IDLE_OF_STAFF = timedelta(hours=12)
IDLE_OF_RESIDENTS = timedelta(days=30)
_STEPS = 12
_RESIDENTS = frozenset({Role.FAMILY_MASTER, Role.FAMILY_MEMBER})


def idle_time(role: Role) -> timedelta:
    """How long a session of somebody in that role lasts without being used."""
    return IDLE_OF_RESIDENTS if role in _RESIDENTS else IDLE_OF_STAFF


def is_worth_keeping(role: Role, expires_at: datetime, now: datetime) -> bool:
    """Whether a session that is used now is recorded as used: in steps, for this is asked with every request."""
    idle = idle_time(role)
    return now < expires_at <= now + idle - idle / _STEPS
