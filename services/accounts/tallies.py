"""How many there are: households of an installer, installers of a distributor, and of everybody.

Lists show totals without counting their rows.
"""

from __future__ import annotations

from collections.abc import Iterable

from contracts.accounts.households import UserAdded
from contracts.accounts.leaving import UserDeleted
from contracts.accounts.partners import DistributorCreated, InstallerCreated
from contracts.message import Recorded
from kernel.keeping.mongo import Database
from kernel.reading.readmodel import ReadModel, Row

ALL_INSTALLERS = "installers"
ALL_DISTRIBUTORS = "distributors"


def keys(recorded: Recorded) -> Iterable[str]:
    match recorded.event:
        case UserAdded(installer_id=installer_id) | UserDeleted(installer_id=installer_id):
            return (installer_id,)
        case InstallerCreated(distributor_id=distributor_id):
            return (distributor_id, ALL_INSTALLERS)
        case DistributorCreated():
            return (ALL_DISTRIBUTORS,)
        case _:
            return ()


def fold(tally: Row | None, recorded: Recorded) -> Row:
    step = -1 if isinstance(recorded.event, UserDeleted) else 1
    return {"count": (tally["count"] if tally else 0) + step}


async def tally_of(database: Database, key: str) -> int:
    """How many there are below `key`."""
    return (await tallies_of(database, [key]))[key]


async def tallies_of(database: Database, keys: Iterable[str]) -> dict[str, int]:
    """How many there are below each of `keys`."""
    wanted = dict.fromkeys(keys, 0)
    async for tally in database[TALLIES.name].find({"_id": {"$in": list(wanted)}}):
        wanted[tally["_id"]] = tally["count"]
    return wanted


TALLIES = ReadModel(name="tallies", keys=keys, fold=fold)
