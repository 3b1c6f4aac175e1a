"""How many MACs an installer may hold that belong to no device: whoever registers first keeps others away from them.

It is judged by the tallies of the library, which are some milliseconds old, so what is sent within these gets in beyond
the quota, once. A list counts as a whole when it is started, beside those lists that are still being registered. What a
distributor registers for any of its installers is not counted.
"""

from __future__ import annotations

from collections.abc import Mapping

from contracts.devices.imports import ImportState, StartMacImport
from contracts.devices.library import ClaimMac, RegisterMac
from contracts.message import Command
from kernel.keeping.mongo import Database
from kernel.service.declaration import Prepare, Tools
from services.devices.library import labels, mac_import
from services.devices.library.mac_import import MacImport
from services.devices.library.mac_imports import IMPORTS
from services.devices.library.macs import free_macs_of
from services.devices.settings import settings_of


async def prepare_one(command: labels.C, tools: Tools) -> labels.C:
    """Say whether one more is too many, and what the code on its label is kept as."""
    is_reached = await _is_reached(command.actor.installer_id, 1, tools)
    return labels.with_hash(command.model_copy(update={"quota_reached": is_reached}), tools.secrets)


async def prepare_list(command: StartMacImport, tools: Tools) -> StartMacImport:
    """Say whether the valid rows of the list are too many, whoever starts it."""
    imported: MacImport = (await tools.load(mac_import.ref(command.import_id)))[0]
    is_reached = await _is_reached(imported.installer_id, imported.valid, tools)
    return command.model_copy(update={"quota_reached": is_reached})


PREPARE: Mapping[type[Command], Prepare] = {
    RegisterMac: prepare_one,
    ClaimMac: prepare_one,
    StartMacImport: prepare_list,
}


async def _is_reached(installer_id: str | None, more: int, tools: Tools) -> bool:
    if installer_id is None or more == 0:
        return False
    present = await free_macs_of(tools.database, installer_id)
    underway = await _underway(tools.database, installer_id)
    return present + underway + more > settings_of(tools).unbound_macs_per_installer


async def _underway(database: Database, installer_id: str) -> int:
    """How many rows of started lists are still to be registered."""
    running = database[IMPORTS.name].find(
        {"tenant": installer_id, "state": ImportState.RUNNING}, {"valid": 1, "taken": 1}
    )
    return sum([each["valid"] - each["taken"] async for each in running])
