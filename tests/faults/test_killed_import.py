"""Devices is killed half-way through an import; started again it neither doubles nor loses a MAC or a code."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contracts.devices.imports import IMPORT_CHUNK_ROWS, IMPORT_CHUNK_ROWS_WITH_CODES, ImportState
from contracts.notations import label_code
from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.log.promise import StoredMessage
from services.devices.library.labels import hash_of_code
from tests.faults.crashing import SOON_S, crash_at, pid_of
from tests.house import House, Person, distributor, house, installer, secrets_of, super_manager

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
PARTS_WITH_CODES = 4
LABELLED = PARTS_WITH_CODES * IMPORT_CHUNK_ROWS_WITH_CODES - 50
STEPS_WITH_CODES = (
    "StageMacRows.appended:2",
    "RegisterMacRows.decided:3",
    "RegisterMacRows.appended:3",
    "reaction.register_rows_when_import_is_started:3",
)
# What stands in every code, and nowhere else.
WORD = "QZXWVK"


@pytest.fixture(scope="module")
async def world(servers_dir: Path) -> AsyncIterator[House]:
    async with house(servers_dir / "imports", more=NO_LINK) as built:
        yield built


@pytest.fixture(scope="module")
async def root(world: House) -> AsyncIterator[Person]:
    yield (person := await super_manager(world))
    await person.http.aclose()


@pytest.fixture(scope="module")
async def above(world: House, root: Person) -> AsyncIterator[Person]:
    yield (person := await distributor(world, root))
    await person.http.aclose()


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


async def whole_log(world: House) -> list[StoredMessage]:
    """Everything that devices recorded, as it is stored."""
    nc = await connect(world.environment["NATS_URL"], "test")
    log = await open_log(nc, "devices")
    last = await log.last_seq()
    found: list[StoredMessage] = []
    async with aclosing(log.follow(0)) as following:
        async for messages in following:
            found += messages
            if messages[-1].seq >= last:
                break
    await nc.close()
    return found


def told_of(messages: list[StoredMessage], kind: str, wanted: set[str]) -> list[StoredMessage]:
    """The events of that kind about these MACs."""
    return [
        message
        for message in messages
        if message.headers["ce-type"].startswith(f"devices.{kind}.") and message.subject.rpartition(".")[2] in wanted
    ]


async def imported(world: House, person: Person, lines: list[str], *, killed_at: str) -> None:
    """Have a list of valid lines registered, whole, while devices is killed at that step."""
    rows = len(lines)
    doomed = await crash_at(world, "devices", killed_at)
    file = "".join(f"{text}\n" for text in ("MAC", *lines)).encode()
    list_headers = {"Content-Type": "text/csv", "Smartplus-File-Name": "list.csv"}
    opened = await insist(person, "POST", "/macs/imports", content=file, headers=list_headers)
    import_id = opened["id"]
    view = await insist(person, "GET", f"/macs/imports/{import_id}?after={opened['position']}")
    assert (view["state"], view["rows"], view["staged"], view["valid"]) == (ImportState.JUDGED, rows, rows, rows)
    await insist(person, "POST", f"/macs/imports/{import_id}/start")
    async with asyncio.timeout(SOON_S):
        while view["state"] != ImportState.DONE:
            view = await insist(person, "GET", f"/macs/imports/{import_id}")
            await asyncio.sleep(0.1)
    assert pid_of(world, "devices") not in (doomed, None)
    assert (view["taken"], view["registered"], view["refused"]) == (rows, rows, 0)


@pytest.mark.row("M-03")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("step", STEPS)
async def test_killed_half_way_an_import_neither_doubles_nor_loses_a_mac(
    world: House, above: Person, step: str
) -> None:
    person = await installer(world, above)
    prefix = f"0C{STEPS.index(step):02X}"
    macs = [f"{prefix}{n:08X}" for n in range(ROWS)]
    await imported(world, person, macs, killed_at=step)
    found = told_of(await whole_log(world), "MacRegistered", set(macs))
    times = Counter(message.subject for message in found)
    assert (len(times), set(times.values())) == (ROWS, {1})
    for use, total in (("all", ROWS), ("unbound", ROWS), ("bound", 0)):
        page = await insist(person, "GET", f"/macs?use={use}")
        assert page["total"] == total
    searched = await insist(person, "GET", f"/macs?q={prefix}&per_page=100")
    assert searched["total"] == ROWS
    await person.http.aclose()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("step", STEPS_WITH_CODES)
async def test_killed_half_way_a_list_keeps_the_code_of_each_mac_and_tells_none(
    world: House, root: Person, step: str
) -> None:
    owner, rightful, late = (
        await distributor(world, root),
        *[await installer(world, await distributor(world, root)) for _ in range(2)],
    )
    codes = {f"0E{STEPS_WITH_CODES.index(step):02X}{n:08X}": f"{WORD.lower()}-{n:05}" for n in range(LABELLED)}
    await imported(world, owner, [f"{mac},{code}" for mac, code in codes.items()], killed_at=step)

    messages = await whole_log(world)
    kept = [json.loads(message.body) for message in told_of(messages, "MacLabelled", codes.keys())]
    hashes = {mac: hash_of_code(secrets_of(world), mac, label_code(code)) for mac, code in codes.items()}
    assert (len(kept), {each["mac"]: each["code_hash"] for each in kept}) == (LABELLED, hashes)
    page = await insist(owner, "GET", "/macs?per_page=100")
    assert (page["total"], {row["has_label"] for row in page["rows"]}) == (LABELLED, {True})

    # The first and the last of each part.
    ends = [n + end for n in range(0, LABELLED, IMPORT_CHUNK_ROWS_WITH_CODES) for end in (0, -1)]
    some = [list(codes)[n] for n in ends]
    for mac in some:
        claim = {"json": {"code": codes[mac]}}
        assert (await rightful.ask("POST", f"/macs/{mac}/claim", **claim)).status_code == 200
        refused = await late.ask("POST", f"/macs/{mac}/claim", **claim)
        assert (refused.status_code, refused.json()["code"]) == (409, "mac-claim-refused")
    telling = [
        message.seq
        for message in await whole_log(world)
        if WORD in f"{message.subject}{message.headers}{message.body!r}".upper()
    ]
    assert (telling, [line for line in world.lines if WORD in line.upper()]) == ([], [])
    for person in (owner, rightful, late):
        await person.http.aclose()
