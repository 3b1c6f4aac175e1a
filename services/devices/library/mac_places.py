"""Where a MAC stands, for the super manager that moves it: the one question that looks into every library."""

from __future__ import annotations

from contracts.devices.library import FindMac, MacPlace
from contracts.refusals import refused
from kernel.service.declaration import Tools
from services.devices.library.macs import LIBRARY, is_foreign_prefix
from services.devices.owners.owners import names_of_staff


async def find_mac(query: FindMac, tools: Tools) -> MacPlace:
    """Refuses `mac-unknown`. Whose device it is, is not said: a household is its installer's business."""
    row = await tools.database[LIBRARY.name].find_one({"_id": query.mac})
    if row is None:
        raise refused("mac-unknown", "mac")
    places = [each for each in (row["distributor_id"], row["installer_id"]) if each]
    names = await names_of_staff(tools.database, places)
    return MacPlace(
        mac=row["_id"],
        distributor_id=row["distributor_id"],
        distributor_name=names.get(row["distributor_id"]),
        installer_id=row["installer_id"],
        installer_name=names.get(row["installer_id"]),
        bound=row["bound"],
        has_label=row["has_label"],
        is_foreign_prefix=is_foreign_prefix(row["_id"], tools),
        registered_at=row["registered_at"],
    )
