"""A device: an intercom of a household, from being bound to its MAC to being deleted.

The rule it protects: a MAC is that of one device at a time, and a device has only what its kind, its model and its
firmware can have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

from contracts.acting import acts_for_another
from contracts.devices.cameras import CameraLinked, CameraUnlinked
from contracts.devices.configuration import (
    ConfigurationApplied,
    ConfigurationIssued,
    ConfigurationRefused,
    ConfigurationState,
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
    ConnectionType,
    ConnectionTypeChosen,
    DeviceBound,
    DeviceDescribed,
    DeviceKeyIssued,
    DeviceKind,
    DeviceUnbound,
    EditDevice,
    RelaysConfigured,
    RotateDeviceKey,
    UnbindDevice,
)
from contracts.devices.relays import DEVICE_METHODS, AccessMethod, Relay, RelaySetting
from contracts.message import Actor, Event
from contracts.permissions import within
from kernel.deciding.decider import Aggregate, Decision, Elsewhere, Neighbours, Outcome, Ref, Refused, refuse
from services.devices.homes import home
from services.devices.library import mac
from services.devices.models import models
from services.devices.numbers import sip
from services.devices.refusing import refused

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

DOORPHONES = (DeviceKind.DOORPHONE_SINGLE, DeviceKind.DOORPHONE_MULTI)
WITH_SECURITY_RELAYS = (*DOORPHONES, DeviceKind.ACCESS_CONTROL)


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


# --- Binding, deleting ------------------------------------------------------------------------------------------------


def bind(command: BindDevice, device: Device, there: Neighbours) -> Outcome:
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
    if device.device_id:
        return _repeated(command, device)
    refuse([*_faults_of_kind(command, device), *_faults_of_relays(command, device)])
    home.require_room(there[home.of(command.user_id)])
    number = sip.first_free(sip.candidates(command.device_id), command.at, there)
    assert command.key_hash, "the service makes the key before it decides"
    present, whose = there[mac.of(command.mac)], {"distributor_id": distributor_id, "installer_id": installer_id}
    claimed = [
        *mac.take_over(command.mac, present, **whose),
        mac.bind(command.mac, present, **whose, device_id=command.device_id, user_id=command.user_id),
    ]
    bound = DeviceBound(
        device_id=command.device_id,
        mac=command.mac,
        user_id=command.user_id,
        installer_id=installer_id,
        distributor_id=distributor_id,
        sip=number,
        connection_type=command.connection_type,
        key_hash=command.key_hash,
        **_description(command),
        **_told(_ordered(command.relays), _ordered(command.security_relays)),
    )
    return [
        *claimed,
        bound,
        sip.allocate(number, command.device_id),
        home.device_moves_in(command.user_id, command.device_id, command.mac),
    ]


def unbind(command: UnbindDevice, device: Device, there: Neighbours) -> Outcome:
    check(command.actor, device)
    gone: list[Event | Elsewhere] = [
        DeviceUnbound(**_names(device), mac=device.mac, distributor_id=device.distributor_id),
        *mac.unbind(device.mac, there[mac.of(device.mac)]),
        sip.rest(device.sip, command.at),
    ]
    # A forgotten home has let go of everything already.
    if device.device_id in there[home.of(device.user_id)].devices:
        gone.append(home.device_moves_out(device.user_id, device.device_id))
    if device.linked_camera_id:
        gone.append(Elsewhere(_camera(device.linked_camera_id), unlinked(device)))
    return gone


def _repeated(command: BindDevice, device: Device) -> list[Event]:
    same = (
        not device.absent
        and (device.mac, device.user_id) == (command.mac, command.user_id)
        and device.connection_type is command.connection_type
        and _same(device, _description(command))
        and _relays(device) == (_ordered(command.relays), _ordered(command.security_relays))
    )
    if not same:
        raise refused("id-taken")
    return []


# --- What the form says -----------------------------------------------------------------------------------------------


def edit(command: EditDevice, device: Device, _: Neighbours) -> Outcome:
    check(command.actor, device)
    refuse([*_faults_of_kind(command, device), *_faults_of_relays(command, device), *_reopened(command, device)])
    changes: list[Event | Elsewhere] = []
    if not _same(device, description := _description(command)):
        changes.append(DeviceDescribed(**_names(device), **description))
    wanted = (_ordered(command.relays), _ordered(command.security_relays))
    if wanted != _relays(device):
        changes.append(RelaysConfigured(**_names(device), **_told(*wanted)))
    return changes


def choose_connection_type(command: ChooseConnectionType, device: Device, _: Neighbours) -> Outcome:
    check(command.actor, device)
    if command.connection_type is device.connection_type:
        return []
    return [ConnectionTypeChosen(**_names(device), connection_type=command.connection_type)]


def rotate_key(command: RotateDeviceKey, device: Device, _: Neighbours) -> Outcome:
    check(command.actor, device)
    assert command.key_hash, "the service makes the key before it decides"
    if command.key_hash == device.key_hash:
        return []
    return [DeviceKeyIssued(**_names(device), key_hash=command.key_hash)]


def _faults_of_kind(form: BindDevice | EditDevice, before: Device) -> Iterator[Refused]:
    """Each kind has its own fields (R-19). What is on may stay, also once the distributor's switch is off."""
    is_doorphone, is_monitor = form.kind in DOORPHONES, form.kind is DeviceKind.INDOOR_MONITOR
    chosen = {
        "internet_access": not form.internet_access and not is_doorphone,
        "works_offline": form.works_offline and not is_monitor,
        "arming_function": form.arming_function and not is_monitor,
    }
    switched_off = {
        "internet_access": not form.internet_access and before.internet_access and not form.offline_solution,
        "works_offline": form.works_offline and not before.works_offline and not form.offline_solution,
    }
    for field, misplaced in chosen.items():
        if misplaced:
            yield refused("field-not-for-this-type", field)
        elif switched_off.get(field):
            yield refused("offline-solution-off", field)
    may_be_without_internet = not (chosen["internet_access"] or switched_off["internet_access"])
    if may_be_without_internet and not form.internet_access and form.transfer_ip is None:
        yield refused("transfer-ip-missing", "transfer_ip")
    # Who is called opens the door, so whoever acts for somebody else says of nobody that they are called.
    elif acts_for_another(form.actor) and not form.internet_access and form.transfer_ip != before.transfer_ip:
        yield refused("for-the-holder-alone", "transfer_ip")


