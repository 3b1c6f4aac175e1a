"""How many there are, kept by the projection: lists show totals without counting their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from contracts.message import Recorded
from kernel.keeping.mongo import Database
from kernel.reading.readmodel import ReadModel, Row


def tallies(steps: Callable[[Recorded], Mapping[str, int]], name: str = "tallies") -> ReadModel:
    """The read model of counts by name: `steps(recorded)` says by how much each of them changes with an event.

    What one event adds to several of them is the same number; an event that says otherwise waits for a person.
    """

    def keys(recorded: Recorded) -> Iterable[str]:
        return steps(recorded).keys()

    def fold(row: Row | None, recorded: Recorded) -> Row:
        changes = steps(recorded)
        if len({step for step in changes.values() if step > 0}) > 1:
            raise ValueError("a count that begins does not know which of several numbers is its own")
        # What was never counted begins with what is added: nothing goes that was not there.
        return {"count": max(changes.values()) if row is None else row["count"] + changes[row["_id"]]}

    return ReadModel(name=name, keys=keys, fold=fold)


async def counts_of(database: Database, tallied: ReadModel, names: Iterable[str]) -> dict[str, int]:
    """How many there are of each of these; none of what was never counted."""
    wanted = dict.fromkeys(names, 0)
    async for tally in database[tallied.name].find({"_id": {"$in": list(wanted)}}):
        wanted[tally["_id"]] = tally["count"]
    return wanted
