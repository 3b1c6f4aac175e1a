"""What follows when a household's service runs out, or when it is reset or deleted."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid5

from contracts.accounts.leaving import UserDeleted, UserReset
from contracts.accounts.terms import ExpireUser, UserActivated, UserRenewed
from contracts.message import Command, Recorded
from contracts.permissions import SYSTEM
from kernel.reacting.reaction import Context, Reaction
from kernel.reacting.timers import Due
from kernel.runtime.crash import crash_here

EXPIRY = "expiry"


async def await_expiry(recorded: Recorded, context: Context) -> Iterable[Command]:
    assert isinstance(recorded.event, UserActivated | UserRenewed)
    await context.timers.set(f"household.{recorded.event.user_id}", EXPIRY, recorded.event.expires_at)
    return ()


async def forget_expiry(recorded: Recorded, context: Context) -> Iterable[Command]:
    assert isinstance(recorded.event, UserDeleted)
    await context.timers.cancel(f"household.{recorded.event.user_id}", EXPIRY)
    return ()


def expire(due: Due) -> ExpireUser:
    """What to do when that time has come."""
    user_id = due.owner.removeprefix("household.")
    return ExpireUser(command_id=uuid5(due.id, EXPIRY), at=due.at, actor=SYSTEM, user_id=user_id)


AWAIT_EXPIRY = Reaction(
    name="expire_user_when_service_runs_out",
    follows="accounts",
    on={UserActivated: await_expiry, UserRenewed: await_expiry, UserDeleted: forget_expiry},
)
"""Let a household's account expire when its service runs out (U-04).

The decision is the household's: a timer that comes late, twice or after a renewal records nothing wrong.
"""


async def destroy_key(recorded: Recorded, context: Context) -> Iterable[Command]:
    assert isinstance(recorded.event, UserReset | UserDeleted)
    crash_here("erase.before_key")
    await context.keys.destroy(recorded.event.erased_key)
    crash_here("erase.after_key")
    return ()


DESTROY_KEY = Reaction(
    name="destroy_key_when_household_is_emptied",
    follows="accounts",
    on={UserReset: destroy_key, UserDeleted: destroy_key},
)
"""Destroy the data key of former residents once their household is reset or deleted.

Until it is destroyed the same event is tried again; destroying a destroyed key changes nothing.
"""
