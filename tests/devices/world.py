"""A household's devices and facts about them, for the specs of devices: each as the log would tell it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from contracts.devices.cameras import CameraAdded, CameraLinked
from contracts.devices.configuration import DeviceReported
from contracts.devices.homes import DeviceMovedIn
from contracts.devices.intercoms import ConnectionType, DeviceBound, DeviceKind, DeviceUnbound
from contracts.devices.library import MacBound, MacRegistered
from contracts.devices.relays import AccessMethod, Relay, RelaySetting
from contracts.message import Actor, Command, Event, Recorded, Role
from contracts.permissions import SYSTEM
from kernel.deciding.decider import Elsewhere, Ref
from services.devices.models.models import known_models

C = TypeVar("C", bound=Command)

MODELS = known_models()
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def number(n: int) -> str:
    return f"00000000-0000-7000-8000-{n:012d}"


ROOT, DISTRIBUTOR, INSTALLER, USER, MEMBER, OTHER_USER = map(number, range(1, 7))
OTHER_DISTRIBUTOR, OTHER_INSTALLER, SIBLING_INSTALLER = number(12), number(13), number(14)
DEVICE, OTHER_DEVICE, MONITOR, CAMERA, OTHER_CAMERA = map(number, range(21, 26))
MAC, OTHER_MAC, MONITOR_MAC = "0C110512BC97", "0C110512BC98", "0C110512BC99"

root = Actor(account_id=ROOT, role=Role.SUPER_MANAGER)
distributor = Actor(account_id=DISTRIBUTOR, role=Role.DISTRIBUTOR, distributor_id=DISTRIBUTOR)
installer = Actor(
    account_id=INSTALLER,
    role=Role.INSTALLER,
    distributor_id=DISTRIBUTOR,
    installer_id=INSTALLER,
    session_id="a" * 64,
    address="192.0.2.1",
)
other_distributor = Actor(account_id=OTHER_DISTRIBUTOR, role=Role.DISTRIBUTOR, distributor_id=OTHER_DISTRIBUTOR)
other_installer = Actor(
    account_id=OTHER_INSTALLER,
    role=Role.INSTALLER,
    distributor_id=OTHER_DISTRIBUTOR,
    installer_id=OTHER_INSTALLER,
)
sibling_installer = Actor(
    account_id=SIBLING_INSTALLER,
    role=Role.INSTALLER,
    distributor_id=DISTRIBUTOR,
    installer_id=SIBLING_INSTALLER,
)
master = Actor(
    account_id=USER,
    role=Role.FAMILY_MASTER,
    distributor_id=DISTRIBUTOR,
    installer_id=INSTALLER,
    household_id=USER,
    session_id="b" * 64,
)
strangers = (other_installer, other_distributor, sibling_installer)


def ask(wish: type[C], /, actor: Actor = installer, at: datetime = NOW, **fields: Any) -> C:
    return wish(command_id=uuid4(), at=at, actor=actor, **fields)


def changed(command: C, **fields: Any) -> C:
    """The same wish with other words, under an id of its own."""
    return type(command).model_validate({**dict(command), "command_id": uuid4(), **fields})


def elsewhere(kind: str, id: str, event: Event) -> Elsewhere:
    return Elsewhere(Ref(kind, id), event)


def recorded(event: Event, seq: int, **fields: Any) -> Recorded:
    """The event as it stands in the log of devices, a second for each position."""
    stands = {"stream": "DEVICES", "seq": seq, "aggregate": "device", "aggregate_id": DEVICE, "actor": SYSTEM}
    ids = {"event_id": str(uuid4()), "command_id": str(uuid4()), "correlation_id": str(uuid4())}
    return Recorded(event=event, **{"at": NOW + timedelta(seconds=seq), **stands, **ids, **fields})


ALL_METHODS = tuple(AccessMethod)
FRONT_DOOR = Relay(number=1, name="Front door", dtmf="#")
GARAGE = Relay(number=2, name="Garage", dtmf="2", methods=(AccessMethod.HOMEPAGE, AccessMethod.RF_CARD))


def settings(*relays: Relay) -> tuple[RelaySetting, ...]:
    """Relays as events tell them."""
    return tuple(
        RelaySetting(number=each.number, enabled=each.enabled, dtmf=each.dtmf, methods=each.methods) for each in relays
    )


def names(*relays: Relay) -> tuple[str, ...]:
    return tuple(each.name for each in relays)


HERE = {"user_id": USER, "installer_id": INSTALLER}

registered = MacRegistered(mac=MAC, distributor_id=DISTRIBUTOR, installer_id=INSTALLER, import_id=None)
mac_bound = MacBound(mac=MAC, distributor_id=DISTRIBUTOR, installer_id=INSTALLER, device_id=DEVICE, user_id=USER)
moved_in = DeviceMovedIn(user_id=USER, device_id=DEVICE, mac=MAC)
bound = DeviceBound(
    device_id=DEVICE,
    mac=MAC,
    user_id=USER,
    installer_id=INSTALLER,
    distributor_id=DISTRIBUTOR,
    kind=DeviceKind.DOORPHONE_SINGLE,
    name="Gate",
    sip="5800000001",
    relays=settings(FRONT_DOOR, GARAGE),
    relay_names=names(FRONT_DOOR, GARAGE),
    security_relays=(),
    security_relay_names=(),
    internet_access=True,
    transfer_ip=None,
    works_offline=False,
    arming_function=False,
    connection_type=ConnectionType.TCP,
    key_hash="5" * 64,
)
monitor_bound = bound.model_copy(
    update={
        "device_id": MONITOR,
        "mac": MONITOR_MAC,
        "kind": DeviceKind.INDOOR_MONITOR,
        "name": "Hall",
        "sip": "5800000002",
        "relays": (),
        "relay_names": (),
        "arming_function": True,
    }
)
reported = DeviceReported(device_id=DEVICE, **HERE, model="R28", firmware="28.30.10.7")
unbound = DeviceUnbound(device_id=DEVICE, mac=MAC, **HERE, distributor_id=DISTRIBUTOR)
camera_added = CameraAdded(
    camera_id=CAMERA,
    user_id=USER,
    installer_id=INSTALLER,
    distributor_id=DISTRIBUTOR,
    name="Driveway",
    rtsp_address="rtsp://192.168.1.20:554/stream1",
    user_name="viewer",
    password="correct horse",
    linked_device_id=None,
)
camera_linked = CameraLinked(camera_id=CAMERA, device_id=DEVICE, **HERE)
