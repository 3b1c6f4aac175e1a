"""`smartplus reactions`: which events wait because a service cannot take them, and having them tried again."""

from __future__ import annotations

import asyncio
import getpass
from typing import Any

from contracts.message import Position
from kernel.keeping.mongo import BSON, Collection, mongo_client
from kernel.process.settings import read_settings
from kernel.reacting.retrying import AGAIN, wish
from kernel.reading.parking import WAITING
from ops.events import SERVICES
from ops.failures import ServerFailed

_SHOWN = 20
_TRIED_WITHIN_S = 60.0


async def show() -> None:
    """Print what waits in each service. Raises what ails MongoDB."""
    settings = read_settings()
    nothing = True
    async with mongo_client(settings.mongodb_uri, "reactions") as mongo:
        for service in SERVICES:
            database = mongo.get_database(settings.database(service), BSON)
            lines = await _lines(service, database["reactions_parked"])
            if behind := await database["parked"].count_documents({}):
                lines.append(f"{service}: {behind} events wait for read models; try again: smartplus rebuild {service}")
            nothing &= not lines
            print("\n".join(lines), end="\n" if lines else "")
    if nothing:
        print("Nothing waits.")


async def retry(service: str, reaction: str, position: str | None, everything: bool) -> None:
    """Have what waits of `reaction` tried again by its service, and say what came of it.

    With a position its whole aggregate is, in order. Raises `ServerFailed` when nothing such waits, and when it waits
    on: then with the newest reason.
    """
    if service not in SERVICES:
        raise ServerFailed(f"There is no service called {service}. There are: {', '.join(SERVICES)}.")
    if (position is None) != everything:
        raise ServerFailed("Name one position that smartplus reactions shows, or --all.")
    try:
        place = None if position is None else Position.parse(position)
    except ValueError:
        raise ServerFailed(f"{position!r} is no position, such as {service.upper()}.12.") from None
    settings = read_settings()
    async with mongo_client(settings.mongodb_uri, "reactions") as mongo:
        parked = mongo.get_database(settings.database(service), BSON)["reactions_parked"]
        if not (wished := await wish(parked, reaction, getpass.getuser(), place)):
            raise ServerFailed(f"Nothing such waits in {service}. See: smartplus reactions")
        if not await _are_tried(parked, reaction):
            raise ServerFailed(f"{service} has not tried them yet: it does when it runs. See: smartplus reactions")
        still: dict[str, Any] = {"reaction": reaction, "reason": {"$ne": WAITING}}
        if place is not None:
            still["seq"] = place.seq
        if failed := await parked.find_one(still, sort=[("seq", 1)]):
            raise ServerFailed(f"{failed['stream']}.{failed['seq']} waits on: {failed['reason']}")
    print(f"{reaction} has taken {wished} events, and all that waited behind them.")


async def _are_tried(parked: Collection, reaction: str) -> bool:
    """True once nothing is wished of it any more; False when that takes too long."""
    try:
        async with asyncio.timeout(_TRIED_WITHIN_S):
            while await parked.find_one({"reaction": reaction, AGAIN: {"$exists": True}}):  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.1)
    except TimeoutError:
        return False
    return True


async def _lines(service: str, parked: Collection) -> list[str]:
    at_fault = await parked.find({"reason": {"$ne": WAITING}}).sort([("reaction", 1), ("seq", 1)]).to_list(_SHOWN)
    lines = []
    for each in at_fault:
        mine = {"reaction": each["reaction"], "subject": each["subject"], "seq": {"$gt": each["seq"]}}
        behind = await parked.count_documents(mine)
        since = f"{each['at']:%Y-%m-%d %H:%M} UTC" if "at" in each else "an earlier version"
        lines.append(
            f"{service}  {each['reaction']}  {each['stream']}.{each['seq']}  {each['subject'].removeprefix('event.')}\n"
            f"  since {since}, {behind} more behind it: {each['reason']}"
        )
    if lines:
        others = await parked.count_documents({"reason": {"$ne": WAITING}}) - len(lines)
        lines += [f"{service}: {others} more"] if others else []
        lines.append(f"Once the cause is mended: smartplus reactions retry {service} REACTION POSITION, or --all")
    return lines
