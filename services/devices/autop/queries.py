"""What is shown of batches, of profiles, and of what a batch would change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from contracts.devices.autop import (
    AutopChange,
    AutopKind,
    AutopLine,
    AutopPreview,
    GetProvisioning,
    GetRegularProfile,
    ListProvisionings,
    PreviewAutop,
    ProvisionedDevice,
    ProvisioningDetail,
    ProvisioningPage,
    ProvisioningRow,
    RegularProfile,
)
from contracts.devices.commands import DeviceCommandState
from contracts.message import Actor
from contracts.permissions import own_installer, within
from contracts.refusals import refused
from kernel.keeping.mongo import Database
from kernel.reading.listing import listed
from kernel.reading.readmodel import Row
from kernel.service.declaration import Tools
from services.devices.autop import autop, profile
from services.devices.autop.autop import masked, shown_to
from services.devices.autop.profile import Profile
from services.devices.autop.progress import OVER, progress_of
from services.devices.autop.provisioning import judged_whole
from services.devices.autop.provisionings import PROVISIONINGS
from services.devices.intercoms.devices import FLEET

_PREVIEW_CHARACTERS = 400_000
_LOADED_AT_ONCE = 64


async def list_provisionings(query: ListProvisionings, tools: Tools) -> ProvisioningPage:
    installer_id = own_installer(query.actor)
    own = {"installer_id": installer_id}
    page = await listed(tools.database[PROVISIONINGS.name], own, query, without=("lines",))
    progress = await progress_of(tools.database, page.rows)
    rows = tuple(ProvisioningRow(**_counted(row, progress[row["_id"]])) for row in page.rows)
    return ProvisioningPage(rows=rows, total=page.total, page=query.page, per_page=query.per_page)


async def get_provisioning(query: GetProvisioning, tools: Tools) -> ProvisioningDetail:
    row = await batch_of(query.actor, query.provisioning_id, tools.database)
    progress = (await progress_of(tools.database, [row]))[row["_id"]]
    return ProvisioningDetail(
        **_counted(row, progress),
        lines=shown_to(query.actor, row["lines"]),
        dropped=row["dropped"],
        overridden=row["overridden"],
        rows=tuple(progress),
    )


async def get_profile(query: GetRegularProfile, tools: Tools) -> RegularProfile:
    await _own_devices(query.actor, [query.device_id], tools)
    stored: Profile = (await tools.load(profile.ref(query.device_id)))[0]
    return RegularProfile(device_id=query.device_id, lines=shown_to(query.actor, map(masked, stored.lines)))


async def preview(query: PreviewAutop, tools: Tools) -> AutopPreview:
    judged = judged_whole(query.text)
    devices = await _own_devices(query.actor, query.device_ids, tools)
    changes: list[AutopChange] = []
    if query.kind is AutopKind.REGULAR:
        room = _PREVIEW_CHARACTERS
        for row, stored in zip(devices, await _profiles(devices, tools), strict=True):
            change = autop.difference(stored.lines, judged.lines)
            cost = sum(map(len, (*change.added, *change.changed)))
            is_listed = cost <= room
            room -= cost if is_listed else 0
            changes.append(
                AutopChange(
                    device_id=row["_id"],
                    device_name=row["name"],
                    mac=row["mac"],
                    added=change.added if is_listed else (),
                    changed=change.changed if is_listed else (),
                    same=change.same,
                    omitted=0 if is_listed else len(change.added) + len(change.changed),
                )
            )
    lines = tuple(
        AutopLine(number=each.number, text=masked(each.text), verdict=each.verdict, danger=each.is_dangerous)
        for each in judged.settings
    )
    return AutopPreview(lines=lines, dangerous=judged.is_dangerous, changes=tuple(changes))


async def _own_devices(actor: Actor, device_ids: Sequence[str], tools: Tools) -> list[Row]:
    """The devices in that order, each once. Refuses (`device-unknown`) when one is not there or somebody else's."""
    wanted = list(dict.fromkeys(device_ids))
    fields = {"mac": 1, "name": 1, "installer_id": 1, "distributor_id": 1}
    rows = {row["_id"]: row async for row in tools.database[FLEET.name].find({"_id": {"$in": wanted}}, fields)}
    for device_id in wanted:
        row = rows.get(device_id)
        if row is None or not _is_within(actor, row):
            raise refused("device-unknown", "device_ids")
    return [rows[device_id] for device_id in wanted]


async def _profiles(devices: Sequence[Row], tools: Tools) -> list[Profile]:
    turns = asyncio.Semaphore(_LOADED_AT_ONCE)

    async def load(device_id: str) -> Profile:
        async with turns:
            stored: Profile = (await tools.load(profile.ref(device_id)))[0]
            return stored

    return await asyncio.gather(*(load(row["_id"]) for row in devices))


async def batch_of(actor: Actor, provisioning_id: str, database: Database) -> Row:
    row = await database[PROVISIONINGS.name].find_one({"_id": provisioning_id})
    if row is None or not _is_within(actor, row):
        raise refused("provisioning-unknown")
    return row


def _is_within(actor: Actor, row: Row) -> bool:
    return within(actor, distributor_id=row["distributor_id"], installer_id=row["installer_id"])


def _counted(row: Row, progress: Sequence[ProvisionedDevice]) -> dict[str, Any]:
    done = sum(each.state is DeviceCommandState.DONE for each in progress)
    waiting = sum(each.state not in OVER for each in progress)
    return {
        "provisioning_id": row["_id"],
        "kind": row["kind"],
        "devices": len(progress),
        "done": done,
        "failed": len(progress) - done - waiting,
        "waiting": waiting,
        "created_at": row["created_at"],
    }
