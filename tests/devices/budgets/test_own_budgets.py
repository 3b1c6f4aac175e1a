"""A device with a budget of its own is kept to it, and a super manager finds it by its MAC."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import uuid4

from contracts.accounts.budgets import SetBudget
from contracts.budgets import BudgetService, PayerKind
from contracts.devices.budgets import ListDeviceBudgets
from contracts.devices.commands import DeviceCommandState, UnlockDoor
from contracts.devices.doors import ListDoorEvents
from contracts.devices.library import RegisterMac, RemoveMac
from contracts.message import Actor, Command, Refused, Role
from contracts.modules import declared
from kernel.guarding.budgets import SPENT
from services.devices.budgets.reserve import outlasts_budget
from tests.devices.conftest import Region, a_mac
from tests.devices.link.test_link import standing
from tests.waiting import eventually

OPERATOR = Actor(account_id=str(uuid4()), role=Role.SUPER_MANAGER)


async def set_budget(region: Region, kind: PayerKind, payer_id: str, events: int | None) -> None:
    fields: dict[str, Any] = {"service": BudgetService.DEVICES, "kind": kind, "payer_id": payer_id}
    await region.tell(SetBudget, OPERATOR, **fields, events_per_day=events, reason="A fault of the maker")


async def until_limit(region: Region, typed: str, payer_id: str, limit: int) -> Any:
    """What the page shows of it, once it has that budget."""
    found: list[Any] = []

    async def is_shown() -> bool:
        page = await region.see(ListDeviceBudgets, OPERATOR, q=typed)
        found[:] = [each for each in page.rows if each.payer_id == payer_id and each.limit == limit]
        return bool(found)

    await eventually(is_shown)
    return found[0]


async def test_a_device_with_a_budget_of_nothing_is_answered_and_not_recorded_until_it_has_more(
    region: Region,
) -> None:
    async with standing(region) as stand:
        flooding = await stand.intercom()
        device_id = stand.id_of(flooding)
        await set_budget(region, PayerKind.DEVICE, device_id, 0)
        row = await until_limit(region, ":".join(flooding.mac[at : at + 2] for at in range(0, 12, 2)), device_id, 0)
        assert (row.mac, row.name, row.is_own) == (flooding.mac, None, True)

        async def newest_recorded() -> str:
            await flooding.tell_door("opened", relay=1, method="card")
            await flooding.until(lambda it: not it._unsaid)  # it was answered
            page = await region.see(ListDoorEvents, stand.installer, device_id=device_id)
            return str(page.rows[0].door_event_id) if page.rows else ""

        async def nothing_more_is_recorded() -> bool:
            return await newest_recorded() == await newest_recorded()

        await eventually(nothing_more_is_recorded)
        before = await newest_recorded()
        await set_budget(region, PayerKind.DEVICE, device_id, 1000)

        async def more_is_recorded() -> bool:
            return await newest_recorded() != before

        await eventually(more_is_recorded)


async def test_a_tenant_beyond_its_own_budget_is_refused_here_and_may_still_take_away(region: Region) -> None:
    installer = await region.installer(name="Slow Bells")
    kept = a_mac()
    await region.tell(RegisterMac, installer, mac=kept)
    await set_budget(region, PayerKind.TENANT, str(installer.installer_id), 1)
    assert (await until_limit(region, "slow", str(installer.installer_id), 1)).name == "Slow Bells"
    await eventually(partial(is_spent, region, installer))
    await region.tell(RemoveMac, installer, mac=kept)
    other = await region.installer()
    await region.tell(RegisterMac, other, mac=a_mac())


def test_whoever_adds_a_command_decides_whether_a_spent_budget_keeps_anybody_from_it() -> None:
    assert {kind.__name__ for kind in declared("devices", Command) if outlasts_budget(kind.model_construct())} == {
        *("UnlockDoor", "SwitchArming"),
    }


async def test_doors_open_from_the_app_when_the_budget_of_their_installer_is_spent(region: Region) -> None:
    async with standing(region) as stand:
        intercom = await stand.intercom()
        await set_budget(region, PayerKind.TENANT, str(stand.installer.installer_id), 0)
        await eventually(partial(is_spent, region, stand.installer))
        unlocked = await stand.tell(UnlockDoor, intercom, relay=1)
        await stand.until_command(unlocked, DeviceCommandState.DONE)


async def is_spent(region: Region, installer: Actor) -> bool:
    """Whether the installer may have nothing more recorded."""
    try:
        await region.tell(RegisterMac, installer, mac=a_mac())
    except Refused as refused:
        if refused.code != SPENT:
            raise
        return True
    return False
