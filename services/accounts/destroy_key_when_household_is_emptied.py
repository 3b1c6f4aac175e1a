"""Destroy the data key of former residents once their household is reset or deleted.

Until it is destroyed the same event is tried again; destroying a destroyed key changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.accounts.leaving import UserDeleted, UserReset
from contracts.message import Command, Recorded
from kernel.reacting.reaction import Context, Reaction
from kernel.runtime.crash import crash_here


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
