"""A home: a household as its doors know it. What stands in it, who gets in by what, and how it is emptied or forgotten.

A home that nothing happened to is one that has nothing yet: accounts makes households, and the home follows. The rule
it protects: once a home is emptied or forgotten, nothing of before opens a door or can be read, however late it comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, assert_never

from contracts.devices.cameras import CameraRemoved
from contracts.devices.homes import (
    CameraMovedIn,
    CameraMovedOut,
    CredentialGranted,
    CredentialKind,
    CredentialWithdrawn,
    DeviceMovedIn,
    DeviceMovedOut,
    EmptyHome,
    ForgetHome,
    GrantCredential,
    HomeEmptied,
    HomeForgotten,
    WithdrawCredential,
)
from contracts.devices.intercoms import DeviceUnbound
from contracts.devices.relays import AccessMethod, RelayRef
from contracts.permissions import within
from kernel.deciding.decider import Aggregate, Decision, Elsewhere, Neighbours, Outcome, Ref
from services.devices.doors import door_secrets
from services.devices.library import mac
from services.devices.models import models
from services.devices.numbers import sip
from services.devices.refusing import refused

if TYPE_CHECKING:
    # Devices and cameras move in and out of homes in their own decisions, so they import this file.
    from services.devices.cameras.camera import Camera
    from services.devices.intercoms.device import Device, DoorRelay

THINGS_MAX = 100
CREDENTIALS_MAX = 200

METHOD_OF: Mapping[CredentialKind, AccessMethod] = {
    CredentialKind.PIN: AccessMethod.PIN,
    CredentialKind.FACE: AccessMethod.FACE,
    CredentialKind.RF_CARD: AccessMethod.RF_CARD,
    CredentialKind.BLUETOOTH: AccessMethod.BLUETOOTH,
    CredentialKind.NFC: AccessMethod.NFC,
    # A code is read by the camera that knows faces; a relay without that reader is not opened by it.
    CredentialKind.QR: AccessMethod.FACE,
}

HomeEvent = (
    DeviceMovedIn
    | DeviceMovedOut
    | CameraMovedIn
    | CameraMovedOut
    | CredentialGranted
    | CredentialWithdrawn
    | HomeEmptied
    | HomeForgotten
)


@dataclass(frozen=True, slots=True)
class Credential:
    """What opens some relays of the home's devices, and for whom."""

    credential_id: str
    installer_id: str
    kind: CredentialKind
    holder: str = field(repr=False)
    secret: str = field(repr=False)
    relays: tuple[RelayRef, ...]
    valid_from: datetime | None
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class Home:
    """What is true of a home. `devices` maps the ids of its devices to their MACs."""

    user_id: str = ""
    devices: Mapping[str, str] = field(default_factory=dict)
    cameras: tuple[str, ...] = ()
    credentials: Mapping[str, Credential] = field(default_factory=dict)
    generation: int = 0
    emptied_at: datetime | None = None
    forgotten: bool = False

    @property
    def key(self) -> str:
        """The data key under which the present residents' data is sealed."""
        return key_of(self.user_id, self.generation)

    def is_taken(self, secret: str, kind: CredentialKind = CredentialKind.PIN) -> bool:
        """Whether a credential of that kind has that secret: at the door, nobody could tell the two apart."""
        number = door_secrets.number(kind, secret)
        return any(
            each.kind is kind and door_secrets.number(kind, each.secret) == number for each in self.credentials.values()
        )


def key_of(user_id: str, generation: int) -> str:
    return f"home.{user_id}.{generation}"


def evolve(home: Home, event: HomeEvent) -> Home:
    home = home if home.user_id else replace(home, user_id=event.user_id)
    match event:
        case DeviceMovedIn():
            return replace(home, devices={**home.devices, event.device_id: event.mac})
        case DeviceMovedOut():
            left = {device_id: mac for device_id, mac in home.devices.items() if device_id != event.device_id}
            return replace(home, devices=left, credentials=_without_device(home.credentials, event.device_id))
        case CameraMovedIn():
            return replace(home, cameras=(*home.cameras, event.camera_id))
        case CameraMovedOut():
            return replace(home, cameras=tuple(each for each in home.cameras if each != event.camera_id))
        case CredentialGranted():
            granted = Credential(
                event.credential_id,
                event.installer_id,
                event.kind,
                event.holder,
                event.secret,
                event.relays,
                event.valid_from,
                event.valid_to,
            )
            return replace(home, credentials={**home.credentials, granted.credential_id: granted})
        case CredentialWithdrawn():
            kept = {id: each for id, each in home.credentials.items() if id != event.credential_id}
            return replace(home, credentials=kept)
        case HomeEmptied():
            return replace(home, credentials={}, generation=home.generation + 1, emptied_at=event.emptied_at)
        case HomeForgotten():
            return Home(user_id=home.user_id, generation=home.generation + 1, forgotten=True)
        case _:
            assert_never(event)


