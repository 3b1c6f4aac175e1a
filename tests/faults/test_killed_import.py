"""Devices is killed half-way through an import; started again it goes on, and neither doubles nor loses a MAC."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contracts.devices import IMPORT_CHUNK_ROWS, ImportState
from kernel.jetstream import connect, open_log
from tests.faults.crashing import SOON_S, crash_at, pid_of
from tests.house import House, Person, distributor, house, installer, super_manager

PARTS = 10
ROWS = PARTS * IMPORT_CHUNK_ROWS - 100
# No device connects here.
NO_LINK = {"NATS_AUTH_URL": "", "NATS_SYSTEM_URL": "", "SMARTPLUS_NATS_ISSUER_SEED": ""}
STEPS = (
    "StageMacRows.appended:6",
    "RegisterMacRows.appended:6",
    "reaction.register_rows_when_import_is_started:6",
    "projection.written:20",
)


@pytest.fixture(scope="module")
async def world(servers_dir: Path) -> AsyncIterator[House]:
    async with house(servers_dir / "imports", more=NO_LINK) as built:
        yield built


@pytest.fixture(scope="module")
async def above(world: House) -> AsyncIterator[Person]:
    root = await super_manager(world)
    yield (person := await distributor(world, root))
    for each in (root, person):
        await each.http.aclose()


async def insist(person: Person, method: str, path: str, **options: Any) -> dict[str, Any]:
    """Send one wish again, under one key, until it is answered."""
    key = str(uuid4())
    headers = {"Idempotency-Key": key, **options.pop("headers", {})}
    async with asyncio.timeout(SOON_S):
        while True:
            try:
                headers["X-CSRF-Token"] = person.http.cookies.get("csrftoken", "")
                answer = await person.http.request(method, f"/api/v1{path}", headers=headers, **options)
            except httpx.HTTPError:
                continue
            if answer.is_success:
                told: dict[str, Any] = answer.json()
                return told
            assert answer.status_code in (502, 503, 504), answer.text
            await asyncio.sleep(0.2)


async def registrations(world: House, wanted: set[str]) -> Counter[str]:
    """How often the log says of each of these MACs that it was registered."""
    nc = await connect(world.environment["NATS_URL"], "test")
    log = await open_log(nc, "devices")
    last = await log.last_seq()
    found: Counter[str] = Counter()
    async with aclosing(log.follow(0)) as following:
        async for messages in following:
            for message in messages:
                mac = message.subject.rpartition(".")[2]
                if mac in wanted and message.headers["ce-type"].startswith("devices.MacRegistered."):
                    found[mac] += 1
            if messages[-1].seq >= last:
                break
    await nc.close()
    return found


@pytest.mark.row("M-03")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("step", STEPS)
async def test_killed_half_way_an_import_neither_doubles_nor_loses_a_mac(
    world: House, above: Person, step: str
) -> None:
    person = await installer(world, above)
    prefix = f"0C{STEPS.index(step):02X}"
    macs = [f"{prefix}{n:08X}" for n in range(ROWS)]
    doomed = await crash_at(world, "devices", step)
    file = "".join(f"{text}\n" for text in ("MAC", *macs)).encode()
    list_headers = {"Content-Type": "text/csv", "Smartplus-File-Name": "list.csv"}
    opened = await insist(person, "POST", "/macs/imports", content=file, headers=list_headers)
    import_id = opened["id"]
    view = await insist(person, "GET", f"/macs/imports/{import_id}?after={opened['position']}")
    assert (view["state"], view["rows"], view["staged"], view["valid"]) == (ImportState.JUDGED, ROWS, ROWS, ROWS)
    await insist(person, "POST", f"/macs/imports/{import_id}/start")
    async with asyncio.timeout(SOON_S):
        while view["state"] != ImportState.DONE:
            view = await insist(person, "GET", f"/macs/imports/{import_id}")
            await asyncio.sleep(0.1)
    assert pid_of(world, "devices") not in (doomed, None)
    assert (view["taken"], view["registered"], view["refused"]) == (ROWS, ROWS, 0)
    found = await registrations(world, set(macs))
    assert (len(found), set(found.values())) == (ROWS, {1})
    for use, total in (("all", ROWS), ("unbound", ROWS), ("bound", 0)):
        page = await insist(person, "GET", f"/macs?use={use}")
        assert page["total"] == total
    searched = await insist(person, "GET", f"/macs?q={prefix}&per_page=100")
    assert searched["total"] == ROWS
    await person.http.aclose()
