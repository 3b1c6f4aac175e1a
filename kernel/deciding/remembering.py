"""What is remembered of an aggregate: its folded state, and the commands that it has obeyed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kernel.deciding.codec import COMMAND, FINGERPRINT, PART
from kernel.log.promise import StoredMessage

REMEMBERED_COMMANDS = 256


@dataclass(frozen=True, slots=True)
class Done:
    """A command that one of an aggregate's events names: its events are all messages from `first` to `last`."""

    fingerprint: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Folded:
    """An aggregate as it was after its message `seq`: a true prefix of the log, perhaps not the newest."""

    state: Any
    seq: int = 0
    done: Mapping[str, Done] = field(default_factory=dict)


def remember(done: Mapping[str, Done], further: Iterable[tuple[str, Done]]) -> Mapping[str, Done]:
    """`done` and `further`, without the oldest beyond `REMEMBERED_COMMANDS`; a new mapping, since others hold this."""
    remembered = {**done, **dict(further)}
    for oldest in list(remembered)[: max(0, len(remembered) - REMEMBERED_COMMANDS)]:
        del remembered[oldest]
    return remembered


def done_by(message: StoredMessage) -> tuple[str, Done]:
    """The command that an event names, and where all its events stand."""
    # The events of one command stand in the log one after the other: they were appended as one.
    number, _, count = message.headers[PART].partition("/")
    first = message.seq - int(number) + 1
    return message.headers[COMMAND], Done(message.headers[FINGERPRINT], first, first + int(count) - 1)
