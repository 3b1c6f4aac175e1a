"""What an installer sets for itself (customer service, account access), and the audit trail of one's own tree."""

from litestar import Controller, Response, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody
from pydantic import BaseModel

from contracts.accounts.audit import AuditPage, ListAudit
from contracts.accounts.partners import (
    ChangeCustomerService,
    GetInstaller,
    GrantAccess,
    InstallerDetail,
    WithdrawAccess,
)
from contracts.message import Accepted
from services.gateway.asking.asking import Asking, Passed, Sending
from services.gateway.asking.bodies import Body, Document
from services.gateway.asking.parameters import After, Cursor, PerPage, Subject
from services.gateway.guards.sessions import in_person, settled, signed_in


class CustomerService(BaseModel):
    """How residents reach their installer; null until it is set."""

    phone: str | None
    email: str | None


class AccountAccess(BaseModel):
    """Whether the installer may decide about account access, and what it decided."""

    offered: bool
    granted: bool


class AccountAccessChoice(Document):
    """Let the distributor switch into this account, or no longer."""

    granted: bool


async def _own(asking: Asking, after: str) -> InstallerDetail:
    return await asking.view(
        GetInstaller(actor=asking.actor, after=asking.opened(after), installer_id=asking.own_installer()),
        InstallerDetail,
    )


class CustomerServiceController(Controller):
    path = "/customer-service"
    tags = ["own account"]
    guards = [signed_in, settled]

    @get(operation_id="GetCustomerService", summary="How residents reach their installer")
    async def get_customer_service(self, asking: NamedDependency[Asking], after: After = "") -> CustomerService:
        own = await _own(asking, after)
        return CustomerService(phone=own.customer_service_phone, email=own.customer_service_email)

    @put(operation_id="ChangeCustomerService", summary="Set how residents reach their installer")
    async def change_customer_service(
        self, data: JSONBody[Body[ChangeCustomerService]], sending: NamedDependency[Sending]
    ) -> Response[Accepted]:
        return await sending.command(ChangeCustomerService, data, installer_id=sending.own_installer())


class AccountAccessController(Controller):
    path = "/account-access"
    tags = ["own account"]
    guards = [signed_in, settled]

    @get(operation_id="GetAccountAccess", summary="Whether the distributor may switch into this account")
    async def get_account_access(self, asking: NamedDependency[Asking], after: After = "") -> AccountAccess:
        own = await _own(asking, after)
        return AccountAccess(offered=own.account_access_offered, granted=own.permission_granted)

    @put(
        operation_id="ChooseAccountAccess",
        guards=[in_person],
        summary="Let the distributor switch into this account, or no longer",
    )
    async def choose_account_access(
        self, data: JSONBody[AccountAccessChoice], sending: NamedDependency[Sending]
    ) -> Response[Accepted]:
        chosen = GrantAccess if data.granted else WithdrawAccess
        return await sending.command(chosen, installer_id=sending.own_installer())


class AuditController(Controller):
    path = "/audit"
    tags = ["audit"]
    guards = [signed_in, settled]

    @get(operation_id="ListAudit", summary="Who did what, newest first; of one's own account when none is named")
    async def list_audit(
        self,
        asking: NamedDependency[Asking],
        subject_id: Subject = "",
        cursor: Cursor = "",
        limit: PerPage = 50,
        after: After = "",
    ) -> Passed[AuditPage]:
        return await asking.page(
            ListAudit(
                actor=asking.actor,
                after=asking.opened(after),
                subject_id=subject_id or None,
                cursor=cursor or None,
                limit=limit,
            )
        )
