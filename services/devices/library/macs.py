"""The MAC library: what a distributor and its installers registered, bound to a device or not.

An installer sees its own MACs, and of those that are registered for anybody the free ones and those it bound itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from contracts.devices.imports import RowFault, StageMacRows
from contracts.devices.library import (
    ListMacs,
    MacBound,
    MacLabelled,
    MacPage,
    MacRegistered,
    MacRemoved,
    MacRow,
    MacUnbound,
    MacUse,
)
from contracts.message import Actor, Recorded
from contracts.notations import mac_address, mac_digits
from contracts.refusals import refused
from kernel.keeping.mongo import Database
from kernel.reading.listing import Listed, Tallied, listed, search_page
from kernel.reading.readmodel import Index, ReadModel, Row
from kernel.reading.tally import counts_of, tallies
from kernel.service.declaration import Tools
from services.devices.library import mac_import
from services.devices.library.labels import hash_of_code
from services.devices.library.mac import Mac, MacEvent
from services.devices.settings import settings_of

_BEHIND_DIGITS = "G"
_BOUND: dict[MacUse, list[bool]] = {
    MacUse.ALL: [False, True],
    MacUse.BOUND: [True],
    MacUse.UNBOUND: [False],
}


class MacDocument(TypedDict):
    """A MAC. `shelves` are where it is looked for, `backwards` finds it by its end, `seq` is its place."""

    distributor_id: str
    installer_id: str | None
    device_id: str | None
    bound_by: str | None
    user_id: str | None
    bound: bool
    shelves: list[str]
    backwards: str
    registered_at: datetime
    seq: int
    has_label: bool


def keys(recorded: Recorded) -> Iterable[str]:
    return (recorded.event.mac,) if isinstance(recorded.event, MacEvent | MacLabelled) else ()


def fold(row: Row | None, recorded: Recorded) -> Row | None:
    match recorded.event:
        case MacRegistered() as event:
            document: MacDocument = {
                "distributor_id": event.distributor_id,
                "installer_id": event.installer_id,
                "device_id": None,
                "bound_by": None,
                "user_id": None,
                "bound": False,
                "shelves": [event.distributor_id, event.installer_id or _shared(event.distributor_id)],
                "backwards": event.mac[::-1],
                "registered_at": recorded.at,
                "seq": recorded.seq,
                "has_label": False,
            }
            return {**document}
        case _ if row is None:
            return None
        case MacLabelled():
            return {**row, "has_label": True}
        case MacBound() as event:
            bound = {"device_id": event.device_id, "bound_by": event.installer_id, "user_id": event.user_id}
            return {**row, **bound, "bound": True, "shelves": [event.distributor_id, event.installer_id]}
        case MacUnbound() as event:
            shelf = row["installer_id"] or _shared(event.distributor_id)
            free = {"device_id": None, "bound_by": None, "user_id": None, "bound": False}
            return {**row, **free, "shelves": [event.distributor_id, shelf]}
        case _:
            return None


LIBRARY = ReadModel(
    name="library",
    version=3,
    keys=keys,
    fold=fold,
    indexes=(
        Index([("shelves", 1), ("bound", 1), ("seq", -1)]),
        Index([("shelves", 1), ("_id", 1)]),
        Index([("shelves", 1), ("backwards", 1)]),
    ),
)


# --- How many there are -----------------------------------------------------------------------------------------------


def _steps(recorded: Recorded) -> dict[str, int]:
    """By how much each tally changes."""
    match recorded.event:
        case MacRegistered() as event:
            return dict.fromkeys(_free(event), 1)
        case MacRemoved() as event:
            return dict.fromkeys(_free(event), -1)
        case MacBound() as event:
            return {**dict.fromkeys(_free(event), -1), **dict.fromkeys(_taken(event), 1)}
        case MacUnbound() as event:
            return {**dict.fromkeys(_free(event), 1), **dict.fromkeys(_taken(event), -1)}
        case _:
            return {}


def _free(event: MacEvent) -> tuple[str, str]:
    is_shared = event.is_shared if isinstance(event, MacBound | MacUnbound) else event.installer_id is None
    shelf = event.installer_id if event.installer_id and not is_shared else _shared(event.distributor_id)
    return _tally(event.distributor_id, bound=False), _tally(shelf, bound=False)


def _taken(event: MacBound | MacUnbound) -> tuple[str, str]:
    return _tally(event.distributor_id, bound=True), _tally(event.installer_id, bound=True)


def _tally(shelf: str, *, bound: bool) -> str:
    return f"{shelf}.{'bound' if bound else 'free'}"


async def free_macs_of(database: Database, installer_id: str) -> int:
    """How many MACs are registered for that installer and are no device's."""
    own = _tally(installer_id, bound=False)
    return (await counts_of(database, LIBRARY_TALLIES, [own]))[own]


