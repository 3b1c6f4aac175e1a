"""What a device is told to do, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from contracts.devices.relays import RelayNumber
from contracts.devices.words import MAC_CHARACTERS_MAX, DeviceText
from contracts.message import Command, Event, Personal, Query, View
from contracts.moments import RecordedMoment
from contracts.reasons import Kind, Reason
from contracts.versions import Upcasts, as_it_is
from contracts.words import Id, Page, PerPage

COMMAND_DAYS = 7
UNLOCK_SECONDS = 5


class DeviceCommandKind(StrEnum):
    """What a device can be told to do. Unlocking and arming never wait; the others wait for a device that is off."""

    REBOOT = "reboot"
    CONFIGURATION_RESET = "configuration_reset"
    FACTORY_RESET = "factory_reset"
    ONE_TIME_AUTOP = "one_time_autop"
    UNLOCK = "unlock"
    ARM = "arm"
    DISARM = "disarm"


IMMEDIATE = frozenset({DeviceCommandKind.UNLOCK, DeviceCommandKind.ARM, DeviceCommandKind.DISARM})
RESETS = frozenset({DeviceCommandKind.CONFIGURATION_RESET, DeviceCommandKind.FACTORY_RESET})


class DeviceCommandState(StrEnum):
    """Where a command to a device is. `unknown`: it was sent and no answer came in time, so nobody can say."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


OPEN_STATES = (DeviceCommandState.QUEUED, DeviceCommandState.SENT, DeviceCommandState.DELIVERED)


class ResetScope(StrEnum):
    """Which of its two resets a device does (R-33)."""

    CONFIGURATION = "configuration"
    FACTORY = "factory"


class RebootDevice(Command):
    """Have a device start anew (A-11); waits for a device that is off."""

    device_command_id: Id
    device_id: Id


class ResetDevice(Command):
    """Have a device forget its configuration, or everything (A-12, R-33). A factory reset needs its MAC typed."""

    device_command_id: Id
    device_id: Id
    scope: ResetScope = ResetScope.CONFIGURATION
    confirmed_mac: Annotated[str, Field(max_length=MAC_CHARACTERS_MAX)] | None = None


class UnlockDoor(Command):
    """Have a device pulse a relay. Refused at once for a device that is off, and never waits."""

    device_command_id: Id
    device_id: Id
    relay: RelayNumber


class SwitchArming(Command):
    """Arm or disarm an indoor monitor that has the arming function. Never waits."""

    device_command_id: Id
    device_id: Id
    armed: bool


class QueueOneTimeAutop(Command):
    """Have a device run these lines once (A-15). The service sends it to itself, for each device of a batch."""

    device_command_id: Id
    device_id: Id
    provisioning_id: Id
    lines: Annotated[tuple[str, ...], Field(repr=False)]


class CancelDeviceCommand(Command):
    """Take back a command that no device has begun."""

    device_command_id: Id


class NoteDeviceCommand(Command):
    """What became of a command to a device. The service sends it to itself."""

    device_command_id: Id
    state: DeviceCommandState
    reason: DeviceText | None = None


class DeviceCommandQueued(Event):
    """A device is to do something, until `expires_at`. `lines` are those of a one-time AutoP."""

    device_command_id: str
    device_id: str
    mac: str
    user_id: str
    installer_id: str
    kind: DeviceCommandKind
    relay: int | None
    lines: tuple[Personal, ...]
    provisioning_id: str | None
    nonce: str
    expires_at: RecordedMoment


class DeviceCommandSent(Event):
    """It was handed to the device's connection. Nothing says yet that it arrived."""

    device_command_id: str
    device_id: str
    installer_id: str


class DeviceCommandDelivered(Event):
    """The device has it."""

    device_command_id: str
    device_id: str
    installer_id: str


class DeviceCommandDone(Event):
    """The device did it."""

    device_command_id: str
    device_id: str
    installer_id: str


class DeviceCommandFailed(Event):
    """The device, or what it needs, refused. `reason` may be in the device's own words."""

    version: ClassVar[int] = 2

    device_command_id: str
    device_id: str
    installer_id: str
    reason: Personal


class DeviceCommandExpired(Event):
    """Its time is over and no device ever had it."""

    device_command_id: str
    device_id: str
    installer_id: str


class DeviceCommandCancelled(Event):
    """It was taken back, or what it was for is gone (`reason`)."""

    device_command_id: str
    device_id: str
    installer_id: str
    reason: str


class DeviceCommandLost(Event):
    """It was sent and no answer came in time: nobody knows whether the device did it."""

    device_command_id: str
    device_id: str
    installer_id: str


class DeviceCommandRow(View):
    """A command to a device. Lines of a one-time AutoP come with their secrets masked."""

    device_command_id: str
    device_id: str
    device_name: str
    mac: str
    kind: DeviceCommandKind
    state: DeviceCommandState
    reason: str | None
    relay: int | None
    lines: tuple[str, ...]
    provisioning_id: str | None
    created_at: RecordedMoment
    changed_at: RecordedMoment
    expires_at: RecordedMoment


class DeviceCommandPage(View):
    """One page of commands."""

    rows: tuple[DeviceCommandRow, ...]
    total: int
    page: int
    per_page: int


class ListDeviceCommands(Query):
    """What a device was told, newest first."""

    device_id: Id
    page: Page = 1
    per_page: PerPage = 10


class GetDeviceCommand(Query):
    """One command, or `device-command-unknown`."""

    device_command_id: Id


QUERIES: Mapping[type[Query], type[View]] = {
    ListDeviceCommands: DeviceCommandPage,
    GetDeviceCommand: DeviceCommandRow,
}

UPCASTS: Upcasts = {
    "devices.DeviceCommandFailed.v1": as_it_is,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    RebootDevice:        ". . I . . . +",
    ResetDevice:         ". . I . . . +",
    UnlockDoor:          ". . I . M F .",
    SwitchArming:        ". . I . M F .",
    QueueOneTimeAutop:   ". . . . . . .",
    CancelDeviceCommand: ". . I . . . +",
    NoteDeviceCommand:   ". . . . . . .",
    ListDeviceCommands:  ". . I . . . +",
    GetDeviceCommand:    ". . I . M F +",
}
# fmt: on

REFUSALS: Mapping[str, Reason] = {
    "device-command-unknown": Reason(Kind.UNKNOWN, "There is no such command."),
    "mac-not-confirmed": Reason(Kind.INVALID, "Type the MAC of the device to have it forget everything."),
    "device-offline": Reason(Kind.CONFLICT, "The device is not connected."),
    "device-command-begun": Reason(Kind.CONFLICT, "The device has it already, or it is over."),
    "arming-not-available": Reason(Kind.CONFLICT, "This device has no arming function."),
}
