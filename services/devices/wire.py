"""What devices and the cloud say to each other, as docs/device-protocol.md tells writers of firmware.

The rule it protects: of what a device says only this is read, within these bounds; the rest is refused, and counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.devices import DeviceCommandKind, DoorEventKind

MESSAGE_BYTES_MAX = 65_536
_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


class _FromDevice(BaseModel):
    # What a newer firmware says besides is passed over.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, strict=True)


class DeviceState(_FromDevice):
    """What a device is and has. Said after each connection, when it changes, and until it is received."""

    id: Annotated[str, Field(max_length=64)] = ""
    model: Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9._-]+$")]
    firmware: Annotated[str, Field(pattern=r"^[0-9]{1,5}(\.[0-9]{1,5}){3}$")]
    configuration: Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$")]
    boot: Annotated[str, Field(min_length=1, max_length=64)]
    armed: bool | None = None


class LastWill(_FromDevice):
    """What the server says for a device that broke off. Presence is known without it."""

    online: bool


class AckState(StrEnum):
    """How far a device is with what it was told."""

    DELIVERED = "delivered"
    DONE = "done"
    FAILED = "failed"


class DeviceAck(_FromDevice):
    """What became of a command, or of a configuration, whose version is its `id`."""

    id: Annotated[str, Field(pattern=rf"{_UUID}|^[0-9a-f]{{16}}$")]
    state: Annotated[AckState, Field(strict=False)]
    reason: Annotated[str, Field(max_length=200)] | None = None


class DoorReport(_FromDevice):
    """What happened at a door. `who` is the id of a credential, or what the device knows of somebody else."""

    id: Annotated[str, Field(pattern=_UUID)]
    kind: Annotated[DoorEventKind, Field(strict=False)]
    at: Annotated[AwareDatetime, Field(strict=False)]
    relay: Annotated[int, Field(ge=1, le=16)] | None = None
    method: Annotated[str, Field(max_length=24)] | None = None
    who: Annotated[str, Field(max_length=128)] | None = None
    detail: Annotated[str, Field(max_length=200)] | None = None


def told(type: str, **fields: Any) -> bytes:
    """A message to a device. `at` is our clock, for a device that has no better one."""
    return json.dumps({"type": type, "at": datetime.now(UTC).isoformat(), **fields}, ensure_ascii=False).encode()


def received(kind: str, id: str) -> bytes:
    """The message was taken: it need not be sent again."""
    return told("received", of=kind, id=id)


def configure(version: str, document: Mapping[str, Any]) -> bytes:
    return told("configure", id=version, configuration=document)


def command(
    kind: DeviceCommandKind,
    id: str,
    *,
    nonce: str,
    expires_at: datetime,
    relay: int | None = None,
    lines: tuple[str, ...] = (),
) -> bytes:
    """A command as its device reads it."""
    common = {"id": id, "nonce": nonce, "expires_at": expires_at.isoformat()}
    match kind:
        case DeviceCommandKind.REBOOT:
            return told("reboot", **common)
        case DeviceCommandKind.CONFIGURATION_RESET:
            return told("reset", **common, scope="configuration")
        case DeviceCommandKind.FACTORY_RESET:
            return told("reset", **common, scope="factory")
        case DeviceCommandKind.ONE_TIME_AUTOP:
            return told("autop", **common, lines=lines)
        case DeviceCommandKind.UNLOCK:
            return told("unlock", **common, relay=relay)
        case DeviceCommandKind.ARM:
            return told("arm", **common, armed=True)
        case DeviceCommandKind.DISARM:
            return told("arm", **common, armed=False)


def topic(mac: str, kind: str) -> str:
    """Where that device is spoken to (`cmd`) or speaks (`state`, `ack`, `event`, `web`), as the services see it."""
    return f"device.{mac}.{kind}"
