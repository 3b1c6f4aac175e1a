"""What the form of a device says, and what comes of editing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contracts.acting import acts_for_another
from contracts.devices.intercoms import (
    BindDevice,
    ChooseConnectionType,
    ConnectionTypeChosen,
    DeviceDescribed,
    DeviceKeyIssued,
    DeviceKind,
    EditDevice,
    RelaysConfigured,
    RotateDeviceKey,
)
from contracts.devices.relays import DEVICE_METHODS, AccessMethod, Relay, RelaySetting
from contracts.message import Event, Refused
from contracts.refusals import refused
from kernel.deciding.decider import Elsewhere, Neighbours, Outcome, refuse
from services.devices.intercoms.device import Device, DoorRelay, check, names_of
from services.devices.models.model import Gate, Models

DOORPHONES = (DeviceKind.DOORPHONE_SINGLE, DeviceKind.DOORPHONE_MULTI)
WITH_SECURITY_RELAYS = (*DOORPHONES, DeviceKind.ACCESS_CONTROL)


def edit(command: EditDevice, device: Device, _: Neighbours, models: Models) -> Outcome:
    check(command.actor, device)
    refuse([*faults_of_kind(command, device), *faults_of_relays(command, device, models), *_reopened(command, device)])
    changes: list[Event | Elsewhere] = []
    if not is_described_so(device, description := description_of(command)):
        changes.append(DeviceDescribed(**names_of(device), **description))
    wanted = (ordered_relays(command.relays), ordered_relays(command.security_relays))
    if wanted != relays_of(device):
        changes.append(RelaysConfigured(**names_of(device), **relays_told(*wanted)))
    return changes


def choose_connection_type(command: ChooseConnectionType, device: Device, _: Neighbours) -> Outcome:
    check(command.actor, device)
    if command.connection_type is device.connection_type:
        return []
    return [ConnectionTypeChosen(**names_of(device), connection_type=command.connection_type)]


def rotate_key(command: RotateDeviceKey, device: Device, _: Neighbours) -> Outcome:
    check(command.actor, device)
    assert command.key_hash, "the service makes the key before it decides"
    if command.key_hash == device.key_hash:
        return []
    return [DeviceKeyIssued(**names_of(device), key_hash=command.key_hash)]


def faults_of_kind(form: BindDevice | EditDevice, before: Device) -> Iterator[Refused]:
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


def faults_of_relays(form: BindDevice | EditDevice, before: Device, models: Models) -> Iterator[Refused]:
    """What a relay is set to already may stay: a device that turned out to be less is not locked for that."""
    if form.security_relays and form.kind not in WITH_SECURITY_RELAYS:
        yield refused("security-relay-not-for-this-type", "security_relays")
    codes: dict[str, bool] = {}
    closed = models.methods_gate(before.model, before.firmware) is Gate.CLOSED
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


def description_of(form: BindDevice | EditDevice) -> dict[str, Any]:
    return {
        "kind": form.kind,
        "name": form.name,
        "internet_access": form.internet_access,
        "transfer_ip": None if form.internet_access else form.transfer_ip,
        "works_offline": form.works_offline,
        "arming_function": form.arming_function,
    }


def is_described_so(device: Device, description: dict[str, Any]) -> bool:
    return all(getattr(device, field) == value for field, value in description.items())


def relays_of(device: Device) -> tuple[tuple[DoorRelay, ...], tuple[DoorRelay, ...]]:
    return device.relays, device.security_relays


def ordered_relays(relays: tuple[Relay, ...]) -> tuple[DoorRelay, ...]:
    """Relays by number, methods in the order in which they are always told, each once."""
    by_number = sorted(relays, key=lambda relay: relay.number)
    return tuple(
        DoorRelay(each.number, each.enabled, each.name, each.dtmf or None, _methods(each)) for each in by_number
    )


def _methods(relay: Relay) -> tuple[AccessMethod, ...]:
    return tuple(method for method in AccessMethod if method in relay.methods)


def relays_told(relays: tuple[DoorRelay, ...], security_relays: tuple[DoorRelay, ...]) -> dict[str, Any]:
    return {
        "relays": tuple(map(_setting, relays)),
        "relay_names": tuple(each.name for each in relays),
        "security_relays": tuple(map(_setting, security_relays)),
        "security_relay_names": tuple(each.name for each in security_relays),
    }


def _setting(relay: DoorRelay) -> RelaySetting:
    return RelaySetting(number=relay.number, enabled=relay.enabled, dtmf=relay.dtmf, methods=relay.methods)
