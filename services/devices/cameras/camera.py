"""A third-party camera of a household with the premium plan. It is looked at by residents, never by this service.

The rule it protects: a camera and a device are linked to each other or to nobody (R-27), and nothing is ever
connected to its address from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from contracts.acting import acts_for_another
from contracts.devices.cameras import (
    AddCamera,
    CameraAdded,
    CameraDescribed,
    CameraLinked,
    CameraRemoved,
    CameraUnlinked,
    EditCamera,
    RemoveCamera,
)
from contracts.message import Actor, Event
from contracts.permissions import within
from contracts.refusals import refused
from kernel.deciding.decider import Aggregate, Decision, Elsewhere, Neighbours, Outcome, Ref
from services.devices.cameras import rtsp
from services.devices.homes import home
from services.devices.intercoms import device

CameraEvent = CameraAdded | CameraDescribed | CameraLinked | CameraUnlinked | CameraRemoved


@dataclass(frozen=True, slots=True)
class Camera:
    """What is true of a camera."""

    camera_id: str = ""
    user_id: str = ""
    installer_id: str = ""
    distributor_id: str = ""
    removed: bool = False
    name: str = ""
    rtsp_address: str = ""
    user_name: str = ""
    password: str = field(default="", repr=False)
    linked_device_id: str | None = None

    @property
    def absent(self) -> bool:
        return not self.camera_id or self.removed


def evolve(camera: Camera, event: CameraEvent) -> Camera:
    match event:
        case CameraAdded():
            return Camera(
                camera_id=event.camera_id,
                user_id=event.user_id,
                installer_id=event.installer_id,
                distributor_id=event.distributor_id,
                name=event.name,
                rtsp_address=event.rtsp_address,
                user_name=event.user_name,
                password=event.password,
                linked_device_id=event.linked_device_id,
            )
        case CameraDescribed():
            return replace(
                camera,
                name=event.name,
                rtsp_address=event.rtsp_address,
                user_name=event.user_name,
                password=event.password,
            )
        case CameraLinked():
            return replace(camera, linked_device_id=event.device_id)
        case CameraUnlinked():
            return replace(camera, linked_device_id=None)
        case CameraRemoved():
            return Camera(
                camera_id=camera.camera_id,
                user_id=camera.user_id,
                installer_id=camera.installer_id,
                distributor_id=camera.distributor_id,
                removed=True,
            )
        case _:
            assert_never(event)


def add(command: AddCamera, camera: Camera, there: Neighbours) -> Outcome:
    installer_id, distributor_id = command.installer_id, command.distributor_id
    if not (
        installer_id
        and distributor_id
        and within(
            command.actor,
            distributor_id=distributor_id,
            installer_id=installer_id,
            household_id=command.user_id,
        )
    ):
        raise refused("user-unknown")
    if camera.camera_id:
        if camera.removed or camera.user_id != command.user_id or _form(command) != _form(camera):
            raise refused("id-taken")
        return []
    if not command.premium:
        raise refused("premium-needed")
    home.require_room(there[home.ref(command.user_id)])
    address = _kept(command)
    added = CameraAdded(
        camera_id=command.camera_id,
        user_id=command.user_id,
        installer_id=installer_id,
        distributor_id=distributor_id,
        name=command.name,
        rtsp_address=address,
        user_name=command.user_name,
        password=command.password,
        linked_device_id=command.linked_device_id,
    )
    moved_in = home.camera_moves_in(command.user_id, command.camera_id)
    return [added, moved_in, *_linked(evolve(camera, added), command.linked_device_id, there)]


def edit(command: EditCamera, camera: Camera, there: Neighbours) -> Outcome:
    check(command.actor, camera)
    changes: list[Event | Elsewhere] = []
    password = command.password or camera.password
    address = _kept(command)
    # A password that is kept is sent to wherever the address says: a secret answered by another way.
    is_led_away = not command.password and rtsp.host(address) != rtsp.host(camera.rtsp_address)
    if acts_for_another(command.actor) and is_led_away and camera.password:
        raise refused("for-the-holder-alone", "rtsp_address")
    wanted = (command.name, address, command.user_name, password)
    if wanted != (camera.name, camera.rtsp_address, camera.user_name, camera.password):
        changes.append(
            CameraDescribed(
                **_names(camera),
                name=command.name,
                rtsp_address=address,
                user_name=command.user_name,
                password=password,
            )
        )
    if command.linked_device_id != camera.linked_device_id:
        added = _linked(camera, command.linked_device_id, there)
        left = _unlinked(camera, there)
        # Said of the camera as well: it is seen with one device, or on its own.
        changes += [*(each.event for each in left), *left, *(each.event for each in added), *added]
    return changes


def remove(command: RemoveCamera, camera: Camera, there: Neighbours) -> Outcome:
    check(command.actor, camera)
    removed = CameraRemoved(**_names(camera), linked_device_id=camera.linked_device_id)
    gone: list[Event | Elsewhere] = [removed, *_unlinked(camera, there)]
    # A forgotten home has let go of everything already.
    if camera.camera_id in there[home.ref(camera.user_id)].cameras:
        gone.append(home.camera_moves_out(camera.user_id, camera.camera_id))
    return gone


def check(actor: Actor, camera: Camera) -> None:
    """Refuses (`camera-unknown`) a camera that is not there, is gone, or is somebody else's."""
    known = not camera.absent and within(
        actor,
        distributor_id=camera.distributor_id,
        installer_id=camera.installer_id,
        household_id=camera.user_id,
    )
    if not known:
        raise refused("camera-unknown")


