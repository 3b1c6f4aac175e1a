"""A decision that expects new neighbours saves looking at them; when it is wrong it looks, and doubles nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.message import Actor, Command, Event, Role
from kernel.connecting.connection import Connection, connect
from kernel.connecting.stream import open_log
from kernel.deciding.codec import Codec
from kernel.deciding.decider import Aggregate, Decision, Elsewhere, Neighbours, Ref
from kernel.deciding.handling import Contended, Deciding, Handled
from kernel.keeping.secrets import Secrets
from kernel.keeping.vault import MemoryKeys
from kernel.log.memory import MemoryLog
from kernel.log.promise import Log, StoredMessage

pytestmark = pytest.mark.timeout(60)

ACTOR = Actor(account_id="i1", role=Role.INSTALLER, installer_id="i1")
SECRETS = Secrets(bytes(32))


class TakeList(Command):
    """Give a number to each of these names that nobody has."""

    list_id: str
    names: tuple[str, ...]


class NameTaken(Event):
    """The name is that list's."""

    list_id: str


class ListTaken(Event):
    """The list was gone through."""

    refused: tuple[str, ...]


def of(name: str) -> Ref:
    return Ref("name", name)


def take(command: TakeList, lists: int, there: Neighbours) -> Sequence[Event | Elsewhere]:
    free = [name for name in command.names if there[of(name)] is None]
    refused = tuple(name for name in command.names if name not in free)
    taken = [Elsewhere(of(name), NameTaken(list_id=command.list_id)) for name in free]
    return [*taken, ListTaken(refused=refused)]


LIST: Aggregate[int] = Aggregate(
    name="list",
    initial=0,
    evolve=lambda lists, event: lists + 1,
    events=(ListTaken,),
    decisions={
        TakeList: Decision("list_id", take, lambda command, lists: map(of, command.names), expects_new=True),
    },
)
NAME: Aggregate[str | None] = Aggregate("name", None, lambda owner, event: event.list_id, (NameTaken,))


@pytest.fixture(scope="module")
async def connection(nats_url: str) -> AsyncIterator[Connection]:
    client = await connect(nats_url, "test")
    yield client
    await client.close()


@pytest.fixture(params=["memory", "jetstream"])
async def log(request: pytest.FixtureRequest, connection: Connection) -> Log:
    service = f"t{uuid4().hex[:12]}"
    return MemoryLog(service) if request.param == "memory" else await open_log(connection, service, max_bytes=2**26)


@dataclass
class Replica:
    """One process of the service, with the names it looked at and the races it lost."""

    log: Log
    looked_at: list[str] = field(default_factory=list)
    conflicts: int = 0

    def __post_init__(self) -> None:
        codec = Codec(self.log.stream.lower(), (NameTaken, ListTaken), MemoryKeys(), SECRETS)
        self._deciding = Deciding(_Watched(self.log, self.looked_at), codec, (LIST, NAME), on_conflict=self._lost)

    def _lost(self) -> None:
        self.conflicts += 1

    async def take(self, *names: str, list_id: str = "1", id: UUID | None = None) -> Handled:
        told: dict[str, Any] = {"command_id": id or uuid4(), "at": "2026-11-22T09:30:00Z", "actor": ACTOR}
        return await self._deciding.handle(TakeList(**told, list_id=list_id, names=names))


class _Watched:
    """A log that writes down whose events were read."""

    def __init__(self, log: Log, looked_at: list[str]) -> None:
        self._log = log
        self._looked_at = looked_at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def read_subject(self, subject: str, after: int = 0) -> list[StoredMessage]:
        _, _, aggregate, id = subject.split(".")
        if aggregate == "name":
            self._looked_at.append(id)
        return await self._log.read_subject(subject, after)


async def owners(log: Log) -> dict[str, int]:
    """Each name, with how often it was taken."""
    taken: dict[str, int] = {}
    for name in ("a", "b", "c", "d"):
        taken[name] = len(await log.read_subject(f"event.{log.stream.lower()}.name.{name}"))
    return taken


def refused(handled: Handled) -> tuple[str, ...]:
    told = handled.recorded[-1].event
    assert isinstance(told, ListTaken)
    return told.refused


async def test_what_is_new_is_not_looked_at(log: Log) -> None:
    service = Replica(log)
    assert refused(await service.take("a", "b", "c")) == ()
    assert (service.looked_at, service.conflicts) == ([], 0)
    assert await owners(log) == {"a": 1, "b": 1, "c": 1, "d": 0}


async def test_what_is_remembered_is_looked_at_and_needs_no_conflict(log: Log) -> None:
    service = Replica(log)
    await service.take("a", "b")
    assert refused(await service.take("b", "c", list_id="2")) == ("b",)
    assert (service.looked_at, service.conflicts) == (["b"], 0)
    assert await owners(log) == {"a": 1, "b": 1, "c": 1, "d": 0}


async def test_a_wrong_expectation_leads_to_a_real_look_and_doubles_nothing(log: Log) -> None:
    await Replica(log).take("b")
    service = Replica(log)
    assert refused(await service.take("a", "b", "c", list_id="2")) == ("b",)
    assert service.conflicts == 1
    assert sorted(service.looked_at) == ["a", "b", "c"]
    assert await owners(log) == {"a": 1, "b": 1, "c": 1, "d": 0}


async def test_a_repeat_at_a_process_that_remembers_nothing_answers_as_before(log: Log) -> None:
    id = uuid4()
    first = await Replica(log).take("a", "b", id=id)
    again = await Replica(log).take("a", "b", id=id)
    assert (again.repeated, again.position, again.recorded) == (True, first.position, first.recorded)
    assert await owners(log) == {"a": 1, "b": 1, "c": 0, "d": 0}


async def test_two_processes_that_expect_the_same_names_new_share_them_out(log: Log) -> None:
    async def insist(service: Replica, list_id: str, *names: str) -> Handled:
        while True:
            try:
                return await service.take(*names, list_id=list_id)
            except Contended:
                continue

    one, other = await asyncio.gather(
        insist(Replica(log), "1", "a", "b", "c"), insist(Replica(log), "2", "c", "b", "d")
    )
    assert await owners(log) == {"a": 1, "b": 1, "c": 1, "d": 1}
    assert sorted(refused(one) + refused(other)) == ["b", "c"]
