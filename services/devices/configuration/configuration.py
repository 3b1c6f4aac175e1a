"""What a device is to be set to: made from what is true, compared by its version with what the device says it has.

The rule it protects: the same truth makes the same version, and nobody can tell from a version what it was made of,
so it may be shown while the PINs in it may not.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from kernel.deciding.decider import Ref
from kernel.keeping.vault import Keys
from services.devices.autop import profile
from services.devices.autop.profile import Profile
from services.devices.homes import home
from services.devices.homes.home import Home
from services.devices.intercoms import device
from services.devices.intercoms.device import Device, DoorRelay
from services.devices.models.model import Models

Document = dict[str, Any]


class Using(Protocol):
    """What a configuration is made with: a service's tools, or what a reaction may use."""

    @property
    def keys(self) -> Keys: ...
    @property
    def tables(self) -> Models: ...
    @property
    def load(self) -> Callable[[Ref], Awaitable[tuple[Any, int]]]: ...


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration and what it is called by."""

    version: str
    document: Document = field(repr=False)
    residents: int = 0
    """Whom it was made for: how often the home was reset before."""


def configured(target: Device, lived_in: Home, stored: Profile, models: Models) -> Document:
    """The whole configuration of a device (docs/device-protocol.md). Nobody's name is in it, but the device's own."""
    return {
        "name": target.name,
        "kind": target.kind,
        "sip": {"number": target.sip, "transport": target.connection_type},
        "relays": [_relay(each) for each in target.relays],
        "security_relays": [_relay(each) for each in target.security_relays],
        "internet_access": target.internet_access,
        "transfer_ip": target.transfer_ip,
        "works_offline": target.works_offline,
        "arming_function": target.arming_function,
        "shows_weather": models.shows_weather(target.model, target.firmware),
        "credentials": [
            {
                "id": credential.credential_id,
                "kind": credential.kind,
                "secret": credential.secret,
                "relays": list(relays),
                "valid_from": credential.valid_from.isoformat() if credential.valid_from else None,
                "valid_to": credential.valid_to.isoformat() if credential.valid_to else None,
            }
            for credential, relays in home.opening(lived_in, target.device_id, target.relays)
        ],
        "autop": list(stored.lines),
    }


def version_of(document: Document, key: bytes) -> str:
    """16 hexadecimal digits. `key` is the device's data key: without it, what has few forms could be guessed."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(key, canonical.encode(), hashlib.sha256).hexdigest()[:16]


async def present(device_id: str, using: Using) -> Configuration | None:
    """The configuration of a device as things are now; `None` when it is gone. Raises `Unavailable`."""
    target: Device = (await using.load(device.ref(device_id)))[0]
    if target.absent:
        return None
    lived_in: Home = (await using.load(home.ref(target.user_id)))[0]
    stored: Profile = (await using.load(profile.ref(device_id)))[0]
    key = await using.keys.key(f"device.{device_id}")
    if key is None:
        return None
    document = configured(target, lived_in, stored, using.tables)
    return Configuration(version_of(document, key), document, lived_in.generation)


def _relay(relay: DoorRelay) -> Document:
    return {
        "number": relay.number,
        "enabled": relay.enabled,
        "name": relay.name,
        "dtmf": relay.dtmf,
        "methods": list(relay.methods) if relay.enabled else [],
    }
