"""A reaction: which events of a log lead to which commands, to one's own aggregates or to another service.

The rule it protects: the same event leads to the same commands, with the same ids.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, Protocol, TypedDict
from uuid import UUID, uuid5

from contracts.message import Actor, Command, Event, Recorded
from kernel.deciding.decider import Ref
from kernel.jobs.job import Job, P
from kernel.jobs.worklist import WorkList
from kernel.keeping.mongo import Database
from kernel.keeping.vault import Keys
from kernel.reacting.timers import Timers


class Stamp(TypedDict):
    """What every command carries; a reaction's commands carry what comes of the event."""

    command_id: UUID
    at: datetime
    actor: Actor


class Handling(Protocol):
    """Who decides the commands: `Deciding` does, or `Issuing` passes them on to their service."""

    async def handle(self, command: Command, *, correlation_id: str | None = None) -> object: ...
    async def load(self, ref: Ref) -> tuple[Any, int]: ...


@dataclass(frozen=True)
class Context:
    """What a reaction may use besides the event: its own aggregates' states, read models, keys, timers and jobs.

    `tables` is what its service read at its start.
    """

    recorded: Recorded
    load: Callable[[Ref], Awaitable[tuple[Any, int]]]
    database: Database
    keys: Keys
    reaction: str
    _timers: Timers | None = None
    tables: Any = None
    _jobs: WorkList | None = None
    _numbers: Iterator[int] = field(default_factory=count, repr=False)
    _job_numbers: Iterator[int] = field(default_factory=count, repr=False)

    @property
    def timers(self) -> Timers:
        """The service's timers. Setting one again for the same owner and purpose moves it."""
        assert self._timers is not None, "this service declares no timers"
        return self._timers

    def stamp(self) -> Stamp:
        """The stamps of the next command: `Forget(**context.stamp(), user_id=...)`. Once for each, in a fixed order."""
        command_id = uuid5(UUID(self.recorded.event_id), f"{self.reaction}/{next(self._numbers)}")
        return {"command_id": command_id, "at": self.recorded.at, "actor": self.recorded.actor}

    async def put(self, job: Job[P], payload: P) -> UUID:
        """Have a job done because of the event, once, however often that is reacted to; its id. In a fixed order.

        Raises what `WorkList.put` does.
        """
        assert self._jobs is not None, "this service declares no jobs"
        cause = f"{self.recorded.event_id}/{self.reaction}/{next(self._job_numbers)}"
        return await self._jobs.put(job, payload, cause, self.recorded.at)


React = Callable[[Recorded, Context], Awaitable[Iterable[Command]]]


@dataclass(frozen=True)
class Reaction:
    """`name` says what it does, for example `forget_resident_on_reset`; it is also where its position is kept.

    `on` says which events of the service `follows` lead to which commands. The same event must always lead to the same
    commands, stamped in the same order. More than one `at_once` is for commands to different aggregates, and for events
    whose order matters within their own aggregate only.
    """

    name: str
    follows: str
    on: Mapping[type[Event], React]
    at_once: int = 1
