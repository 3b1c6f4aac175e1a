"""What a super manager lets a tenant or a device have recorded in a day."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.budgets import BudgetList, BudgetQuery, BudgetService, EventsADay, PayerKind
from contracts.message import Command, Event, Query, View
from contracts.reasons import Kind, Reason
from contracts.text import FilledLine
from contracts.words import Id


class SetBudget(Command):
    """What a tenant or a device may have recorded in a day in one service; without a number it is as the setting says.

    Devices are counted in `devices` alone. `reason` is shown to the tenant in its audit log: it names nobody.
    """

    service: BudgetService
    kind: PayerKind
    payer_id: Id
    events_per_day: EventsADay | None
    reason: FilledLine


class BudgetSet(Event):
    """A super manager set what a tenant or a device may have recorded in a day in one service, and said why."""

    service: BudgetService
    kind: PayerKind
    payer_id: str
    events_per_day: int | None
    reason: str


class ListBudgets(BudgetQuery):
    """Which tenants used most of a day's budget in `accounts`."""


QUERIES: Mapping[type[Query], type[View]] = {
    ListBudgets: BudgetList,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    SetBudget:   "S . . . . . .",
    ListBudgets: "S . . . . . +",
}
# fmt: on

REFUSALS: Mapping[str, Reason] = {
    "payer-unknown": Reason(Kind.UNKNOWN, "No events are counted for this here: it is no such tenant or device."),
}
