"""Destroy the data keys of former residents once their home is emptied or forgotten.

Until they are destroyed the same event is tried again; destroying a destroyed key changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.devices.homes import HomeEmptied, HomeForgotten
from contracts.message import Command, Recorded
from kernel.reacting.reaction import Context, Reaction
from kernel.runtime.crash import crash_here


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
