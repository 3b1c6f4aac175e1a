"""How a service decides: pure functions from a command and what is true to the events that make it true.

Nothing here knows a clock, a network or a database. An aggregate is declared once, as a value, and the same value is
run by the service, by the specs and by `smartplus events show`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from contracts.message import Command, Event, Refused

S = TypeVar("S")


def together(*checks: Callable[[], Any]) -> tuple[Any, ...]:
    """What each of the checks answers. Raises one `Refused` with all that any of them refuses, each at its field."""
    answers: list[Any] = []
    refusals: list[Refused] = []
    for check in checks:
        try:
            answers.append(check())
        except Refused as refused:
            refusals.append(refused)
    refuse(refusals)
    return tuple(answers)


def refuse(refusals: Iterable[Refused]) -> None:
    """Raise these as one; nothing when there are none. Of several that differ the code is `invalid`."""
    found = list(refusals)
    if not found:
        return
    errors = [each for refused in found for each in refused.refusal().errors]
    if len(found) == 1 or not errors:
        raise found[0]
    code, detail = found[0].code, found[0].detail
    if len({refused.code for refused in found}) > 1:
        code, detail = "invalid", "Several fields are wrong."
    raise Refused(code, detail, errors=errors)


class Ref(NamedTuple):
    """The name of one aggregate of the deciding service: its kind and its id."""

    aggregate: str
    id: str


class Elsewhere(NamedTuple):
    """An event for another aggregate of the same service, stored in the same atomic step or not at all."""

    ref: Ref
    event: Event


Neighbours = Mapping[Ref, Any]
Outcome = Sequence[Event | Elsewhere]


@dataclass(frozen=True)
class Decision(Generic[S]):
    """How one command is decided.

    `target` names the field that holds the aggregate's id. `decide(command, state, neighbours)` returns events in
    order, none when there is nothing to do, or raises `Refused`. `neighbours(command, state)` names the further
    aggregates that `decide` looks at or writes to; one that is written is guarded like the target itself.
    `looks_up` hands `decide` what the service read at its start, its tables, as a fourth argument.
    `expects_new` takes neighbours that are not remembered for ones without any event, and looks only when the guard
    finds otherwise: for decisions that make many new ones, and write to each that they find new.
    """

    target: str
    decide: Callable[..., Outcome]
    neighbours: Callable[[Any, S], Iterable[Ref]] = lambda command, state: ()
    expects_new: bool = False
    looks_up: bool = False

    def outcome(self, command: Command, state: S, neighbours: Neighbours, tables: object) -> Outcome:
        """What is decided. Raises `Refused`."""
        looked_up = (tables,) if self.looks_up else ()
        return self.decide(command, state, neighbours, *looked_up)


@dataclass(frozen=True)
class Aggregate(Generic[S]):
    """One kind of aggregate: what it starts as, how facts change it, and what may be asked of it.

    `hashed` aggregates have personal ids (an e-mail address): only a keyed hash of the id enters the log.
    `key(state)` names the data key that encrypts the personal fields of an event, asked of the state after that event;
    `None` where the aggregate records nothing personal.
    """

    name: str
    initial: S
    evolve: Callable[[S, Any], S]
    events: tuple[type[Event], ...]
    decisions: Mapping[type[Command], Decision[S]] = field(default_factory=dict)
    key: Callable[[S], str | None] = lambda state: None
    hashed: bool = False

    def ref(self, id: str) -> Ref:
        """The reference to the aggregate of this kind with that id."""
        return Ref(self.name, id)

    def fold(self, events: Iterable[Event], state: S | None = None) -> S:
        """What is true after those events."""
        folded = self.initial if state is None else state
        for event in events:
            folded = self.evolve(folded, event)
        return folded
