"""Third-party cameras of a household."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from contracts.message import Command, Event, Personal, Query, View
from contracts.moments import RecordedMoment
from contracts.notations import rtsp_address
from contracts.reasons import Kind, Reason
from contracts.text import FilledLine, Name, cleaned, machine
from contracts.words import Filled, FilledFlag, Id, Page, PerPage

RtspAddress = Annotated[str, Field(max_length=1024), cleaned(machine), AfterValidator(rtsp_address)]
Secret = Annotated[str, Field(min_length=1, max_length=256, repr=False)]


class AddCamera(Command):
    """Add a third-party camera to a household with the premium plan (C-01..C-08)."""

    camera_id: Id
    user_id: Id
    name: Name
    rtsp_address: RtspAddress
    user_name: FilledLine
    password: Secret
    linked_device_id: Id | None = None
    distributor_id: Filled = None
    installer_id: Filled = None
    premium: FilledFlag = False


class EditCamera(Command):
    """Replace what the camera form shows; without a password the present one stays (C-13)."""

    camera_id: Id
    name: Name
    rtsp_address: RtspAddress
    user_name: FilledLine
    password: Annotated[str | None, Field(min_length=1, max_length=256, repr=False)] = None
    linked_device_id: Id | None = None


class RemoveCamera(Command):
    """Delete the camera (C-13, C-14)."""

    camera_id: Id


class CameraAdded(Event):
    """A household has a third-party camera."""

    camera_id: str
    user_id: str
    installer_id: str
    distributor_id: str
    name: Personal
    rtsp_address: Personal
    user_name: Personal
    password: Personal
    linked_device_id: str | None


class CameraDescribed(Event):
    """How the camera is called and reached is now this."""

    camera_id: str
    user_id: str
    installer_id: str
    name: Personal
    rtsp_address: Personal
    user_name: Personal
    password: Personal


class CameraLinked(Event):
    """The camera is seen together with that device: residents switch between the two views (C-09)."""

    camera_id: str
    device_id: str
    user_id: str
    installer_id: str


class CameraUnlinked(Event):
    """The camera is seen on its own again."""

    camera_id: str
    device_id: str
    user_id: str
    installer_id: str


class CameraRemoved(Event):
    """The camera is gone; its data key is to be destroyed."""

    camera_id: str
    user_id: str
    installer_id: str
    linked_device_id: str | None


class CameraRow(View):
    """A third-party camera; its password is in no answer."""

    camera_id: str
    user_id: str
    uid: str
    owner: str
    name: str
    rtsp_address: str
    user_name: str
    linked_device_id: str | None
    linked_device_name: str | None
    created_at: RecordedMoment


class CameraPage(View):
    """One page of cameras."""

    rows: tuple[CameraRow, ...]
    total: int
    page: int
    per_page: int


class ListCameras(Query):
    """A page of the caller's cameras, newest first; `q` is the beginning of a word of its name (C-12)."""

    page: Page = 1
    per_page: PerPage = 10
    q: Annotated[str, Field(max_length=128)] = ""
    user_id: Id | None = None


class GetCamera(Query):
    """One camera, or `camera-unknown`."""

    camera_id: Id


QUERIES: Mapping[type[Query], type[View]] = {
    ListCameras: CameraPage,
    GetCamera: CameraRow,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    AddCamera:    ". . I . . . +",
    EditCamera:   ". . I . . . +",
    RemoveCamera: ". . I . . . +",
    ListCameras:  ". . I . . . +",
    GetCamera:    ". . I . . . +",
}
# fmt: on

REFUSALS: Mapping[str, Reason] = {
    "camera-unknown": Reason(Kind.UNKNOWN, "There is no such camera."),
    "premium-needed": Reason(Kind.CONFLICT, "Third-party cameras need the premium plan. Switch it on first."),
    "device-has-camera": Reason(Kind.CONFLICT, "Another camera is linked to this device."),
}
