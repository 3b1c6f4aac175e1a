"""Which tenants and devices used most of a day's budget in devices."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.budgets import BudgetList, BudgetQuery
from contracts.message import Command, Query, View


class ListDeviceBudgets(BudgetQuery):
    """Which tenants and devices used most of a day's budget in `devices`. A device is also found by its whole MAC."""


QUERIES: Mapping[type[Query], type[View]] = {
    ListDeviceBudgets: BudgetList,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    ListDeviceBudgets: "S . . . . . +",
}
# fmt: on
