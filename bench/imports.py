"""How long does an installer wait for a list of 100,000 MACs? From the file to rows in the library, in a whole house.

    python -m bench.imports            100,000 rows, some minutes
    python -m bench.imports --quick    10,000 rows, a minute, rough

Three times: until the list is judged (read by its own process, handed over in parts, compared with the library), from
the start until the last row is registered in the log, and until the last row is in the list. The floor is what the log
alone costs: as many messages with an event's headers, each on a subject of its own, appended to the same nats-server in
batches of the same size by the kernel, before and after.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import uvloop

from bench.processes import Spent
from bench.report import heading, judge, load_average, show
from contracts.devices.imports import IMPORT_CHUNK_ROWS, ImportState
from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.log.jetstream import JetStreamLog
from kernel.log.promise import NewMessage
from tests.gateway.library.lists import XLSX, long_xlsx
from tests.house import House, Person, distributor, house, installer, super_manager

AIM_S = 6.0
LOOK_EVERY_S = 0.05
# No device connects here, and a link that waits for none costs nothing to measure by.
NO_LINK = {"NATS_AUTH_URL": "", "NATS_SYSTEM_URL": "", "SMARTPLUS_NATS_ISSUER_SEED": ""}


def event(run: str, number: int) -> NewMessage:
    """What the log is told of one MAC, in size and shape."""
    headers = {
        "ce-specversion": "1.0",
        "ce-id": (own_id := str(uuid4())),
        "ce-type": "devices.MacRegistered.v1",
        "ce-source": "/smartplus/devices",
        "ce-subject": f"mac/{run}{number:06X}",
        "content-type": "application/json",
        "sp-part": f"{number % IMPORT_CHUNK_ROWS + 1}/{IMPORT_CHUNK_ROWS + 1}",
        "ce-time": "2026-11-22T10:00:00+00:00",
        "sp-command": own_id,
        "sp-correlation": own_id,
        "sp-actor": '{"account_id":"' + own_id + '","role":"installer"}',
        "sp-fingerprint": "0123abcd",
    }
    body = f'{{"mac":"{run}{number:06X}","distributor_id":"{own_id}","installer_id":"{own_id}","import_id":"{own_id}"}}'
    return NewMessage(f"event.bench.mac.{run}{number:06X}", own_id, headers, body.encode(), 0)


async def floor(log: JetStreamLog, rows: int) -> float:
    """Seconds to append that many, made beforehand."""
    run = uuid4().hex[:6].upper()
    parts = [
        [event(run, number) for number in range(start, min(start + IMPORT_CHUNK_ROWS, rows))]
        for start in range(0, rows, IMPORT_CHUNK_ROWS)
    ]
    began = time.perf_counter()
    for messages in parts:
        await log.append(messages, 60)
    return time.perf_counter() - began


async def total(person: Person) -> int:
    return int(str((await person.do("GET", "/macs"))["total"]))


async def imported(place: House, person: Person, macs: list[str]) -> tuple[float, float, float]:
    """Seconds until it is judged; from the start until it is registered, and until its last row is seen."""
    file = long_xlsx(macs)
    show("file", f"{len(file) / 2**20:.1f} MB, {len(macs):,} rows")
    headers = {
        "Content-Type": XLSX,
        "Smartplus-File-Name": "list.xlsx",
        "X-CSRF-Token": person.http.cookies.get("csrftoken") or "",
    }
    spent, began = Spent(place), time.perf_counter()
    answer = await person.http.post("/api/v1/macs/imports", content=file, headers=headers, timeout=300)
    assert answer.is_success, answer.text
    opened = answer.json()
    path = f"/macs/imports/{opened['id']}"
    view = await person.do("GET", f"{path}?after={opened['position']}")
    judged_s = time.perf_counter() - began
    assert (view["state"], view["valid"]) == (ImportState.JUDGED, len(macs)), view
    show("processor time a row, until judged", spent.told(len(macs)))
    spent, began = Spent(place), time.perf_counter()
    await person.do("POST", f"{path}/start")
    log = await open_log(await connect(place.environment["NATS_URL"], "bench"), "devices")
    ended = 0.0
    while await total(person) < len(macs) or view["state"] != ImportState.DONE:
        # Asked of the log, as the list is always a little behind it.
        if not ended and any("MacImportCompleted" in each.headers["ce-type"] for each in await tail(log, opened["id"])):
            ended = time.perf_counter() - began
        await asyncio.sleep(LOOK_EVERY_S)
        view = await person.do("GET", path)
    seen_s = time.perf_counter() - began
    show("processor time a row, from start to seen", spent.told(len(macs)))
    return judged_s, ended or seen_s, seen_s


async def tail(log: JetStreamLog, import_id: str) -> list[NewMessage]:
    """The last few events of the import."""
    last = await log.last_seq()
    return [
        NewMessage(each.subject, "", each.headers, each.body, 0)
        for each in await log.read_subject(f"event.devices.import.{import_id}", max(0, last - 2))
    ]


async def run(rows: int) -> None:
    print(f"{load_average()} at the start")
    with tempfile.TemporaryDirectory(prefix="bench-imports-", ignore_cleanup_errors=True) as folder:
        async with house(Path(folder), more=NO_LINK) as place:
            root = await super_manager(place)
            above = await distributor(place, root)
            person = await installer(place, above)
            log = await open_log(await connect(place.environment["NATS_URL"], "bench"), "bench", max_bytes=2**31)
            heading(f"{rows:,} MACs from a file into the library")
            before = await floor(log, rows)
            judged_s, registered_s, seen_s = await imported(place, person, [f"0C1105{n:06X}" for n in range(rows)])
            floor_s = (before + await floor(log, rows)) / 2
            for each in (root, above, person):
                await each.http.aclose()
    show("floor: appended in batches, nothing else", f"{floor_s:6.2f} s  {rows / floor_s:9,.0f} rows/s")
    for name, took in (("judged", judged_s), ("registered", registered_s), ("in the list", seen_s)):
        show(f"until {name}", f"{took:6.2f} s  {rows / took:9,.0f} rows/s")
    told = f"{floor_s:.1f} s"
    whole = judged_s + seen_s
    judge(
        "", "import: registered / batches alone", registered_s / floor_s, None, ours=f"{registered_s:.1f} s", floor=told
    )
    what = f"import of {rows:,} rows, file to list"
    bound = AIM_S * rows / 100_000
    judge("", what, whole, bound, at_most=True, unit=" s", ours=f"judged in {judged_s:.1f} s", floor=told)
    print(f"\n{load_average()} at the end")


def main() -> None:
    parser = argparse.ArgumentParser(description="A list of MACs, from the file to the library.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true", help="10,000 rows, rough")
    wish = parser.parse_args()
    uvloop.run(run(10_000 if wish.quick else wish.rows))


if __name__ == "__main__":
    main()