def _without_device(credentials: Mapping[str, Credential], device_id: str) -> dict[str, Credential]:
    """The credentials less the relays of that device; one that opens nothing any more is gone."""
    left = {
        id: replace(each, relays=tuple(ref for ref in each.relays if ref.device_id != device_id))
        for id, each in credentials.items()
    }
    return {id: each for id, each in left.items() if each.relays}


# --- Moving in and out: by the decisions of devices and cameras, in one step with theirs ------------------------------


def of(user_id: str) -> Ref:
    """The home of that household."""
    return Ref("home", user_id)


def require_room(home: Home) -> None:
    """Raises `Refused` when nothing can move in: there is no such household any more, or its home is full."""
    if home.forgotten:
        raise refused("user-unknown")
    if len(home.devices) + len(home.cameras) >= THINGS_MAX:
        raise refused("home-full")


def device_moves_in(user_id: str, device_id: str, mac: str) -> Elsewhere:
    return Elsewhere(of(user_id), DeviceMovedIn(user_id=user_id, device_id=device_id, mac=mac))


def device_moves_out(user_id: str, device_id: str) -> Elsewhere:
    """Credentials lose its relays, and one that opened nothing else is gone."""
    return Elsewhere(of(user_id), DeviceMovedOut(user_id=user_id, device_id=device_id))


def camera_moves_in(user_id: str, camera_id: str) -> Elsewhere:
    return Elsewhere(of(user_id), CameraMovedIn(user_id=user_id, camera_id=camera_id))


def camera_moves_out(user_id: str, camera_id: str) -> Elsewhere:
    return Elsewhere(of(user_id), CameraMovedOut(user_id=user_id, camera_id=camera_id))


# --- Credentials ------------------------------------------------------------------------------------------------------


def grant(command: GrantCredential, home: Home, there: Neighbours) -> Outcome:
    _check(command, home)
    secret = _secret(command)
    relays = tuple(dict.fromkeys(command.relays))
    if present := home.credentials.get(command.credential_id):
        return _repeated(command, present, relays)
    if command.valid_from and command.valid_to and command.valid_to <= command.valid_from:
        raise refused("validity-backwards", "valid_to")
    for number, ref in enumerate(relays):
        _check_relay(ref, command.kind, home, there, f"relays.{number}")
        _check_length(command.kind, secret, there[_device(ref.device_id)])
    if home.is_taken(secret, command.kind):
        raise refused("credential-in-use", "secret")
    if len(home.credentials) >= CREDENTIALS_MAX:
        raise refused("credentials-full")
    assert command.installer_id
    granted = CredentialGranted(
        user_id=command.user_id,
        installer_id=command.installer_id,
        credential_id=command.credential_id,
        kind=command.kind,
        holder=command.holder,
        secret=secret,
        relays=relays,
        valid_from=command.valid_from,
        valid_to=command.valid_to,
    )
    return [granted]


def withdraw(command: WithdrawCredential, home: Home, _: Neighbours) -> Outcome:
    present = home.credentials.get(command.credential_id)
    if present is None or not within(command.actor, distributor_id=None, installer_id=present.installer_id):
        raise refused("credential-unknown")
    withdrawn = CredentialWithdrawn(
        user_id=command.user_id, installer_id=present.installer_id, credential_id=command.credential_id
    )
    return [withdrawn]


def opening(home: Home, device_id: str, relays: Iterable[DoorRelay]) -> list[tuple[Credential, tuple[int, ...]]]:
    """What that device must know: each credential that opens one of its relays now, and which (D-23, D-30)."""
    by_number = {relay.number: relay for relay in relays}
    opened = [
        (each, tuple(sorted(ref.relay for ref in each.relays if _opens(each.kind, by_number.get(ref.relay)))))
        for each in (_at(device_id, each) for each in home.credentials.values())
    ]
    return [(each, numbers) for each, numbers in opened if numbers]


