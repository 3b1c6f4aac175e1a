"""Devices of a household: bound, edited, unbound, and the lists that show them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from contracts.devices.configuration import ConfigurationState
from contracts.devices.relays import MethodGate, Relays, RelaySetting, RelayView, SecurityRelays
from contracts.devices.words import Mac
from contracts.message import Answer, Command, Event, Open, Personal, Query, View
from contracts.moments import RecordedMoment
from contracts.notations import host_ipv4
from contracts.reasons import Kind, Reason
from contracts.text import Name, cleaned, numeral
from contracts.words import Filled, FilledFlag, Form, Id, Page, PerPage

Ip = Annotated[
    str,
    Field(max_length=15, description="IPv4, dotted, of one device", json_schema_extra={"format": "ipv4"}),
    cleaned(numeral),
    AfterValidator(host_ipv4),
]


class DeviceKind(StrEnum):
    """What a device is for; it decides which fields it has (R-19)."""

    DOORPHONE_SINGLE = "doorphone_single"
    DOORPHONE_MULTI = "doorphone_multi"
    INDOOR_MONITOR = "indoor_monitor"
    ACCESS_CONTROL = "access_control"
    GUARD_PHONE = "guard_phone"


class ConnectionType(StrEnum):
    """How a device carries its SIP messages (R-32)."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class OneDevice(Form):
    """Which device is meant."""

    device_id: Id


class NewDevice(OneDevice):
    """Which device is to be, and where."""

    user_id: Id
    mac: Mac


class DeviceForm(Form):
    """What is written about a device."""

    kind: DeviceKind
    name: Name
    relays: Relays = ()
    security_relays: SecurityRelays = ()
    internet_access: bool = True
    transfer_ip: Ip | None = None
    works_offline: bool = False
    arming_function: bool = False


class DeviceKeyAnswer(Answer):
    """The key of a device, once, while it is what the command issued."""

    device_key: str | None = None


class NewDeviceAnswer(DeviceKeyAnswer):
    """The device's SIP number as well."""

    sip: Open[str]


class BindDevice(DeviceForm, NewDevice, Command[NewDeviceAnswer]):
    """Add a device to a household (D-01..D-19)."""

    connection_type: ConnectionType = ConnectionType.TCP
    key_hash: Filled = None
    distributor_id: Filled = None
    installer_id: Filled = None
    offline_solution: FilledFlag = False


class EditDevice(DeviceForm, OneDevice, Command):
    """Replace what the device form shows (D-20). The MAC stays: other hardware is another device."""

    offline_solution: FilledFlag = False


class UnbindDevice(Command):
    """Delete the device; its MAC is free again (D-21)."""

    device_id: Id


class RotateDeviceKey(Command[DeviceKeyAnswer]):
    """Issue the device another key; the present one opens nothing any more."""

    device_id: Id
    key_hash: Filled = None


class ChooseConnectionType(Command):
    """How the device carries SIP (A-10)."""

    device_id: Id
    connection_type: ConnectionType


class DeviceBound(Event):
    """A device belongs to a household. Names of relays stand in `relay_names`, in the order of `relays`."""

    device_id: str
    mac: str
    user_id: str
    installer_id: str
    distributor_id: str
    kind: DeviceKind
    name: Personal
    sip: str
    relays: tuple[RelaySetting, ...]
    relay_names: tuple[Personal, ...]
    security_relays: tuple[RelaySetting, ...]
    security_relay_names: tuple[Personal, ...]
    internet_access: bool
    transfer_ip: Personal | None
    works_offline: bool
    arming_function: bool
    connection_type: ConnectionType
    key_hash: str


class DeviceDescribed(Event):
    """What the device is called and how it calls is now this."""

    device_id: str
    user_id: str
    installer_id: str
    kind: DeviceKind
    name: Personal
    internet_access: bool
    transfer_ip: Personal | None
    works_offline: bool
    arming_function: bool


class RelaysConfigured(Event):
    """The device's relays and what triggers each are now these."""

    device_id: str
    user_id: str
    installer_id: str
    relays: tuple[RelaySetting, ...]
    relay_names: tuple[Personal, ...]
    security_relays: tuple[RelaySetting, ...]
    security_relay_names: tuple[Personal, ...]


class ConnectionTypeChosen(Event):
    """The device carries SIP like this."""

    device_id: str
    user_id: str
    installer_id: str
    connection_type: ConnectionType


class DeviceKeyIssued(Event):
    """The device proves itself by another key."""

    device_id: str
    user_id: str
    installer_id: str
    key_hash: str


class DeviceUnbound(Event):
    """The device is gone; its data key is to be destroyed."""

    device_id: str
    mac: str
    user_id: str
    installer_id: str
    distributor_id: str


class DeviceRow(View):
    """A row of the Device list (D-33). `owner` is the household's name."""

    device_id: str
    mac: str
    user_id: str
    uid: str
    owner: str
    name: str
    sip: str
    kind: DeviceKind
    model: str | None
    firmware: str | None
    online: bool
    last_connected_at: RecordedMoment | None
    configuration: ConfigurationState
    created_at: RecordedMoment


class DevicePage(View):
    """One page of devices."""

    rows: tuple[DeviceRow, ...]
    total: int
    page: int
    per_page: int


class DeviceDetail(DeviceRow):
    """Everything the device page shows. A device that `waits_for_key` cannot connect until the installer issues one."""

    installer_id: str
    distributor_id: str
    relays: tuple[RelayView, ...]
    security_relays: tuple[RelayView, ...]
    internet_access: bool
    transfer_ip: str | None
    works_offline: bool
    arming_function: bool
    armed: bool | None
    connection_type: ConnectionType
    offline_solution: bool
    max_relays: int
    methods_gate: MethodGate
    method_choice_dropped: bool
    shows_weather: bool
    issued_version: str | None
    applied_version: str | None
    configuration_reason: str | None
    open_commands: int
    linked_camera_id: str | None
    regular_lines: int
    waits_for_key: bool = False
    revision: str


class ListDevices(Query):
    """A page of the caller's devices, newest first; `q` is the beginning of a MAC (D-34), or for the pickers of AutoP
    also of a word of the owner's or the device's name (A-04)."""

    page: Page = 1
    per_page: PerPage = 10
    key: Annotated[str, Field(pattern="^(mac|owner|name)$")] | None = None
    q: Annotated[str, Field(max_length=128)] = ""
    user_id: Id | None = None


class GetDevice(Query):
    """One device, or `device-unknown`."""

    device_id: Id


QUERIES: Mapping[type[Query], type[View]] = {
    ListDevices: DevicePage,
    GetDevice: DeviceDetail,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    # What is bound by account access waits without a key until the installer issues one.
    BindDevice:           ". . I . . . +",
    EditDevice:           ". . I . . . +",
    UnbindDevice:         ". . I . . . +",
    RotateDeviceKey:      ". . I . . . .",
    ChooseConnectionType: ". . I . . . +",
    ListDevices:          ". . I . . . +",
    GetDevice:            ". . I . . . +",
}
# fmt: on

REFUSALS: Mapping[str, Reason] = {
    "device-unknown": Reason(Kind.UNKNOWN, "There is no such device."),
    "field-not-for-this-type": Reason(Kind.INVALID, "A device of this type does not have this."),
    "transfer-ip-missing": Reason(
        Kind.INVALID, "Without internet access, the IP address of the indoor monitor that transfers calls is needed."
    ),
    "offline-solution-off": Reason(Kind.CONFLICT, "Doorphone Offline Solution is not on for your distributor."),
}
