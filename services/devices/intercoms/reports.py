"""What a device says of itself, and which configuration it is to have."""

from __future__ import annotations

from dataclasses import replace

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
from contracts.devices.intercoms import RelaysConfigured
from contracts.devices.relays import DEVICE_METHODS, AccessMethod
from kernel.deciding.decider import Neighbours, Outcome
from services.devices.intercoms.device import Device, DoorRelay, check, names_of
from services.devices.intercoms.form import relays_of, relays_told
from services.devices.models.model import Gate, Models


def note_report(command: NoteDeviceReport, device: Device, _: Neighbours, models: Models) -> Outcome:
    check(command.actor, device)
    model = command.model.strip().upper()
    if (model, command.firmware) == (device.model, device.firmware):
        return []
    names = names_of(device)
    reported = DeviceReported(**names, model=model, firmware=command.firmware)
    present, wanted = relays_of(device), (_with_all_on(device.relays), _with_all_on(device.security_relays))
    if wanted == present or models.methods_gate(model, command.firmware) is not Gate.CLOSED:
        return [reported]
    dropped = MethodChoiceDropped(**names, model=model, firmware=command.firmware)
    return [reported, RelaysConfigured(**names, **relays_told(*wanted)), dropped]


def _with_all_on(relays: tuple[DoorRelay, ...]) -> tuple[DoorRelay, ...]:
    """What a device does that lets none of its own methods be chosen (R-25); the app's two stay as they are."""
    return tuple(
        replace(each, methods=tuple(way for way in AccessMethod if way in (*each.methods, *DEVICE_METHODS)))
        for each in relays
    )


def issue_configuration(command: IssueConfiguration, device: Device, _: Neighbours) -> Outcome:
    check(command.actor, device)
    # One that the device refused may be issued again: it is told to try once more.
    if command.configuration == device.issued_version and command.configuration != device.refused_version:
        return []
    issued = ConfigurationIssued(**names_of(device), configuration=command.configuration, residents=command.residents)
    return [issued]


def note_applied(command: NoteConfigurationApplied, device: Device, _: Neighbours) -> Outcome:
    check(command.actor, device)
    if command.configuration == (device.applied_version or ""):
        return []
    return [ConfigurationApplied(**names_of(device), configuration=command.configuration)]


def note_refused(command: NoteConfigurationRefused, device: Device, _: Neighbours) -> Outcome:
    check(command.actor, device)
    if (command.configuration, command.reason) == (device.refused_version, device.refused_because):
        return []
    return [ConfigurationRefused(**names_of(device), configuration=command.configuration, reason=command.reason)]