def _at(device_id: str, credential: Credential) -> Credential:
    return replace(credential, relays=tuple(ref for ref in credential.relays if ref.device_id == device_id))


def _opens(kind: CredentialKind, relay: DoorRelay | None) -> bool:
    return relay is not None and relay.enabled and METHOD_OF[kind] in relay.methods


def _check_length(kind: CredentialKind, secret: str, device: Device) -> None:
    fewest, most = models.pin_digits(device.model)
    if kind is CredentialKind.PIN and not fewest <= len(secret) <= most:
        raise refused("pin-length-not-for-model", "secret")


def _check(command: GrantCredential, home: Home) -> None:
    known = not home.forgotten and within(
        command.actor, distributor_id=command.distributor_id, installer_id=command.installer_id
    )
    if not known:
        raise refused("user-unknown")


def _check_relay(ref: RelayRef, kind: CredentialKind, home: Home, there: Neighbours, field: str) -> None:
    if ref.device_id not in home.devices:
        raise refused("device-unknown", field)
    device: Device = there[_device(ref.device_id)]
    relay = device.relay(ref.relay)
    if relay is None or not relay.enabled:
        raise refused("relay-unknown", field)
    if not _opens(kind, relay):
        raise refused("method-off", field)


def _secret(command: GrantCredential) -> str:
    secret = door_secrets.plain(command.kind, command.secret or command.made_secret or "")
    if fault := door_secrets.fault(command.kind, secret):
        raise refused(fault, "secret")
    return secret


def _repeated(command: GrantCredential, present: Credential, relays: tuple[RelayRef, ...]) -> Outcome:
    wanted = (command.kind, command.holder, relays, command.valid_from, command.valid_to)
    if wanted != (present.kind, present.holder, present.relays, present.valid_from, present.valid_to):
        raise refused("id-taken")
    if command.secret and _secret(command) != present.secret:
        raise refused("id-taken")
    return []


def _device(device_id: str) -> Ref:
    return Ref("device", device_id)


def _around_relays(command: GrantCredential, home: Home) -> list[Ref]:
    return [_device(id) for id in dict.fromkeys(ref.device_id for ref in command.relays) if id in home.devices]


# --- Emptying, forgetting ---------------------------------------------------------------------------------------------


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
        *(each for device_id in home.devices for each in _without(there[_device(device_id)], command.at, there)),
        *(_removed(there[_camera(camera_id)]) for camera_id in home.cameras),
    ]


def _without(device: Device, at: datetime, there: Neighbours) -> list[Elsewhere]:
    """What goes with a device whose home is no more."""
    unbound = DeviceUnbound(
        device_id=device.device_id,
        mac=device.mac,
        user_id=device.user_id,
        installer_id=device.installer_id,
        distributor_id=device.distributor_id,
    )
    return [
        Elsewhere(_device(device.device_id), unbound),
        *mac.unbind(device.mac, there[mac.of(device.mac)]),
        sip.rest(device.sip, at),
    ]


def _removed(camera: Camera) -> Elsewhere:
    removed = CameraRemoved(
        camera_id=camera.camera_id,
        user_id=camera.user_id,
        installer_id=camera.installer_id,
        linked_device_id=camera.linked_device_id,
    )
    return Elsewhere(_camera(camera.camera_id), removed)


def _camera(camera_id: str) -> Ref:
    return Ref("camera", camera_id)


def _around_everything(command: ForgetHome, home: Home) -> list[Ref]:
    return [
        *map(_device, home.devices),
        *map(mac.of, home.devices.values()),
        *(sip.of(number) for device_id in home.devices for number in sip.candidates(device_id)),
        *map(_camera, home.cameras),
    ]


HOME: Aggregate[Home] = Aggregate(
    name="home",
    initial=Home(),
    evolve=evolve,
    events=(
        DeviceMovedIn,
        DeviceMovedOut,
        CameraMovedIn,
        CameraMovedOut,
        CredentialGranted,
        CredentialWithdrawn,
        HomeEmptied,
        HomeForgotten,
    ),
    decisions={
        GrantCredential: Decision("user_id", grant, _around_relays),
        WithdrawCredential: Decision("user_id", withdraw),
        EmptyHome: Decision("user_id", empty),
        ForgetHome: Decision("user_id", forget, _around_everything),
    },
    key=lambda home: home.key,
)
