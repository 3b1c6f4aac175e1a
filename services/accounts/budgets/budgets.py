"""Which tenants had most recorded in accounts today."""

from __future__ import annotations

from collections.abc import Collection

from contracts.accounts.budgets import BudgetSet, ListBudgets
from contracts.budgets import BudgetList, PayerKind
from kernel.keeping.mongo import Database
from kernel.service import spending
from kernel.service.declaration import Tools
from kernel.service.spending import Payer, Spending
from services.accounts.access.sessions import ACCOUNTS
from services.accounts.numbers import search
from services.accounts.partners.partners import DISTRIBUTORS, INSTALLERS

_FOUND_MAX = 50

BUDGET_LIMITS = spending.own_limits("accounts", BudgetSet)


async def list_budgets(query: ListBudgets, tools: Tools) -> BudgetList:
    async def names(spent: Collection[Spending]) -> dict[Payer, str]:
        ids = [each.payer_id for each in spent]
        staff = tools.database[ACCOUNTS.name].find({"_id": {"$in": ids}, "household_id": None}, {"name": 1})
        return {(PayerKind.TENANT, each["_id"]): each["name"] async for each in staff if each["name"]}

    only = await _found(tools.database, query.q) if query.q.strip() else None
    return await spending.listed("accounts", tools, [PayerKind.TENANT], only, names)


async def _found(database: Database, typed: str) -> list[Payer]:
    """At most fifty installers and fifty distributors with a word of their name that begins so."""
    filter = search.beginning_with(search.prefixes("n", typed))
    return [
        (PayerKind.TENANT, each["_id"])
        for model in (INSTALLERS, DISTRIBUTORS)
        async for each in database[model.name].find(filter, {"_id": 1}, limit=_FOUND_MAX)
    ]