LIBRARY_TALLIES = tallies(_steps, "library_tallies")


# --- What is shown ----------------------------------------------------------------------------------------------------


async def list_macs(query: ListMacs, tools: Tools) -> MacPage:
    shelves = _shelves(query.actor)
    bound = _BOUND[query.use]
    collection = tools.database[LIBRARY.name]
    own = {"shelves": {"$in": shelves}, "bound": {"$in": bound}}
    typed = mac_digits(query.q)
    if not query.q.strip():
        tallied = Tallied(LIBRARY_TALLIES, tuple(_tally(shelf, bound=each) for shelf in shelves for each in bound))
        page = await listed(collection, own, query, tallied=tallied, order={"seq": -1})
    elif typed:
        page = await search_page(collection, {**own, "$or": _ends(typed)}, query, order={"_id": 1})
    else:
        page = Listed([], 0)
    # Whose home it is, is not the distributor's to know.
    owners = await _owners(tools.database, page.rows) if query.actor.installer_id else {}
    return MacPage(
        rows=tuple(_shown(row, owners, query.actor, tools) for row in page.rows),
        total=page.total,
        page=query.page,
        per_page=query.per_page,
    )


def _ends(typed: str) -> list[Mapping[str, Any]]:
    backwards = typed[::-1]
    return [
        {"_id": {"$gte": typed, "$lt": typed + _BEHIND_DIGITS}},
        *([{"backwards": {"$gte": backwards, "$lt": backwards + _BEHIND_DIGITS}}] if len(typed) > 1 else []),
    ]


async def _owners(database: Database, rows: Sequence[Row]) -> dict[str, str]:
    """The names of the households that have these MACs, as far as they are known here yet."""
    ids = [row["user_id"] for row in rows if row["user_id"]]
    if not ids:
        return {}
    return {each["_id"]: each["name"] async for each in database["owners"].find({"_id": {"$in": ids}}, {"name": 1})}


def _shown(row: Row, owners: dict[str, str], actor: Actor, tools: Tools) -> MacRow:
    return MacRow(
        mac=row["_id"],
        installer_id=row["installer_id"],
        device_id=row["device_id"],
        user_id=row["user_id"] if actor.installer_id else None,
        owner=owners.get(row["user_id"]),
        is_foreign_prefix=is_foreign_prefix(row["_id"], tools),
        registered_at=row["registered_at"],
        has_label=row["has_label"],
    )


def is_foreign_prefix(mac: str, tools: Tools) -> bool:
    """Whether its maker is none of those that are expected here."""
    return not mac.startswith(tuple(settings_of(tools).mac_prefixes.split(",")))


def _shelves(actor: Actor) -> list[str]:
    if actor.distributor_id is None:
        raise refused("forbidden")
    return [actor.installer_id, _shared(actor.distributor_id)] if actor.installer_id else [actor.distributor_id]


def _shared(distributor_id: str) -> str:
    """The shelf of what is registered for any installer and is nobody's yet."""
    return f"{distributor_id}.any"


# --- What an import needs to know -------------------------------------------------------------------------------------


async def judge_known(command: StageMacRows, tools: Tools) -> StageMacRows:
    """Say which of the rows are in a library already, and what the codes on labels are kept as.

    What is registered meanwhile is found when it comes to it.
    """
    imported, _ = await tools.load(mac_import.ref(command.import_id))
    addresses = [address for row in command.rows if row.fault is None and (address := _address(row.text))]
    collection = tools.database[LIBRARY.name]
    fields = {"distributor_id": 1, "installer_id": 1, "device_id": 1, "bound_by": 1}
    known: list[tuple[str, RowFault]] = []
    async for row in collection.find({"_id": {"$in": addresses}}, fields, batch_size=len(addresses) + 1):
        held = Mac(row["distributor_id"], row["installer_id"], row["device_id"], row["bound_by"])
        if reason := held.why_not_registrable(imported.distributor_id, imported.installer_id):
            known.append((row["_id"], RowFault(reason)))
    codes: dict[str, str | None] = {}  # of a MAC that stands there twice the first row is taken, with a code or without
    for line in command.rows:
        if line.fault is None and (address := _address(line.text)):
            codes.setdefault(address, line.code)
    hashes = tuple((address, hash_of_code(tools.secrets, address, code)) for address, code in codes.items() if code)
    return command.model_copy(update={"known": tuple(known), "code_hashes": hashes})


def _address(text: str) -> str | None:
    try:
        return mac_address(text)
    except ValueError:
        return None


async def device_with(database: Database, mac: str) -> str | None:
    """The device that has this MAC, 12 capital hexadecimal digits; whosever it is."""
    row = await database[LIBRARY.name].find_one({"_id": mac}, {"device_id": 1})
    return row["device_id"] if row else None
