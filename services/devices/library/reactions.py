"""What follows when a list of MACs is started or abandoned."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.devices.imports import MacImportAbandoned, MacImportStarted, RegisterMacRows
from contracts.message import Command, Recorded
from kernel.reacting.reaction import Context, Reaction
from kernel.runtime.crash import crash_here
from services.devices.library import mac_import


async def register_rows(recorded: Recorded, context: Context) -> Iterable[Command]:
    assert isinstance(recorded.event, MacImportStarted)
    import_id = recorded.event.import_id
    imported, _ = await context.load(mac_import.ref(import_id))
    parts = [RegisterMacRows(**context.stamp(), import_id=import_id, part=part) for part in range(recorded.event.parts)]
    # Those that are registered would be read from the log again, only to answer as they did.
    return parts[imported.taken :]


REGISTER_ROWS = Reaction(
    name="register_rows_when_import_is_started",
    follows="devices",
    on={MacImportStarted: register_rows},
)
"""Put a started list into the library, part by part.

The event that starts it stands for all its parts: killed at any of them, the same event is reacted to again, and goes
on with the first part that is not registered.
"""


async def destroy_key(recorded: Recorded, context: Context) -> Iterable[Command]:
    event = recorded.event
    assert isinstance(event, MacImportAbandoned)
    crash_here("forget.before_key")
    await context.keys.destroy(mac_import.key_of(event.import_id))
    return ()


DESTROY_IMPORT_KEY = Reaction(
    name="destroy_key_when_import_is_abandoned",
    follows="devices",
    on={MacImportAbandoned: destroy_key},
)
"""Destroy the data key of a list of MACs once it is abandoned: the file's name, and what its refused lines said.

Nobody can read its lines any more, and its page names no file. Lists that were abandoned before this was so are taken
too, for a reaction begins at the beginning of the log.
"""
