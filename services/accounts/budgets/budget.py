"""What one tenant or device may have recorded in a day, where that differs from the setting (decision 27).

It is decided here for every service, so that one audit log says who changed what; the others follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.accounts.budgets import BudgetSet, SetBudget
from contracts.budgets import BudgetService, PayerKind
from contracts.message import Role
from contracts.refusals import refused
from kernel.deciding.decider import Aggregate, Decision, Neighbours, Outcome, Ref
from services.accounts.access import access

_COUNTED = {
    BudgetService.ACCOUNTS: (PayerKind.TENANT,),
    BudgetService.DEVICES: (PayerKind.TENANT, PayerKind.DEVICE),
}
_TENANTS = (Role.INSTALLER, Role.DISTRIBUTOR)


@dataclass(frozen=True, slots=True)
class Budget:
    """The budgets of its own that somebody has, by service and kind."""

    own: Mapping[tuple[BudgetService, PayerKind], int] = field(default_factory=dict)


def evolve(budget: Budget, event: BudgetSet) -> Budget:
    place = (event.service, event.kind)
    others = {each: events for each, events in budget.own.items() if each != place}
    return Budget(others if event.events_per_day is None else {**others, place: event.events_per_day})


def set_budget(command: SetBudget, budget: Budget, there: Neighbours) -> Outcome:
    if command.kind not in _COUNTED[command.service] or not _is_payer(command, there):
        raise refused("payer-unknown")
    before = budget.own.get((command.service, command.kind))
    if command.events_per_day == before:
        return []
    return [
        BudgetSet(
            service=command.service,
            kind=command.kind,
            payer_id=command.payer_id,
            events_per_day=command.events_per_day,
            reason=command.reason,
        )
    ]


def _is_payer(command: SetBudget, there: Neighbours) -> bool:
    """Whether events are counted for it. Devices are known in their own service alone: any id may be one."""
    return command.kind is PayerKind.DEVICE or there[access.ref(command.payer_id)].role in _TENANTS


def _account(command: SetBudget, _: Budget) -> list[Ref]:
    return [access.ref(command.payer_id)]


BUDGET = Aggregate(
    name="budget",
    initial=Budget(),
    evolve=evolve,
    events=(BudgetSet,),
    decisions={SetBudget: Decision("payer_id", set_budget, _account)},
)
