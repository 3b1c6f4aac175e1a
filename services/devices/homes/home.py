"""A home: a household as its doors know it. What stands in it, who gets in by what, and how it is emptied or forgotten.

A home that nothing happened to is one that has nothing yet: accounts makes households, and the home follows. The rule
it protects: once a home is emptied or forgotten, nothing of before opens a door or can be read, however late it comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from contracts.devices.homes import (
    CameraMovedIn,
    CameraMovedOut,
    CredentialGranted,
    CredentialKind,
    CredentialWithdrawn,
    DeviceMovedIn,
    DeviceMovedOut,
    HomeEmptied,
    HomeForgotten,
)
from contracts.devices.relays import AccessMethod, RelayRef
from contracts.refusals import refused
from kernel.deciding.decider import Elsewhere, Ref
from services.devices.doors import door_secrets
from services.devices.intercoms.device import DoorRelay

THINGS_MAX = 100

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


def ref(user_id: str) -> Ref:
    """The home of that household."""
    return Ref("home", user_id)


def require_room(home: Home) -> None:
    """Raises `Refused` when nothing can move in: there is no such household any more, or its home is full."""
    if home.forgotten:
        raise refused("user-unknown")
    if len(home.devices) + len(home.cameras) >= THINGS_MAX:
        raise refused("home-full")


def device_moves_in(user_id: str, device_id: str, mac: str) -> Elsewhere:
    return Elsewhere(ref(user_id), DeviceMovedIn(user_id=user_id, device_id=device_id, mac=mac))


def device_moves_out(user_id: str, device_id: str) -> Elsewhere:
    """Credentials lose its relays, and one that opened nothing else is gone."""
    return Elsewhere(ref(user_id), DeviceMovedOut(user_id=user_id, device_id=device_id))


def camera_moves_in(user_id: str, camera_id: str) -> Elsewhere:
    return Elsewhere(ref(user_id), CameraMovedIn(user_id=user_id, camera_id=camera_id))


def camera_moves_out(user_id: str, camera_id: str) -> Elsewhere:
    return Elsewhere(ref(user_id), CameraMovedOut(user_id=user_id, camera_id=camera_id))


def opening(home: Home, device_id: str, relays: Iterable[DoorRelay]) -> list[tuple[Credential, tuple[int, ...]]]:
    """What that device must know: each credential that opens one of its relays now, and which (D-23, D-30)."""
    by_number = {relay.number: relay for relay in relays}
    opened = [
        (each, tuple(sorted(ref.relay for ref in each.relays if opens(each.kind, by_number.get(ref.relay)))))
        for each in (_at(device_id, each) for each in home.credentials.values())
    ]
    return [(each, numbers) for each, numbers in opened if numbers]


def _at(device_id: str, credential: Credential) -> Credential:
    return replace(credential, relays=tuple(ref for ref in credential.relays if ref.device_id == device_id))


def opens(kind: CredentialKind, relay: DoorRelay | None) -> bool:
    return relay is not None and relay.enabled and METHOD_OF[kind] in relay.methods
