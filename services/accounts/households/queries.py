"""What is shown of households: an installer's list of them, and the form of one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from contracts.accounts.households import GetUser, ListUsers, UserDetail, UserPage, UserRow, UserSearchKey
from contracts.accounts.members import MemberView
from contracts.accounts.terms import AccountStatus, PremiumStatus
from contracts.permissions import own_installer, owned
from kernel.keeping.mongo import Database
from kernel.keeping.opaque import Opaque
from kernel.reading.listing import Tallied, listed, search_page
from kernel.reading.readmodel import Row
from kernel.service.declaration import Tools
from services.accounts.access.waiting import without_password
from services.accounts.households.households import DIRECTORY
from services.accounts.numbers import search
from services.accounts.tallies import TALLIES

_TOKEN_OF: dict[UserSearchKey, str] = {
    UserSearchKey.NAME: "n",
    UserSearchKey.EMAIL: "e",
    UserSearchKey.MOBILE: "m",
    UserSearchKey.FAMILY_SIP: "f",
    UserSearchKey.SIP: "s",
}


async def list_users(query: ListUsers, tools: Tools) -> UserPage:
    installer_id = own_installer(query.actor)
    collection = tools.database[DIRECTORY.name]
    own = {"installer_id": installer_id}
    if query.q.strip():
        keys = [query.key] if query.key else list(UserSearchKey)
        prefixes = [prefix for key in keys for prefix in search.prefixes(_TOKEN_OF[key], query.q)]
        # A number of no digits would find everything, and so would nothing.
        if not (prefixes := [each for each in prefixes if len(each) > len("n:")]):
            return UserPage(rows=(), total=0, page=query.page, per_page=query.per_page)
        page = await search_page(collection, {**own, **search.beginning_with(prefixes)}, query)
    else:
        page = await listed(collection, own, query, tallied=Tallied(TALLIES, (installer_id,)))
    now = datetime.now(UTC)
    rows = tuple(UserRow(**_shown(row, now)) for row in page.rows)
    return UserPage(rows=rows, total=page.total, page=query.page, per_page=query.per_page)


async def get_user(query: GetUser, tools: Tools) -> UserDetail:
    found = await tools.database[DIRECTORY.name].find_one({"_id": query.user_id}, {"tokens": 0})
    row = owned(found, query.actor, "user-unknown", household="_id")
    now = datetime.now(UTC)
    shown = _shown(row, now)
    waiting = await without_password(tools.database, row["_id"])
    return UserDetail(
        **shown,
        installer_id=row["installer_id"],
        country=row["country"],
        address=row["address"],
        call_type=row["call_type"],
        time_zone=row["time_zone"],
        effective_time_zone=row["time_zone"] or await zone_of_installer(tools.database, row["installer_id"]),
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
        revision=Opaque(tools.secrets, "revision").sealed(f"{row['seq']:018d}", row["_id"]),
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
