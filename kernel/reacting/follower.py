"""One reaction's way through the log that it follows.

The rule it protects: every event is reacted to, in the order of its aggregate, and reacting again changes nothing,
because the command's id comes from the event's and the repeat records nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import structlog
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import OperationFailure, PyMongoError

from contracts.message import Command, Refused
from kernel.deciding.handling import Contended
from kernel.deciding.reasons import reason_of
from kernel.jobs.worklist import WorkList
from kernel.keeping.mongo import Database
from kernel.keeping.vault import Keys, SpoiledKey, WrongSecret
from kernel.log.promise import Conflict, LogFull, StoredMessage, Unavailable
from kernel.process.telemetry import span_of
from kernel.reacting.progress import Progress
from kernel.reacting.reaction import Context, Handling, Reaction
from kernel.reacting.timers import Timers
from kernel.reading.checkpoint import Fenced
from kernel.reading.parking import WAITING, Parked, alarm, may_pass, subjects_in, write_probes
from kernel.reading.source import Source, is_of, kinds_of
from kernel.runtime.crash import crash_here
from kernel.talking.wire import Elsewhere

PARKED = "reactions_parked"
_BATCH = 100
_PASSED_OVER = 1000
_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
_TRIES = 3
_PASSING = (Unavailable, Contended, Conflict, PyMongoError, WrongSecret)
# What others are to blame for, or what another probe tells.
_OTHERS = (Elsewhere, LogFull, Contended, Conflict)
_log = structlog.get_logger()


@dataclass
class _Position:
    epoch: str
    seq: int
    generation: int


class Follower:
    """One reaction's way through the log it follows."""

    def __init__(
        self,
        reaction: Reaction,
        source: Source,
        deciding: Handling,
        database: Database,
        keys: Keys,
        timers: Timers | None,
        tables: object,
        jobs: WorkList | None,
    ) -> None:
        self.reaction = reaction
        self._source = source
        self._deciding = deciding
        self._database = database
        self._keys = keys
        self._timers = timers
        self._tables = tables
        self._jobs = jobs
        self._positions = database["reactions"]
        self._parked = database[PARKED]
        # The rest of the log, and there may be much of it, is not even sent here.
        self._aggregates = source.recording(reaction.on)
        self._kinds = kinds_of(reaction.on)
        self._blocked: set[str] = set()
        self.progress = Progress()
        self.is_to_blame = False
        """Whether what it failed at last is this service's own, and not another one that is away."""

    async def run(self, session: AsyncClientSession, turn: asyncio.Lock) -> None:
        try:
            await self._run(session, turn)
        finally:
            self.progress.stepped()

    async def _run(self, session: AsyncClientSession, turn: asyncio.Lock) -> None:
        pause_s = _PAUSE_S
        while True:
            began_at = time.monotonic()
            try:
                await self._follow(session, turn)
            except Fenced:
                _log.info("reaction stepped back", reaction=self.reaction.name)
            except _PASSING as failure:
                self.is_to_blame = not isinstance(failure, _OTHERS)
                self.progress.failed(reason_of(failure))
                _log.warning("reaction retries", reaction=self.reaction.name, reason=reason_of(failure))
            pause_s = _PAUSE_S if time.monotonic() - began_at > _LONGEST_PAUSE_S else min(2 * pause_s, _LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def unpark(self, subject: str) -> int:
        done = 0
        mine = {"reaction": self.reaction.name, "subject": subject}
        async with self._database.client.start_session() as session:
            while True:
                waiting = await self._parked.find(mine).sort("seq", 1).to_list()
                if not waiting:
                    return done
                messages = await self._source.log.read_subject(subject, waiting[0]["seq"] - 1)
                seqs = {document["seq"] for document in waiting}
                for message in messages:
                    if message.seq in seqs:
                        await self._do(message)
                        await self._parked.delete_one({"_id": self._parked_id(message.seq)})
                        done += 1
                await session.with_transaction(lambda session: self._release(subject, session))

    async def _release(self, subject: str, session: AsyncClientSession) -> None:
        """Fence the reader, which still counts this aggregate as waiting, unless more of it came to wait meanwhile."""
        mine = {"reaction": self.reaction.name, "subject": subject}
        if await self._parked.find_one(mine, session=session) is None:
            await self._positions.update_one({"_id": self.reaction.name}, {"$inc": {"generation": 1}}, session=session)

    async def _follow(self, session: AsyncClientSession, turn: asyncio.Lock) -> None:
        position = await self._open()
        self.progress.opened()
        log = self._source.log
        following = cast(AsyncGenerator[list[StoredMessage], None], log.follow(position.seq, _BATCH, self._aggregates))
        async with contextlib.aclosing(following):
            async for messages in following:
                mine = [message for message in messages if is_of(message, self._kinds)]
                self.progress.takes()
                parked = await self._take(mine)
                # To note each event that leads to nothing would cost more than most commands do; reading some again
                # after a restart costs little.
                if mine or messages[-1].seq - position.seq >= _PASSED_OVER:
                    async with turn:
                        await self._advance(position, messages[-1].seq, parked, session)
                self.progress.stepped()
                if not mine:
                    continue
                alarm(self.reaction.name, parked)
                crash_here("reaction.committed")

    async def _open(self) -> _Position:
        epoch = self._source.log.epoch
        document = await self._positions.find_one({"_id": self.reaction.name})
        if document is None or document["epoch"] != epoch:
            # Positions of another epoch mean nothing here. From the beginning on, repeats record nothing.
            generation = document["generation"] + 1 if document else 0
            document = {"_id": self.reaction.name, "epoch": epoch, "seq": 0, "generation": generation}
            await self._parked.delete_many({"reaction": self.reaction.name})
            await self._positions.replace_one({"_id": self.reaction.name}, document, upsert=True)
        await self._parked.create_index([("reaction", 1), ("subject", 1), ("seq", 1)])
        self._blocked = await subjects_in(self._parked, {"reaction": self.reaction.name})
        return _Position(epoch, document["seq"], document["generation"])

    async def _take(self, messages: Sequence[StoredMessage]) -> list[Parked]:
        if self.reaction.at_once == 1:
            return await self._take_in_order(messages)
        # Each aggregate's in order, many aggregates' at a time.
        by_subject: defaultdict[str, list[StoredMessage]] = defaultdict(list)
        for message in messages:
            by_subject[message.subject].append(message)
        room = asyncio.Semaphore(self.reaction.at_once)

        async def take(chain: Sequence[StoredMessage]) -> list[Parked]:
            async with room:
                return await self._take_in_order(chain)

        taken = await asyncio.gather(*map(take, by_subject.values()), return_exceptions=True)
        for outcome in taken:
            if isinstance(outcome, BaseException):
                raise outcome
        return [parked for outcome in taken if not isinstance(outcome, BaseException) for parked in outcome]

    async def _take_in_order(self, messages: Sequence[StoredMessage]) -> list[Parked]:
        parked = []
        for message in messages:
            if message.subject in self._blocked:
                parked.append(self._park(message, WAITING))
                continue
            if (reason := await self._tried(message)) is not None:
                parked.append(self._park(message, reason))
                self._blocked.add(message.subject)
        return parked

    async def _tried(self, message: StoredMessage) -> str | None:
        """Why it cannot be done; None once it is done. Raises what may pass."""
        for attempt in range(1, _TRIES + 1):
            try:
                await self._do(message)
                return None
            except OperationFailure as failure:
                if may_pass(failure):
                    raise
                # A store that takes nothing is not the event's fault. One that takes others, and refuses this again
                # and again, is asked for what it cannot do.
                await write_probes(self._database, [PARKED])
                if attempt == _TRIES:
                    return reason_of(failure)
                await asyncio.sleep(_PAUSE_S)
            except Refused as refused:
                return f"refused: {refused.code}"
            except Exception as failure:
                if passes(failure):
                    raise
                return reason_of(failure)
        return None

    async def _do(self, message: StoredMessage) -> None:
        (recorded,) = await self._source.decoder.decode_many([message])
        react = self.reaction.on.get(type(recorded.event))
        if react is None:
            return
        load, name = self._deciding.load, self.reaction.name
        tables, jobs = self._tables, self._jobs
        context = Context(recorded, load, self._database, self._keys, name, self._timers, tables, jobs)
        with span_of(f"react {self.reaction.name}", recorded.traceparent, **{"smartplus.seq": recorded.seq}):
            commands = list(await react(recorded, context))
            if self.reaction.at_once > 1:
                await self._issue_at_once(commands, recorded.correlation_id)
                return
            for command in commands:
                await self._issue(command, recorded.correlation_id)

    async def _issue(self, command: Command, correlation_id: str) -> None:
        crash_here(f"reaction.{self.reaction.name}")
        await self._deciding.handle(command, correlation_id=correlation_id)

    async def _issue_at_once(self, commands: Iterable[Command], correlation_id: str) -> None:
        """One that fails for good does not keep the others from being issued; then it is raised."""
        left = iter(commands)

        async def work() -> Exception | None:
            failed: Exception | None = None
            for command in left:
                try:
                    await self._issue(command, correlation_id)
                except Exception as failure:  # noqa: BLE001 (raised below, once the others are done)
                    if passes(failure):
                        return failure
                    failed = failure
            return failed

        failures = await asyncio.gather(*(work() for _ in range(self.reaction.at_once)))
        if failed := [each for each in failures if each is not None]:
            raise next((each for each in failed if passes(each)), failed[0])

    def _park(self, message: StoredMessage, reason: str) -> Parked:
        return Parked(self._source.log.stream, message.seq, message.subject, reason)

    def _parked_id(self, seq: int) -> str:
        return f"{self.reaction.name}/{self._source.log.stream}.{seq}"

    async def _advance(
        self, position: _Position, seq: int, parked: Sequence[Parked], session: AsyncClientSession
    ) -> None:
        known = {
            "_id": self.reaction.name,
            "epoch": position.epoch,
            "seq": position.seq,
            "generation": position.generation,
        }
        async with await session.start_transaction():
            moved = await self._positions.update_one(known, {"$set": {"seq": seq}}, session=session)
            if moved.matched_count == 0:
                raise Fenced(f"{self.reaction.name} is no longer at {position.seq}")
            if parked:
                now = datetime.now(UTC)
                documents = [
                    {**each.document(), "_id": self._parked_id(each.seq), "reaction": self.reaction.name, "at": now}
                    for each in parked
                ]
                await self._parked.insert_many(documents, session=session)
        position.seq = seq


def passes(failure: Exception) -> bool:
    """Whether it may be over next time; a data key that is spoiled stays so, and is one household's."""
    return isinstance(failure, _PASSING) and not isinstance(failure, SpoiledKey)
