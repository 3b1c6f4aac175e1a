"""How many MACs an installer may hold that belong to no device: whoever registers first keeps others away from them.

It is judged by the tallies of the library, which are some milliseconds old, so what is sent within these gets in beyond
the quota, once. A list counts as a whole when it is started, beside those lists that are still being registered. What a
distributor registers for any of its installers is not counted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from contracts.devices.imports import ImportState, StartMacImport
from contracts.devices.library import ClaimMac, RegisterMac
from contracts.message import Command
from kernel.keeping.mongo import Database
from kernel.service.declaration import Working
from services.devices.library import labels, mac_import
from services.devices.library.mac_import import MacImport
from services.devices.library.mac_imports import IMPORTS
from services.devices.library.macs import free_macs_of


@dataclass(frozen=True)
class MacQuota:
    """`limit` is the most unbound MACs of one installer."""

    limit: int

    @property
    def prepare(self) -> dict[type[Command], Callable[[Any, Working], Awaitable[Command]]]:
        return {RegisterMac: self.prepare_one, ClaimMac: self.prepare_one, StartMacImport: self.prepare_list}

    async def prepare_one(self, command: labels.C, working: Working) -> labels.C:
        """Say whether one more is too many, and what the code on its label is kept as."""
        is_reached = await self._is_reached(command.actor.installer_id, 1, working)
        return labels.with_hash(command.model_copy(update={"quota_reached": is_reached}), working.secrets)

    async def prepare_list(self, command: StartMacImport, working: Working) -> StartMacImport:
        """Say whether the valid rows of the list are too many, whoever starts it."""
        imported: MacImport = (await working.load(mac_import.of(command.import_id)))[0]
        is_reached = await self._is_reached(imported.installer_id, imported.valid, working)
        return command.model_copy(update={"quota_reached": is_reached})

    async def _is_reached(self, installer_id: str | None, more: int, working: Working) -> bool:
        if installer_id is None or more == 0:
            return False
        present = await free_macs_of(working.database, installer_id)
        return present + await _underway(working.database, installer_id) + more > self.limit


async def _underway(database: Database, installer_id: str) -> int:
    """How many rows of started lists are still to be registered."""
    running = database[IMPORTS.name].find(
        {"tenant": installer_id, "state": ImportState.RUNNING}, {"valid": 1, "taken": 1}
    )
    return sum([each["valid"] - each["taken"] async for each in running])
