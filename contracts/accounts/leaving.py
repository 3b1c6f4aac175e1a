"""How a household ends: emptied for the next tenants, or gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from contracts.message import Answer, Command, Event, Personal, Query
from contracts.words import Id


class ErasureAnswer(Answer):
    """By when nothing of what was erased is left in any copy that a store makes."""

    erased_by: Annotated[str | None, Field(json_schema_extra={"format": "date-time"})] = None


class ResetUser(Command[ErasureAnswer]):
    """Empty the household for the next tenants (U-36..U-47)."""

    user_id: Id


class DeleteUser(Command[ErasureAnswer]):
    """Remove the household (U-34, R-12)."""

    user_id: Id


class UserReset(Event):
    """The household is empty again: no members, no contacts, no credentials; its settings and devices stay.

    The name, room and address that are kept are written again under the next data key; `erased_key` is the one whose
    destruction makes everything earlier unreadable.
    """

    user_id: str
    installer_id: str
    distributor_id: str
    name: Personal
    room: Personal | None
    address: Personal
    members: tuple[str, ...]
    erased_key: str


class UserDeleted(Event):
    """The household is gone; `erased_key` is the data key to destroy."""

    user_id: str
    installer_id: str
    distributor_id: str
    members: tuple[str, ...]
    erased_key: str


# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    ResetUser:  ". . I . . . +",
    DeleteUser: ". . I . . . +",
}
# fmt: on
