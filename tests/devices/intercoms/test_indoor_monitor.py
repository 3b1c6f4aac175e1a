"""An indoor monitor that is bound is told to accounts, which keeps what a person chose."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from contracts.accounts.audit import ListAudit
from contracts.accounts.households import EditUser, GetUser, IndoorMonitorNoted, NoteIndoorMonitor
from contracts.devices.intercoms import DeviceKind, EditDevice
from contracts.message import Accepted, Actor, Command
from contracts.permissions import SYSTEM
from kernel.log.promise import Unavailable
from kernel.reacting.issuing import Issuing
from services.devices.intercoms import device
from services.devices.intercoms.reactions import NOTE_INDOOR_MONITOR
from tests.devices.conftest import Region
from tests.devices.homes.test_sagas import soon
from tests.devices.world import NOW

MONITOR = {"kind": DeviceKind.INDOOR_MONITOR, "name": "Hall"}


async def has_monitor(region: Region, who: Actor, user_id: str) -> bool:
    return bool((await region.see(GetUser, who, user_id=user_id)).with_indoor_monitor)


async def until_noted(region: Region, who: Actor, user_id: str) -> None:
    async def noted() -> bool:
        return await has_monitor(region, who, user_id)

    await soon(noted)


async def until_told(region: Region, device_id: str) -> None:
    """The reaction is past the binding of that device."""
    log, codec = region.devices.log, region.devices.codec
    wanted = (await log.read_subject(codec.subject(device.ref(device_id))))[0].seq

    async def told() -> bool:
        place = await region.devices.database["reactions"].find_one({"_id": NOTE_INDOOR_MONITOR.name})
        return place is not None and place["seq"] >= wanted

    await soon(told)


async def edit(region: Region, who: Actor, user_id: str, **fields: Any) -> None:
    form = {"name": "Li Wei", "address": "100 Century Avenue, Shanghai", "premium": False}
    await region.tell(EditUser, who, user_id=user_id, **{**form, **fields})


@pytest.mark.row("U-45", "R-14")
async def test_a_household_has_a_monitor_once_one_is_bound(region: Region) -> None:
    who = await region.installer()
    user_id, other = await region.user(who), await region.user(who)
    await region.device(who, other)
    assert not await has_monitor(region, who, user_id)
    await region.device(who, user_id, **MONITOR)
    await until_noted(region, who, user_id)
    assert not await has_monitor(region, who, other), "a door phone says nothing of monitors"

    again, _ = await region.device(who, user_id, **MONITOR)
    await until_told(region, again)
    rows = (await region.see(ListAudit, who, subject_id=user_id)).rows
    assert [(row.type, row.actor_id) for row in rows if row.type == IndoorMonitorNoted.__name__] == [
        (IndoorMonitorNoted.__name__, "system")
    ]


@pytest.mark.row("U-45", "R-14")
async def test_what_was_unticked_stays_when_another_monitor_is_bound(region: Region) -> None:
    who = await region.installer()
    user_id = await region.user(who)
    await region.device(who, user_id, **MONITOR)
    await until_noted(region, who, user_id)
    await edit(region, who, user_id, with_indoor_monitor=False)
    bound, _ = await region.device(who, user_id, **MONITOR)
    await until_told(region, bound)
    assert not await has_monitor(region, who, user_id)


@pytest.mark.row("U-45", "R-14")
async def test_a_device_that_is_made_a_monitor_counts(region: Region) -> None:
    who = await region.installer()
    user_id = await region.user(who)
    device_id, _ = await region.device(who, user_id)
    await region.tell(EditDevice, who, device_id=device_id, **MONITOR)
    await until_noted(region, who, user_id)


async def test_what_another_service_decides_is_sent_to_it_and_fails_like_any_call(region: Region) -> None:
    class Deaf:
        async def command(self, command: Command, *, correlation_id: str | None = None) -> Accepted:
            raise Unavailable("nobody answers")

    who = await region.installer()
    user_id = await region.user(who)
    wish = NoteIndoorMonitor(command_id=uuid4(), at=NOW, actor=SYSTEM, user_id=user_id)
    own = region.devices.service.commands
    with pytest.raises(Unavailable):
        await Issuing(own, region.devices.deciding, Deaf()).handle(wish)  # type: ignore[arg-type]
    for _ in range(2):
        await Issuing(own, region.devices.deciding, region.devices.caller).handle(wish)
    await until_noted(region, who, user_id)
