"""The open remote controls: which device a token reaches, for which session and which browser."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypedDict

from contracts.devices.remote_control import (
    GetRemoteControl,
    RemoteControlClaimed,
    RemoteControlClosed,
    RemoteControlOpened,
    RemoteControlView,
)
from contracts.message import Recorded
from contracts.refusals import refused
from kernel.keeping.mongo import Database
from kernel.reading.readmodel import Index, ReadModel, Row
from kernel.service.declaration import Tools
from services.devices.intercoms.devices import FLEET


class RemoteControlDocument(TypedDict):
    """An open remote control, by the id of its device. `account_id` is whose session opened it."""

    remote_session_id: str
    mac: str
    installer_id: str
    account_id: str
    session_id: str
    token_hash: str
    browser_hash: str | None
    expires_at: datetime


def keys(recorded: Recorded) -> Iterable[str]:
    event = recorded.event
    if isinstance(event, RemoteControlOpened | RemoteControlClaimed | RemoteControlClosed):
        return (event.device_id,)
    return ()


def fold(row: Row | None, recorded: Recorded) -> Row | None:
    match recorded.event:
        case RemoteControlOpened() as event:
            opened: RemoteControlDocument = {
                "remote_session_id": event.remote_session_id,
                "mac": event.mac,
                "installer_id": event.installer_id,
                "account_id": recorded.actor.account_id,
                "session_id": event.session_id,
                "token_hash": event.token_hash,
                "browser_hash": None,
                "expires_at": event.expires_at,
            }
            return {**opened}
        case RemoteControlClaimed() as event:
            return {**row, "browser_hash": event.browser_hash} if row else None
        case _:
            return None


REMOTE_CONTROLS = ReadModel(
    name="remote_controls",
    keys=keys,
    fold=fold,
    indexes=(Index([("token_hash", 1)]), Index([("session_id", 1)]), Index([("account_id", 1)])),
)


async def get_remote_control(query: GetRemoteControl, tools: Tools) -> RemoteControlView:
    row = await session_by_token(tools.database, query.token_hash)
    there = await tools.database[FLEET.name].find_one({"_id": row["_id"]}, {"name": 1, "model": 1})
    if there is None:
        raise refused("remote-control-unknown")
    return RemoteControlView(
        remote_session_id=row["remote_session_id"],
        device_id=row["_id"],
        mac=row["mac"],
        device_name=there["name"],
        model=there["model"],
        session_id=row["session_id"],
        installer_id=row["installer_id"],
        browser_hash=row["browser_hash"],
        expires_at=row["expires_at"],
    )


async def session_by_token(database: Database, token_hash: str) -> Row:
    """The open remote control of a token. Refuses (`remote-control-unknown`) when there is none."""
    row = await database[REMOTE_CONTROLS.name].find_one({"token_hash": token_hash})
    if row is None or row["expires_at"] <= datetime.now(UTC):
        raise refused("remote-control-unknown")
    return row