def _faults_of_relays(form: BindDevice | EditDevice, before: Device) -> Iterator[Refused]:
    """What a relay is set to already may stay: a device that turned out to be less is not locked for that."""
    if form.security_relays and form.kind not in WITH_SECURITY_RELAYS:
        yield refused("security-relay-not-for-this-type", "security_relays")
    codes: dict[str, bool] = {}
    closed = models.methods_gate(before.model, before.firmware) is models.Gate.CLOSED
    for field, relays, present in (
        ("relays", form.relays, before.relays),
        ("security_relays", form.security_relays, before.security_relays),
    ):
        if len({each.number for each in relays}) != len(relays):
            yield refused("relay-twice", field)
        methods = {each.number: each.methods for each in present}
        dtmf = {each.number: each.dtmf for each in present if each.enabled}
        for i, relay in enumerate(relays):
            if relay.enabled and relay.dtmf:
                is_new = dtmf.get(relay.number) != relay.dtmf
                if fault := _dtmf_fault(relay.dtmf, is_new, codes):
                    yield refused(fault, f"{field}.{i}.dtmf")
                codes[relay.dtmf] = is_new
            is_new_choice = set(DEVICE_METHODS) - set(relay.methods) and methods.get(relay.number) != _methods(relay)
            if closed and is_new_choice:
                yield refused("methods-not-for-this-device", f"{field}.{i}.methods")
    added = {each.number for each in form.relays} - {each.number for each in before.relays}
    if any(number > models.max_relays(before.model) for number in added):
        yield refused("relays-exceed-model", "relays")


def _reopened(form: EditDevice, before: Device) -> Iterator[Refused]:
    """Who was granted something opens a relay by it once that is on: so whoever acts for somebody else only closes."""
    if not acts_for_another(form.actor):
        return
    for field, relays, present in (
        ("relays", form.relays, before.relays),
        ("security_relays", form.security_relays, before.security_relays),
    ):
        known = {each.number: each for each in present}
        for i, relay in enumerate(relays):
            was = known.get(relay.number)
            if relay.enabled and not (was and was.enabled):
                yield refused("for-the-holder-alone", f"{field}.{i}.enabled")
            if was and set(relay.methods) - set(was.methods):
                yield refused("for-the-holder-alone", f"{field}.{i}.methods")
            if was and relay.dtmf and was.dtmf is None:
                yield refused("for-the-holder-alone", f"{field}.{i}.dtmf")


def _dtmf_fault(code: str, is_new: bool, others: Mapping[str, bool]) -> str | None:
    """Why a code cannot be told from the `others`, mapped to whether they are new. Two old ones may stay."""
    if code in others:
        return "dtmf-taken"
    begun = [other for other in others if other.startswith(code) or code.startswith(other)]
    return "dtmf-ambiguous" if any(is_new or others[other] for other in begun) else None


def _description(form: BindDevice | EditDevice) -> dict[str, Any]:
    return {
        "kind": form.kind,
        "name": form.name,
        "internet_access": form.internet_access,
        "transfer_ip": None if form.internet_access else form.transfer_ip,
        "works_offline": form.works_offline,
        "arming_function": form.arming_function,
    }


