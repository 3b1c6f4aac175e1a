"""Makes a data folder to keep: a small world, what was answered about it, and what stood in its stores.

`python -m tests.former.keep tests/former/NAME` writes NAME.tar.xz and NAME.json. Nothing in it runs out by itself:
opened years later it must answer alike.
"""

import asyncio
import json
import sys
import tarfile
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from pymongo import AsyncMongoClient

from contracts.accounts.partners import CreateSuperManager
from ops.virtual_intercom import VirtualIntercom
from tests.gateway.api import OPERATIONS, right_body
from tests.gateway.conftest import Browser, browser
from tests.gateway.world import PASSWORD, World
from tests.gateway.world import system as by_the_system
from tests.house import House, house, secrets_of, system
from tests.waiting import eventually

Json = dict[str, Any]

KEPT = ("nats", "mongod", "keys", "secret")
PARTS = ("device_id", "camera_id", "credential_id", "provisioning_id", "import_id", "mac")
READERS = ("root", "north", "bright", "dubois")
# What tells of the day, of the program or of the machine.
_NOT_KEPT = {"GetAbout", "Live", "GetSession", "ListSessions", "GetMacTemplate", "ListServers", "ListModels"} | {
    *("ListBudgets", "ListDeviceBudgets", "ListCountries", "ListLanguages", "ListTimeZones", "FindMac")
}
ASKED = [each for each in OPERATIONS if each.method == "GET" and each.id not in _NOT_KEPT]


def paths(places: dict[str, str]) -> list[str]:
    """What is read of that world: each route for which it has an id."""
    wanted = [(each, set(part.partition("}")[0] for part in each.path.split("{")[1:])) for each in ASKED]
    return sorted(each.at(**places) for each, names in wanted if names <= places.keys())


async def answers(people: dict[str, Browser], asked: list[str]) -> Json:
    """What everybody is answered at each path: the document, or the status of a refusal."""
    told: Json = {}
    for who, person in people.items():
        for path in asked:
            answer = await person.ask("GET", path)
            document = answer.text if "csv" in path else answer.json()
            if answer.is_success and path.endswith("audit"):
                # Whoever asks has logged in, and that is recorded as well.
                document["rows"] = [row for row in document["rows"] if not row["type"].startswith("Session")]
            told[f"{who} {path}"] = document if answer.is_success else answer.status_code
    return told


async def stores(environment: dict[str, str]) -> Json:
    """Where each log ends, and by which names the services keep what they read and where they are."""
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        monitored = (await http.get(f"{environment['NATS_MONITOR_URL']}/jsz?streams=1&accounts=1")).json()
    streams = {
        stream["name"]: stream["state"]["last_seq"]
        for account in monitored["account_details"]
        for stream in account.get("stream_detail", [])
        if stream["name"] in ("ACCOUNTS", "DEVICES")
    }
    names: Json = {}
    async with AsyncMongoClient[Json](environment["MONGODB_URI"]) as client:
        for service in ("accounts", "devices"):
            database = client[service]
            checkpoint = await database["_checkpoint"].find_one({"_id": "projection"})
            assert checkpoint
            names[service] = {
                "collections": sorted(await database.list_collection_names()),
                "read models": checkpoint["models"],
                "generation": checkpoint["generation"],
                "reactions": sorted([each["_id"] async for each in database["reactions"].find()]),
                "leases": sorted([each["_id"] async for each in database["_lease"].find()]),
            }
    return {"streams": streams, "names": names}


async def _furnished(world: World) -> dict[str, str]:
    """Everybody and everything, with a door phone that was heard; the ids by the names of the routes."""
    first = {"name": "Root", "email": "root@example.org", "initial_password": PASSWORD + "-first"}
    await world.caller.command(CreateSuperManager(**by_the_system(account_id=str(uuid4()), **first)))
    await world.log_in("root", "root@example.org", PASSWORD + "-first")
    await world.partner("north", "root", "/distributors")
    await world.partner("bright", "north", "/installers")
    user_id = await world.household("dubois", "bright")
    member_id = await world.member("child", "dubois", "bright")
    await world.log_in("dubois", world.ids["dubois.email"], world.ids["dubois.credential"])
    await world.furnish("dubois", "bright", *PARTS)
    return {"user_id": user_id, "member_id": member_id, **{part: world.ids[f"dubois/{part}"] for part in PARTS}}


async def _heard(world: World, built: House, places: dict[str, str]) -> str:
    """The door phone connects, takes what waits for it, opens its door once and is switched off. The command's id."""
    bright, device = world.people["bright"], f"/devices/{places['device_id']}"
    mac = (await bright.do("GET", device))["mac"]
    key = (await bright.do("POST", f"{device}/key"))["extra"]["device_key"]
    intercom = VirtualIntercom("127.0.0.1", built.nats[0].mqtt_port, mac, key)
    running = asyncio.create_task(intercom.run())

    async def shows(path: str, **wanted: Any) -> bool:
        answer = await bright.browser.ask("GET", path)
        return answer.is_success and all(answer.json()[name] == value for name, value in wanted.items())

    await eventually(lambda: shows(device, online=True, configuration="applied"))
    opened = await world.people["dubois"].do("POST", f"{device}/unlock", {"relay": 1})
    await eventually(lambda: shows(f"/device-commands/{opened['id']}", state="done"))
    await eventually(lambda: shows(f"/provisionings/{places['provisioning_id']}", done=1))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await eventually(lambda: shows(device, online=False))
    return str(opened["id"])


async def _repeated(world: World, user_id: str) -> list[Any]:
    """Commands under a key of their own, and what they are answered when they come again."""
    bright = world.people["bright"].browser
    wishes: list[tuple[str, str, Json]] = [
        ("POST", "/users", {**right_body("AddUser"), "name": "Petrov"}),
        ("POST", f"/users/{user_id}/members", {"name": "Emma"}),
        ("POST", f"/users/{user_id}/cameras", {**right_body("AddCamera"), "name": "Garage"}),
    ]
    told = []
    for number, (method, path, body) in enumerate(wishes):
        key = {"Idempotency-Key": f"kept-{number}"}
        assert (await bright.ask(method, path, json=body, headers=key)).is_success
        again = await bright.ask(method, path, json=body, headers=key)
        told.append([method, path, body, f"kept-{number}", again.json()])
    return told


async def keep(target: Path, folder: Path) -> None:
    """Make the world in `folder`, and write what is kept of it beside `target`."""
    async with AsyncExitStack() as stack:
        built = await stack.enter_async_context(house(folder))
        caller = await stack.enter_async_context(system(built))
        world = World(built.url, caller, stack, secrets_of(built), built.nats[0].mqtt_port)
        places = await _furnished(world)
        places["device_command_id"] = await _heard(world, built, places)
        repeats = await _repeated(world, places["user_id"])
        asked = paths(places)
        people = {name: world.people[name].browser for name in READERS}
        told = {
            "people": {name: world.people[name].email for name in READERS},
            "answers": await answers(people, asked),
            "repeats": repeats,
            **await stores(built.environment),
        }
    target.with_suffix(".json").write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
    with tarfile.open(target.with_suffix(".tar.xz"), "w:xz", preset=9) as packed:
        for name in KEPT:
            packed.add(built.folder / name, name)


async def logged_in(url: str, email: str, stack: AsyncExitStack) -> Browser:
    """Somebody of a kept world."""
    person = await stack.enter_async_context(browser(url))
    answer = await person.log_in(email, PASSWORD)
    assert answer.is_success, answer.text
    return person


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(keep(Path(sys.argv[1]), Path(scratch)))
