"""Whose things are: the households of accounts with their names, and the people who install for them.

Folded from accounts' events. Lists of devices join it when they are read, so a household that changes its name changes
one document here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from contracts.accounts.access import AccessOpened
from contracts.accounts.households import PremiumSwitched, ResidenceDescribed, UserAdded
from contracts.accounts.leaving import UserDeleted, UserReset
from contracts.accounts.partners import (
    DistributorCreated,
    InstallerCreated,
    OfflineSolutionAllowed,
    OfflineSolutionWithdrawn,
    PropertyManagerCreated,
)
from contracts.message import Recorded
from kernel.keeping.mongo import Database
from kernel.reading.readmodel import Index, ReadModel, Row
from kernel.spelling import search

_FOUND_MAX = 500

HOUSEHOLD = (UserAdded, ResidenceDescribed, PremiumSwitched, UserReset, UserDeleted)
_STAFF = (
    InstallerCreated,
    DistributorCreated,
    PropertyManagerCreated,
    AccessOpened,
    OfflineSolutionAllowed,
    OfflineSolutionWithdrawn,
)


class OwnerDocument(TypedDict):
    """A household. `uid` is its master's number, which the form of a device shows (D-03)."""

    installer_id: str
    distributor_id: str
    name: str
    uid: str
    premium: bool
    tokens: list[str]


class StaffDocument(TypedDict):
    """Somebody whom audit trails name, and for a distributor whether its installers may use the offline solution."""

    name: str
    distributor_id: str | None
    is_installer: bool
    offline_solution: bool
    tokens: list[str]


def household_keys(recorded: Recorded) -> Iterable[str]:
    return (recorded.event.user_id,) if isinstance(recorded.event, HOUSEHOLD) else ()


def fold_household(row: Row | None, recorded: Recorded) -> Row | None:
    match recorded.event:
        case UserAdded() as event:
            added: OwnerDocument = {
                "installer_id": event.installer_id,
                "distributor_id": event.distributor_id,
                "name": event.name,
                "uid": event.personal_sip,
                "premium": event.premium,
                "tokens": search.name_tokens(event.name),
            }
            return {**added}
        case UserDeleted():
            return None
        case _ if row is None:
            return None
        case ResidenceDescribed() | UserReset() as event:
            return {**row, "name": event.name, "tokens": search.name_tokens(event.name)}
        case PremiumSwitched() as event:
            return {**row, "premium": event.on}
        case _:
            return row


def staff_keys(recorded: Recorded) -> Iterable[str]:
    match recorded.event:
        case InstallerCreated() as event:
            return (event.installer_id,)
        case DistributorCreated() | OfflineSolutionAllowed() | OfflineSolutionWithdrawn() as event:
            return (event.distributor_id,)
        case PropertyManagerCreated() as event:
            return (event.property_manager_id,)
        case AccessOpened(name=str()) as event:
            return (event.account_id,)
        case _:
            return ()


def fold_staff(row: Row | None, recorded: Recorded) -> Row | None:
    match recorded.event:
        case InstallerCreated() as event:
            return _staff(event.name, event.distributor_id, is_installer=True)
        case DistributorCreated() as event:
            return _staff(event.name, event.distributor_id)
        case PropertyManagerCreated() as event:
            return _staff(event.name, event.distributor_id)
        case AccessOpened(name=str(name)):
            return _staff(name, None)
        case _ if row is None:
            return None
        case OfflineSolutionAllowed():
            return {**row, "offline_solution": True}
        case OfflineSolutionWithdrawn():
            return {**row, "offline_solution": False}
        case _:
            return row


def _staff(name: str, distributor_id: str | None, *, is_installer: bool = False) -> Row:
    document: StaffDocument = {
        "name": name,
        "distributor_id": distributor_id,
        "is_installer": is_installer,
        "offline_solution": False,
        "tokens": search.name_tokens(name),
    }
    return {**document}


OWNERS = ReadModel(
    name="owners",
    version=2,
    keys=household_keys,
    fold=fold_household,
    follows={"accounts": HOUSEHOLD},
    indexes=(Index([("installer_id", 1), ("tokens", 1)]),),
)
STAFF = ReadModel(
    name="staff",
    version=2,
    keys=staff_keys,
    fold=fold_staff,
    follows={"accounts": _STAFF},
    indexes=(Index([("distributor_id", 1), ("is_installer", 1)]), Index([("tokens", 1)])),
)


async def owners_of(database: Database, user_ids: Iterable[str]) -> dict[str, Row]:
    """The households of those ids that are known here; one that accounts added a moment ago may not be yet."""
    wanted = list(dict.fromkeys(user_ids))
    households = database[OWNERS.name].find({"_id": {"$in": wanted}}, {"tokens": 0})
    return {household["_id"]: household async for household in households}


async def owners_found(database: Database, installer_id: str, typed: str) -> list[str]:
    """The ids of an installer's households with a word of their name that begins so; at most 500."""
    filter = {"installer_id": installer_id, **search.beginning_with([search.typed_name(typed)])}
    households = database[OWNERS.name].find(filter, {"_id": 1}, limit=_FOUND_MAX)
    return [household["_id"] async for household in households]


async def names_of_staff(database: Database, ids: Iterable[str]) -> dict[str, str]:
    """What the staff of those ids are called. A resident's id stays an id."""
    people = database[STAFF.name].find({"_id": {"$in": list(ids)}}, {"name": 1})
    return {person["_id"]: person["name"] async for person in people}


async def tenants_found(database: Database, typed: str) -> list[str]:
    """The ids of installers and distributors with a word of their name that begins so; at most 100."""
    is_tenant = {"$or": [{"is_installer": True}, {"$expr": {"$eq": ["$distributor_id", "$_id"]}}]}
    filter = {"$and": [search.beginning_with([search.typed_name(typed)]), is_tenant]}
    return [each["_id"] async for each in database[STAFF.name].find(filter, {"_id": 1}, limit=100)]


async def is_place(database: Database, distributor_id: str, installer_id: str | None) -> bool:
    """Whether there is that installer of that distributor or, without one, that distributor."""
    wanted = {"_id": installer_id or distributor_id, "distributor_id": distributor_id}
    return (
        await database[STAFF.name].find_one({**wanted, "is_installer": installer_id is not None}, {"_id": 1})
        is not None
    )


async def installers_of(database: Database, distributor_id: str) -> list[str]:
    """The ids of a distributor's installers."""
    people = database[STAFF.name].find({"distributor_id": distributor_id, "is_installer": True}, {"_id": 1})
    return [person["_id"] async for person in people]


async def offline_solution_of(database: Database, distributor_id: str) -> bool:
    """Whether a distributor's installers may use Doorphone Offline Solution (L-06)."""
    row = await database[STAFF.name].find_one({"_id": distributor_id}, {"offline_solution": 1})
    return bool(row and row["offline_solution"])
