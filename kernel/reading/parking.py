"""Where an event waits that its reader cannot take: with its reason, and the later events of its aggregate behind it.

The rules it protects: nothing is skipped in silence, nothing of one aggregate is taken out of order, and no event, nor
any number of them, stops a reader. It waits only for what is not of the event: a store that takes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from bson.errors import BSONError
from pymongo.errors import OperationFailure, PyMongoError

from kernel.keeping.mongo import Collection, Database

WAITING = "waits for an earlier event of its aggregate"
CANNOT_BE_TAKEN = "because they or an earlier one of their aggregate cannot be taken"
TRANSIENT = "TransientTransactionError"
OF_AN_EVENT = (BSONError, ValueError, ArithmeticError, TypeError, RecursionError, OperationFailure)
"""What storing an event's documents may fail by because of what they say. `may_pass` says what is of the store."""

_MAY_PASS = (TRANSIENT, "RetryableWriteError", "RetryableReadError")
_PROBE = "~probe"
_log = structlog.get_logger()


class StillPoisoned(Exception):
    """What was to be unparked cannot be taken yet; nothing has changed."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A message that waits: why, or that only an earlier one of its subject is at fault.

    A few hundred bytes, and nothing of what the message says: whoever looks after the database sees it.
    """

    stream: str
    seq: int
    subject: str
    reason: str

    def document(self) -> dict[str, Any]:
        return {
            "_id": f"{self.stream}.{self.seq}",
            "stream": self.stream,
            "seq": self.seq,
            "subject": self.subject,
            "reason": self.reason,
        }


def alarm(reader: str, parked: Sequence[Parked]) -> None:
    """Say in the log of the process that events wait, one line for as many as came together."""
    if at_fault := [each for each in parked if each.reason != WAITING]:
        first = at_fault[0]
        _log.error(
            "events parked", reader=reader, events=len(parked), first=f"{first.stream}.{first.seq}", reason=first.reason
        )


def may_pass(failure: Exception) -> bool:
    """Whether it is a failure of MongoDB, or of the way there, that says of itself that it may be over next time."""
    if not isinstance(failure, PyMongoError):
        return False
    labelled = any(failure.has_error_label(label) for label in _MAY_PASS)
    return labelled or failure.timeout or not isinstance(failure, OperationFailure)


async def write_probes(database: Database, names: Iterable[str]) -> None:
    """Write another document into each of these collections, and take it back before anybody sees it.

    Raises `PyMongoError` when one of them takes nothing: what was refused there before is not at fault.
    """
    async with database.client.start_session() as session, await session.start_transaction():
        for name in names:
            await database[name].insert_one({"_id": _PROBE}, session=session)
        await session.abort_transaction()


async def subjects_in(parked: Collection, mine: dict[str, Any]) -> set[str]:
    """The aggregates that wait, however many: what `distinct` answers must fit into one document."""
    found = await parked.aggregate([{"$match": mine}, {"$group": {"_id": "$subject"}}])
    return {each["_id"] async for each in found}


async def remark_on(parked: Collection, command: str) -> str | None:
    """What an operator is to know of it, in words, with the command that helps; None when nothing waits."""
    if not (waiting := await parked.estimated_document_count()):
        return None
    return f"{waiting} events wait, {CANNOT_BE_TAKEN}: {command}"
