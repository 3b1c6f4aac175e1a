"""Keeps a service from working on a log that is damaged, or beside a vault that was lost.

The rule it protects: nothing is decided, projected or shown on a log that lacks events, until it is restored or an
operator has accepted the loss. A process that notices damage ends once; the next one waits here and says why.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import structlog
from nats.aio.client import Client
from pymongo.errors import PyMongoError

from kernel.guarding.log_memory import LogMemory, SpoiledMemory, keys_missing, keys_named
from kernel.guarding.vault_mark import VaultMark, keys_lost
from kernel.keeping.mongo import Collection, Database
from kernel.log.integrity import Damaged, Memory, StreamState, damage_of, joined, keys_until, without
from kernel.log.jetstream import JetStreamLog
from kernel.log.promise import Unavailable
from kernel.process.health import NotReady

_LOOK_EVERY_S = 5.0
_LOOK_AGAIN_S = 1.0
# The new leader of a cluster may still be storing what it has agreed to.
_LEADER_STORES_S = 15.0
_NOTED_WITHIN_S = 30.0
_SAMPLE = 200
_log = structlog.get_logger()


async def _nobody() -> None:
    return


@dataclass
class _Watched:
    """A log, what was seen of it, and a sample of the data keys that its events name."""

    log: JetStreamLog
    memory: LogMemory
    mark: VaultMark
    marked: int = -1
    """Up to which event the vault had all keys when it was last looked at; -1 before."""
    seen: int = 0
    keys: set[str] = field(default_factory=set)
    is_renewed: bool = False
    """Whether its positions mean something else since it was opened."""
    connection: int = -1
    """On which connection it was last seen whole."""
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def newest(self) -> int:
        return max(self.seen, self.log.newest)


class Guard:
    """Looks after the logs of one service: its own and those that it follows.

    `vault` holds the data keys. `open_log` opens the log of a service by its name. `broken` fails when this process
    must end: with `Damaged`, or with `Unavailable` when a log was renewed, so that its positions mean something else.
    """

    def __init__(
        self,
        nc: Client,
        database: Database,
        vault: Collection,
        open_log: Callable[[str], Awaitable[JetStreamLog]],
        broken: asyncio.Future[None] | None = None,
    ) -> None:
        self.damage: Damaged | None = None
        self.has_waited = False
        self._nc = nc
        self._database = database
        self._vault = vault
        self._open_log = open_log
        self._broken = broken or asyncio.get_running_loop().create_future()
        self._watched: list[_Watched] = []

    async def open(
        self, services: Sequence[str], when_damaged: Callable[[], Awaitable[None]] = _nobody
    ) -> list[JetStreamLog]:
        """The logs of these services, once all of them are whole. Raises `UnfitServer`, `Unavailable`.

        `when_damaged` is called once, before it waits for an operator.
        """
        while True:
            try:
                logs = await self.open_now(services)
                break
            except Damaged as damage:
                self._say(damage)
            except Unavailable:
                if self.damage is None:
                    raise  # else servers are stopped to restore them
            if not self.has_waited:
                self.has_waited = True
                await when_damaged()
            await asyncio.sleep(_LOOK_AGAIN_S)
        self.damage = None
        return logs

    async def open_now(self, services: Sequence[str]) -> list[JetStreamLog]:
        """The same without waiting. Raises `Damaged` too."""
        watched: list[_Watched] = []
        try:
            for name in services:
                watched.append(await self._opened(name))
            for each in watched:
                if damage := await self._certain(each):
                    raise damage
        except BaseException:
            for each in watched:
                await each.log.close()
            raise
        if any(each.is_renewed for each in watched):
            # A loss was accepted in this very moment: what was opened is of the epoch before.
            for each in watched:
                await each.log.close()
            return await self.open_now(services)
        self._watched = watched
        for each in watched:
            each.log.before_append = partial(self._look_after_reconnecting, each)
            each.log.leader.note = self._note
        return [each.log for each in watched]

    async def probe(self) -> str | None:
        """For the readiness: raises `NotReady` while a log is damaged; a remark when losses were accepted."""
        if self.damage is not None:
            raise NotReady(str(self.damage))
        losses = [(each.log.stream, loss) for each in self._watched for loss in each.log.losses]
        return "; ".join(f"{stream}: {loss.words()}" for stream, loss in losses) or None

    async def watch(self) -> None:
        """Look at the logs every few seconds, for as long as the service works."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            for each in self._watched:
                with contextlib.suppress(Unavailable):
                    async with each.looking:
                        await self._look(each)

    async def _opened(self, name: str) -> _Watched:
        log = await self._open_log(name)
        return _Watched(log, LogMemory(self._database, log.stream), VaultMark(self._vault, log.stream))

    async def _look_after_reconnecting(self, watched: _Watched) -> None:
        """Raises `Damaged`: a server that was started again may have lost what this process knows of."""
        if self.damage is None and watched.connection != self._nc.stats["reconnects"]:
            async with watched.looking:
                if watched.connection != self._nc.stats["reconnects"]:
                    await self._look(watched, with_database=False)
        if self.damage is not None:
            raise self.damage

    async def _look(self, watched: _Watched, *, with_database: bool = True) -> None:
        damage = await self._certain(watched, with_database=with_database)
        if damage is not None:
            await self._note(damage)

    async def _certain(self, watched: _Watched, *, with_database: bool = True) -> Damaged | None:
        """What is wrong, if a second look finds it too; on a cluster, if it stays so for a while."""
        now = asyncio.get_running_loop().time
        until = now() + (_LEADER_STORES_S if watched.log.is_replicated else _LOOK_AGAIN_S)
        while True:
            damage = await self._seen_now(watched, with_database=with_database)
            if damage is None or now() >= until:
                return damage
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def _seen_now(self, watched: _Watched, *, with_database: bool) -> Damaged | None:
        connection = self._nc.stats["reconnects"]
        memories = [Memory(watched.log.epoch, watched.newest)]  # before the stream is asked, which goes on meanwhile
        try:
            if with_database:
                memories += await watched.memory.recall()
            state = await self._with_known_holes(watched, await watched.log.leader.state(), memories)
            damage = damage_of(state, memories)
            if damage is None and with_database:
                damage = await self._keys_lost(watched, state)
                if damage is None and (state.last_seq != watched.seen or watched.connection < 0):
                    await watched.memory.remember(state.epoch, state.last_seq)
        except SpoiledMemory as spoiled:
            return spoiled
        except PyMongoError as error:
            raise Unavailable(f"MongoDB: {type(error).__name__}") from None
        if damage is None:
            watched.seen, watched.connection = max(state.last_seq, watched.seen), connection
            self._renewed(watched, state)
        return damage

    async def _with_known_holes(self, watched: _Watched, state: StreamState, memories: Sequence[Memory]) -> StreamState:
        """The state, and the holes that a reader met, which the figures of a server need not show."""
        gaps = list(state.gaps)
        for hole in without((hole for memory in memories for hole in memory.holes), state.accepted):
            if state.last_seq < hole.first or not await watched.log.leader.has(hole.first):
                gaps.append(hole)
            else:
                await watched.memory.forget(state.epoch, (hole,))
        return replace(state, gaps=joined(gaps))

    async def _keys_lost(self, watched: _Watched, state: StreamState) -> Damaged | None:
        """Keys are remembered also when they are destroyed, so one that an event names and nobody knows was lost."""
        begin = keys_until(state.losses) + 1
        if not watched.keys and state.last_seq >= begin:
            for start in {begin, max(begin, state.last_seq - _SAMPLE + 1)}:
                watched.keys |= keys_named(await watched.log.some(start, _SAMPLE))
        missing = await keys_missing(self._vault, watched.keys) if watched.keys else ()
        if missing:
            return _keys_damage(watched, len(watched.keys), len(missing))
        marked = await watched.mark.read(state.epoch)
        if watched.marked < 0 or marked < watched.marked:
            # The vault may be older than the log.
            named, lost = await keys_lost(watched.log, self._vault, max(begin, marked + 1), state.last_seq)
            if lost:
                return _keys_damage(watched, named, lost)
        if watched.marked < 0 or marked < state.last_seq:
            await watched.mark.move(state.epoch, marked, state.last_seq)
        # What was appended since it was marked may be missing only if the vault was replaced.
        watched.marked = max(marked, state.last_seq)
        return None

    def _renewed(self, watched: _Watched, state: StreamState) -> None:
        watched.is_renewed = state.epoch != watched.log.epoch
        if watched.is_renewed and any(each is watched for each in self._watched) and not self._broken.done():
            self._broken.set_exception(Unavailable(f"the log {state.stream} was renewed; it is opened anew"))

    async def _note(self, damage: Damaged) -> None:
        """Remember damage for the processes to come, and end this one."""
        if self.damage is not None:
            return
        self._say(damage)
        watched = next(each for each in self._watched if each.log.stream == damage.stream)
        with contextlib.suppress(PyMongoError, TimeoutError):
            async with asyncio.timeout(_NOTED_WITHIN_S):
                await watched.memory.note(watched.log.epoch, watched.newest, damage.spans)
        if not self._broken.done():
            self._broken.set_exception(damage)

    def _say(self, damage: Damaged) -> None:
        if self.damage is None or str(self.damage) != str(damage):
            _log.error("log-damaged", stream=damage.stream, reason=str(damage))
        self.damage = damage


def _keys_damage(watched: _Watched, named: int, missing: int) -> Damaged:
    what = f"the vault lacks {missing} of {named} data keys that its events name, so that personal data cannot be read"
    return Damaged(watched.log.stream, what)
