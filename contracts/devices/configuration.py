"""What a device is, which configuration it is to have, and which it has."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field

from contracts.devices.words import DeviceText
from contracts.message import Command, Event, Personal, Query
from contracts.versions import Upcasts, as_it_is
from contracts.words import Id


class ConfigurationState(StrEnum):
    """Whether a device does what it is set to: it has never been told, has yet to apply, has applied, or refused."""

    NEVER = "never"
    WAITING = "waiting"
    APPLIED = "applied"
    REFUSED = "refused"


class NoteDeviceReport(Command):
    """A device says what it is. The service sends it to itself."""

    device_id: Id
    model: Annotated[str, Field(max_length=32)]
    firmware: Annotated[str, Field(pattern=r"^[0-9]{1,5}(\.[0-9]{1,5}){3}$")]


class IssueConfiguration(Command):
    """The device is to be configured like this from now on. The service sends it to itself."""

    device_id: Id
    configuration: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    residents: Annotated[int, Field(ge=0)] = 0


class NoteConfigurationApplied(Command):
    """A device says which configuration it has. The service sends it to itself."""

    device_id: Id
    configuration: Annotated[str, Field(max_length=64)]


class NoteConfigurationRefused(Command):
    """A device says that it cannot take a configuration. The service sends it to itself."""

    device_id: Id
    configuration: Annotated[str, Field(max_length=64)]
    reason: DeviceText


class DeviceReported(Event):
    """The device is this model and runs this firmware."""

    device_id: str
    user_id: str
    installer_id: str
    model: str
    firmware: str


class MethodChoiceDropped(Event):
    """The device turned out to be one that lets none of its own methods be chosen (R-25): all of them are on again."""

    device_id: str
    user_id: str
    installer_id: str
    model: str
    firmware: str


class ConfigurationIssued(Event):
    """The device is to have the configuration of this version, made for the home after that many resets."""

    version: ClassVar[int] = 2

    device_id: str
    user_id: str
    installer_id: str
    configuration: str
    residents: int


class ConfigurationApplied(Event):
    """The device has the configuration of this version."""

    device_id: str
    user_id: str
    installer_id: str
    configuration: str


class ConfigurationRefused(Event):
    """The device could not take the configuration of this version. `reason` is in the device's own words."""

    version: ClassVar[int] = 2

    device_id: str
    user_id: str
    installer_id: str
    configuration: str
    reason: Personal


def _for_first_residents(body: dict[str, Any]) -> dict[str, Any]:
    """Whom it was made for was not said. After a reset a device counts as told by what is issued since."""
    return {**body, "residents": 0}


UPCASTS: Upcasts = {
    "devices.ConfigurationIssued.v1": _for_first_residents,
    "devices.ConfigurationRefused.v1": as_it_is,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    NoteDeviceReport:         ". . . . . . .",
    IssueConfiguration:       ". . . . . . .",
    NoteConfigurationApplied: ". . . . . . .",
    NoteConfigurationRefused: ". . . . . . .",
}
# fmt: on
