"""An audit trail: a row to an event, who and when and what kind, never what was said. It outlives what it tells of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from contracts.message import Recorded, Refused, Role
from kernel.keeping.mongo import Database
from kernel.keeping.opaque import Opaque
from kernel.keeping.secrets import Secrets
from kernel.reading.readmodel import Index, ReadModel, Row

NAME = "audit"

# Where residents are is theirs to know.
_SHOWS_ADDRESS = (Role.SUPER_MANAGER, Role.DISTRIBUTOR, Role.INSTALLER, Role.PROPERTY_MANAGER)


class Asked(Protocol):
    """What asks for a part of a trail."""

    @property
    def cursor(self) -> str | None: ...
    @property
    def limit(self) -> int: ...


class Part(NamedTuple):
    """Rows of a trail, newest first, and the cursor of the part that follows; None where nothing does."""

    rows: Sequence[Row]
    next: str | None


def _nothing_more(recorded: Recorded) -> Mapping[str, Any]:
    return {}


def trail(
    about: Callable[[Recorded], Iterable[str]],
    more: Callable[[Recorded], Mapping[str, Any]] = _nothing_more,
    *,
    version: int = 1,
    keeps_all: bool = False,
) -> ReadModel:
    """The read model of a service's audit trail.

    `about(recorded)` are the ids whose trail shows an event: none of an event that only went along with another one,
    which then has a row only if the trail `keeps_all`. `more(recorded)` are further fields of its row.
    """

    def keys(recorded: Recorded) -> Iterable[str]:
        return (recorded.event_id,) if keeps_all or tuple(about(recorded)) else ()

    def fold(row: Row | None, recorded: Recorded) -> Row:
        actor = recorded.actor
        return {
            "stream": recorded.stream,
            "seq": recorded.seq,
            "at": recorded.at,
            "type": type(recorded.event).__name__,
            "about": list(about(recorded)),
            "actor_id": actor.account_id,
            "actor_role": actor.role,
            "impersonator_id": actor.impersonator_id,
            "address": actor.address if actor.role in _SHOWS_ADDRESS else None,
            **more(recorded),
        }

    newest_first = Index([("about", 1), ("seq", -1)])
    return ReadModel(name=NAME, version=version, keys=keys, fold=fold, indexes=(newest_first,), grows=True)


async def part_of(trail_of: str, asked: Asked, wanted: Mapping[str, Any], database: Database, secrets: Secrets) -> Part:
    """The part that was asked for of the trail of `trail_of`: its rows that are as `wanted`.

    A cursor is good for the trail that gave it. Raises `Refused` (`cursor-invalid`) for any other.
    """
    cursors = Opaque(secrets, "audit-cursor")
    filter = dict(wanted)
    if asked.cursor is not None:
        opened = cursors.opened(asked.cursor, trail_of)
        if opened is None:
            raise Refused("cursor-invalid", "This is not a cursor that a former answer gave.", field="cursor")
        filter["seq"] = {"$lt": int(opened)}
    found = await database[NAME].find(filter, limit=asked.limit + 1).sort("seq", -1).to_list()
    shown = found[: asked.limit]
    return Part(shown, cursors.sealed(f"{shown[-1]['seq']:018d}", trail_of) if len(found) > len(shown) else None)
