"""An installer's third-party cameras, as the Device module and a household's page show them. No passwords here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from contracts.devices.cameras import (
    CameraAdded,
    CameraDescribed,
    CameraLinked,
    CameraPage,
    CameraRemoved,
    CameraRow,
    CameraUnlinked,
    GetCamera,
    ListCameras,
)
from contracts.message import Recorded
from contracts.permissions import own_installer, owned
from kernel.keeping.mongo import Database
from kernel.reading.listing import Tallied, listed, search_page
from kernel.reading.readmodel import Index, ReadModel, Row
from kernel.service.declaration import Tools
from kernel.spelling import search
from services.devices.cameras import rtsp
from services.devices.cameras.camera import CameraEvent
from services.devices.intercoms.devices import names_of_devices
from services.devices.owners.owners import owners_of
from services.devices.tallies import TALLIES, cameras_of


class CameraDocument(TypedDict):
    """A camera, less its password."""

    user_id: str
    installer_id: str
    distributor_id: str
    name: str
    rtsp_address: str
    user_name: str
    linked_device_id: str | None
    created_at: datetime
    tokens: list[str]


def keys(recorded: Recorded) -> Iterable[str]:
    # A link is told of the device as well; here it counts once.
    if isinstance(recorded.event, CameraLinked | CameraUnlinked) and recorded.aggregate != "camera":
        return ()
    return (recorded.event.camera_id,) if isinstance(recorded.event, CameraEvent) else ()


def fold(row: Row | None, recorded: Recorded) -> Row | None:
    match recorded.event:
        case CameraAdded() as event:
            added: CameraDocument = {
                "user_id": event.user_id,
                "installer_id": event.installer_id,
                "distributor_id": event.distributor_id,
                "name": event.name,
                "rtsp_address": rtsp.shown(event.rtsp_address),
                "user_name": event.user_name,
                "linked_device_id": event.linked_device_id,
                "created_at": recorded.at,
                "tokens": search.name_tokens(event.name),
            }
            return {**added}
        case CameraRemoved():
            return None
        case _ if row is None:
            return None
        case CameraDescribed() as event:
            described = {
                "name": event.name,
                "rtsp_address": rtsp.shown(event.rtsp_address),
                "user_name": event.user_name,
                "tokens": search.name_tokens(event.name),
            }
            return {**row, **described}
        case CameraLinked() as event:
            return {**row, "linked_device_id": event.device_id}
        case CameraUnlinked():
            return {**row, "linked_device_id": None}
        case _:
            return row


CAMERAS = ReadModel(
    name="cameras",
    version=3,
    keys=keys,
    fold=fold,
    indexes=(
        Index([("installer_id", 1), ("created_at", -1), ("_id", -1)]),
        Index([("installer_id", 1), ("user_id", 1), ("created_at", -1), ("_id", -1)]),
        Index([("installer_id", 1), ("tokens", 1)]),
    ),
)


async def list_cameras(query: ListCameras, tools: Tools) -> CameraPage:
    installer_id = own_installer(query.actor)
    collection = tools.database[CAMERAS.name]
    own = {"installer_id": installer_id, **({"user_id": query.user_id} if query.user_id else {})}
    if query.q.strip():
        page = await search_page(collection, {**own, **search.beginning_with([search.typed_name(query.q)])}, query)
    else:
        # What a home has is few, and counted.
        tallied = None if query.user_id else Tallied(TALLIES, (cameras_of(installer_id),))
        page = await listed(collection, own, query, tallied=tallied)
    rows = await _rows(tools.database, page.rows)
    return CameraPage(rows=rows, total=page.total, page=query.page, per_page=query.per_page)


async def get_camera(query: GetCamera, tools: Tools) -> CameraRow:
    found = await tools.database[CAMERAS.name].find_one({"_id": query.camera_id}, {"tokens": 0})
    row = owned(found, query.actor, "camera-unknown")
    return (await _rows(tools.database, [row]))[0]


async def _rows(database: Database, found: Sequence[Row]) -> tuple[CameraRow, ...]:
    owners, devices = await asyncio.gather(
        owners_of(database, (row["user_id"] for row in found)),
        names_of_devices(database, (row["linked_device_id"] for row in found if row["linked_device_id"])),
    )
    return tuple(_shown(row, owners.get(row["user_id"]), devices) for row in found)


def _shown(row: Row, owner: Row | None, devices: Mapping[str, str]) -> CameraRow:
    return CameraRow(
        camera_id=row["_id"],
        user_id=row["user_id"],
        uid=owner["uid"] if owner else "",
        owner=owner["name"] if owner else "",
        name=row["name"],
        rtsp_address=row["rtsp_address"],
        user_name=row["user_name"],
        linked_device_id=row["linked_device_id"],
        linked_device_name=devices.get(row["linked_device_id"]),
        created_at=row["created_at"],
    )
