"""What follows when accounts resets or deletes a household."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.accounts.leaving import UserDeleted, UserReset
from contracts.devices.homes import EmptyHome, ForgetHome, HomeEmptied, HomeForgotten
from contracts.message import Command, Recorded
from kernel.reacting.reaction import Context, Reaction
from kernel.runtime.crash import crash_here


async def empty_home(recorded: Recorded, context: Context) -> Iterable[Command]:
    event = recorded.event
    assert isinstance(event, UserReset)
    return (EmptyHome(**context.stamp(), user_id=event.user_id, installer_id=event.installer_id),)


EMPTY_HOME = Reaction(
    name="empty_home_when_user_is_reset",
    follows="accounts",
    on={UserReset: empty_home},
)
"""Empty a home when accounts resets its household: nobody of before gets in, nothing of them is kept (U-39..U-41)."""


async def forget_home(recorded: Recorded, context: Context) -> Iterable[Command]:
    event = recorded.event
    assert isinstance(event, UserDeleted)
    return (ForgetHome(**context.stamp(), user_id=event.user_id, installer_id=event.installer_id),)


FORGET_HOME = Reaction(
    name="forget_home_when_user_is_deleted",
    follows="accounts",
    on={UserDeleted: forget_home},
)
"""Forget a home when accounts deletes its household: devices and cameras go, their MACs are free again (R-12)."""


async def destroy_keys(recorded: Recorded, context: Context) -> Iterable[Command]:
    event = recorded.event
    assert isinstance(event, HomeEmptied | HomeForgotten)
    crash_here("erase.before_keys")
    for key in event.erased_keys if isinstance(event, HomeForgotten) else (event.erased_key,):
        await context.keys.destroy(key)
        crash_here("erase.after_a_key")
    return ()


DESTROY_KEYS = Reaction(
    name="destroy_keys_when_home_is_emptied",
    follows="devices",
    on={HomeEmptied: destroy_keys, HomeForgotten: destroy_keys},
)
"""Destroy the data keys of former residents once their home is emptied or forgotten.

Until they are destroyed the same event is tried again; destroying a destroyed key changes nothing.
"""
