"""How long does a search take, whatever it finds, among 100,000 and 1,000,000 households?

    python -m bench.search             among 10,000 and 100,000: a minute
    python -m bench.search --million   among 1,000,000 too: ten minutes, 4 GB of disk
    python -m bench.search --quick     among 2,000 and 20,000

The directory's documents are folded by the read model itself and put straight into MongoDB, and its own query answers:
no log and no gateway is between, so that this is what the index and the query cost. A quarter of all are one
installer's. Beside each figure: the same question among a tenth, and a page of MongoDB without a search.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4, uuid5

from bench.report import Timing, heading, judge, load_average, median, show, turn
from bench.seeding import Household
from contracts.accounts.households import ListUsers, UserPage
from contracts.message import Actor, Recorded, Role
from kernel.keeping.mongo import BSON, Database, mongo_client
from kernel.reading.listing import NEWEST_FIRST
from kernel.service.declaration import Tools
from ops.servers import MongoServer
from services.accounts.households.households import DIRECTORY, fold
from services.accounts.households.queries import list_users
from services.accounts.tallies import TALLIES

INSTALLERS = 4
BATCH = 2_000
QUESTIONS: Mapping[str, str] = {
    "a first name": "Anna",
    "a last name": "Dubois",
    "as another keyboard writes it": "yilmaz",
    "the beginning of every e-mail": "home-",
    "the beginning of every mobile number": "0151",
    "a whole SIP number": "3000012344",
    "its last four digits": "2344",
    "what nobody is called": "zzzz",
}
P99_MS = 15.0
_NAMES = UUID("a2d8a5d5-34a5-4a0c-9f0f-0f1d6f1f7f3b")
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Directory:
    """Households of a few installers in the collection of the read model."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._collection = database[DIRECTORY.name].with_options(BSON)
        self._reading = cast(Tools, SimpleNamespace(database=database))
        self._actors = [
            Actor(
                account_id=str(uuid4()),
                role=Role.INSTALLER,
                distributor_id=str(uuid5(_NAMES, "distributor")),
                installer_id=str(uuid5(_NAMES, f"installer {number}")),
            )
            for number in range(INSTALLERS)
        ]
        self.size = 0

    async def grow(self, size: int) -> None:
        """So many in all."""
        if not self.size:
            await self._collection.create_indexes(list(DIRECTORY.indexes))
        while self.size < size:
            numbers = range(self.size, min(self.size + BATCH, size))
            await self._collection.insert_many([self._document(number) for number in numbers], ordered=False)
            self.size = numbers.stop
        counts = self._database[TALLIES.name]
        for actor in self._actors:
            count = {"count": self.size // INSTALLERS}
            await counts.update_one({"_id": actor.installer_id}, {"$set": count}, upsert=True)

    async def search(self, number: int, typed: str) -> UserPage:
        query = ListUsers(actor=self._actors[number % INSTALLERS], q=typed, page=1, per_page=10)
        return await list_users(query, self._reading)

    async def page(self, number: int) -> None:
        wanted = {"installer_id": self._actors[number % INSTALLERS].installer_id}
        cursor = self._collection.find(wanted, {"tokens": 0}, limit=10).sort(list(NEWEST_FIRST.items()))
        assert len(await cursor.to_list()) == 10

    def _document(self, number: int) -> dict[str, Any]:
        owner = self._actors[number % INSTALLERS]
        household = Household(number, str(uuid5(_NAMES, str(number))), number % INSTALLERS)
        at = _BEGAN + timedelta(seconds=number)
        row = fold(
            None,
            Recorded(
                stream="ACCOUNTS",
                seq=number + 1,
                aggregate="household",
                aggregate_id=household.user_id,
                event=household.added(owner),
                event_id=household.user_id,
                at=at,
                actor=owner,
                command_id=household.user_id,
                correlation_id=household.user_id,
            ),
        )
        assert row is not None
        return {"_id": household.user_id, **row}


async def asked(directory: Directory, typed: str, turns: int, operations: int) -> Timing:
    async def once(_: int, number: int) -> None:
        await directory.search(number, typed)

    await turn(once, 1, 20)
    return median([await turn(once, 1, operations) for _ in range(turns)])


async def run(sizes: tuple[int, ...], turns: int, operations: int) -> None:
    print(f"{load_average()} at the start")
    with tempfile.TemporaryDirectory(prefix="bench-search-", ignore_cleanup_errors=True) as folder:
        async with MongoServer(Path(folder)) as server, mongo_client(server.url, "bench") as client:
            directory, smaller = Directory(client["bench"]), dict[str, Timing]()
            for size in sizes:
                began = time.perf_counter()
                await directory.grow(size)
                heading(
                    f"{size:,} households; the last came at {BATCH:,} at once in {time.perf_counter() - began:.0f} s"
                )

                async def page(_: int, number: int) -> None:
                    await directory.page(number)

                show("floor: a page of MongoDB", median([await turn(page, 1, operations) for _ in range(turns)]))
                found = {}
                for what, typed in QUESTIONS.items():
                    found[what] = await asked(directory, typed, turns, operations)
                    show(f"{what}, {(await directory.search(0, typed)).total:,} found", found[what])
                if size == sizes[-1]:
                    tell(size, found, smaller)
                smaller = found
    print(f"\n{load_average()} at the end")


def tell(size: int, found: Mapping[str, Timing], smaller: Mapping[str, Timing]) -> None:
    heading(f"Among {size:,}, beside a tenth")
    for what, timing in found.items():
        before = smaller[what]
        told = f"p50 {timing.p50:.1f} ms", f"p50 {before.p50:.1f} ms among a tenth"
        judge(
            "G10", f"search for {what}, p99", timing.p99, P99_MS, at_most=True, unit=" ms", ours=told[0], floor=told[1]
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.search")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--million", action="store_true")
    wish = parser.parse_args()
    sizes = (2_000, 20_000) if wish.quick else (10_000, 100_000)
    asyncio.run(run((*sizes, 1_000_000) if wish.million else sizes, 1 if wish.quick else 3, 50 if wish.quick else 200))


if __name__ == "__main__":
    main()
