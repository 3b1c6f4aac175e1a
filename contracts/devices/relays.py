"""The relays of a device, and what triggers each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from contracts.devices.words import Part
from contracts.message import View
from contracts.reasons import Kind, Reason
from contracts.text import Name, cleaned, matching, numeral
from contracts.words import Id

RELAYS_MAX = 4
SECURITY_RELAYS_MAX = 2
Dtmf = Annotated[str, cleaned(numeral), *matching(r"^[0-9*#]{1,4}$", "dtmf-malformed")]
RelayNumber = Annotated[int, Field(ge=1, le=RELAYS_MAX)]


class AccessMethod(StrEnum):
    """The seven ways to trigger a relay (D-22). The first two are the app's, the others the device's (R-25)."""

    HOMEPAGE = "homepage"
    TALKING_PAGE = "talking_page"
    PIN = "pin"
    FACE = "face"
    RF_CARD = "rf_card"
    BLUETOOTH = "bluetooth"
    NFC = "nfc"


APP_METHODS = (AccessMethod.HOMEPAGE, AccessMethod.TALKING_PAGE)
DEVICE_METHODS = tuple(each for each in AccessMethod if each not in APP_METHODS)


class Relay(Part):
    """A relay as the form has it. A disabled one keeps its settings and exposes nothing (D-30)."""

    number: RelayNumber
    enabled: bool = True
    name: Name
    dtmf: Dtmf | None = None
    methods: tuple[AccessMethod, ...] = tuple(AccessMethod)


class RelaySetting(BaseModel):
    """A relay as events tell it, without its name: names stand beside, sealed, in the same order."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: int
    enabled: bool
    dtmf: str | None
    methods: tuple[AccessMethod, ...]


class RelayRef(Part):
    """One relay of one device."""

    device_id: Id
    relay: RelayNumber


Relays = Annotated[tuple[Relay, ...], Field(max_length=RELAYS_MAX)]
SecurityRelays = Annotated[tuple[Relay, ...], Field(max_length=SECURITY_RELAYS_MAX)]


class RelayView(View):
    """A relay as the form shows it. `known` says whether the device's own methods can be chosen (R-25)."""

    number: int
    enabled: bool
    name: str
    dtmf: str | None
    methods: tuple[AccessMethod, ...]


class MethodGate(View):
    """Whether the methods that the device itself must understand can be chosen for it, and if not, why (R-15, R-25).

    `state` is `open`, `closed` (another model, or too old) or `not-yet-known` (never connected); `needs` says which
    models from which firmware on.
    """

    state: str
    needs: tuple[str, ...]


REFUSALS: Mapping[str, Reason] = {
    "relay-twice": Reason(Kind.INVALID, "There are two relays of this number."),
    "dtmf-taken": Reason(Kind.INVALID, "Another enabled relay of this device has this DTMF code."),
    "dtmf-ambiguous": Reason(
        Kind.INVALID, "Another enabled relay's DTMF code begins with this one, or this one with it. Choose another."
    ),
    "relays-exceed-model": Reason(Kind.INVALID, "This model has fewer relays."),
    "methods-not-for-this-device": Reason(
        Kind.INVALID, "This model or firmware does not let access methods be chosen; leave all of the device's own on."
    ),
    "security-relay-not-for-this-type": Reason(
        Kind.INVALID, "Security relays go with door phones and access control only."
    ),
    "relay-unknown": Reason(Kind.INVALID, "The device has no such relay, or it is off."),
}
