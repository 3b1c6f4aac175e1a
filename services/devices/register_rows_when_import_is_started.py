"""Put a started list into the library, part by part.

The event that starts it stands for all its parts: killed at any of them, the same event is reacted to again, and goes
on with the first part that is not registered.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.devices.imports import MacImportStarted, RegisterMacRows
from contracts.message import Command, Recorded
from kernel.reacting.reaction import Context, Reaction
from services.devices import mac_import


async def register_rows(recorded: Recorded, context: Context) -> Iterable[Command]:
    assert isinstance(recorded.event, MacImportStarted)
    import_id = recorded.event.import_id
    imported, _ = await context.load(mac_import.of(import_id))
    parts = [RegisterMacRows(**context.stamp(), import_id=import_id, part=part) for part in range(recorded.event.parts)]
    # Those that are registered would be read from the log again, only to answer as they did.
    return parts[imported.taken :]


REGISTER_ROWS = Reaction(
    name="register_rows_when_import_is_started",
    follows="devices",
    on={MacImportStarted: register_rows},
)
