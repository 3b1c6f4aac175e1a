"""How many devices and cameras an installer has.

Lists show totals without counting their rows.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.devices.cameras import CameraAdded, CameraRemoved
from contracts.devices.intercoms import DeviceBound, DeviceUnbound
from contracts.message import Recorded
from kernel.reading.readmodel import ReadModel, Row


def devices_of(installer_id: str) -> str:
    """The tally of an installer's devices."""
    return f"devices.{installer_id}"


def cameras_of(installer_id: str) -> str:
    """The tally of an installer's cameras."""
    return f"cameras.{installer_id}"


def keys(recorded: Recorded) -> Iterable[str]:
    match recorded.event:
        case DeviceBound() | DeviceUnbound() as event:
            return (devices_of(event.installer_id),)
        case CameraAdded() | CameraRemoved() as event:
            return (cameras_of(event.installer_id),)
        case _:
            return ()


def fold(tally: Row | None, recorded: Recorded) -> Row:
    step = -1 if isinstance(recorded.event, DeviceUnbound | CameraRemoved) else 1
    return {"count": (tally["count"] if tally else 0) + step}


TALLIES = ReadModel(name="tallies", keys=keys, fold=fold)
