"""The read model of households with their families, as the User list and the edit form show them.

Reset and Delete drop the former residents' data here at once; when the log is folded again, what they erased reads as
erased and is dropped all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypedDict, assert_never

from contracts.accounts.access import SessionOpened
from contracts.accounts.households import (
    ContactsChanged,
    HomeAutomationSwitched,
    IndoorMonitorNoted,
    LandlineServiceSwitched,
    PreferencesChosen,
    PremiumSwitched,
    ResidenceDescribed,
    UserAdded,
)
from contracts.accounts.leaving import UserDeleted, UserReset
from contracts.accounts.members import MemberAdded, MemberDeleted, MemberEdited
from contracts.accounts.sites import SiteLinked, SiteUnlinked
from contracts.accounts.terms import FREE_SUBACCOUNTS, FreeSubaccountsSet, UserActivated, UserExpired, UserRenewed
from contracts.message import Recorded, Role
from kernel.reading.readmodel import Index, ReadModel, Row
from services.accounts.households.household import HouseholdEvent
from services.accounts.numbers import search


class MemberDocument(TypedDict):
    """A family account within its household."""

    member_id: str
    name: str
    email: str | None
    country: str | None
    mobile: str | None
    language: str
    sip: str
    created_at: datetime


class HouseholdDocument(TypedDict):
    """A household. `seq` is its last event: the revision that a form was filled from."""

    installer_id: str
    distributor_id: str
    name: str
    room: str | None
    address: str
    email: str | None
    country: str | None
    mobile: str | None
    landlines: list[str | None]
    call_type: str
    time_zone: str | None
    language: str
    with_indoor_monitor: bool
    home_automation: bool
    premium_on: bool
    landline_service: bool
    family_sip: str
    personal_sip: str
    expires_at: datetime | None
    expired: bool
    free_subaccounts: int
    linked_sites: list[str]
    members: list[MemberDocument]
    app_registered: bool
    created_at: datetime
    tokens: list[str]
    seq: int


def keys(recorded: Recorded) -> Iterable[str]:
    event = recorded.event
    if isinstance(event, HouseholdEvent):
        return (event.user_id,)
    if isinstance(event, SessionOpened) and recorded.actor.role is Role.FAMILY_MASTER:
        return (event.account_id,)
    return ()


def fold(row: Row | None, recorded: Recorded) -> Row | None:
    event = recorded.event
    if isinstance(event, UserAdded):
        return _searchable({**_added(event, recorded.at), "seq": recorded.seq})
    if row is None or isinstance(event, UserDeleted):
        return None
    if isinstance(event, SessionOpened):
        return row if row["app_registered"] else {**row, "app_registered": True}
    assert isinstance(event, HouseholdEvent)
    return _searchable({**row, **_change(row, event, recorded.at), "seq": recorded.seq})


def _added(event: UserAdded, at: datetime) -> HouseholdDocument:
    return {
        "installer_id": event.installer_id,
        "distributor_id": event.distributor_id,
        "name": event.name,
        "room": event.room,
        "address": event.address,
        "email": event.email,
        "country": event.country,
        "mobile": event.mobile,
        "landlines": list(event.landlines),
        "call_type": event.call_type,
        "time_zone": event.time_zone,
        "language": event.language,
        "with_indoor_monitor": event.with_indoor_monitor,
        "home_automation": event.home_automation,
        "premium_on": event.premium,
        "landline_service": event.landline_service,
        "family_sip": event.family_sip,
        "personal_sip": event.personal_sip,
        "expires_at": None,
        "expired": False,
        "free_subaccounts": FREE_SUBACCOUNTS,
        "linked_sites": [],
        "members": [],
        "app_registered": False,
        "created_at": at,
        "tokens": [],
        "seq": 0,
    }


def _change(row: Row, event: HouseholdEvent, at: datetime) -> dict[str, Any]:
    match event:
        case ResidenceDescribed():
            return {"name": event.name, "room": event.room, "address": event.address}
        case ContactsChanged():
            return {
                "email": event.email,
                "country": event.country,
                "mobile": event.mobile,
                "landlines": list(event.landlines),
            }
        case PreferencesChosen():
            return {
                "call_type": event.call_type,
                "time_zone": event.time_zone,
                "language": event.language,
                "with_indoor_monitor": event.with_indoor_monitor,
            }
        case IndoorMonitorNoted():
            return {"with_indoor_monitor": True}
        case HomeAutomationSwitched():
            return {"home_automation": event.on}
        case PremiumSwitched():
            return {"premium_on": event.on}
        case LandlineServiceSwitched():
            return {"landline_service": event.on}
        case UserActivated() | UserRenewed():
            return {"expires_at": event.expires_at, "expired": False}
        case UserExpired():
            return {"expired": True}
        case FreeSubaccountsSet():
            return {"free_subaccounts": event.free_subaccounts}
        case SiteLinked():
            return {"linked_sites": [*row["linked_sites"], event.site_id]}
        case SiteUnlinked():
            return {"linked_sites": [each for each in row["linked_sites"] if each != event.site_id]}
        case MemberAdded():
            return {"members": [*row["members"], _member(event, at)]}
        case MemberEdited():
            return {"members": [_edited(member, event) for member in row["members"]]}
        case MemberDeleted():
            return {"members": [each for each in row["members"] if each["member_id"] != event.member_id]}
        case UserReset():
            return {
                "name": event.name,
                "room": event.room,
                "address": event.address,
                "email": None,
                "country": None,
                "mobile": None,
                "landlines": [None, None, None],
                "linked_sites": [],
                "members": [],
                "app_registered": False,
            }
        case UserAdded() | UserDeleted():
            raise AssertionError("these make and remove the row")
        case _:
            assert_never(event)


def _member(event: MemberAdded, at: datetime) -> MemberDocument:
    return {
        "member_id": event.member_id,
        "name": event.name,
        "email": event.email,
        "country": event.country,
        "mobile": event.mobile,
        "language": event.language,
        "sip": event.sip,
        "created_at": at,
    }


def _edited(member: MemberDocument, event: MemberEdited) -> MemberDocument:
    if member["member_id"] != event.member_id:
        return member
    return {
        **member,
        "name": event.name,
        "email": event.email,
        "country": event.country,
        "mobile": event.mobile,
        "language": event.language,
    }


def _searchable(row: dict[str, Any]) -> Row:
    """The household is found by its people's names, e-mails and numbers, the family's included (U-06, F-04)."""
    people = [row, *row["members"]]
    tokens = [
        *search.end_tokens("f", row["family_sip"]),
        *search.end_tokens("s", row["personal_sip"]),
        *(token for member in row["members"] for token in search.end_tokens("s", member["sip"])),
        *(token for person in people for token in search.name_tokens(person["name"])),
        *(token for person in people for token in search.email_tokens(person["email"])),
        *(token for person in people for token in search.mobile_tokens(person["mobile"])),
    ]
    return {**row, "tokens": list(dict.fromkeys(tokens))}


DIRECTORY = ReadModel(
    name="directory",
    version=2,
    keys=keys,
    fold=fold,
    indexes=(
        Index([("installer_id", 1), ("created_at", -1), ("_id", -1)]),
        Index([("installer_id", 1), ("tokens", 1)]),
    ),
)
