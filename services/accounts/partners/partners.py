"""Installers as their distributor sees them, and distributors as the super manager sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypedDict

from contracts.accounts.partners import (
    AccountAccessOffered,
    AccountAccessRetracted,
    CustomerServiceChanged,
    DistributorCreated,
    DistributorPage,
    DistributorRow,
    GetInstaller,
    InstallerCreated,
    InstallerDetail,
    InstallerPage,
    InstallerRow,
    ListDistributors,
    ListInstallers,
    OfflineSolutionAllowed,
    OfflineSolutionWithdrawn,
    PermissionGranted,
    PermissionWithdrawn,
)
from contracts.message import Recorded, Role
from contracts.permissions import within
from contracts.refusals import refused
from kernel.keeping.mongo import Collection, Database
from kernel.reading.listing import Listed, Tallied, listed, search_page
from kernel.reading.readmodel import Index, ReadModel, Row
from kernel.reading.tally import counts_of
from kernel.service.declaration import Tools
from services.accounts.numbers import search
from services.accounts.tallies import ALL_DISTRIBUTORS, ALL_INSTALLERS, TALLIES


class InstallerDocument(TypedDict):
    """An installer."""

    distributor_id: str
    name: str
    email: str
    time_zone: str
    offered: bool
    granted: bool
    customer_service_phone: str | None
    customer_service_email: str | None
    created_at: datetime
    tokens: list[str]


class DistributorDocument(TypedDict):
    """A distributor."""

    name: str
    email: str
    time_zone: str
    offline_solution: bool
    created_at: datetime
    tokens: list[str]


InstallerEvent = (
    InstallerCreated
    | AccountAccessOffered
    | AccountAccessRetracted
    | PermissionGranted
    | PermissionWithdrawn
    | CustomerServiceChanged
)
DistributorEvent = DistributorCreated | OfflineSolutionAllowed | OfflineSolutionWithdrawn


def installer_keys(recorded: Recorded) -> Iterable[str]:
    return (recorded.event.installer_id,) if isinstance(recorded.event, InstallerEvent) else ()


def fold_installer(row: Row | None, recorded: Recorded) -> Row | None:
    match recorded.event:
        case InstallerCreated() as event:
            return {**_installer(event, recorded.at)}
        case _ if row is None:
            return None
        case AccountAccessOffered():
            return {**row, "offered": True}
        case AccountAccessRetracted():
            return {**row, "offered": False, "granted": False}
        case PermissionGranted():
            return {**row, "granted": True}
        case PermissionWithdrawn():
            return {**row, "granted": False}
        case CustomerServiceChanged() as event:
            return {**row, "customer_service_phone": event.phone, "customer_service_email": event.email}
        case _:
            return row


def _installer(event: InstallerCreated, at: datetime) -> InstallerDocument:
    return {
        "distributor_id": event.distributor_id,
        "name": event.name,
        "email": event.email,
        "time_zone": event.time_zone,
        "offered": False,
        "granted": False,
        "customer_service_phone": None,
        "customer_service_email": None,
        "created_at": at,
        "tokens": [*search.name_tokens(event.name), *search.email_tokens(event.email)],
    }


def distributor_keys(recorded: Recorded) -> Iterable[str]:
    return (recorded.event.distributor_id,) if isinstance(recorded.event, DistributorEvent) else ()


def fold_distributor(row: Row | None, recorded: Recorded) -> Row | None:
    match recorded.event:
        case DistributorCreated() as event:
            return {**_distributor(event, recorded.at)}
        case _ if row is None:
            return None
        case OfflineSolutionAllowed():
            return {**row, "offline_solution": True}
        case OfflineSolutionWithdrawn():
            return {**row, "offline_solution": False}
        case _:
            return row


def _distributor(event: DistributorCreated, at: datetime) -> DistributorDocument:
    return {
        "name": event.name,
        "email": event.email,
        "time_zone": event.time_zone,
        "offline_solution": False,
        "created_at": at,
        "tokens": [*search.name_tokens(event.name), *search.email_tokens(event.email)],
    }


INSTALLERS = ReadModel(
    name="installers",
    version=2,
    keys=installer_keys,
    fold=fold_installer,
    indexes=(
        Index([("distributor_id", 1), ("created_at", -1), ("_id", -1)]),
        Index([("distributor_id", 1), ("tokens", 1)]),
        Index([("created_at", -1), ("_id", -1)]),
    ),
)
DISTRIBUTORS = ReadModel(
    name="distributors",
    version=2,
    keys=distributor_keys,
    fold=fold_distributor,
    indexes=(Index([("created_at", -1), ("_id", -1)]), Index([("tokens", 1)])),
)


async def list_installers(query: ListInstallers, tools: Tools) -> InstallerPage:
    own = {}
    if query.actor.role is not Role.SUPER_MANAGER:
        if query.actor.distributor_id is None:
            raise refused("forbidden")
        own = {"distributor_id": query.actor.distributor_id}
    page = await _page(tools.database[INSTALLERS.name], own, query, own.get("distributor_id", ALL_INSTALLERS))
    households = await counts_of(tools.database, TALLIES, [row["_id"] for row in page.rows])
    rows = tuple(InstallerRow(**_shown_installer(row, households[row["_id"]])) for row in page.rows)
    return InstallerPage(rows=rows, total=page.total, page=query.page, per_page=query.per_page)


async def get_installer(query: GetInstaller, tools: Tools) -> InstallerDetail:
    row = await tools.database[INSTALLERS.name].find_one({"_id": query.installer_id})
    known = row is not None and within(query.actor, distributor_id=row["distributor_id"], installer_id=row["_id"])
    if row is None or not known:
        raise refused("installer-unknown")
    households = await counts_of(tools.database, TALLIES, [row["_id"]])
    return InstallerDetail(
        **_shown_installer(row, households[row["_id"]]),
        customer_service_phone=row["customer_service_phone"],
        customer_service_email=row["customer_service_email"],
        offline_solution=await offline_solution_of(tools.database, row["distributor_id"]),
    )


async def list_distributors(query: ListDistributors, tools: Tools) -> DistributorPage:
    page = await _page(tools.database[DISTRIBUTORS.name], {}, query, ALL_DISTRIBUTORS)
    installers = await counts_of(tools.database, TALLIES, [row["_id"] for row in page.rows])
    rows = tuple(
        DistributorRow(
            distributor_id=row["_id"],
            name=row["name"],
            email=row["email"],
            time_zone=row["time_zone"],
            offline_solution=row["offline_solution"],
            installers=installers[row["_id"]],
            created_at=row["created_at"],
        )
        for row in page.rows
    )
    return DistributorPage(rows=rows, total=page.total, page=query.page, per_page=query.per_page)


async def offline_solution_of(database: Database, distributor_id: str | None) -> bool:
    """Whether a distributor's installers may use Doorphone Offline Solution (L-06)."""
    row = await database[DISTRIBUTORS.name].find_one({"_id": distributor_id}, {"offline_solution": 1})
    return bool(row and row["offline_solution"])


async def _page(
    collection: Collection, own: Mapping[str, str], query: ListInstallers | ListDistributors, tally: str
) -> Listed:
    if query.q.strip():
        typed = search.beginning_with([*search.prefixes("n", query.q), *search.prefixes("e", query.q)])
        return await search_page(collection, {**own, **typed}, query)
    return await listed(collection, own, query, tallied=Tallied(TALLIES, (tally,)))


def _shown_installer(row: Row, households: int) -> dict[str, Any]:
    return {
        "installer_id": row["_id"],
        "distributor_id": row["distributor_id"],
        "name": row["name"],
        "email": row["email"],
        "time_zone": row["time_zone"],
        "account_access_offered": row["offered"],
        "permission_granted": row["granted"],
        "households": households,
        "created_at": row["created_at"],
    }
