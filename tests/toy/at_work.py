"""The toy service at work, in a region of its own: run in the tree that the page makes, `python -m tests.toy.at_work`.

It prints each promise that held; what does not hold ends it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

from kernel.keeping.mongo import mongo_client
from tests.house import House, Person, distributor, house, installer, super_manager
from tests.waiting import eventually

Json = dict[str, Any]


def held(promise: str) -> None:
    print(f"held: {promise}", flush=True)


async def waiting(person: Person, after: object = "") -> list[Json]:
    """The parcels that the person's list shows, once it contains what was done at `after`."""
    shown: Any = await person.do("GET", "/parcels", params={"after": str(after)} if after else {})
    assert shown["total"] == len(shown["rows"])
    return list(shown["rows"])


async def trail(person: Person, user_id: str, after: object = "") -> list[str]:
    """The kinds of what was done, newest first."""
    shown: Any = await person.do(
        "GET", f"/users/{user_id}/parcels/audit", params={"after": str(after)} if after else {}
    )
    assert {row["actor_id"] for row in shown["rows"]} <= {person.account_id}
    return [row["type"] for row in shown["rows"]]


async def refused(person: Person, method: str, path: str, code: str, **options: object) -> None:
    answer = await person.ask(method, path, **options)
    assert (answer.status_code, answer.json()["code"]) == (404, code), answer.text


async def household(person: Person) -> str:
    form = {"name": "Dubois", "address": "5 rue des Lilas", "premium": False, "email": f"{uuid4().hex[:8]}@example.org"}
    made: Any = await person.do("POST", "/users", json=form)
    await person.do("GET", f"/users/{made['id']}", params={"after": made["position"]})
    return str(made["id"])


async def told_live(person: Person, path: str) -> tuple[Json, Json]:
    """What is answered to a parcel that is added while a page is open, and what that page is told."""
    async with asyncio.timeout(60), person.http.stream("GET", "/api/v1/live") as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        made: Any = await person.do("POST", path, json={"carrier": "Post"})
        async for line in lines:
            if line.startswith("data:") and '"parcel"' in line:
                return made, json.loads(line.removeprefix("data:"))
    raise AssertionError("the stream ended")


async def at_work(built: House) -> None:
    north = await distributor(built, await super_manager(built))
    bright, clear = await installer(built, north), await installer(built, north, "Clear Doors")
    user_id = await household(bright)
    parcels, key = f"/users/{user_id}/parcels", str(uuid4())

    first: Any = await bright.do("POST", parcels, json={"carrier": "DHL"}, key=key)
    again: Any = await bright.do("POST", parcels, json={"carrier": "DHL"}, key=key)
    (row,) = await waiting(bright, again["position"])
    assert (row["parcel_id"], row["user_id"], row["carrier"]) == (first["id"], user_id, "DHL")
    held("a parcel is added once, and listed")

    await refused(clear, "POST", parcels, "user-unknown", json={"carrier": "DHL"})
    await refused(clear, "POST", f"{parcels}/{first['id']}/collect", "parcel-unknown")
    assert (await waiting(clear), await trail(clear, user_id)) == ([], [])
    assert (await north.ask("GET", "/parcels")).status_code == 403
    held("another tenant neither sees nor changes it")

    second, told = await told_live(bright, parcels)
    assert (told["thing"], told["ids"]) == ("parcel", [second["id"]])
    assert [row["carrier"] for row in await waiting(bright, told["position"])] == ["Post", "DHL"]
    held("an open page is told")

    collected: Any = await bright.do("POST", f"{parcels}/{first['id']}/collect")
    assert [row["parcel_id"] for row in await waiting(bright, collected["position"])] == [second["id"]]
    assert await trail(bright, user_id) == ["ParcelCollected", "ParcelAdded", "ParcelAdded"]
    await refused(bright, "POST", f"{parcels}/{first['id']}/collect", "parcel-unknown")
    held("it is fetched once, and the trail says all of it")

    await built.kill("parcels")
    await built.until_ready()
    key, sent = str(uuid4()), {"carrier": "GLS"}
    await eventually(lambda: _accepted(bright, parcels, key, sent))
    third: Any = await bright.do("POST", parcels, json=sent, key=key)
    assert [row["carrier"] for row in await waiting(bright, third["position"])] == ["GLS", "Post"]
    held("killed and back, it knows what it knew")

    async with mongo_client(built.environment["MONGODB_URI"], "toy") as mongo:
        await mongo["parcels"]["parcels"].delete_many({})
    assert await waiting(bright) == []
    assert "parcels" in await built.smartplus("rebuild", "parcels")
    assert [row["carrier"] for row in await waiting(bright)] == ["GLS", "Post"]
    held("its list is built anew from the log")

    await bright.do("DELETE", f"/users/{user_id}")
    await eventually(lambda: _cleared(bright, user_id))
    assert await waiting(bright) == []
    await refused(bright, "POST", parcels, "user-unknown", json={"carrier": "DHL"})
    held("with the household its parcels go")


async def _accepted(person: Person, path: str, key: str, sent: Json) -> bool:
    return (await person.ask("POST", path, key=key, json=sent)).is_success


async def _cleared(person: Person, user_id: str) -> bool:
    return (await trail(person, user_id))[0] == "ShelfCleared"


async def main(folder: Path) -> None:
    async with house(folder) as built:
        await at_work(built)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
