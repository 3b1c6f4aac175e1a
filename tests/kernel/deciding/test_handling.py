"""From command to events: recorded once, however often it is sent, whoever else is at it, whatever breaks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, assert_never
from uuid import UUID, uuid4

import pytest

from contracts.message import ERASED, Actor, Command, Event, FilledMark, Personal, Position, Refused, Role
from kernel.connecting.connection import Connection, connect
from kernel.connecting.stream import open_log
from kernel.deciding.codec import Codec
from kernel.deciding.decider import Aggregate, Decision, Elsewhere, Neighbours, Ref
from kernel.deciding.handling import Contended, Deciding, Handled
from kernel.keeping.secrets import Secrets
from kernel.keeping.vault import MemoryKeys
from kernel.log.memory import MemoryLog
from kernel.log.promise import Log, NewMessage, StoredMessage, Unavailable

pytestmark = pytest.mark.timeout(60)

SECRETS = Secrets(bytes(32))
ACTOR = Actor(account_id="i1", role=Role.INSTALLER, installer_id="i1")


class OpenHome(Command):
    """Open a home under a login name that nobody else has."""

    home_id: str
    name: str
    login: str
    salt: Annotated[str, FilledMark()] = ""


class PutIn(Command):
    """Put so many coins into a home."""

    home_id: str
    coins: int = 1


class TakeOut(Command):
    """Take coins out, if there are enough."""

    home_id: str
    coins: int


class EmptyHome(Command):
    """Take everything out and forget the name."""

    home_id: str


class Donate(Command):
    """Give one coin to the box that all homes share."""

    home_id: str


class Opened(Event):
    """A home exists."""

    home_id: str
    name: Personal
    salt: str


class CoinsPut(Event):
    """There are more coins."""

    coins: int


class CoinsTaken(Event):
    """There are fewer coins."""

    coins: int


class Emptied(Event):
    """Nothing is left of who lived here."""

    name: Personal


class LoginTaken(Event):
    """The login name leads to this home."""

    home_id: str


@dataclass(frozen=True)
class Home:
    """Who lives here, with how many coins, under which data key."""

    id: str | None = None
    name: str = ""
    salt: str = ""
    coins: int = 0
    tenancy: int = 1


def evolve(home: Home, event: Opened | CoinsPut | CoinsTaken | Emptied) -> Home:
    match event:
        case Opened():
            return replace(home, id=event.home_id, name=event.name, salt=event.salt)
        case CoinsPut():
            return replace(home, coins=home.coins + event.coins)
        case CoinsTaken():
            return replace(home, coins=home.coins - event.coins)
        case Emptied():
            return replace(home, name=event.name, coins=0, tenancy=home.tenancy + 1)
        case _:
            assert_never(event)


def open_home(command: OpenHome, home: Home, neighbours: Neighbours) -> Sequence[Event | Elsewhere]:
    login = Ref("login", command.login)
    if neighbours[login]:
        raise Refused("login-taken")
    opened = Opened(home_id=command.home_id, name=command.name, salt=command.salt)
    return [opened, CoinsPut(coins=1), Elsewhere(login, LoginTaken(home_id=command.home_id))]


def take_out(command: TakeOut, home: Home, neighbours: Neighbours) -> Sequence[Event]:
    if home.coins < command.coins:
        raise Refused("too-few-coins")
    return [CoinsTaken(coins=command.coins)]


def empty(command: EmptyHome, home: Home, neighbours: Neighbours) -> Sequence[Event]:
    return [Emptied(name="nobody")] if home.coins else []


BOX = Ref("box", "all")
HOME = Aggregate(
    name="home",
    initial=Home(),
    evolve=evolve,
    events=(Opened, CoinsPut, CoinsTaken, Emptied),
    decisions={
        OpenHome: Decision("home_id", open_home, lambda command, home: [Ref("login", command.login)]),
        PutIn: Decision("home_id", lambda command, home, neighbours: [CoinsPut(coins=command.coins)]),
        TakeOut: Decision("home_id", take_out),
        EmptyHome: Decision("home_id", empty),
        Donate: Decision(
            "home_id",
            lambda command, home, neighbours: [Elsewhere(BOX, CoinsPut(coins=1))],
            lambda command, home: [BOX],
        ),
    },
    key=lambda home: f"home/{home.id}/{home.tenancy}",
)
LOGIN = Aggregate("login", False, lambda taken, event: True, (LoginTaken,), hashed=True)
SHARED_BOX = Aggregate("box", 0, lambda coins, event: coins + event.coins, (CoinsPut,))
AGGREGATES: tuple[Aggregate[Any], ...] = (HOME, LOGIN, SHARED_BOX)
EVENTS = (Opened, CoinsPut, CoinsTaken, Emptied, LoginTaken)


@pytest.fixture(scope="module")
async def connection(nats_url: str) -> AsyncIterator[Connection]:
    client = await connect(nats_url, "test")
    yield client
    await client.close()


@pytest.fixture(params=["memory", "jetstream"])
async def log(request: pytest.FixtureRequest, connection: Connection) -> Log:
    service = f"t{uuid4().hex[:12]}"
    if request.param == "memory":
        return MemoryLog(service)
    return await open_log(connection, service, max_bytes=2**26)


@pytest.fixture
def keys() -> MemoryKeys:
    return MemoryKeys()


@dataclass(frozen=True)
class Replica:
    """One process of the service, as far as deciding goes, with the races it lost."""

    deciding: Deciding
    conflicts: list[None]

    async def handle(self, command: Command) -> Handled:
        return await self.deciding.handle(command)

    async def home(self, id: str) -> Home:
        state, _ = await self.deciding.load(HOME.ref(id))
        assert isinstance(state, Home)
        return state


def replica(log: Log, keys: MemoryKeys, cache: int = 100, aggregates: Iterable[Aggregate[Any]] = AGGREGATES) -> Replica:
    conflicts: list[None] = []
    codec = Codec(log.stream.lower(), EVENTS, keys, SECRETS)
    return Replica(Deciding(log, codec, aggregates, cache, on_conflict=lambda: conflicts.append(None)), conflicts)


@pytest.fixture
def service(log: Log, keys: MemoryKeys) -> Replica:
    return replica(log, keys)


def stamped(at: str = "2026-11-22T09:30:00Z", id: UUID | None = None) -> dict[str, Any]:
    return {"command_id": id or uuid4(), "at": at, "actor": ACTOR}


def opening(id: str, login: str | None = None, **fields: Any) -> OpenHome:
    return OpenHome(**{**stamped(), "home_id": id, "name": "Ana Kovač", "login": login or f"{id}@x.org", **fields})


def putting(id: str, coins: int = 1, **fields: Any) -> PutIn:
    return PutIn(**{**stamped(), "home_id": id, "coins": coins, **fields})


async def count(log: Log) -> int:
    return await log.last_seq()


async def test_a_command_is_recorded_and_answers_with_its_position(service: Replica, log: Log) -> None:
    handled = await service.handle(opening("1", salt="s"))
    assert handled.ref == Ref("home", "1")
    assert handled.position == Position(stream=log.stream, seq=3)
    assert [(each.aggregate, each.seq, type(each.event)) for each in handled.recorded] == [
        ("home", 1, Opened),
        ("home", 2, CoinsPut),
        ("login", 3, LoginTaken),
    ]
    assert handled.state == Home(id="1", name="Ana Kovač", salt="s", coins=1)
    assert not handled.repeated
    assert (await service.handle(putting("1"))).position.seq == 4
    assert await service.deciding.load(HOME.ref("1")) == (replace(handled.state, coins=2), 4)


async def test_what_is_remembered_is_what_the_log_holds(service: Replica, log: Log, keys: MemoryKeys) -> None:
    for command in (opening("1"), putting("1", 5), TakeOut(**stamped(), home_id="1", coins=2)):
        await service.handle(command)
    assert await service.deciding.load(HOME.ref("1")) == await replica(log, keys).deciding.load(HOME.ref("1"))


async def test_nothing_personal_enters_the_log_in_the_clear(service: Replica, log: Log) -> None:
    await service.handle(opening("1", "ana@example.org"))
    messages = await log.read_subject(f"event.{log.stream.lower()}.home.1")
    login = SECRETS.hashed("login", "ana@example.org")
    messages += await log.read_subject(f"event.{log.stream.lower()}.login.{login}")
    assert len(messages) == 3
    assert "Kova" not in repr(messages)
    assert "ana" not in repr(messages)


async def test_a_refused_command_records_nothing(service: Replica, log: Log) -> None:
    await service.handle(opening("1", "one"))
    for refused, code in (
        (TakeOut(**stamped(), home_id="1", coins=2), "too-few-coins"),
        (opening("2", "one"), "login-taken"),
    ):
        with pytest.raises(Refused) as refusal:
            await service.handle(refused)
        assert refusal.value.code == code
    assert await count(log) == 3


async def test_a_command_that_has_nothing_to_do_answers_where_the_aggregate_stands(service: Replica, log: Log) -> None:
    nowhere = await service.handle(EmptyHome(**stamped(), home_id="1"))
    assert (str(nowhere.position), nowhere.recorded) == (f"{log.stream}.0", ())
    await service.handle(opening("1"))
    await service.handle(EmptyHome(**stamped(), home_id="1"))
    await service.handle(putting("2"))
    again = await service.handle(EmptyHome(**stamped(), home_id="1"))
    assert (again.position.seq, again.recorded) == (4, ())


async def test_64_callers_of_one_aggregate_queue_and_all_succeed(service: Replica) -> None:
    await service.handle(opening("1"))
    handled = await asyncio.gather(*(service.handle(putting("1")) for _ in range(64)))
    assert (await service.home("1")).coins == 65
    assert sorted(each.position.seq for each in handled) == list(range(4, 68))
    assert sorted(each.state.coins for each in handled) == list(range(2, 66))
    assert service.conflicts == []


async def test_64_callers_at_four_replicas_count_exactly_once_each(log: Log, keys: MemoryKeys) -> None:
    replicas = [replica(log, keys) for _ in range(4)]

    async def insist(number: int) -> Handled:
        command = putting("1")
        while True:
            try:
                return await replicas[number % 4].handle(command)
            except Contended:
                continue

    handled = await asyncio.gather(*(insist(number) for number in range(64)))
    assert len({each.position.seq for each in handled}) == 64
    for each in replicas:
        assert (await each.home("1")).coins == 64
    assert await count(log) == 64
    assert any(each.conflicts for each in replicas)


async def test_two_homes_that_want_one_login_have_one_winner(log: Log, keys: MemoryKeys) -> None:
    one, other = replica(log, keys), replica(log, keys)
    for round in range(10):
        opened = await asyncio.gather(
            *(each.handle(opening(f"{round}-{n}", f"login{round}")) for n, each in enumerate((one, other, one, other))),
            return_exceptions=True,
        )
        assert sum(isinstance(each, Handled) for each in opened) == 1
        assert [each.code for each in opened if isinstance(each, Refused)] == ["login-taken"] * 3
    assert await count(log) == 30


async def test_64_homes_that_write_to_one_neighbour_all_succeed(service: Replica) -> None:
    await asyncio.gather(*(service.handle(Donate(**stamped(), home_id=str(n))) for n in range(64)))
    assert (await service.deciding.load(BOX))[0] == 64
    assert len(service.conflicts) <= 64


async def test_a_repeated_command_answers_as_it_did(service: Replica, log: Log) -> None:
    command = opening("1")
    first = await service.handle(command)
    await service.handle(putting("1"))
    again = await service.handle(OpenHome(**{**dict(command), "at": "2026-11-23T00:00:00Z", "salt": "other"}))
    assert again.repeated
    assert (again.ref, again.position, again.recorded) == (first.ref, first.position, first.recorded)
    assert again.state.coins == 2
    assert await count(log) == 4


async def test_a_repeat_is_known_after_a_restart(log: Log, keys: MemoryKeys) -> None:
    command = opening("1")
    first = await replica(log, keys).handle(command)
    restarted = replica(log, keys)
    again = await restarted.handle(command)
    assert again.repeated
    assert again == replace(first, repeated=True)
    assert await count(log) == 3


async def test_a_repeat_of_what_another_replica_did_is_known(log: Log, keys: MemoryKeys) -> None:
    here, there = replica(log, keys), replica(log, keys)
    await here.handle(opening("1"))
    await there.handle(putting("1"))
    command = putting("1", 10)
    first = await here.handle(command)
    again = await there.handle(command)
    assert again.repeated
    assert again.position == first.position
    assert (await there.home("1")).coins == 12


async def test_a_command_decided_twice_at_once_is_recorded_once_and_believed_as_recorded(
    log: Log, keys: MemoryKeys
) -> None:
    for round in range(10):
        replicas = [replica(log, keys) for _ in range(4)]
        stamp = stamped()
        handled = await asyncio.gather(
            *(each.handle(opening(str(round), salt=str(n), **stamp)) for n, each in enumerate(replicas))
        )
        assert len({each.position for each in handled}) == 1
        assert sum(not each.repeated for each in handled) == 1
        homes = [await each.home(str(round)) for each in replicas]
        assert len(set(homes)) == 1
        assert homes[0] == await replica(log, keys).home(str(round))
    assert await count(log) == 30


async def test_a_reused_command_id_is_refused_when_it_asks_for_something_else(
    service: Replica, log: Log, keys: MemoryKeys
) -> None:
    id = uuid4()
    await service.handle(putting("1", 1, command_id=id))
    for each in (service, replica(log, keys)):
        for other in (
            putting("1", 2, command_id=id),
            opening("1", command_id=id),
            putting("1", 1, command_id=id, actor=Actor(account_id="i2", role=Role.INSTALLER)),
        ):
            with pytest.raises(Refused) as refused:
                await each.handle(other)
            assert refused.value.code == "idempotency-key-reused"
    assert await count(log) == 1


async def test_one_command_id_may_serve_two_aggregates(service: Replica) -> None:
    id = uuid4()
    for home in ("1", "2"):
        assert not (await service.handle(putting(home, command_id=id))).repeated
        assert (await service.handle(putting(home, command_id=id))).repeated


async def test_a_repeat_is_known_when_only_a_neighbour_was_written(log: Log, keys: MemoryKeys) -> None:
    donation = Donate(**stamped(), home_id="1")
    for each in (here := replica(log, keys), here, replica(log, keys)):
        assert (await each.handle(donation)).position.seq == 1
    assert await count(log) == 1


async def test_the_last_256_commands_of_an_aggregate_are_known(log: Log, keys: MemoryKeys) -> None:
    service = replica(log, keys)
    commands = [putting("1") for _ in range(257)]
    for command in commands:
        await service.handle(command)
    for each in (service, replica(log, keys)):
        assert (await each.handle(commands[1])).position.seq == 2
        assert (await each.handle(commands[256])).repeated
    assert await count(log) == 257


class LosesAnswers:
    """A log that stores, and then is not heard."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.stream, self.epoch = log.stream, log.epoch
        self.read_subject, self.follow, self.last_seq = log.read_subject, log.follow, log.last_seq

    async def append(self, messages: Sequence[NewMessage], timeout_s: float = 10.0) -> tuple[int, ...]:
        await self._log.append(messages, timeout_s)
        raise Unavailable("no answer came")


