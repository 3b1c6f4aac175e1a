"""The reactions of a service at work, in one process at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from pymongo.asynchronous.client_session import AsyncClientSession

from kernel.jobs.worklist import WorkList
from kernel.keeping.mongo import BSON, Database
from kernel.keeping.vault import Keys
from kernel.reacting.follower import PARKED, Follower, passes
from kernel.reacting.reaction import Handling, Reaction
from kernel.reacting.retrying import fulfil
from kernel.reacting.timers import Timers
from kernel.reading.lease import Lease
from kernel.reading.parking import remark_on
from kernel.reading.source import Source
from kernel.runtime.tasks import ended


class Reactions:
    """Runs the reactions of `service`. `sources` are the logs that they follow, its own among them if one does."""

    def __init__(
        self,
        service: str,
        reactions: Sequence[Reaction],
        sources: Iterable[Source],
        deciding: Handling,
        database: Database,
        keys: Keys,
        timers: Timers | None = None,
        tables: object = None,
        jobs: WorkList | None = None,
    ) -> None:
        by_service = {source.service: source for source in sources}
        self.service = service
        self._parked = database[PARKED]
        own = database.with_options(BSON)
        self._readers = [
            Follower(reaction, by_service[reaction.follows], deciding, own, keys, timers, tables, jobs)
            for reaction in reactions
        ]
        self._lease = Lease(database, "reactions")

    @property
    def problem(self) -> str | None:
        """Why a reaction does not get on: its store or its keys are refused to it. No event does that."""
        return next((f"{each.reaction.name} {trouble}" for each, trouble in self._troubles() if each.is_to_blame), None)

    async def remark(self) -> str | None:
        """What an operator is to know: how many events wait, and which reaction waits for somebody else."""
        waiting = [f"{each.reaction.name} {trouble}" for each, trouble in self._troubles()]
        return "; ".join(filter(None, [await remark_on(self._parked, "smartplus reactions"), *waiting])) or None

    def _troubles(self) -> list[tuple[Follower, str]]:
        return [(each, trouble) for each in self._readers if (trouble := each.progress.trouble)]

    async def run(self) -> None:
        """React while holding the service's lease. Never returns."""
        if self._readers:
            await self._lease.hold(self._react)

    async def unpark(self, name: str, subject: str) -> int:
        """Let the reaction called `name` take what waits of an aggregate, in order; return how many events that were.

        Raises what is still wrong with the first of them that fails; those before it are done and wait no more.
        """
        (reader,) = (reader for reader in self._readers if reader.reaction.name == name)
        return await reader.unpark(subject)

    async def _react(self, session: AsyncClientSession) -> None:
        # One session cannot carry two transactions at a time, and reactions commit little.
        turn = asyncio.Lock()
        running = [asyncio.create_task(reader.run(session, turn)) for reader in self._readers]
        running.append(asyncio.create_task(fulfil(self._parked, self.unpark, passes)))
        try:
            await asyncio.gather(*running)
        finally:
            await ended(*running)
