"""From a command to events in the log: load, decide, append, and again when somebody was faster.

The rules it protects: a decision is stored only if what it looked at of the aggregates it writes is still so, and a
command takes effect once, however often it is sent.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from opentelemetry import trace

from contracts.message import Command, Event, Position, Recorded, Refused
from kernel.deciding.codec import COMMAND, FINGERPRINT, Codec, KeyDestroyed
from kernel.deciding.decider import Aggregate, Decision, Elsewhere, Ref
from kernel.deciding.remembering import Done, Folded, done_by, remember
from kernel.log.promise import Conflict, Log, NewMessage, StoredMessage
from kernel.runtime.crash import crash_here
from kernel.runtime.turns import Turns

ATTEMPTS = 6
JITTER_S = 0.005


class Contended(Exception):
    """Others were faster each time. Nothing was recorded; the same command may be sent again."""


@dataclass(frozen=True)
class Handled:
    """What became of a command: where its last event stands, its events, and the state of its target after them.

    When it recorded nothing, the position is that of the target's last event. `repeated` says that it had been
    handled before; then `events` are those of that time.
    """

    ref: Ref
    position: Position
    events: tuple[Event, ...]
    state: Any
    repeated: bool
    recording: Callable[[], tuple[Recorded, ...]] = field(default=tuple, compare=False, repr=False)

    @cached_property
    def recorded(self) -> tuple[Recorded, ...]:
        """The events as they stand in the log; made for who looks, since hardly anybody does."""
        return self.recording()


class Deciding:
    """Handles the commands of one service on its log.

    Keeps the folded states of up to `cache` aggregates; `tables` is what decisions look up. `on_append` is told the
    number of events and the seconds of each append, `on_conflict` of each lost race.
    """

    def __init__(
        self,
        log: Log,
        codec: Codec,
        aggregates: Iterable[Aggregate[Any]],
        cache: int = 50_000,
        *,
        tables: object = None,
        on_append: Callable[[int, float], None] = lambda events, seconds: None,
        on_conflict: Callable[[], None] = lambda: None,
    ) -> None:
        """Raises `ValueError` when two aggregates claim one name or one command."""
        self._log = log
        self._tables = tables
        self._codec = codec
        self._aggregates: dict[str, Aggregate[Any]] = {}
        self._deciders: dict[type[Command], tuple[Aggregate[Any], Decision[Any]]] = {}
        for aggregate in aggregates:
            if aggregate.name in self._aggregates:
                raise ValueError(f"there are two aggregates called {aggregate.name}")
            self._aggregates[aggregate.name] = aggregate
            for command, decision in aggregate.decisions.items():
                if command in self._deciders:
                    raise ValueError(f"{command.__name__} is decided twice")
                self._deciders[command] = (aggregate, decision)
        self._cache: OrderedDict[Ref, Folded] = OrderedDict()
        self._cache_size = cache
        self._turns: Turns[Ref] = Turns()
        self._on_append = on_append
        self._on_conflict = on_conflict

    async def load(self, ref: Ref) -> tuple[Any, int]:
        """The present state of an aggregate and the sequence of its last event (0: none). Raises `Unavailable`."""
        folded = await self._present(ref)
        return folded.state, folded.seq

    async def handle(self, command: Command, *, correlation_id: str | None = None) -> Handled:
        """Decide `command` and record what it decided; return once that is durable.

        A command whose id is among the last 256 of its aggregate is not decided again: it answers as it did.

        Raises `Refused` by the decider or with `idempotency-key-reused` when that id came with another content;
        `Contended` after six lost races; `Unavailable` when it is not known whether the events are stored, and
        `LogFull`. After any of them the same command may be sent again.
        """
        aggregate, decision = self._deciders[type(command)]
        target = aggregate.ref(str(getattr(command, decision.target)))
        because = self._codec.because(command, correlation_id, _traceparent())
        involved: frozenset[Ref] = frozenset((target,))
        for attempt in range(ATTEMPTS):
            loaded: dict[Ref, Folded] = {}
            # A first try holds one lock and waits for none; the later ones take theirs in order: no deadlock.
            async with self._turns.of(sorted(involved)):
                try:
                    return await self._try(command, decision, target, because, loaded, hopeful=attempt == 0)
                except Conflict:
                    self._on_conflict()
                except KeyDestroyed:
                    # The household was reset meanwhile; unless its newest state itself names a dead key.
                    if attempt == ATTEMPTS - 1:
                        raise
            involved = involved.union(loaded)
            await asyncio.sleep(random.uniform(0, JITTER_S * (attempt + 1)))  # noqa: S311
        raise Contended(f"{type(command).__name__} lost {ATTEMPTS} races")

    async def _try(
        self,
        command: Command,
        decision: Decision[Any],
        target: Ref,
        because: Mapping[str, str],
        loaded: dict[Ref, Folded],
        *,
        hopeful: bool,
    ) -> Handled:
        """Load, decide, append. Puts into `loaded` what it looked at, also when it fails.

        What is remembered may be old. `hopeful` decides on it all the same: whatever is recorded is guarded, and a no
        is only said once nothing newer is there.
        """
        folded = loaded[target] = (self._remembered(target) if hopeful else None) or await self._present(target)
        if (done := folded.done.get(because[COMMAND])) is not None:
            return await self._repeated(target, done, because)
        try:
            further = [ref for ref in dict.fromkeys(decision.neighbours(command, folded.state)) if ref != target]
            if further:
                if hopeful and decision.expects_new:
                    loaded.update((ref, self._new(ref)) for ref in further if ref not in self._cache)
                known = [ref for ref in further if ref not in loaded]
                loaded.update(zip(known, await asyncio.gather(*map(self._present, known)), strict=True))
            for ref in further:
                if (done := loaded[ref].done.get(because[COMMAND])) is not None:
                    return await self._repeated(target, done, because)
            states = {ref: loaded[ref].state for ref in further}
            outcome = decision.outcome(command, folded.state, states, self._tables)
        except Refused:
            await self._require_newest(target, folded)
            raise
        if not outcome:
            await self._require_newest(target, folded)
            return Handled(target, Position(stream=self._log.stream, seq=folded.seq), (), folded.state, repeated=False)
        decided = [(each.ref, each.event) if isinstance(each, Elsewhere) else (target, each) for each in outcome]
        crash_here(f"{type(command).__name__}.decided")
        handled = await self._record(target, decided, because, loaded)
        crash_here(f"{type(command).__name__}.appended")
        return handled

    async def _require_newest(self, target: Ref, folded: Folded) -> None:
        """Raises `Conflict` when the target has moved on: then its neighbours may be seen newer than itself."""
        if (await self._present(target)).seq != folded.seq:
            raise Conflict(f"{target.aggregate} moved on while it was looked at")

    async def _record(
        self,
        target: Ref,
        decided: Sequence[tuple[Ref, Event]],
        because: Mapping[str, str],
        loaded: Mapping[Ref, Folded],
    ) -> Handled:
        states = {ref: folded.state for ref, folded in loaded.items()}
        messages: list[NewMessage] = []
        for number, (ref, event) in enumerate(decided, 1):
            if ref not in loaded:
                raise LookupError(f"an event was decided for {ref.aggregate}, which was not named as a neighbour")
            aggregate = self._aggregates[ref.aggregate]
            states[ref] = aggregate.evolve(states[ref], event)
            message = await self._codec.encode(
                event,
                subject=self._subject(ref),
                expected=loaded[ref].seq,
                key_name=aggregate.key(states[ref]),
                because=because,
                part=(number, len(decided)),
            )
            messages.append(message)
        began = time.perf_counter()
        seqs = await self._log.append(messages)
        self._on_append(len(messages), time.perf_counter() - began)
        done = Done(because[FINGERPRINT], seqs[0], seqs[-1])
        for ref, seq in dict(zip((ref for ref, _ in decided), seqs, strict=True)).items():
            known = remember(loaded[ref].done, ((because[COMMAND], done),))
            self._keep(ref, Folded(states[ref], seq, known))

        def recording() -> tuple[Recorded, ...]:
            return tuple(map(self._codec.recorded, events, messages, seqs))

        events = tuple(event for _, event in decided)
        position = Position(stream=self._log.stream, seq=seqs[-1])
        return Handled(target, position, events, states[target], repeated=False, recording=recording)

    async def _repeated(self, target: Ref, done: Done, because: Mapping[str, str]) -> Handled:
        if done.fingerprint != because[FINGERPRINT]:
            raise Refused("idempotency-key-reused", "This key was used for another command.")
        messages: list[StoredMessage] = []
        # A reader that is left must be closed, not forgotten; the protocol only says that it can be iterated.
        reader = cast("AsyncGenerator[list[StoredMessage], None]", self._log.follow(done.first - 1))
        async with aclosing(reader) as batches:
            async for batch in batches:
                messages.extend(message for message in batch if message.seq <= done.last)
                if batch[-1].seq >= done.last:
                    break
        recorded = tuple(await self._codec.decode_many(messages))
        position = Position(stream=self._log.stream, seq=done.last)
        events = tuple(each.event for each in recorded)
        state = (await self._present(target)).state
        return Handled(target, position, events, state, repeated=True, recording=lambda: recorded)

    def aggregate(self, name: str) -> Aggregate[Any]:
        """The aggregate of that name. Raises `KeyError`."""
        return self._aggregates[name]

    def _subject(self, ref: Ref) -> str:
        return self._codec.subject(ref, self._aggregates[ref.aggregate].hashed)

    def _remembered(self, ref: Ref) -> Folded | None:
        folded = self._cache.get(ref)
        if folded is not None:
            self._cache.move_to_end(ref)
        return folded

    def _new(self, ref: Ref) -> Folded:
        return Folded(self._aggregates[ref.aggregate].initial)

    async def _present(self, ref: Ref) -> Folded:
        """What is remembered and the tail since."""
        aggregate = self._aggregates[ref.aggregate]
        known = self._remembered(ref) or Folded(aggregate.initial)
        tail = await self._log.read_subject(self._subject(ref), known.seq)
        if not tail:
            return known
        events = [recorded.event for recorded in await self._codec.decode_many(tail)]
        folded = Folded(aggregate.fold(events, known.state), tail[-1].seq, remember(known.done, map(done_by, tail)))
        self._keep(ref, folded)
        return folded

    def _keep(self, ref: Ref, folded: Folded) -> None:
        known = self._cache.get(ref)
        if known is not None and known.seq >= folded.seq:
            return
        self._cache[ref] = folded
        self._cache.move_to_end(ref)
        if len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)


def _traceparent() -> str | None:
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
