"""The directory: an installer's households with their families, as the User list and the edit form show them.

Reset and Delete drop the former residents' data here at once; when the log is folded again, what they erased reads as
erased and is dropped all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypedDict, assert_never

from contracts.accounts.access import SessionOpened
from contracts.accounts.households import (
    ContactsChanged,
    GetUser,
    HomeAutomationSwitched,
    IndoorMonitorNoted,
    LandlineServiceSwitched,
    ListUsers,
    PreferencesChosen,
    PremiumSwitched,
    ResidenceDescribed,
    UserAdded,
    UserDetail,
    UserPage,
    UserRow,
    UserSearchKey,
)
from contracts.accounts.leaving import UserDeleted, UserReset
from contracts.accounts.members import MemberAdded, MemberDeleted, MemberEdited, MemberView
from contracts.accounts.sites import SiteLinked, SiteUnlinked
from contracts.accounts.terms import (
    FREE_SUBACCOUNTS,
    AccountStatus,
    FreeSubaccountsSet,
    PremiumStatus,
    UserActivated,
    UserExpired,
    UserRenewed,
)
from contracts.message import Recorded, Role
from contracts.permissions import within
from kernel.keeping.mongo import Database
from kernel.keeping.opaque import Opaque
from kernel.reading.listing import Tallied, found, listed
from kernel.reading.readmodel import Index, ReadModel, Row
from kernel.service.declaration import Reading
from services.accounts.access.waiting import without_password
from services.accounts.households.household import HouseholdEvent
from services.accounts.numbers import search
from services.accounts.refusing import refused
from services.accounts.tallies import TALLIES

_TOKEN_OF: dict[UserSearchKey, str] = {
    UserSearchKey.NAME: "n",
    UserSearchKey.EMAIL: "e",
    UserSearchKey.MOBILE: "m",
    UserSearchKey.FAMILY_SIP: "f",
    UserSearchKey.SIP: "s",
}


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


async def list_users(query: ListUsers, reading: Reading) -> UserPage:
    installer_id = query.actor.installer_id
    if installer_id is None:
        raise refused("forbidden")
    collection = reading.database[DIRECTORY.name]
    own = {"installer_id": installer_id}
    if query.q.strip():
        keys = [query.key] if query.key else list(UserSearchKey)
        prefixes = [prefix for key in keys for prefix in search.prefixes(_TOKEN_OF[key], query.q)]
        # A number of no digits would find everything, and so would nothing.
        if not (prefixes := [each for each in prefixes if len(each) > len("n:")]):
            return UserPage(rows=(), total=0, page=query.page, per_page=query.per_page)
        page = await found(collection, {**own, **search.beginning_with(prefixes)}, query)
    else:
        page = await listed(collection, own, query, tallied=Tallied(TALLIES, (installer_id,)))
    now = datetime.now(UTC)
    rows = tuple(UserRow(**_shown(row, now)) for row in page.rows)
    return UserPage(rows=rows, total=page.total, page=query.page, per_page=query.per_page)


async def get_user(query: GetUser, reading: Reading) -> UserDetail:
    row = await reading.database[DIRECTORY.name].find_one({"_id": query.user_id}, {"tokens": 0})
    known = row is not None and within(
        query.actor,
        distributor_id=row["distributor_id"],
        installer_id=row["installer_id"],
        household_id=row["_id"],
    )
    if row is None or not known:
        raise refused("user-unknown")
    now = datetime.now(UTC)
    shown = _shown(row, now)
    waiting = await without_password(reading.database, row["_id"])
    return UserDetail(
        **shown,
        installer_id=row["installer_id"],
        country=row["country"],
        address=row["address"],
        call_type=row["call_type"],
        time_zone=row["time_zone"],
        effective_time_zone=row["time_zone"] or await zone_of_installer(reading.database, row["installer_id"]),
        language=row["language"],
        landlines=tuple(row["landlines"]),
        premium_on=row["premium_on"],
        landline_service=row["landline_service"],
        landline_effective=shown["premium"] is PremiumStatus.NORMAL and row["landline_service"],
        with_indoor_monitor=row["with_indoor_monitor"],
        app_registered=row["app_registered"],
        linked_sites=tuple(row["linked_sites"]),
        family=tuple(
            MemberView(**member, waits_for_password=member["member_id"] in waiting) for member in row["members"]
        ),
        waits_for_password=row["_id"] in waiting,
        revision=Opaque(reading.secrets, "revision").sealed(f"{row['seq']:018d}", row["_id"]),
    )


async def zone_of_installer(database: Database, installer_id: str | None) -> str:
    """The time zone that an installer's users follow (R-08)."""
    installer = await database["installers"].find_one({"_id": installer_id}, {"time_zone": 1})
    return str(installer["time_zone"]) if installer else "UTC"


def _shown(row: Row, now: datetime) -> dict[str, Any]:
    return {
        "user_id": row["_id"],
        "uid": row["personal_sip"],
        "name": row["name"],
        "room": row["room"],
        "email": row["email"],
        "mobile": row["mobile"],
        "family_sip": row["family_sip"],
        "personal_sip": row["personal_sip"],
        "members": len(row["members"]),
        "free_quota": row["free_subaccounts"],
        "status": _status(row, now),
        # Granted with the account, it has no end of its own; billing will bring the plans that have one.
        "premium": PremiumStatus.NORMAL if row["premium_on"] else PremiumStatus.OFF,
        "home_automation": row["home_automation"],
        "created_at": row["created_at"],
        "expires_at": row["expires_at"],
        "premium_expires_at": None,
    }


def _status(row: Row, now: datetime) -> AccountStatus:
    if row["expires_at"] is None:
        return AccountStatus.INACTIVATED
    return AccountStatus.EXPIRED if row["expired"] or row["expires_at"] <= now else AccountStatus.NORMAL
