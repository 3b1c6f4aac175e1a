"""Which tenants and devices had most recorded in devices today. Their budgets are set in accounts."""

from __future__ import annotations

from collections.abc import Collection

from contracts.accounts.budgets import BudgetSet
from contracts.budgets import BudgetList, PayerKind
from contracts.devices.budgets import ListDeviceBudgets
from contracts.notations import mac_digits
from kernel.keeping.mongo import Database
from kernel.service import spending
from kernel.service.declaration import Tools
from kernel.service.spending import Payer, Spending
from services.devices.intercoms.devices import macs_of_devices
from services.devices.library.macs import device_with
from services.devices.owners.owners import names_of_staff, tenants_found

BUDGET_LIMITS = spending.own_limits("devices", BudgetSet, follows="accounts")


async def list_device_budgets(query: ListDeviceBudgets, tools: Tools) -> BudgetList:
    async def names(spent: Collection[Spending]) -> dict[Payer, str]:
        tenants, devices = (
            [each.payer_id for each in spent if each.kind is kind] for kind in (PayerKind.TENANT, PayerKind.DEVICE)
        )
        called = await names_of_staff(tools.database, tenants)
        macs = await macs_of_devices(tools.database, devices)
        return {(PayerKind.TENANT, id): name for id, name in called.items()} | {
            (PayerKind.DEVICE, id): mac for id, mac in macs.items()
        }

    only = await _found(tools.database, query.q) if query.q.strip() else None
    return await spending.listed("devices", tools, [PayerKind.TENANT, PayerKind.DEVICE], only, names)


async def _found(database: Database, typed: str) -> list[Payer]:
    """The device with that MAC, and the tenants with a word of their name that begins so."""
    device_id = await device_with(database, mac_digits(typed) or "")
    device = [(PayerKind.DEVICE, device_id)] if device_id else []
    return device + [(PayerKind.TENANT, id) for id in await tenants_found(database, typed)]
