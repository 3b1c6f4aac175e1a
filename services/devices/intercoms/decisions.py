"""What may be asked of a device: each command with who decides it and what that looks at."""

from __future__ import annotations

from contracts.devices.cameras import CameraLinked, CameraUnlinked
from contracts.devices.configuration import (
    ConfigurationApplied,
    ConfigurationIssued,
    ConfigurationRefused,
    DeviceReported,
    IssueConfiguration,
    MethodChoiceDropped,
    NoteConfigurationApplied,
    NoteConfigurationRefused,
    NoteDeviceReport,
)
from contracts.devices.intercoms import (
    BindDevice,
    ChooseConnectionType,
    ConnectionTypeChosen,
    DeviceBound,
    DeviceDescribed,
    DeviceKeyIssued,
    DeviceUnbound,
    EditDevice,
    RelaysConfigured,
    RotateDeviceKey,
    UnbindDevice,
)
from kernel.deciding.decider import Aggregate, Decision, Ref
from services.devices.cameras.camera import ref as camera_of
from services.devices.homes import home
from services.devices.intercoms.binding import bind, unbind
from services.devices.intercoms.device import Device, evolve
from services.devices.intercoms.form import choose_connection_type, edit, rotate_key
from services.devices.intercoms.reports import issue_configuration, note_applied, note_refused, note_report
from services.devices.library import mac
from services.devices.numbers import sip


def _around_newcomer(command: BindDevice, _: Device) -> list[Ref]:
    return [mac.ref(command.mac), *map(sip.ref, sip.candidates(command.device_id)), home.ref(command.user_id)]


def _around_leaving(_: UnbindDevice, device: Device) -> list[Ref]:
    if device.absent:
        return []
    camera = [camera_of(device.linked_camera_id)] if device.linked_camera_id else []
    return [mac.ref(device.mac), sip.ref(device.sip), home.ref(device.user_id), *camera]


DEVICE: Aggregate[Device] = Aggregate(
    name="device",
    initial=Device(),
    evolve=evolve,
    events=(
        DeviceBound,
        DeviceDescribed,
        RelaysConfigured,
        ConnectionTypeChosen,
        DeviceKeyIssued,
        DeviceReported,
        MethodChoiceDropped,
        ConfigurationIssued,
        ConfigurationApplied,
        ConfigurationRefused,
        CameraLinked,
        CameraUnlinked,
        DeviceUnbound,
    ),
    decisions={
        BindDevice: Decision("device_id", bind, _around_newcomer, looks_up=True),
        EditDevice: Decision("device_id", edit, looks_up=True),
        UnbindDevice: Decision("device_id", unbind, _around_leaving),
        RotateDeviceKey: Decision("device_id", rotate_key),
        ChooseConnectionType: Decision("device_id", choose_connection_type),
        NoteDeviceReport: Decision("device_id", note_report, looks_up=True),
        IssueConfiguration: Decision("device_id", issue_configuration),
        NoteConfigurationApplied: Decision("device_id", note_applied),
        NoteConfigurationRefused: Decision("device_id", note_refused),
    },
    key=lambda device: f"device.{device.device_id}" if device.device_id else None,
)
