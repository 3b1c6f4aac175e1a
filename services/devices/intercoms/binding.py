"""A device is bound to its MAC, and unbound."""

from __future__ import annotations

from contracts.devices.intercoms import BindDevice, DeviceBound, DeviceUnbound, UnbindDevice
from contracts.message import Event
from contracts.permissions import within
from contracts.refusals import refused
from kernel.deciding.decider import Elsewhere, Neighbours, Outcome, refuse
from services.devices.cameras.camera import ref as camera_of
from services.devices.homes import home
from services.devices.intercoms.device import Device, check, names_of, unlinked
from services.devices.intercoms.form import (
    description_of,
    faults_of_kind,
    faults_of_relays,
    is_described_so,
    ordered_relays,
    relays_of,
    relays_told,
)
from services.devices.library import mac
from services.devices.models.model import Models
from services.devices.numbers import sip


def bind(command: BindDevice, device: Device, there: Neighbours, models: Models) -> Outcome:
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
    refuse([*faults_of_kind(command, device), *faults_of_relays(command, device, models)])
    home.require_room(there[home.ref(command.user_id)])
    number = sip.first_free(sip.candidates(command.device_id), command.at, there)
    assert command.key_hash, "the service makes the key before it decides"
    present, whose = there[mac.ref(command.mac)], {"distributor_id": distributor_id, "installer_id": installer_id}
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
        **description_of(command),
        **relays_told(ordered_relays(command.relays), ordered_relays(command.security_relays)),
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
        DeviceUnbound(**names_of(device), mac=device.mac, distributor_id=device.distributor_id),
        *mac.unbind(device.mac, there[mac.ref(device.mac)]),
        sip.rest(device.sip, command.at),
    ]
    # A forgotten home has let go of everything already.
    if device.device_id in there[home.ref(device.user_id)].devices:
        gone.append(home.device_moves_out(device.user_id, device.device_id))
    if device.linked_camera_id:
        gone.append(Elsewhere(camera_of(device.linked_camera_id), unlinked(device)))
    return gone


def _repeated(command: BindDevice, device: Device) -> list[Event]:
    same = (
        not device.absent
        and (device.mac, device.user_id) == (command.mac, command.user_id)
        and device.connection_type is command.connection_type
        and is_described_so(device, description_of(command))
        and relays_of(device) == (ordered_relays(command.relays), ordered_relays(command.security_relays))
    )
    if not same:
        raise refused("id-taken")
    return []
