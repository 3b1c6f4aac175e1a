"""What a whole log looks like, and what is missing when it does not.

The rule it protects: a stream refuses deletion, so whatever is not there was lost, and is either restored or accepted
by an operator who knows what it was. Nothing here asks a server: see `kernel.log.leader` and `kernel.guarding.guard`.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from kernel.log.promise import StoredMessage, Unavailable

EPOCH = "epoch"
LOSSES = "losses"
_SHOWN = 10
_SUBJECTS_REMEMBERED = 20_000


class Span(NamedTuple):
    """Sequences from `first` to `last`, both among them."""

    first: int
    last: int


Spans = tuple[Span, ...]


class Damaged(Unavailable):
    """The log lacks what it once held. It stays so until it is restored, or an operator accepts the loss."""

    def __init__(self, stream: str, what: str, spans: Spans = ()) -> None:
        super().__init__(
            f"The log {stream} is damaged: {what}. Nothing is decided on it until it is restored from a backup, "
            f"or the loss is accepted: smartplus log accept-loss {stream.lower()}"
        )
        self.stream = stream
        self.what = what
        self.spans = spans


@dataclass(frozen=True)
class Loss:
    """What an operator accepted as lost, and when (UTC, ISO 8601), who, and why.

    `holes` never come back. The events after `head` are gone too, but others have their sequences since. `epochs` are
    those that the stream had before. Keys of the vault that events up to `keys_until` name may be missing.
    """

    at: str
    by: str
    reason: str
    events: int
    holes: Spans
    head: int
    epochs: tuple[str, ...]
    keys_until: int

    def words(self) -> str:
        """For an operator, in one line."""
        return f"{self.events} events were given up on {self.at[:10]} by {self.by}: {self.reason}"

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Loss:
        """From what stands in the metadata of a stream."""
        holes = tuple(Span(*each) for each in stored["holes"])
        return cls(**{**stored, "holes": holes, "epochs": tuple(stored["epochs"])})


def losses_of(metadata: Mapping[str, str]) -> tuple[Loss, ...]:
    """The losses that the metadata of a stream name, the oldest first."""
    return tuple(Loss.of(each) for each in json.loads(metadata.get(LOSSES, "[]")))


def keys_until(losses: Iterable[Loss]) -> int:
    """Up to which sequence events may name data keys that are missing."""
    return max((loss.keys_until for loss in losses), default=0)


def losses_text(losses: Sequence[Loss]) -> str:
    """The same, as it is stored there."""
    return json.dumps([asdict(loss) for loss in losses], ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class StreamState:
    """A stream as its leader knows it; `gaps` are the sequences up to `last_seq` that are not there."""

    stream: str
    epoch: str
    last_seq: int
    gaps: Spans = ()
    losses: tuple[Loss, ...] = ()

    @property
    def accepted(self) -> Spans:
        """The gaps that an operator knows of."""
        return joined(span for loss in self.losses for span in loss.holes)


class Memory(NamedTuple):
    """What was seen of a stream before, by whom follows it: its epoch, its newest sequence, and what was missing."""

    epoch: str
    seq: int
    holes: Spans = ()


def damage_of(state: StreamState, memories: Iterable[Memory]) -> Damaged | None:
    """What is missing in a stream and was not accepted; None when it is whole."""
    spans = without(state.gaps, state.accepted)
    parts = [f"{in_words(spans)} missing"] if spans else []
    former = {epoch for loss in state.losses for epoch in loss.epochs}
    for memory in memories:
        if memory.epoch == state.epoch and memory.seq > state.last_seq:
            tail = Span(state.last_seq + 1, memory.seq)
            parts.append(f"its end is missing, {in_words((tail,))} are gone")
        elif memory.epoch != state.epoch and memory.epoch not in former:
            parts.append(f"it was made anew, and what it held before is gone: {memory.seq} events")
    return Damaged(state.stream, "; ".join(dict.fromkeys(parts)), spans) if parts else None


def joined(spans: Iterable[Span]) -> Spans:
    """The same sequences in as few spans as can be, in order."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.first <= found[-1].last + 1:
            found[-1] = Span(found[-1].first, max(found[-1].last, span.last))
        else:
            found.append(span)
    return tuple(found)


def spans_of(seqs: Iterable[int]) -> Spans:
    """These sequences as spans."""
    return joined(Span(seq, seq) for seq in seqs)


def without(spans: Iterable[Span], others: Spans) -> Spans:
    """The sequences of `spans` that are not among `others`."""
    left = list(joined(spans))
    for other in others:
        cut: list[Span] = []
        for span in left:
            cut += [Span(span.first, min(span.last, other.first - 1)), Span(max(span.first, other.last + 1), span.last)]
        left = [span for span in cut if span.first <= span.last]
    return joined(left)


def before(seq: int, gone: Spans) -> int:
    """`seq`, or the newest sequence before it that is not among those that are gone."""
    return next((span.first - 1 for span in joined(gone) if span.first <= seq <= span.last), seq)


def count_of(spans: Iterable[Span]) -> int:
    """How many sequences these are."""
    return sum(span.last - span.first + 1 for span in spans)


def in_words(spans: Spans) -> str:
    """For an operator: "8 events (3, 7 to 13)"."""
    words = [str(span.first) if span.first == span.last else f"{span.first} to {span.last}" for span in spans[:_SHOWN]]
    more = [f"and {len(spans) - _SHOWN} more gaps"] if len(spans) > _SHOWN else []
    events = count_of(spans)
    return f"{events} event{'s'[: events != 1]} ({', '.join(words + more)})"


class Chain:
    """Whether each message follows the one that it was appended after, as far as messages above `after` are seen.

    What is among `gone` need not be seen. Of more than `most` subjects, those that were seen last are looked at.
    """

    def __init__(self, after: int, gone: Spans = (), most: int = _SUBJECTS_REMEMBERED) -> None:
        self._after = after
        self._gone = gone
        self._most = most
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._has_forgotten = False

    def lacks(self, message: StoredMessage) -> int | None:
        """The sequence that must have come before this message on its subject and did not."""
        seen = self._newest.get(message.subject, 0)
        expected = message.expected or 0
        is_certain = seen or not self._has_forgotten
        if is_certain and expected > max(seen, self._after) and without((Span(expected, expected),), self._gone):
            return expected
        self._newest[message.subject] = message.seq
        self._newest.move_to_end(message.subject)
        if len(self._newest) > self._most:
            self._newest.popitem(last=False)
            self._has_forgotten = True
        return None
