"""A home is emptied for its next residents, or forgotten with everything in it."""

from __future__ import annotations

from datetime import datetime

from contracts.devices.cameras import CameraRemoved
from contracts.devices.homes import EmptyHome, ForgetHome, HomeEmptied, HomeForgotten
from contracts.devices.intercoms import DeviceUnbound
from kernel.deciding.decider import Elsewhere, Neighbours, Outcome
from services.devices.cameras.camera import Camera
from services.devices.cameras.camera import ref as camera_of
from services.devices.homes.home import Home, key_of
from services.devices.intercoms.device import Device
from services.devices.intercoms.device import ref as device_of
from services.devices.library import mac
from services.devices.numbers import sip


def empty(command: EmptyHome, home: Home, _: Neighbours) -> Outcome:
    """Recorded also of a home that has nothing: door events may have been sealed under its key."""
    if home.forgotten or (home.emptied_at is not None and command.at <= home.emptied_at):
        return []
    emptied = HomeEmptied(
        user_id=command.user_id,
        installer_id=command.installer_id,
        device_ids=tuple(home.devices),
        emptied_at=command.at,
        erased_key=key_of(command.user_id, home.generation),
    )
    return [emptied]


def forget(command: ForgetHome, home: Home, there: Neighbours) -> Outcome:
    """Recorded also of a home that has nothing: a device that is bound later must find that nobody lives there."""
    if home.forgotten:
        return []
    forgotten = HomeForgotten(
        user_id=command.user_id,
        installer_id=command.installer_id,
        device_ids=tuple(home.devices),
        macs=tuple(home.devices.values()),
        erased_keys=(
            key_of(command.user_id, home.generation),
            *(f"device.{device_id}" for device_id in home.devices),
            *(f"camera.{camera_id}" for camera_id in home.cameras),
        ),
    )
    return [
        forgotten,
        *(each for device_id in home.devices for each in _gone_with(there[device_of(device_id)], command.at, there)),
        *(_removed(there[camera_of(camera_id)]) for camera_id in home.cameras),
    ]


def _gone_with(device: Device, at: datetime, there: Neighbours) -> list[Elsewhere]:
    """What goes with a device whose home is no more."""
    unbound = DeviceUnbound(
        device_id=device.device_id,
        mac=device.mac,
        user_id=device.user_id,
        installer_id=device.installer_id,
        distributor_id=device.distributor_id,
    )
    return [
        Elsewhere(device_of(device.device_id), unbound),
        *mac.unbind(device.mac, there[mac.ref(device.mac)]),
        sip.rest(device.sip, at),
    ]


def _removed(camera: Camera) -> Elsewhere:
    removed = CameraRemoved(
        camera_id=camera.camera_id,
        user_id=camera.user_id,
        installer_id=camera.installer_id,
        linked_device_id=camera.linked_device_id,
    )
    return Elsewhere(camera_of(camera.camera_id), removed)
