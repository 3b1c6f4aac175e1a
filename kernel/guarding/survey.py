"""Reading a whole stream to say what is missing in it, as nothing else can: a server may skip a message in silence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from kernel.guarding.log_memory import keys_missing, keys_named
from kernel.keeping.mongo import Collection
from kernel.log.integrity import (
    Chain,
    Loss,
    Memory,
    Span,
    Spans,
    StreamState,
    count_of,
    in_words,
    joined,
    keys_until,
    without,
)
from kernel.log.jetstream import JetStreamLog
from kernel.log.promise import StoredMessage

_PAGE = 1000


@dataclass(frozen=True)
class Survey:
    """What a stream lacks and nobody accepted.

    `holes` are gaps in it; `end` is what was seen after its present end; `before` counts the events of the stream that
    stood here under an epoch of `epochs`. `torn` are subjects on which a message follows one that is gone. `keys`
    counts the data keys that its events name and the vault does not know.
    """

    state: StreamState
    holes: Spans
    end: Spans
    before: int
    epochs: tuple[str, ...]
    torn: tuple[str, ...]
    keys: int

    @property
    def events(self) -> int:
        """How many events are gone."""
        return count_of(self.holes) + count_of(self.end) + self.before

    @property
    def is_whole(self) -> bool:
        return not (self.holes or self.end or self.epochs or self.keys)

    def words(self) -> list[str]:
        """For an operator, one fact a line; empty when nothing is missing."""
        lines = []
        if self.holes:
            lines.append(f"{in_words(self.holes)} missing within it")
        if self.end:
            lines.append(f"{in_words(self.end)} missing at its end")
        if self.epochs:
            lines.append(f"the whole stream that stood here before is missing, with {self.before} events")
        if self.keys:
            lines.append(f"the vault lacks {self.keys} data keys: what they sealed cannot be read any more")
        return lines

    def accepted(self, at: str, by: str, reason: str) -> Loss:
        """The loss that somebody accepts with this survey before their eyes."""
        last = self.state.last_seq
        epochs = (self.state.epoch, *self.epochs)
        return Loss(at, by, reason, self.events, self.holes, last, epochs, last if self.keys else 0)


async def survey(log: JetStreamLog, memories: Iterable[Memory], vault: Collection) -> Survey:
    """Read the whole stream. `memories` are those of all who follow it. Raises `Unavailable`."""
    state = await log.leader.state()
    begin = keys_until(state.losses)
    chain = Chain(0, state.accepted, most=state.last_seq + 1)
    holes: list[Span] = list(state.gaps)
    torn: dict[str, None] = {}
    lost_keys: set[str] = set()
    after = 0
    async for page in pages(log, state.last_seq):
        for message in page:
            if message.seq > after + 1:
                holes += await _lost(log, Span(after + 1, message.seq - 1), tuple(holes))
            if chain.lacks(message) is not None:
                torn[message.subject] = None
            after = message.seq
        names = keys_named([message for message in page if message.seq > begin])
        lost_keys |= await keys_missing(vault, names) if names else set()
    if after < state.last_seq:
        holes += await _lost(log, Span(after + 1, state.last_seq), tuple(holes))
    seen = list(memories)
    newest = max((each.seq for each in seen if each.epoch == state.epoch), default=0)
    known = {state.epoch, *(epoch for loss in state.losses for epoch in loss.epochs)}
    former = {each.epoch: each.seq for each in sorted(seen, key=lambda each: each.seq) if each.epoch not in known}
    return Survey(
        state,
        without(holes, state.accepted),
        (Span(state.last_seq + 1, newest),) if newest > state.last_seq else (),
        max(former.values(), default=0),
        tuple(former),
        tuple(torn),
        len(lost_keys),
    )


async def pages(log: JetStreamLog, head: int, start: int = 1) -> AsyncIterator[list[StoredMessage]]:
    """All messages from `start` to `head`, as one replica has them. Raises `Unavailable`."""
    while start <= head:
        page = [message for message in await log.some(start, _PAGE) if message.seq <= head]
        if not page:
            return
        yield page
        start = page[-1].seq + 1


async def _lost(log: JetStreamLog, span: Span, known: Spans) -> Spans:
    """What of a gap that one replica shows the leader lacks too."""
    asked = [seq for each in without((span,), known) for seq in range(each.first, each.last + 1)]
    return joined([Span(seq, seq) for seq in asked if not await log.leader.has(seq)])
