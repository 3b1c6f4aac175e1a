"""Given, when, then: what an aggregate decides, said in its own words and run over the very value the service runs.

    household = Spec(HOUSEHOLD)
    household.given(added, activated).when(reset).then(was_reset)
    household.given().when(reset).then_refused("user-unknown")

The rule it protects: a decision is tested through events and commands alone, never through the state inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from contracts.message import Command, Event, Refused
from kernel.deciding.decider import Aggregate, Elsewhere, Ref


@dataclass(frozen=True)
class Given:
    """What happened before, to the aggregate and to its neighbours."""

    aggregate: Aggregate[Any]
    others: Mapping[str, Aggregate[Any]]
    events: tuple[Event, ...]
    neighbours: Mapping[Ref, tuple[Event, ...]]
    tables: object = None

    def beside(self, aggregate: str, id: str, *events: Event) -> Given:
        """What happened to another aggregate of the service, which the decision may look at."""
        return replace(self, neighbours={**self.neighbours, Ref(aggregate, id): events})

    def when(self, command: Command) -> Outcome:
        """Decide. What comes of it is told by the `then` that follows."""
        decision = self.aggregate.decisions.get(type(command))
        assert decision is not None, f"{self.aggregate.name} does not decide {type(command).__name__}"
        target = self.aggregate.ref(str(getattr(command, decision.target)))
        state = self.aggregate.fold(self.events)
        try:
            refs = [ref for ref in decision.neighbours(command, state) if ref != target]
            states = {ref: self._kind(ref.aggregate).fold(self.neighbours.get(ref, ())) for ref in refs}
            outcome = tuple(decision.outcome(command, state, states, self.tables))
        except Refused as refused:
            return Outcome(self, command, target, (), refused)
        self._require_evolving(target, outcome, {target: state, **states})
        return Outcome(self, command, target, outcome, None)

    def _kind(self, name: str) -> Aggregate[Any]:
        kind = self.aggregate if name == self.aggregate.name else self.others.get(name)
        assert kind is not None, f"Spec(...) was not told about the aggregate {name}"
        return kind

    def _require_evolving(self, target: Ref, outcome: Iterable[Event | Elsewhere], states: dict[Ref, Any]) -> None:
        for each in outcome:
            ref, event = (each.ref, each.event) if isinstance(each, Elsewhere) else (target, each)
            assert ref in states, f"an event was decided for {ref}, which is not named as a neighbour"
            kind = self._kind(ref.aggregate)
            assert type(event) in kind.events, f"{kind.name} does not list {type(event).__name__} among its events"
            states[ref] = kind.evolve(states[ref], event)


@dataclass(frozen=True)
class Outcome:
    """What was decided: events, or a refusal."""

    given: Given
    command: Command
    target: Ref
    events: tuple[Event | Elsewhere, ...]
    refused: Refused | None

    def then(self, *events: Event | Elsewhere) -> None:
        """Exactly these events, in this order; none means that there was nothing to do."""
        assert self.refused is None, f"refused: {self.refused} ({self.refused and self.refused.detail})"
        assert list(self.events) == list(events)

    def then_refused(self, code: str, field: str | None = None) -> None:
        """A refusal with this code and, when given, at this field."""
        assert self.refused is not None, f"not refused, but decided {self.events}"
        assert self.refused.code == code
        assert field is None or self.refused.field == field

    def again(self) -> Outcome:
        """The same command once more, after what it caused: a repeat should be quiet."""
        assert self.refused is None, f"refused: {self.refused}"
        given = self.given
        for each in self.events:
            ref, event = (each.ref, each.event) if isinstance(each, Elsewhere) else (self.target, each)
            if ref == self.target:
                given = replace(given, events=(*given.events, event))
            else:
                given = given.beside(*ref, *given.neighbours.get(ref, ()), event)
        return given.when(self.command)


class Spec:
    """The specs of one aggregate. `others` are the further kinds its decisions look at or write to.

    `tables` is what they look up, as the service would read it at its start.
    """

    def __init__(self, aggregate: Aggregate[Any], *others: Aggregate[Any], tables: object = None) -> None:
        self._nothing = Given(aggregate, {other.name: other for other in others}, (), {}, tables)

    def given(self, *events: Event) -> Given:
        """What happened to the aggregate before; nothing when it does not exist yet."""
        return replace(self._nothing, events=events)
