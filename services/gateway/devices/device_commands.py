"""What an intercom is told to do, and what became of it."""

from uuid import UUID

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from contracts.devices.commands import (
    CancelDeviceCommand,
    DeviceCommandPage,
    DeviceCommandRow,
    GetDeviceCommand,
    ListDeviceCommands,
    RebootDevice,
    ResetDevice,
    SwitchArming,
    UnlockDoor,
)
from contracts.message import Accepted
from services.gateway.asking.asking import Asking, Passed, Sending
from services.gateway.asking.bodies import Body
from services.gateway.asking.parameters import After, PageNumber, PerPage
from services.gateway.guards.sessions import in_person, settled, signed_in

_MADE = "device_command_id"


class ToldDeviceController(Controller):
    path = "/devices/{device_id:uuid}"
    tags = ["device commands"]
    guards = [signed_in, settled]

    @get("/commands", operation_id="ListDeviceCommands", summary="What the device was told, newest first")
    async def list_commands(
        self,
        device_id: FromPath[UUID],
        asking: NamedDependency[Asking],
        page: PageNumber = 1,
        per_page: PerPage = 10,
        after: After = "",
    ) -> Passed[DeviceCommandPage]:
        return await asking.page(
            ListDeviceCommands(
                actor=asking.actor, after=asking.opened(after), device_id=str(device_id), page=page, per_page=per_page
            )
        )

    @post("/reboot", operation_id="RebootDevice", summary="Have it start anew; waits for a device that is off")
    async def reboot(self, device_id: FromPath[UUID], sending: NamedDependency[Sending]) -> Response[Accepted]:
        return await sending.create(RebootDevice, None, _MADE, device_id=str(device_id))

    @post("/reset", operation_id="ResetDevice", summary="Have it forget its configuration, or everything")
    async def reset(
        self, device_id: FromPath[UUID], data: JSONBody[Body[ResetDevice]], sending: NamedDependency[Sending]
    ) -> Response[Accepted]:
        return await sending.create(ResetDevice, data, _MADE, device_id=str(device_id))

    @post("/unlock", operation_id="UnlockDoor", guards=[in_person], summary="Open a door now; refused when it is off")
    async def unlock(
        self, device_id: FromPath[UUID], data: JSONBody[Body[UnlockDoor]], sending: NamedDependency[Sending]
    ) -> Response[Accepted]:
        return await sending.create(UnlockDoor, data, _MADE, device_id=str(device_id))

    @post("/arming", operation_id="SwitchArming", guards=[in_person], summary="Arm or disarm an indoor monitor now")
    async def switch_arming(
        self, device_id: FromPath[UUID], data: JSONBody[Body[SwitchArming]], sending: NamedDependency[Sending]
    ) -> Response[Accepted]:
        return await sending.create(SwitchArming, data, _MADE, device_id=str(device_id))


class DeviceCommandController(Controller):
    path = "/device-commands/{device_command_id:uuid}"
    tags = ["device commands"]
    guards = [signed_in, settled]

    @get(operation_id="GetDeviceCommand", summary="What became of a command")
    async def get_command(
        self, device_command_id: FromPath[UUID], asking: NamedDependency[Asking], after: After = ""
    ) -> Passed[DeviceCommandRow]:
        return await asking.page(
            GetDeviceCommand(actor=asking.actor, after=asking.opened(after), device_command_id=str(device_command_id))
        )

    @delete(operation_id="CancelDeviceCommand", status_code=200, summary="Take back what no device has begun")
    async def cancel_command(
        self, device_command_id: FromPath[UUID], sending: NamedDependency[Sending]
    ) -> Response[Accepted]:
        return await sending.command(CancelDeviceCommand, device_command_id=str(device_command_id))
