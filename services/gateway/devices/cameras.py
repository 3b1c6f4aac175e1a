"""Third-party cameras: the tab of the Device module, and those of a household."""

from uuid import UUID

from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from contracts.devices.cameras import AddCamera, CameraPage, CameraRow, EditCamera, GetCamera, ListCameras, RemoveCamera
from contracts.message import Accepted
from services.gateway.asking.asking import Asking, Passed, Sending
from services.gateway.asking.bodies import Body
from services.gateway.asking.parameters import After, Household, PageNumber, PerPage, Search
from services.gateway.guards.sessions import settled, signed_in


class CameraController(Controller):
    path = "/cameras"
    tags = ["cameras"]
    guards = [signed_in, settled]

    @get(operation_id="ListCameras", summary="A page of one's cameras, newest first")
    async def list_cameras(
        self,
        asking: NamedDependency[Asking],
        page: PageNumber = 1,
        per_page: PerPage = 10,
        q: Search = "",
        user: Household = "",
        after: After = "",
    ) -> Passed[CameraPage]:
        return await asking.page(
            ListCameras(
                actor=asking.actor, after=asking.opened(after), page=page, per_page=per_page, q=q, user_id=user or None
            )
        )

    @get("/{camera_id:uuid}", operation_id="GetCamera", summary="One camera, without its password")
    async def get_camera(
        self, camera_id: FromPath[UUID], asking: NamedDependency[Asking], after: After = ""
    ) -> Passed[CameraRow]:
        return await asking.page(GetCamera(actor=asking.actor, after=asking.opened(after), camera_id=str(camera_id)))

    @put(
        "/{camera_id:uuid}",
        operation_id="EditCamera",
        summary="Replace what the form shows; without a password the present one stays",
    )
    async def edit_camera(
        self, camera_id: FromPath[UUID], data: JSONBody[Body[EditCamera]], sending: NamedDependency[Sending]
    ) -> Response[Accepted]:
        return await sending.command(EditCamera, data, camera_id=str(camera_id))

    @delete("/{camera_id:uuid}", status_code=200, operation_id="RemoveCamera", summary="Delete the camera")
    async def remove_camera(self, camera_id: FromPath[UUID], sending: NamedDependency[Sending]) -> Response[Accepted]:
        return await sending.command(RemoveCamera, camera_id=str(camera_id))


class HouseholdCameraController(Controller):
    path = "/users/{user_id:uuid}/cameras"
    tags = ["cameras"]
    guards = [signed_in, settled]

    @post(operation_id="AddCamera", summary="Add a camera to a household with the premium plan")
    async def add_camera(
        self, user_id: FromPath[UUID], data: JSONBody[Body[AddCamera]], sending: NamedDependency[Sending]
    ) -> Response[Accepted]:
        return await sending.create(AddCamera, data, "camera_id", user_id=str(user_id))
