"""The terms of a household: until when its service lasts, and how many family accounts are free."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contracts.message import Command, Event, Query
from contracts.moments import RecordedMoment
from contracts.reasons import Kind, Reason
from contracts.words import Id

FREE_SUBACCOUNTS = 3
MEMBERS_MAX = 20
ACTIVATION_MONTHS = 12


class AccountStatus(StrEnum):
    """Derived from activation and expiry, never set by hand (U-04)."""

    INACTIVATED = "inactivated"
    NORMAL = "normal"
    EXPIRED = "expired"


class PremiumStatus(StrEnum):
    """The state of the premium plan; `normal` without an end date is granted with the account (U-05)."""

    OFF = "off"
    NORMAL = "normal"
    EXPIRED = "expired"


class ActivateUser(Command):
    """The activation was paid: the account becomes normal for one initial term."""

    user_id: Id
    months: Annotated[int, Field(ge=1, le=60)] = ACTIVATION_MONTHS


class RenewUser(Command):
    """A renewal was paid: calendar months from now or from the present expiry, whichever is later (R-45)."""

    user_id: Id
    months: Annotated[int, Field(ge=1, le=60)]


class ExpireUser(Command):
    """The service has run out. Records nothing while it has not."""

    user_id: Id


class SetFreeSubaccounts(Command):
    """A distributor sets how many family accounts are free for a household (R-16)."""

    user_id: Id
    free_subaccounts: Annotated[int, Field(ge=0, le=MEMBERS_MAX)]


class UserActivated(Event):
    """The account is normal until it expires."""

    user_id: str
    installer_id: str
    expires_at: RecordedMoment


class UserRenewed(Event):
    """The account is normal until a later day."""

    user_id: str
    installer_id: str
    expires_at: RecordedMoment


class UserExpired(Event):
    """The account's service has run out."""

    user_id: str
    installer_id: str


class FreeSubaccountsSet(Event):
    """So many family accounts are free for this household."""

    user_id: str
    installer_id: str
    free_subaccounts: int


# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    ActivateUser:       ". . . . . . .",
    RenewUser:          ". . . . . . .",
    ExpireUser:         ". . . . . . .",
    SetFreeSubaccounts: ". D . . . . .",
}
# fmt: on

REFUSALS: Mapping[str, Reason] = {
    "user-not-activated": Reason(Kind.CONFLICT, "The user account is not activated yet."),
}
