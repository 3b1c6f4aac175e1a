"""AutoP: lines for up to 500 devices at once, looked at before, followed device by device after."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from pydantic import Field

from contracts.devices.autop import (
    AUTOP_DEVICES_MAX,
    AutopKind,
    AutopPreview,
    AutopText,
    ClearRegularProfile,
    GetProvisioning,
    GetRegularProfile,
    ListProvisionings,
    PreviewAutop,
    ProvisioningDetail,
    ProvisioningPage,
    RegularProfile,
    RetryProvisioning,
    SubmitAutop,
)
from contracts.message import Accepted
from contracts.words import Id
from services.gateway.asking.asking import Asking, Passed, Sending
from services.gateway.asking.bodies import Body, Document, fields_of
from services.gateway.asking.parameters import After, PageNumber, PerPage
from services.gateway.guards.sessions import settled, signed_in


class AutopDraft(Document):
    """Lines and devices that are not submitted yet."""

    kind: AutopKind
    text: AutopText
    device_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=AUTOP_DEVICES_MAX)]


class ProvisioningController(Controller):
    path = "/provisionings"
    tags = ["autop"]
    guards = [signed_in, settled]

    @get(operation_id="ListProvisionings", summary="A page of one's batches, newest first")
    async def list_provisionings(
        self, asking: NamedDependency[Asking], page: PageNumber = 1, per_page: PerPage = 10, after: After = ""
    ) -> Passed[ProvisioningPage]:
        return await asking.page(
            ListProvisionings(actor=asking.actor, after=asking.opened(after), page=page, per_page=per_page)
        )

    @post(operation_id="SubmitAutop", summary="Provision up to 500 devices at once")
    async def submit(self, data: JSONBody[Body[SubmitAutop]], sending: NamedDependency[Sending]) -> Response[Accepted]:
        return await sending.create(SubmitAutop, data, "provisioning_id")

    @post("/preview", operation_id="PreviewAutop", status_code=200, summary="What a submit would do, without doing it")
    async def preview(self, data: JSONBody[AutopDraft], asking: NamedDependency[Asking]) -> Passed[AutopPreview]:
        return await asking.page(PreviewAutop(actor=asking.actor, **fields_of(data)))

    @get("/{provisioning_id:uuid}", operation_id="GetProvisioning", summary="A batch, device by device")
    async def get_provisioning(
        self, provisioning_id: FromPath[UUID], asking: NamedDependency[Asking], after: After = ""
    ) -> Passed[ProvisioningDetail]:
        return await asking.page(
            GetProvisioning(actor=asking.actor, after=asking.opened(after), provisioning_id=str(provisioning_id))
        )

    @post(
        "/{provisioning_id:uuid}/retry",
        operation_id="RetryProvisioning",
        status_code=200,
        summary="Send it again to those devices that failed",
    )
    async def retry(self, provisioning_id: FromPath[UUID], sending: NamedDependency[Sending]) -> Response[Accepted]:
        return await sending.command(RetryProvisioning, provisioning_id=str(provisioning_id))


class RegularProfileController(Controller):
    path = "/devices/{device_id:uuid}/regular-autop"
    tags = ["autop"]
    guards = [signed_in, settled]

    @get(operation_id="GetRegularProfile", summary="What the device is given again after every reset")
    async def get_profile(
        self, device_id: FromPath[UUID], asking: NamedDependency[Asking], after: After = ""
    ) -> Passed[RegularProfile]:
        return await asking.page(
            GetRegularProfile(actor=asking.actor, after=asking.opened(after), device_id=str(device_id))
        )

    @delete(operation_id="ClearRegularProfile", status_code=200, summary="Forget the stored lines")
    async def clear_profile(self, device_id: FromPath[UUID], sending: NamedDependency[Sending]) -> Response[Accepted]:
        return await sending.command(ClearRegularProfile, device_id=str(device_id))
