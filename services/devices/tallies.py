"""How many devices and cameras an installer has."""

from __future__ import annotations

from contracts.devices.cameras import CameraAdded, CameraRemoved
from contracts.devices.intercoms import DeviceBound, DeviceUnbound
from contracts.message import Recorded
from kernel.reading.tally import tallies


def devices_of(installer_id: str) -> str:
    """The tally of an installer's devices."""
    return f"devices.{installer_id}"


def cameras_of(installer_id: str) -> str:
    """The tally of an installer's cameras."""
    return f"cameras.{installer_id}"


def steps(recorded: Recorded) -> dict[str, int]:
    match recorded.event:
        case DeviceBound(installer_id=installer_id):
            return {devices_of(installer_id): 1}
        case DeviceUnbound(installer_id=installer_id):
            return {devices_of(installer_id): -1}
        case CameraAdded(installer_id=installer_id):
            return {cameras_of(installer_id): 1}
        case CameraRemoved(installer_id=installer_id):
            return {cameras_of(installer_id): -1}
        case _:
            return {}


TALLIES = tallies(steps)
