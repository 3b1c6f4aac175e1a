"""Where a reaction's commands go: to this service's own aggregates, or to the service that owns them.

So a service that asks another anyway can tell it what it has to know, and need not be followed for that.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from contracts.message import Command
from kernel.deciding.decider import Ref
from kernel.reacting.reaction import Handling
from kernel.talking.caller import Caller


@dataclass(frozen=True)
class Issuing:
    """`own` names the commands that this service obeys; `caller` sends all others, and `deciding` decides these.

    A command that is sent takes effect once, like one that is decided here. Raises `Refused` and, while that service
    does not answer, `Unavailable`: the reaction tries again until it does.
    """

    own: Collection[type[Command]]
    deciding: Handling
    caller: Caller

    async def handle(self, command: Command, *, correlation_id: str | None = None) -> object:
        if type(command) in self.own:
            return await self.deciding.handle(command, correlation_id=correlation_id)
        return await self.caller.command(command, correlation_id=correlation_id)

    async def load(self, ref: Ref) -> tuple[Any, int]:
        return await self.deciding.load(ref)