def _same(device: Device, description: dict[str, Any]) -> bool:
    return all(getattr(device, field) == value for field, value in description.items())


def _relays(device: Device) -> tuple[tuple[DoorRelay, ...], tuple[DoorRelay, ...]]:
    return device.relays, device.security_relays


def _ordered(relays: tuple[Relay, ...]) -> tuple[DoorRelay, ...]:
    """Relays by number, methods in the order in which they are always told, each once."""
    by_number = sorted(relays, key=lambda relay: relay.number)
    return tuple(
        DoorRelay(each.number, each.enabled, each.name, each.dtmf or None, _methods(each)) for each in by_number
    )


def _methods(relay: Relay) -> tuple[AccessMethod, ...]:
    return tuple(method for method in AccessMethod if method in relay.methods)


def _told(relays: tuple[DoorRelay, ...], security_relays: tuple[DoorRelay, ...]) -> dict[str, Any]:
    return {
        "relays": tuple(map(_setting, relays)),
        "relay_names": tuple(each.name for each in relays),
        "security_relays": tuple(map(_setting, security_relays)),
        "security_relay_names": tuple(each.name for each in security_relays),
    }


def _setting(relay: DoorRelay) -> RelaySetting:
    return RelaySetting(number=relay.number, enabled=relay.enabled, dtmf=relay.dtmf, methods=relay.methods)


# --- What the device says, and is to have -----------------------------------------------------------------------------


def note_report(command: NoteDeviceReport, device: Device, _: Neighbours) -> Outcome:
    check(command.actor, device)
    model = command.model.strip().upper()
    if (model, command.firmware) == (device.model, device.firmware):
        return []
    names = _names(device)
    reported = DeviceReported(**names, model=model, firmware=command.firmware)
    present, wanted = _relays(device), (_with_all_on(device.relays), _with_all_on(device.security_relays))
    if wanted == present or models.methods_gate(model, command.firmware) is not models.Gate.CLOSED:
        return [reported]
    dropped = MethodChoiceDropped(**names, model=model, firmware=command.firmware)
    return [reported, RelaysConfigured(**names, **_told(*wanted)), dropped]


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
    issued = ConfigurationIssued(**_names(device), configuration=command.configuration, residents=command.residents)
    return [issued]


def note_applied(command: NoteConfigurationApplied, device: Device, _: Neighbours) -> Outcome:
    check(command.actor, device)
    if command.configuration == (device.applied_version or ""):
        return []
    return [ConfigurationApplied(**_names(device), configuration=command.configuration)]


def note_refused(command: NoteConfigurationRefused, device: Device, _: Neighbours) -> Outcome:
    check(command.actor, device)
    if (command.configuration, command.reason) == (device.refused_version, device.refused_because):
        return []
    return [ConfigurationRefused(**_names(device), configuration=command.configuration, reason=command.reason)]


# --- For others -------------------------------------------------------------------------------------------------------


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


def of(device_id: str) -> Ref:
    """The device of that id."""
    return Ref("device", device_id)


def linked(device: Device, camera_id: str) -> CameraLinked:
    return CameraLinked(**_names(device), camera_id=camera_id)


def unlinked(device: Device) -> CameraUnlinked:
    assert device.linked_camera_id
    return CameraUnlinked(**_names(device), camera_id=device.linked_camera_id)


def _camera(camera_id: str) -> Ref:
    # By its name: cameras know devices, and not the other way round.
    return Ref("camera", camera_id)


def _names(device: Device) -> dict[str, Any]:
    return {"device_id": device.device_id, "user_id": device.user_id, "installer_id": device.installer_id}


# --- What decisions look at -------------------------------------------------------------------------------------------


def _around_newcomer(command: BindDevice, _: Device) -> list[Ref]:
    return [mac.of(command.mac), *map(sip.of, sip.candidates(command.device_id)), home.of(command.user_id)]


def _around_leaving(_: UnbindDevice, device: Device) -> list[Ref]:
    if device.absent:
        return []
    camera = [_camera(device.linked_camera_id)] if device.linked_camera_id else []
    return [mac.of(device.mac), sip.of(device.sip), home.of(device.user_id), *camera]


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
        BindDevice: Decision("device_id", bind, _around_newcomer),
        EditDevice: Decision("device_id", edit),
        UnbindDevice: Decision("device_id", unbind, _around_leaving),
        RotateDeviceKey: Decision("device_id", rotate_key),
        ChooseConnectionType: Decision("device_id", choose_connection_type),
        NoteDeviceReport: Decision("device_id", note_report),
        IssueConfiguration: Decision("device_id", issue_configuration),
        NoteConfigurationApplied: Decision("device_id", note_applied),
        NoteConfigurationRefused: Decision("device_id", note_refused),
    },
    key=lambda device: f"device.{device.device_id}" if device.device_id else None,
)
