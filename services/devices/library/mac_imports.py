"""Imports of MACs as their page shows them: how far each is, and the lines that were refused.

Refused lines lie in one document for each part of the file, so that taking a part touches nothing of the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypedDict

from contracts.devices.imports import (
    GetMacImport,
    ImportState,
    ListMacImports,
    ListRefusedRows,
    MacImportAbandoned,
    MacImportCompleted,
    MacImportJudged,
    MacImportList,
    MacImportOpened,
    MacImportStarted,
    MacImportView,
    MacRowsRegistered,
    MacRowsStaged,
    RefusedRow,
    RefusedRows,
)
from contracts.message import Query, Recorded
from contracts.permissions import within
from contracts.refusals import refused
from kernel.reading.readmodel import Drop, Index, ReadModel, Row
from kernel.service.declaration import Tools
from services.devices.library.mac_import import MacImportEvent

_NEWEST = 10


class ImportDocument(TypedDict):
    """An import. `valid` counts the rows that were to be registered, `taken` those that it came to.

    `file_name` is empty once it is abandoned.
    """

    distributor_id: str
    installer_id: str | None
    tenant: str
    file_name: str
    state: str
    rows: int
    staged: int
    valid: int
    refused: int
    taken: int
    registered: int
    created_at: datetime


def keys(recorded: Recorded) -> Iterable[str]:
    return (recorded.event.import_id,) if isinstance(recorded.event, MacImportEvent) else ()


def fold(row: Row | None, recorded: Recorded) -> Row | None:
    match recorded.event:
        case MacImportOpened() as event:
            document: ImportDocument = {
                "distributor_id": event.distributor_id,
                "installer_id": event.installer_id,
                "tenant": event.installer_id or event.distributor_id,
                "file_name": event.file_name,
                "state": ImportState.STAGING,
                "rows": event.rows,
                "staged": 0,
                "valid": 0,
                "refused": 0,
                "taken": 0,
                "registered": 0,
                "created_at": recorded.at,
            }
            return {**document}
        case _ if row is None:
            return None
        case MacRowsStaged() as event:
            return {
                **row,
                "staged": row["staged"] + len(event.macs) + len(event.refused),
                "valid": row["valid"] + len(event.macs),
                "refused": row["refused"] + len(event.refused),
            }
        case MacImportJudged():
            return {**row, "state": ImportState.JUDGED}
        case MacImportStarted():
            return {**row, "state": ImportState.RUNNING}
        case MacRowsRegistered() as event:
            return {
                **row,
                "taken": row["taken"] + event.registered + len(event.refused),
                "registered": row["registered"] + event.registered,
                "refused": row["refused"] + len(event.refused),
            }
        case MacImportCompleted():
            return {**row, "state": ImportState.DONE}
        case MacImportAbandoned():
            return {**row, "state": ImportState.ABANDONED, "file_name": ""}
        case _:
            return row


IMPORTS = ReadModel(
    name="imports",
    version=2,
    keys=keys,
    fold=fold,
    indexes=(Index([("tenant", 1), ("created_at", -1), ("_id", -1)]),),
)


# --- Refused lines ----------------------------------------------------------------------------------------------------


def refused_keys(recorded: Recorded) -> Iterable[str]:
    event = recorded.event
    if isinstance(event, MacRowsStaged | MacRowsRegistered) and event.refused:
        return (f"{event.import_id}.{event.part:05}",)
    return ()


def fold_refused(row: Row | None, recorded: Recorded) -> Row | None:
    event = recorded.event
    assert isinstance(event, MacRowsStaged | MacRowsRegistered)
    known = row["lines"] if row else []
    if isinstance(event, MacRowsRegistered):
        more = [list(each) for each in event.refused]
    else:
        more = [[line, _text(event.texts, place), code] for place, (line, code) in enumerate(event.refused)]
    return {"import_id": event.import_id, "part": event.part, "lines": sorted([*known, *more])}


def _text(texts: tuple[str, ...], place: int) -> str:
    # An erased tuple reads as one word for all of its places.
    return texts[place] if place < len(texts) else texts[0]


def drops_refused(recorded: Recorded) -> Drop | None:
    event = recorded.event
    return Drop("import_id", event.import_id) if isinstance(event, MacImportAbandoned) else None


REFUSED_LINES = ReadModel(
    name="refused_lines",
    version=2,
    keys=refused_keys,
    fold=fold_refused,
    drops=drops_refused,
    indexes=(Index([("import_id", 1), ("part", 1)]),),
)


# --- What is shown ----------------------------------------------------------------------------------------------------


async def get_import(query: GetMacImport, tools: Tools) -> MacImportView:
    return _shown(await _own(query, query.import_id, tools))


async def list_imports(query: ListMacImports, tools: Tools) -> MacImportList:
    tenant = query.actor.installer_id or query.actor.distributor_id
    if tenant is None:
        raise refused("forbidden")
    found = tools.database[IMPORTS.name].find({"tenant": tenant}, limit=_NEWEST)
    rows = await found.sort([("created_at", -1), ("_id", -1)]).to_list()
    return MacImportList(rows=tuple(map(_shown, rows)))


async def list_refused(query: ListRefusedRows, tools: Tools) -> RefusedRows:
    await _own(query, query.import_id, tools)
    after = _part(query.cursor)
    found = tools.database[REFUSED_LINES.name].find({"import_id": query.import_id, "part": {"$gt": after}}, limit=2)
    parts = await found.sort("part", 1).to_list()
    if not parts:
        return RefusedRows(rows=(), next=None)
    rows = tuple(RefusedRow(line=line, text=text, code=code) for line, text, code in parts[0]["lines"])
    return RefusedRows(rows=rows, next=str(parts[0]["part"]) if len(parts) > 1 else None)


async def _own(query: Query, import_id: str, tools: Tools) -> dict[str, Any]:
    row = await tools.database[IMPORTS.name].find_one({"_id": import_id})
    if row is None or not within(query.actor, distributor_id=row["distributor_id"], installer_id=row["installer_id"]):
        raise refused("import-unknown")
    return row


def _part(cursor: str | None) -> int:
    if cursor is None:
        return -1
    if not (cursor.isascii() and cursor.isdecimal()) or len(cursor) > 6:
        raise refused("cursor-invalid", "cursor")
    return int(cursor)


def _shown(row: Row) -> MacImportView:
    return MacImportView(
        import_id=row["_id"],
        file_name=row["file_name"],
        state=ImportState(row["state"]),
        rows=row["rows"],
        staged=row["staged"],
        valid=row["valid"],
        refused=row["refused"],
        taken=row["taken"],
        registered=row["registered"],
        created_at=row["created_at"],
    )
