"""A whole service in one page, to prove the kernel's path with: a counter, one read model, one query."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID, uuid4, uuid5

from pydantic import AwareDatetime, Field

from contracts.message import Actor, Answer, Command, Event, FilledMark, Query, Recorded, Refused, Role, View
from kernel.deciding.decider import Aggregate, Decision
from kernel.deciding.handling import Handled
from kernel.reacting.reaction import Context, Reaction
from kernel.reacting.timers import Due
from kernel.reading.readmodel import ReadModel, Row
from kernel.service.declaration import Notice, Service, Tools
from kernel.service.running import run

INSTALLER = Actor(account_id="i1", role=Role.INSTALLER, distributor_id="d1", installer_id="i1")
STRANGER = Actor(account_id="f1", role=Role.FAMILY_MEMBER)
MOST = 1000
ECHOED = 13
REVOKED = "revoked"


class CountAnswer(Answer):
    """Where the counter stands now, and the chain of messages that its command belongs to."""

    count: int | None = None
    chain: str | None = None


class Count(Command[CountAnswer]):
    """Add to a counter."""

    counter_id: Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]
    by: Annotated[int, Field(ge=1, le=100)] = 1
    label: Annotated[str, Field(max_length=20)] = ""
    pause_s: float = 0.0
    tick_at: AwareDatetime | None = None
    stamp: Annotated[str | None, FilledMark()] = None


class Counted(Event):
    """A counter grew."""

    counter_id: str
    by: int
    stamp: str


class GetCounter(Query):
    """One counter, or `subject-unknown`."""

    counter_id: str


class CounterView(View):
    """What a counter stands at."""

    counter_id: str
    count: int
    at: AwareDatetime | None = None


@dataclass(frozen=True)
class Counter:
    """The state of a counter."""

    count: int = 0


def evolve(counter: Counter, event: Counted) -> Counter:
    return Counter(counter.count + event.by)


def count(command: Count, counter: Counter, neighbours: object) -> list[Event]:
    if counter.count + command.by > MOST:
        raise Refused("counter-full", f"A counter counts to {MOST}.", field="by")
    return [Counted(counter_id=command.counter_id, by=command.by, stamp=command.stamp or "")]


async def stamp(command: Count, tools: Tools) -> Count:
    await asyncio.sleep(command.pause_s)
    if command.tick_at is not None:
        await tools.timers.set(f"counter.{command.counter_id}", "tick", command.tick_at)
    return command.model_copy(update={"stamp": "stamped"})


def authorize(message: Command | Query) -> None:
    if message.actor.role is not Role.INSTALLER:
        raise Refused("not-allowed", "Only installers count.")


def answer(command: Count, handled: Handled, tools: Tools) -> CountAnswer:
    return CountAnswer(count=handled.state.count)


def project(row: Row | None, recorded: Recorded) -> Row | None:
    assert isinstance(recorded.event, Counted)
    return {"count": (row["count"] if row else 0) + recorded.event.by, "at": recorded.at}


async def get_counter(query: GetCounter, tools: Tools) -> View:
    row = await tools.database["counters"].find_one({"_id": query.counter_id})
    if row is None:
        raise Refused("subject-unknown")
    return CounterView(counter_id=query.counter_id, count=row["count"], at=row["at"])


def live(recorded: Recorded) -> Iterable[Notice]:
    yield Notice(str(recorded.actor.installer_id), "counters", recorded.aggregate_id)


def echo_of(counter_id: str) -> str:
    return str(uuid5(UUID(counter_id), "echo"))


async def echo(recorded: Recorded, context: Context) -> list[Command]:
    assert isinstance(recorded.event, Counted)
    if recorded.event.by != ECHOED:
        return []
    return [Count(**context.stamp(), counter_id=echo_of(recorded.event.counter_id))]


def tick(due: Due) -> Command:
    return Count(command_id=due.id, at=due.at, actor=INSTALLER, counter_id=due.owner.removeprefix("counter."), by=2)


TOY = Service(
    name="toy",
    aggregates=(
        Aggregate(
            name="counter",
            initial=Counter(),
            evolve=evolve,
            events=(Counted,),
            decisions={Count: Decision("counter_id", count)},
        ),
    ),
    read_models=(ReadModel("counters", keys=lambda recorded: (recorded.aggregate_id,), fold=project),),
    queries={GetCounter: get_counter},
    authorize=authorize,
    prepare={Count: stamp},
    answers={Count: answer},
    live=live,
    timers={"tick": tick},
    may_use_reserve=lambda command: isinstance(command, Count) and command.label == REVOKED,
    reactions=(Reaction("echo_thirteen", follows="toy", on={Counted: echo}),),
)


def new_id() -> str:
    return str(uuid4())


def command_id() -> UUID:
    return uuid4()


if __name__ == "__main__":
    from tests.kernel import toy  # not __main__: the name of its module is the name of its service

    run(toy.TOY)
