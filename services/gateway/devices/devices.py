"""Intercoms: the Device module, a household's devices, and one device with its configuration and history."""

from uuid import UUID

from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from contracts.devices.audit import DeviceAuditPage, ListDeviceAudit
from contracts.devices.intercoms import (
    BindDevice,
    ChooseConnectionType,
    DeviceDetail,
    DeviceKeyAnswer,
    DevicePage,
    EditDevice,
    GetDevice,
    ListDevices,
    NewDeviceAnswer,
    RotateDeviceKey,
    UnbindDevice,
)
from contracts.devices.models import ListModels, ModelList
from contracts.message import Accepted
from services.gateway.asking.asking import Asking, Passed, Sending, passed
from services.gateway.asking.bodies import Body
from services.gateway.asking.parameters import After, Cursor, DeviceKey, Household, IfMatch, PageNumber, PerPage, Search
from services.gateway.asking.versions import etag, require_unchanged
from services.gateway.guards.sessions import in_person, settled, signed_in


class DeviceController(Controller):
    path = "/devices"
    tags = ["devices"]
    guards = [signed_in, settled]

    @get(operation_id="ListDevices", summary="A page of one's intercoms, newest first")
    async def list_devices(
        self,
        asking: NamedDependency[Asking],
        page: PageNumber = 1,
        per_page: PerPage = 10,
        key: DeviceKey = "",
        q: Search = "",
        user: Household = "",
        after: After = "",
    ) -> Passed[DevicePage]:
        return await asking.page(
            ListDevices(
                actor=asking.actor,
                after=asking.opened(after),
                page=page,
                per_page=per_page,
                key=key or None,
                q=q,
                user_id=user or None,
            )
        )

    @get("/models", operation_id="ListModels", summary="The models that are known here, and what they can")
    async def list_models(self, asking: NamedDependency[Asking]) -> Passed[ModelList]:
        return await asking.page(ListModels(actor=asking.actor))

    @get("/{device_id:uuid}", operation_id="GetDevice", summary="One intercom")
    async def get_device(
        self, device_id: FromPath[UUID], asking: NamedDependency[Asking], after: After = ""
    ) -> Passed[DeviceDetail]:
        written = await asking.bytes(
            GetDevice(actor=asking.actor, after=asking.opened(after), device_id=str(device_id))
        )
        return passed(written, {"ETag": etag(DeviceDetail.model_validate_json(written))})

    @put("/{device_id:uuid}", operation_id="EditDevice", summary="Replace what the form shows")
    async def edit_device(
        self,
        device_id: FromPath[UUID],
        data: JSONBody[Body[EditDevice]],
        asking: NamedDependency[Asking],
        sending: NamedDependency[Sending],
        if_match: IfMatch = "",
    ) -> Response[Accepted]:
        present = GetDevice(actor=asking.actor, device_id=str(device_id))
        await require_unchanged(if_match, lambda: asking.view(present, DeviceDetail))
        return await sending.command(EditDevice, data, device_id=str(device_id))

    @delete("/{device_id:uuid}", status_code=200, operation_id="UnbindDevice", summary="Delete it; its MAC is free")
    async def unbind_device(self, device_id: FromPath[UUID], sending: NamedDependency[Sending]) -> Response[Accepted]:
        return await sending.command(UnbindDevice, device_id=str(device_id))

    @post(
        "/{device_id:uuid}/key",
        operation_id="RotateDeviceKey",
        status_code=200,
        guards=[in_person],
        summary="Issue another key; the present one opens nothing any more",
    )
    async def rotate_key(
        self, device_id: FromPath[UUID], sending: NamedDependency[Sending]
    ) -> Response[Accepted[DeviceKeyAnswer]]:
        return await sending.command(RotateDeviceKey, device_id=str(device_id))

    @put(
        "/{device_id:uuid}/connection-type",
        operation_id="ChooseConnectionType",
        summary="How the device carries SIP",
    )
    async def choose_connection_type(
        self, device_id: FromPath[UUID], data: JSONBody[Body[ChooseConnectionType]], sending: NamedDependency[Sending]
    ) -> Response[Accepted]:
        return await sending.command(ChooseConnectionType, data, device_id=str(device_id))

    @get("/{device_id:uuid}/audit", operation_id="ListDeviceAudit", summary="Who did what to the device, newest first")
    async def list_audit(
        self,
        device_id: FromPath[UUID],
        asking: NamedDependency[Asking],
        cursor: Cursor = "",
        limit: PerPage = 50,
        after: After = "",
    ) -> Passed[DeviceAuditPage]:
        return await asking.page(
            ListDeviceAudit(
                actor=asking.actor,
                after=asking.opened(after),
                subject_id=str(device_id),
                cursor=cursor or None,
                limit=limit,
            )
        )


class HouseholdDeviceController(Controller):
    path = "/users/{user_id:uuid}/devices"
    tags = ["devices"]
    guards = [signed_in, settled]

    @post(operation_id="BindDevice", summary="Add an intercom to a household; answers its key, once")
    async def bind_device(
        self, user_id: FromPath[UUID], data: JSONBody[Body[BindDevice]], sending: NamedDependency[Sending]
    ) -> Response[Accepted[NewDeviceAnswer]]:
        return await sending.create(BindDevice, data, "device_id", user_id=str(user_id))
