"""Destroy the data key of a list of MACs once it is abandoned: the file's name, and what its refused lines said.

Nobody can read its lines any more, and its page names no file. Lists that were abandoned before this was so are taken
too, for a reaction begins at the beginning of the log.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.devices.imports import MacImportAbandoned
from contracts.message import Command, Recorded
from kernel.reacting.reaction import Context, Reaction
from kernel.runtime.crash import crash_here
from services.devices import mac_import


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
