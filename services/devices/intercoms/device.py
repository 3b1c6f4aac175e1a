"""A device: an intercom of a household, from being bound to its MAC to being deleted.

The rule it protects: a MAC is that of one device at a time, and a device has only what its kind, its model and its
firmware can have. Here is what is true of it; what may be asked of it stands in `decisions`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, assert_never

from contracts.devices.cameras import CameraLinked, CameraUnlinked
from contracts.devices.configuration import (
    ConfigurationApplied,
    ConfigurationIssued,
    ConfigurationRefused,
    ConfigurationState,
    DeviceReported,
    MethodChoiceDropped,
)
from contracts.devices.intercoms import (
    ConnectionType,
    ConnectionTypeChosen,
    DeviceBound,
    DeviceDescribed,
    DeviceKeyIssued,
    DeviceKind,
    DeviceUnbound,
    RelaysConfigured,
)
from contracts.devices.relays import AccessMethod, RelaySetting
from contracts.message import Actor
from contracts.permissions import within
from contracts.refusals import refused
from kernel.deciding.decider import Ref

DeviceEvent = (
    DeviceBound
    | DeviceDescribed
    | RelaysConfigured
    | ConnectionTypeChosen
    | DeviceKeyIssued
    | DeviceReported
    | MethodChoiceDropped
    | ConfigurationIssued
    | ConfigurationApplied
    | ConfigurationRefused
    | CameraLinked
    | CameraUnlinked
    | DeviceUnbound
)

NO_KEY = "0" * 64
"""The hash of no key: a device that waits for its key is let in by none."""


@dataclass(frozen=True, slots=True)
class DoorRelay:
    """One relay as it is set, with its name."""

    number: int
    enabled: bool
    name: str
    dtmf: str | None
    methods: tuple[AccessMethod, ...]


@dataclass(frozen=True, slots=True)
class Device:
    """What is true of a device."""

    device_id: str = ""
    mac: str = ""
    user_id: str = ""
    installer_id: str = ""
    distributor_id: str = ""
    removed: bool = False
    kind: DeviceKind = DeviceKind.DOORPHONE_SINGLE
    name: str = ""
    sip: str = ""
    relays: tuple[DoorRelay, ...] = ()
    security_relays: tuple[DoorRelay, ...] = ()
    internet_access: bool = True
    transfer_ip: str | None = None
    works_offline: bool = False
    arming_function: bool = False
    connection_type: ConnectionType = ConnectionType.TCP
    key_hash: str = ""
    model: str | None = None
    firmware: str | None = None
    issued_version: str | None = None
    issued_for: int = 0
    applied_version: str | None = None
    refused_version: str | None = None
    refused_because: str | None = None
    linked_camera_id: str | None = None

    @property
    def absent(self) -> bool:
        return not self.device_id or self.removed

    def relay(self, number: int) -> DoorRelay | None:
        """The relay of that number, also when it is off."""
        return next((relay for relay in self.relays if relay.number == number), None)


def evolve(device: Device, event: DeviceEvent) -> Device:
    match event:
        case DeviceBound():
            return Device(
                device_id=event.device_id,
                mac=event.mac,
                user_id=event.user_id,
                installer_id=event.installer_id,
                distributor_id=event.distributor_id,
                kind=event.kind,
                name=event.name,
                sip=event.sip,
                relays=fitted(event.relays, event.relay_names),
                security_relays=fitted(event.security_relays, event.security_relay_names),
                internet_access=event.internet_access,
                transfer_ip=event.transfer_ip,
                works_offline=event.works_offline,
                arming_function=event.arming_function,
                connection_type=event.connection_type,
                key_hash=event.key_hash,
            )
        case DeviceDescribed():
            return replace(
                device,
                kind=event.kind,
                name=event.name,
                internet_access=event.internet_access,
                transfer_ip=event.transfer_ip,
                works_offline=event.works_offline,
                arming_function=event.arming_function,
            )
        case RelaysConfigured():
            return replace(
                device,
                relays=fitted(event.relays, event.relay_names),
                security_relays=fitted(event.security_relays, event.security_relay_names),
            )
        case ConnectionTypeChosen():
            return replace(device, connection_type=event.connection_type)
        case DeviceKeyIssued():
            return replace(device, key_hash=event.key_hash)
        case DeviceReported():
            return replace(device, model=event.model, firmware=event.firmware)
        case MethodChoiceDropped():
            return device  # the relays themselves were told beside it
        case ConfigurationIssued():
            issued = replace(device, issued_version=event.configuration, issued_for=event.residents)
            return replace(issued, refused_version=None, refused_because=None)
        case ConfigurationApplied():
            return replace(device, applied_version=event.configuration, refused_version=None, refused_because=None)
        case ConfigurationRefused():
            return replace(device, refused_version=event.configuration, refused_because=event.reason)
        case CameraLinked():
            return replace(device, linked_camera_id=event.camera_id)
        case CameraUnlinked():
            return replace(device, linked_camera_id=None)
        case DeviceUnbound():
            # Its ids stay: a late report must find that it is gone, and whose it was.
            return Device(
                device_id=device.device_id,
                mac=device.mac,
                user_id=device.user_id,
                installer_id=device.installer_id,
                distributor_id=device.distributor_id,
                removed=True,
            )
        case _:
            assert_never(event)


def hash_of_key(key: str) -> str:
    """What is kept of a device's key, which is its password as it is typed: 64 hexadecimal digits."""
    return hashlib.sha256(key.encode()).hexdigest()


def configuration_state(issued: str | None, applied: str | None, refused: str | None) -> ConfigurationState:
    """How far a device is with what it was set to."""
    if issued is None:
        return ConfigurationState.NEVER
    if applied == issued:
        return ConfigurationState.APPLIED
    return ConfigurationState.REFUSED if refused == issued else ConfigurationState.WAITING


def fitted(settings: tuple[RelaySetting, ...], names: tuple[str, ...]) -> tuple[DoorRelay, ...]:
    """Relays with their names, which events tell beside them. Erased names are fewer: they read as one."""
    named = names if len(names) == len(settings) else names[:1] * len(settings)
    return tuple(
        DoorRelay(each.number, each.enabled, name, each.dtmf, each.methods)
        for each, name in zip(settings, named, strict=True)
    )


def check(actor: Actor, device: Device) -> None:
    """Refuses (`device-unknown`) a device that is not there, is gone, or is somebody else's."""
    known = not device.absent and within(
        actor,
        distributor_id=device.distributor_id,
        installer_id=device.installer_id,
        household_id=device.user_id,
    )
    if not known:
        raise refused("device-unknown")


def ref(device_id: str) -> Ref:
    """The device of that id."""
    return Ref("device", device_id)


def linked(device: Device, camera_id: str) -> CameraLinked:
    return CameraLinked(**names_of(device), camera_id=camera_id)


def unlinked(device: Device) -> CameraUnlinked:
    assert device.linked_camera_id
    return CameraUnlinked(**names_of(device), camera_id=device.linked_camera_id)


def names_of(device: Device) -> dict[str, Any]:
    return {"device_id": device.device_id, "user_id": device.user_id, "installer_id": device.installer_id}
