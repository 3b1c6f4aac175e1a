"""Accounts is killed at every step of Reset and of Delete; each ends complete, once, and nothing of it can be read."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pymongo import AsyncMongoClient

from contracts.accounts.terms import ActivateUser
from contracts.permissions import SYSTEM
from tests.faults import checks
from tests.faults.crashing import SOON_S, crash_at, pid_of, soon
from tests.faults.history import History, Operation, Outcome, canary, form
from tests.house import House, Person, distributor, house, installer, super_manager, system

WISHES = {"reset": ("ResetUser", "POST", "/users/{}/reset"), "delete": ("DeleteUser", "DELETE", "/users/{}")}
STEPS = (
    "{}.decided",
    "{}.appended",
    "projection.written",
    "projection.committed",
    "erase.before_key",
    "erase.after_key",
    "reaction.committed",
)


@pytest.fixture(scope="module")
async def world(servers_dir: Path) -> AsyncIterator[House]:
    async with house(servers_dir / "crashes") as built:
        yield built


@pytest.fixture(scope="module")
async def person(world: House) -> AsyncIterator[Person]:
    root = await super_manager(world)
    above = await distributor(world, root)
    yield (below := await installer(world, above))
    for each in (root, above, below):
        await each.http.aclose()


@pytest.fixture(scope="module")
def history() -> History:
    return History()


async def family(world: House, person: Person, history: History) -> str:
    """An activated household with a member, everything personal in it marked."""
    operation = Operation("add", str(uuid4()), person.account_id, 0, (canary(), canary()))
    history.operations.append(operation)
    added = await person.do("POST", "/users", key=operation.key, json=form(operation.canaries[0]))
    operation.outcome, operation.id, operation.position = Outcome.OK, str(added["id"]), str(added["position"])
    async with system(world) as caller:
        activation = ActivateUser(command_id=uuid4(), at=datetime.now(UTC), actor=SYSTEM, user_id=operation.id)
        await caller.command(activation)
    member = {"name": operation.canaries[1], "email": f"{operation.canaries[1].lower()}@example.org"}
    await person.do("POST", f"/users/{operation.id}/members", json=member)
    return operation.id


async def insist(person: Person, method: str, path: str, history: History, kind: str) -> Operation:
    """Send one wish again, under one key, until it is answered."""
    operation = Operation(kind, str(uuid4()), person.account_id, 0, ())
    history.operations.append(operation)
    async with asyncio.timeout(SOON_S):
        while operation.outcome is Outcome.UNKNOWN:
            try:
                answer = await person.ask(method, path, key=operation.key)
            except httpx.HTTPError:
                continue
            if answer.is_success:
                told = answer.json()
                operation.outcome, operation.id, operation.position = Outcome.OK, told["id"], told["position"]
            else:
                assert answer.status_code in (409, 502, 503, 504), answer.text
                await asyncio.sleep(0.2)
    return operation


async def until_keys_are_destroyed(world: House, user_id: str, generation: int) -> None:
    """Returns when the vault holds a tombstone for the household's data key. Raises `TimeoutError`."""
    settings = checks.settings_of(world)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.mongodb_uri)
    async with client, asyncio.timeout(SOON_S):
        keys = client[settings.database("vault")]["keys"]
        while not await keys.find_one({"_id": f"{user_id}.{generation}", "wrapped": {"$exists": False}}):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@pytest.mark.row("U-36")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", WISHES)
async def test_killed_at_a_step_it_still_ends_complete_and_once(
    world: House, person: Person, history: History, kind: str, step: str
) -> None:
    command, method, path = WISHES[kind]
    user_id = await family(world, person, history)
    doomed = await crash_at(world, "accounts", step.format(command))
    done = await insist(person, method, path.format(user_id), history, kind)
    await until_keys_are_destroyed(world, user_id, 0)
    await soon(lambda: pid_of(world, "accounts") not in (doomed, None))
    await world.until_ready()
    shown = await person.ask("GET", f"/users/{user_id}?after={done.position}")
    if kind == "delete":
        assert shown.json()["code"] == "user-unknown"
    else:
        assert (shown.json()["members"], shown.json()["email"], shown.json()["status"]) == (0, None, "normal")


@pytest.mark.timeout(180)
async def test_after_all_the_crashes_every_invariant_holds(world: House, person: Person, history: History) -> None:
    found = await checks.at_rest(world)
    checks.nothing_lost(world, history, found)
    checks.nothing_twice(found)
    checks.chains_whole(found)
    await checks.models_true(world)
    await checks.audit_whole(world, found)
    checks.no_secret_in_the_clear(world, history)
    await checks.erased_stays_erased(world, history, found)
    emptied = [each for each in found.recorded if type(each.event).__name__ in ("UserReset", "UserDeleted")]
    assert len(emptied) == len(WISHES) * len(STEPS)
