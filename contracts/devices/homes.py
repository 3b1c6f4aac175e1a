"""A home: what stands in it, who opens its doors by what, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contracts.devices.relays import RelayRef
from contracts.message import Answer, Command, Event, FilledMark, Personal, Query, View
from contracts.moments import Moment, RecordedMoment
from contracts.reasons import Kind, Reason
from contracts.text import Name
from contracts.words import Filled, Id


class CredentialKind(StrEnum):
    """What opens a door without the app. `qr` is read by the camera and counts as the method `face`'s reader does."""

    PIN = "pin"
    FACE = "face"
    RF_CARD = "rf_card"
    BLUETOOTH = "bluetooth"
    NFC = "nfc"
    QR = "qr"


class GrantAnswer(Answer):
    """What opens, once, when it was made here: who chose a secret knows it."""

    secret: str | None = None


class GrantCredential(Command[GrantAnswer]):
    """Let a person of the household open doors by a PIN, a card, a face … (D-23, D-29).

    `secret` is the PIN, the card's number, the face template and so on; made up for a PIN or a QR code without one and
    then answered, once. `holder` says whose it is.
    """

    credential_id: Id
    user_id: Id
    kind: CredentialKind
    holder: Name
    secret: Annotated[str | None, Field(max_length=4096, repr=False)] = None
    relays: Annotated[tuple[RelayRef, ...], Field(min_length=1, max_length=64)]
    valid_from: Moment | None = None
    valid_to: Moment | None = None
    made_secret: Annotated[str | None, FilledMark()] = None
    distributor_id: Filled = None
    installer_id: Filled = None


class WithdrawCredential(Command):
    """Let it open nothing any more."""

    credential_id: Id
    user_id: Id


class EmptyHome(Command):
    """The household was reset: nobody of before gets in, nothing of them is kept (U-39..U-41)."""

    user_id: Id
    installer_id: Id


class ForgetHome(Command):
    """The household was deleted: its devices and cameras go, their MACs are free (R-12)."""

    user_id: Id
    installer_id: Id


class DeviceMovedIn(Event):
    """The home has this device."""

    user_id: str
    device_id: str
    mac: str


class DeviceMovedOut(Event):
    """The home does not have this device any more."""

    user_id: str
    device_id: str


class CameraMovedIn(Event):
    """The home has this camera."""

    user_id: str
    camera_id: str


class CameraMovedOut(Event):
    """The home does not have this camera any more."""

    user_id: str
    camera_id: str


class CredentialGranted(Event):
    """Somebody of the household opens these relays by this."""

    user_id: str
    installer_id: str
    credential_id: str
    kind: CredentialKind
    holder: Personal
    secret: Personal
    relays: tuple[RelayRef, ...]
    valid_from: RecordedMoment | None
    valid_to: RecordedMoment | None


class CredentialWithdrawn(Event):
    """It opens nothing any more."""

    user_id: str
    installer_id: str
    credential_id: str


class HomeEmptied(Event):
    """Nobody of before gets in and nothing of them is kept: `erased_key` is the data key to destroy.

    `device_ids` are the devices that are to be configured anew. Devices, cameras and one-time commands stay.
    What a device tells up to `emptied_at` is not taken; what it tells later names none of before.
    """

    user_id: str
    installer_id: str
    device_ids: tuple[str, ...]
    emptied_at: RecordedMoment
    erased_key: str


class HomeForgotten(Event):
    """The home is no more, nor is anything of it: `erased_keys` are the data keys to destroy."""

    user_id: str
    installer_id: str
    device_ids: tuple[str, ...]
    macs: tuple[str, ...]
    erased_keys: tuple[str, ...]


class CredentialRow(View):
    """A credential of a household; what it opens with is in no answer.

    `closed` are those of its `relays` that it does not open now: they are off, or this way of opening is (D-23).
    """

    credential_id: str
    kind: CredentialKind
    holder: str
    relays: tuple[RelayRef, ...]
    closed: tuple[RelayRef, ...]
    valid_from: RecordedMoment | None
    valid_to: RecordedMoment | None
    created_at: RecordedMoment
    delivered: bool


class CredentialList(View):
    """A household's credentials."""

    rows: tuple[CredentialRow, ...]


class ListCredentials(Query):
    """Who gets in by what."""

    user_id: Id


QUERIES: Mapping[type[Query], type[View]] = {
    ListCredentials: CredentialList,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    GrantCredential:    ". . I . . . .",
    WithdrawCredential: ". . I . . . +",
    ListCredentials:    ". . I . . . +",
    EmptyHome:          ". . . . . . .",
    ForgetHome:         ". . . . . . .",
}
# fmt: on

REFUSALS: Mapping[str, Reason] = {
    "credential-unknown": Reason(Kind.UNKNOWN, "There is no such credential."),
    "credential-malformed": Reason(Kind.INVALID, "This does not fit the kind of credential."),
    "card-in-parts": Reason(
        Kind.INVALID,
        "This is a card's number in two parts. Write the one number that the reader shows, without a comma.",
    ),
    "pin-malformed": Reason(Kind.INVALID, "A PIN has 2 to 8 digits, not all the same, and not counting up or down."),
    "pin-length-not-for-model": Reason(Kind.INVALID, "One of these devices takes PINs of another length."),
    "validity-backwards": Reason(Kind.INVALID, "It would end before it begins."),
    "method-off": Reason(Kind.INVALID, "This way of opening is switched off at that relay."),
    "credential-in-use": Reason(Kind.CONFLICT, "Another credential of this household is the same. Choose another."),
    "credentials-full": Reason(Kind.CONFLICT, "A household has at most 200 credentials."),
    "home-full": Reason(Kind.CONFLICT, "A household has at most 100 devices and cameras."),
}
