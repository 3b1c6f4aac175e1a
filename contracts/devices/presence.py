"""Whether a device is connected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from contracts.message import Command, Event, Query
from contracts.words import Id


class NoteDeviceOnline(Command):
    """A device is connected. The service sends it to itself. `connection` tells its connections apart."""

    device_id: Id
    connection: Annotated[str, Field(max_length=64)]


class NoteDeviceOffline(Command):
    """That connection is no more. Records nothing when the device has another one by now."""

    device_id: Id
    connection: Annotated[str, Field(max_length=64)] | None = None
    reason: Annotated[str, Field(max_length=64)]


class DeviceWentOnline(Event):
    """The device is connected."""

    device_id: str
    installer_id: str
    connection: str


class DeviceWentOffline(Event):
    """The device is not connected."""

    device_id: str
    installer_id: str
    reason: str


# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    NoteDeviceOnline:  ". . . . . . .",
    NoteDeviceOffline: ". . . . . . .",
}
# fmt: on
