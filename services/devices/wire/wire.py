"""What devices and the cloud say to each other, as docs/device-protocol.md tells writers of firmware.

The rule it protects: of what a device says only this is read, within these bounds; the rest is refused with a reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from contracts.devices.commands import DeviceCommandKind
from contracts.devices.doors import DoorEventKind
from contracts.moments import in_utc
from contracts.text import labelled

MESSAGE_BYTES_MAX = 65_536
_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_CONFIGURATION_DIGITS = 16


def _small(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _uuid(value: object) -> object:
    """A UUID in any of its spellings, as we write it; what is none stays as it is."""
    try:
        return str(UUID(value)) if isinstance(value, str) else value
    except ValueError:
        return value


def _uuid_or_version(value: object) -> object:
    is_version = isinstance(value, str) and len(value) == _CONFIGURATION_DIGITS
    return _small(value) if is_version else _uuid(value)


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("is no number")
    return value


def _moment(value: object) -> object:
    """What a clock says, in UTC; nothing when it is not between 1970 and 2200, in no calendar, or in no zone."""
    try:
        return in_utc(_CLOCK.validate_python(value))
    except ValueError:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return None if is_number or (isinstance(value, str) and _LIKE_A_MOMENT.match(value)) else value


_CLOCK: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)
_LIKE_A_MOMENT = re.compile(r"[+-]?\d{1,6}-\d{1,2}-\d{1,2}(?!\d)")
_Moment = Annotated[AwareDatetime | None, BeforeValidator(_moment)]


# Words for people are worth more cleaned, and without their end, than not at all.
_Method = Annotated[str, Field(max_length=24), labelled(24)]
_Who = Annotated[str, Field(max_length=128), labelled(128)]
_Words = Annotated[str, Field(max_length=200), labelled(200)]


class _FromDevice(BaseModel):
    # What a newer firmware says besides is passed over; "1" is a number, and 1 a text, where one is wanted.
    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, coerce_numbers_to_str=True, str_strip_whitespace=True
    )


class DeviceState(_FromDevice):
    """What a device is and has. Said after each connection, when it changes, and until it is received."""

    id: Annotated[str, Field(max_length=64)] = ""
    model: Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9._-]+$")]
    firmware: Annotated[str, Field(pattern=r"^[0-9]{1,5}(\.[0-9]{1,5}){3}$")]
    configuration: Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$"), BeforeValidator(_small)]
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

    id: Annotated[str, Field(pattern=rf"{_UUID}|^[0-9a-f]{{16}}$"), BeforeValidator(_uuid_or_version)]
    state: Annotated[AckState, BeforeValidator(_small)]
    reason: _Words | None = None


class DoorReport(_FromDevice):
    """What happened at a door. `who` is the id of a credential, or what the device knows of somebody else."""

    id: Annotated[str, Field(pattern=_UUID), BeforeValidator(_uuid)]
    kind: Annotated[DoorEventKind, BeforeValidator(_small)]
    at: _Moment
    relay: Annotated[int, Field(ge=1, le=16), BeforeValidator(_number)] | None = None
    method: _Method | None = None
    who: _Who | None = None
    detail: _Words | None = None


def downlink(type: str, **fields: Any) -> bytes:
    """A message to a device. `at` is our clock, for a device that has no better one."""
    return json.dumps({"type": type, "at": datetime.now(UTC).isoformat(), **fields}, ensure_ascii=False).encode()


def received(kind: str, id: str) -> bytes:
    """The message was taken, by the name that its device gave it: it need not be sent again."""
    return downlink("received", of=kind, id=id)


def refused(kind: str, id: str, reason: str) -> bytes:
    """The message cannot be read, for this reason: it need not be sent again as it is."""
    return downlink("refused", of=kind, id=id, reason=reason)


def configure(version: str, document: Mapping[str, Any]) -> bytes:
    return downlink("configure", id=version, configuration=document)


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
            return downlink("reboot", **common)
        case DeviceCommandKind.CONFIGURATION_RESET:
            return downlink("reset", **common, scope="configuration")
        case DeviceCommandKind.FACTORY_RESET:
            return downlink("reset", **common, scope="factory")
        case DeviceCommandKind.ONE_TIME_AUTOP:
            return downlink("autop", **common, lines=lines)
        case DeviceCommandKind.UNLOCK:
            return downlink("unlock", **common, relay=relay)
        case DeviceCommandKind.ARM:
            return downlink("arm", **common, armed=True)
        case DeviceCommandKind.DISARM:
            return downlink("arm", **common, armed=False)


def topic(mac: str, kind: str) -> str:
    """Where that device is spoken to (`cmd`) or speaks (`state`, `ack`, `event`, `web`), as the services see it."""
    return f"device.{mac}.{kind}"