def ref(camera_id: str) -> Ref:
    """The camera of that id."""
    return Ref("camera", camera_id)


def _linked(camera: Camera, device_id: str | None, there: Neighbours) -> list[Elsewhere]:
    """The device takes the camera: it stands in the same home, and has no other."""
    if device_id is None:
        return []
    wanted: device.Device = there[device.ref(device_id)]
    if wanted.absent or wanted.user_id != camera.user_id:
        raise refused("device-unknown", "linked_device_id")
    if wanted.linked_camera_id not in (None, camera.camera_id):
        raise refused("device-has-camera", "linked_device_id")
    return [Elsewhere(device.ref(device_id), device.linked(wanted, camera.camera_id))]


def _unlinked(camera: Camera, there: Neighbours) -> list[Elsewhere]:
    if camera.linked_device_id is None:
        return []
    present: device.Device = there[device.ref(camera.linked_device_id)]
    return [Elsewhere(device.ref(camera.linked_device_id), device.unlinked(present))]


def _kept(command: AddCamera | EditCamera) -> str:
    try:
        return rtsp.kept(command.rtsp_address)
    except ValueError:
        raise refused("rtsp-malformed", "rtsp_address") from None


def _form(form: AddCamera | Camera) -> tuple[str | None, ...]:
    address = _kept(form) if isinstance(form, AddCamera) else form.rtsp_address
    return form.name, address, form.user_name, form.password, form.linked_device_id


def _names(camera: Camera) -> dict[str, Any]:
    return {"camera_id": camera.camera_id, "user_id": camera.user_id, "installer_id": camera.installer_id}


def _around_newcomer(command: AddCamera, _: Camera) -> list[Ref]:
    return [home.ref(command.user_id), *_devices(command.linked_device_id)]


def _around_links(command: EditCamera, camera: Camera) -> list[Ref]:
    # A link that stays is not looked at.
    if command.linked_device_id == camera.linked_device_id:
        return []
    return [*_devices(command.linked_device_id), *_devices(camera.linked_device_id)]


def _around_leaving(_: RemoveCamera, camera: Camera) -> list[Ref]:
    return [] if camera.absent else [home.ref(camera.user_id), *_devices(camera.linked_device_id)]


def _devices(device_id: str | None) -> list[Ref]:
    return [device.ref(device_id)] if device_id else []


CAMERA: Aggregate[Camera] = Aggregate(
    name="camera",
    initial=Camera(),
    evolve=evolve,
    events=(CameraAdded, CameraDescribed, CameraLinked, CameraUnlinked, CameraRemoved),
    decisions={
        AddCamera: Decision("camera_id", add, _around_newcomer),
        EditCamera: Decision("camera_id", edit, _around_links),
        RemoveCamera: Decision("camera_id", remove, _around_leaving),
    },
    key=lambda camera: f"camera.{camera.camera_id}" if camera.camera_id else None,
)
