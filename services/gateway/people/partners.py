"""Installers, distributors and property managers, as those above them in the tree see them."""

from uuid import UUID

from litestar import Controller, Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from contracts.accounts.partners import (
    CreateDistributor,
    CreateInstaller,
    CreatePropertyManager,
    DistributorPage,
    GetInstaller,
    InstallerDetail,
    InstallerPage,
    ListDistributors,
    ListInstallers,
    SwitchAccountAccess,
    SwitchOfflineSolution,
)
from contracts.accounts.words import CredentialAnswer
from contracts.message import Accepted
from services.gateway.asking.asking import Asking, Passed, Sending
from services.gateway.asking.bodies import Body
from services.gateway.asking.parameters import After, PageNumber, PerPage, Search
from services.gateway.guards.sessions import settled, signed_in


class InstallerController(Controller):
    path = "/installers"
    tags = ["partners"]
    guards = [signed_in, settled]

    @get(operation_id="ListInstallers", summary="A page of one's installers, newest first")
    async def list_installers(
        self,
        asking: NamedDependency[Asking],
        page: PageNumber = 1,
        per_page: PerPage = 10,
        q: Search = "",
        after: After = "",
    ) -> Passed[InstallerPage]:
        return await asking.page(
            ListInstallers(actor=asking.actor, after=asking.opened(after), page=page, per_page=per_page, q=q)
        )

    @post(operation_id="CreateInstaller", summary="Add an installer")
    async def create_installer(
        self, data: JSONBody[Body[CreateInstaller]], sending: NamedDependency[Sending]
    ) -> Response[Accepted[CredentialAnswer]]:
        return await sending.create(CreateInstaller, data, "installer_id")

    @get("/{installer_id:uuid}", operation_id="GetInstaller", summary="One installer")
    async def get_installer(
        self, installer_id: FromPath[UUID], asking: NamedDependency[Asking], after: After = ""
    ) -> Passed[InstallerDetail]:
        return await asking.page(
            GetInstaller(actor=asking.actor, after=asking.opened(after), installer_id=str(installer_id))
        )

    @put(
        "/{installer_id:uuid}/account-access",
        operation_id="SwitchAccountAccess",
        summary="Let the installer decide about account access, or no longer",
    )
    async def switch_account_access(
        self,
        installer_id: FromPath[UUID],
        data: JSONBody[Body[SwitchAccountAccess]],
        sending: NamedDependency[Sending],
    ) -> Response[Accepted]:
        return await sending.command(SwitchAccountAccess, data, installer_id=str(installer_id))


class DistributorController(Controller):
    path = "/distributors"
    tags = ["partners"]
    guards = [signed_in, settled]

    @get(operation_id="ListDistributors", summary="A page of all distributors, newest first")
    async def list_distributors(
        self,
        asking: NamedDependency[Asking],
        page: PageNumber = 1,
        per_page: PerPage = 10,
        q: Search = "",
        after: After = "",
    ) -> Passed[DistributorPage]:
        return await asking.page(
            ListDistributors(actor=asking.actor, after=asking.opened(after), page=page, per_page=per_page, q=q)
        )

    @post(operation_id="CreateDistributor", summary="Add a distributor")
    async def create_distributor(
        self, data: JSONBody[Body[CreateDistributor]], sending: NamedDependency[Sending]
    ) -> Response[Accepted[CredentialAnswer]]:
        return await sending.create(CreateDistributor, data, "distributor_id")

    @put(
        "/{distributor_id:uuid}/offline-solution",
        operation_id="SwitchOfflineSolution",
        summary="Allow Doorphone Offline Solution to the distributor's installers, or no longer",
    )
    async def switch_offline_solution(
        self,
        distributor_id: FromPath[UUID],
        data: JSONBody[Body[SwitchOfflineSolution]],
        sending: NamedDependency[Sending],
    ) -> Response[Accepted]:
        return await sending.command(SwitchOfflineSolution, data, distributor_id=str(distributor_id))


class PropertyManagerController(Controller):
    path = "/property-managers"
    tags = ["partners"]
    guards = [signed_in, settled]

    @post(operation_id="CreatePropertyManager", summary="Add a property manager")
    async def create_property_manager(
        self, data: JSONBody[Body[CreatePropertyManager]], sending: NamedDependency[Sending]
    ) -> Response[Accepted[CredentialAnswer]]:
        return await sending.create(CreatePropertyManager, data, "property_manager_id")
