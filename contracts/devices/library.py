"""The MAC library: whose device an installer may bind."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from contracts.devices.words import MAC_CHARACTERS_MAX, Mac
from contracts.message import Command, Event, FilledMark, Query, View
from contracts.moments import RecordedMoment
from contracts.notations import label_code
from contracts.reasons import Kind, Reason
from contracts.text import FilledLine
from contracts.words import FilledFlag, Id, Page, PerPage

LabelCode = Annotated[
    str,
    Field(max_length=64, description="8 to 32 letters and digits, as they stand on the label"),
    AfterValidator(label_code),
]


class MacUse(StrEnum):
    """Which MACs of the library to list (M-01)."""

    ALL = "all"
    BOUND = "bound"
    UNBOUND = "unbound"


class RegisterMac(Command):
    """Put a MAC into the library by hand (M-02). A distributor may say the code on its label: see `ClaimMac`."""

    mac: Mac
    code: Annotated[LabelCode | None, Field(repr=False)] = None
    quota_reached: FilledFlag = False
    code_hash: Annotated[str | None, FilledMark()] = None


class ClaimMac(Command):
    """Take an unbound MAC into one's own library, from whichever it is in, by the code on its label.

    The code is used up. Whoever does not have it hears `mac-claim-refused`, whatever is true of the MAC.
    """

    mac: Mac
    code: Annotated[LabelCode, Field(repr=False)]
    quota_reached: FilledFlag = False
    code_hash: Annotated[str | None, FilledMark()] = None


class RemoveMac(Command):
    """Take a MAC out of the library; refused while it is bound (M-08, M-09)."""

    mac: Mac


class MoveMac(Command):
    """Move an unbound MAC into the library of another installer or, without one, of a distributor.

    `reason` is shown to those who had it and to those who have it now: it names nobody.
    """

    mac: Mac
    distributor_id: Id
    installer_id: Id | None = None
    reason: FilledLine
    is_place: FilledFlag = False


class MacRegistered(Event):
    """The MAC is in the library. Without an installer it is for any of the distributor's."""

    mac: str
    distributor_id: str
    installer_id: str | None
    import_id: str | None


class MacRemoved(Event):
    """The MAC is not in the library any more."""

    mac: str
    distributor_id: str
    installer_id: str | None


class MacTaken(Event):
    """A super manager took the MAC out of this library, and said why."""

    mac: str
    distributor_id: str
    installer_id: str | None
    reason: str


class MacGiven(Event):
    """A super manager put the MAC into this library, and said why."""

    mac: str
    distributor_id: str
    installer_id: str | None
    reason: str


class MacLabelled(Event):
    """Whoever has the code on the label may claim the MAC. Only a keyed hash of MAC and code is kept."""

    mac: str
    distributor_id: str
    code_hash: str


class MacClaimed(Event):
    """Somebody who has the code on the label took the MAC out of this library into their own."""

    mac: str
    distributor_id: str
    installer_id: str | None


class MacBound(Event):
    """The MAC is that of a device. `is_shared`: it is registered for any installer of the distributor."""

    mac: str
    distributor_id: str
    installer_id: str
    device_id: str
    user_id: str
    is_shared: bool = False


class MacUnbound(Event):
    """The MAC is no device's. `is_shared`: it is registered for any installer of the distributor."""

    mac: str
    distributor_id: str
    installer_id: str
    device_id: str
    is_shared: bool = False


class MacRow(View):
    """A MAC of the library. `is_foreign_prefix` warns of a maker that is not expected here; none is refused for it.

    `has_label`: it can be claimed by the code on its label.
    """

    mac: str
    installer_id: str | None
    device_id: str | None
    user_id: str | None
    owner: str | None
    is_foreign_prefix: bool
    registered_at: RecordedMoment
    has_label: bool = False


class MacPage(View):
    """One page of the library."""

    rows: tuple[MacRow, ...]
    total: int
    page: int
    per_page: int


class ListMacs(Query):
    """A page of the caller's library, newest first; `q` is the beginning or the end of a MAC in any notation."""

    page: Page = 1
    per_page: PerPage = 10
    q: Annotated[str, Field(max_length=MAC_CHARACTERS_MAX)] = ""
    use: MacUse = MacUse.ALL


class MacPlace(View):
    """Where a MAC stands: in whose library, for which installer (none: for any), bound or not, and since when."""

    mac: str
    distributor_id: str
    distributor_name: str | None
    installer_id: str | None
    installer_name: str | None
    bound: bool
    has_label: bool
    is_foreign_prefix: bool
    registered_at: RecordedMoment


class FindMac(Query):
    """One MAC in whichever library it is, or `mac-unknown`."""

    mac: Mac


QUERIES: Mapping[type[Query], type[View]] = {
    ListMacs: MacPage,
    FindMac: MacPlace,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    RegisterMac: ". D I . . . +",
    ClaimMac:    ". . I . . . +",
    RemoveMac:   ". D I . . . +",
    MoveMac:     "S . . . . . .",
    ListMacs:    ". D I . . . +",
    FindMac:     "S . . . . . +",
}
# fmt: on

REFUSALS: Mapping[str, Reason] = {
    "mac-unknown": Reason(Kind.UNKNOWN, "This MAC is not in the library."),
    "mac-registered": Reason(Kind.CONFLICT, "This MAC is in the library already."),
    "mac-elsewhere": Reason(
        Kind.CONFLICT, "This MAC is in another library. Claim it with the code on its label, or ask your distributor."
    ),
    "mac-not-in-library": Reason(
        Kind.CONFLICT, "This MAC is not in the MAC library of your distributor. Have it registered first."
    ),
    "mac-claim-refused": Reason(
        Kind.CONFLICT, "This MAC cannot be claimed with this code. Compare both with the label."
    ),
    "mac-bound": Reason(Kind.CONFLICT, "This MAC belongs to a device. Delete the device first."),
    "mac-quota-reached": Reason(
        Kind.CONFLICT, "Too many MACs of the library belong to no device. Remove those that nobody needs."
    ),
}