async def test_a_command_whose_answer_was_lost_repeats_quietly(log: Log, keys: MemoryKeys) -> None:
    deaf = replica(LosesAnswers(log), keys)
    command = opening("1")
    with pytest.raises(Unavailable):
        await deaf.handle(command)
    for each in (deaf, replica(log, keys)):
        again = await each.handle(command)
        assert again.repeated
        assert again.position.seq == 3
    assert await count(log) == 3


async def test_a_command_whose_caller_gave_up_is_recorded_once_when_it_is_sent_again(
    log: Log, keys: MemoryKeys
) -> None:
    service = replica(log, keys)
    for n in range(20):
        command = opening(str(n))
        given_up = asyncio.create_task(service.handle(command))
        for _ in range(n):
            await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        assert (await service.handle(command)).state.coins == 1
    assert await count(log) == 60


class SomethingHappens(LosesAnswers):
    """A log where something happens just before a login is read."""

    def __init__(self, log: Log, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__(log)
        self.append = log.append  # type: ignore[method-assign]
        self.read_subject = self._read_subject
        self._meanwhile = [meanwhile]

    async def _read_subject(self, subject: str, after: int = 0) -> list[StoredMessage]:
        if ".login." in subject and self._meanwhile:
            await self._meanwhile.pop()()
        return await self._log.read_subject(subject, after)


async def test_a_repeat_that_overtakes_itself_answers_with_the_newest_state(log: Log, keys: MemoryKeys) -> None:
    there, command = replica(log, keys), opening("1")
    here = replica(SomethingHappens(log, lambda: there.handle(command)), keys)
    handled = await here.handle(command)
    assert handled.repeated
    assert handled.state == await there.home("1")


async def test_a_no_is_never_said_on_a_view_that_never_was(log: Log, keys: MemoryKeys) -> None:
    there = replica(log, keys)
    looking = replace(HOME.decisions[EmptyHome], neighbours=lambda command, home: [Ref("login", "x")])
    home = replace(HOME, decisions={**HOME.decisions, EmptyHome: looking})
    log_of_here = SomethingHappens(log, lambda: there.handle(opening("1", "x")))
    here = replica(log_of_here, keys, aggregates=(home, LOGIN))
    assert (await here.handle(EmptyHome(**stamped(), home_id="1"))).recorded


async def test_a_no_is_never_said_on_old_knowledge(log: Log, keys: MemoryKeys) -> None:
    here, there = replica(log, keys), replica(log, keys)
    await here.handle(opening("1"))
    await there.handle(putting("1", 10))
    assert (await here.handle(TakeOut(**stamped(), home_id="1", coins=11))).state.coins == 0
    await there.handle(putting("1", 5))
    emptied = await here.handle(EmptyHome(**stamped(), home_id="1"))
    assert emptied.recorded


async def test_a_yes_on_old_knowledge_is_decided_again(log: Log, keys: MemoryKeys) -> None:
    here, there = replica(log, keys), replica(log, keys)
    await here.handle(opening("1"))
    await there.handle(TakeOut(**stamped(), home_id="1", coins=1))
    with pytest.raises(Refused):
        await here.handle(TakeOut(**stamped(), home_id="1", coins=1))
    assert (await here.home("1")).coins == 0


async def test_after_a_reset_elsewhere_an_old_replica_writes_under_the_next_key(log: Log, keys: MemoryKeys) -> None:
    here, there = replica(log, keys), replica(log, keys)
    await here.handle(opening("1"))
    await there.handle(EmptyHome(**stamped(), home_id="1"))
    await keys.destroy("home/1/1")
    handled = await here.handle(opening("1", "second login"))
    assert handled.state.name == "Ana Kovač"
    fresh = await replica(log, keys).home("1")
    assert fresh == handled.state
    assert fresh.tenancy == 2


@pytest.mark.row("R-50")
async def test_what_a_destroyed_key_sealed_is_erased_in_states_too(log: Log, keys: MemoryKeys) -> None:
    await replica(log, keys).handle(opening("1"))
    await keys.destroy("home/1/1")
    assert (await replica(log, keys).home("1")).name is ERASED


async def test_only_so_many_aggregates_are_remembered(log: Log, keys: MemoryKeys) -> None:
    service = replica(log, keys, cache=2)
    for id in ("1", "2", "3"):
        await service.handle(putting(id))
    assert len(service.deciding._cache) == 2
    for id in ("1", "2", "3"):
        assert (await service.handle(putting(id))).state.coins == 2


async def test_an_event_for_an_unnamed_neighbour_is_a_bug(log: Log, keys: MemoryKeys) -> None:
    careless = replace(HOME, decisions={Donate: Decision("home_id", lambda *_: [Elsewhere(BOX, CoinsPut(coins=1))])})
    with pytest.raises(LookupError, match="not named as a neighbour"):
        await replica(log, keys, aggregates=(careless, SHARED_BOX)).handle(Donate(**stamped(), home_id="1"))


def test_names_and_commands_belong_to_one_aggregate(keys: MemoryKeys) -> None:
    log = MemoryLog("homes")
    with pytest.raises(ValueError, match="two aggregates"):
        replica(log, keys, aggregates=(HOME, HOME))
    with pytest.raises(ValueError, match="decided twice"):
        replica(log, keys, aggregates=(HOME, replace(HOME, name="other")))


class NeverAgrees(LosesAnswers):
    """A log where somebody else is always faster."""

    async def append(self, messages: Sequence[NewMessage], timeout_s: float = 10.0) -> tuple[int, ...]:
        faster = [
            replace(message, id=str(uuid4()), headers={**message.headers, "sp-command": "x"}) for message in messages
        ]
        await self._log.append(faster, timeout_s)
        return await self._log.append(messages, timeout_s)


async def test_a_command_that_loses_every_race_is_contended(log: Log, keys: MemoryKeys) -> None:
    unlucky = replica(NeverAgrees(log), keys)
    with pytest.raises(Contended):
        await unlucky.handle(putting("1"))
    assert len(unlucky.conflicts) == 6
    assert (await replica(log, keys).home("1")).coins == 6
