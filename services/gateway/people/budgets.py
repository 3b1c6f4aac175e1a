"""What tenants and devices may have recorded in a day: a super manager sees who used most of it, and changes it."""

from uuid import UUID

from litestar import Controller, Response, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from contracts.accounts.budgets import ListBudgets, SetBudget
from contracts.budgets import BudgetList, BudgetService, PayerKind
from contracts.devices.budgets import ListDeviceBudgets
from contracts.message import Accepted
from services.gateway.asking.asking import Asking, Passed, Sending
from services.gateway.asking.bodies import Body
from services.gateway.asking.parameters import After, Search
from services.gateway.guards.sessions import settled, signed_in


class BudgetController(Controller):
    path = "/budgets"
    tags = ["budgets"]
    guards = [signed_in, settled]

    @get("/accounts", operation_id="ListBudgets", summary="Who used most of today's budget in accounts")
    async def list_budgets(
        self, asking: NamedDependency[Asking], q: Search = "", after: After = ""
    ) -> Passed[BudgetList]:
        return await asking.page(ListBudgets(actor=asking.actor, after=asking.opened(after), q=q))

    @get("/devices", operation_id="ListDeviceBudgets", summary="Who used most of today's budget in devices")
    async def list_device_budgets(
        self, asking: NamedDependency[Asking], q: Search = "", after: After = ""
    ) -> Passed[BudgetList]:
        return await asking.page(ListDeviceBudgets(actor=asking.actor, after=asking.opened(after), q=q))

    @put(
        "/{service:str}/{kind:str}/{payer_id:uuid}",
        operation_id="SetBudget",
        summary="Change what one tenant or device may have recorded in a day; null is as the setting says",
    )
    async def set_budget(
        self,
        service: FromPath[BudgetService],
        kind: FromPath[PayerKind],
        payer_id: FromPath[UUID],
        data: JSONBody[Body[SetBudget]],
        sending: NamedDependency[Sending],
    ) -> Response[Accepted]:
        return await sending.command(SetBudget, data, service=service, kind=kind, payer_id=str(payer_id))
