"""One service, whole: from a command to what an open page hears, on real servers, also when they are killed."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from contracts.live import Changed
from contracts.message import Accepted, Refused
from kernel.connecting import connection
from kernel.log.promise import Unavailable
from kernel.process.settings import Settings
from kernel.process.telemetry import set_up_tracing
from kernel.service.running import Running, running
from kernel.talking.caller import Caller
from ops.processes import end, free_port, spawn
from ops.servers import MongoServer, NatsServer
from tests.kernel.toy import (
    ECHOED,
    INSTALLER,
    STRANGER,
    TOY,
    Count,
    Counted,
    CounterView,
    GetCounter,
    command_id,
    echo_of,
    new_id,
)
from tests.ports import is_reached_from_here_alone
from tests.waiting import eventually

SECRET = "00" * 32


def settings_for(nats_url: str, mongodb_uri: str, **more: Any) -> Settings:
    prefix = f"test_{uuid4().hex[:8]}_"
    return Settings(nats_url=nats_url, mongodb_uri=mongodb_uri, secret=SECRET, database_prefix=prefix, **more)


@pytest.fixture(scope="module")
def spans() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    unused = Settings(nats_url="nats://unused", mongodb_uri="mongodb://unused", secret=SECRET)
    set_up_tracing("toy", unused).add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


@contextmanager
def click() -> Iterator[int]:
    """Somebody's click, traced from outside; gives the id of its trace."""
    trace_id = uuid4().int
    sampled = trace.SpanContext(trace_id, 1, is_remote=True, trace_flags=trace.TraceFlags(1))
    with trace.use_span(trace.NonRecordingSpan(sampled)):
        yield trace_id


@pytest.fixture(scope="module")
async def toy(spans: InMemorySpanExporter, nats_url: str, mongodb_uri: str) -> AsyncIterator[Running]:
    async with running(TOY, settings_for(nats_url, mongodb_uri)) as at_work:
        yield at_work


def count(**fields: Any) -> Count:
    stamped = {"command_id": command_id(), "at": datetime.now(UTC), "actor": INSTALLER, "counter_id": new_id()}
    return Count(**{**stamped, **fields})


async def counted(toy: Running, counter_id: str, after: str) -> int:
    query = GetCounter(actor=INSTALLER, counter_id=counter_id, after=after)
    return (await toy.caller.view(query, CounterView)).count


async def asked(port: int, path: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        return await client.get(f"http://127.0.0.1:{port}{path}")


async def test_a_query_shows_what_was_just_commanded(toy: Running) -> None:
    command = count(by=5)
    first = await toy.caller.command(command)
    second = await toy.caller.command(count(counter_id=command.counter_id, by=2))
    assert (first.id, first.extra.count, second.extra.count) == (command.counter_id, 5, 7)
    assert await counted(toy, command.counter_id, second.position) == 7


async def test_a_command_sent_twice_counts_once(toy: Running) -> None:
    command = count(by=5)
    first, second = await asyncio.gather(toy.caller.command(command), toy.caller.command(command))
    assert first == second
    assert await counted(toy, command.counter_id, first.position) == 5


async def test_fifty_callers_on_one_counter_lose_nothing(toy: Running) -> None:
    counter_id = new_id()
    answers = await asyncio.gather(*(toy.caller.command(count(counter_id=counter_id)) for _ in range(50)))
    newest = max(answers, key=lambda accepted: accepted.extra.count)
    assert await counted(toy, counter_id, newest.position) == 50


async def test_a_decider_says_no_at_the_field(toy: Running) -> None:
    counter_id = new_id()
    await asyncio.gather(*(toy.caller.command(count(counter_id=counter_id, by=100)) for _ in range(10)))
    with pytest.raises(Refused) as caught:
        await toy.caller.command(count(counter_id=counter_id))
    assert (caught.value.code, caught.value.field) == ("counter-full", "by")


async def test_nobody_commands_or_asks_what_is_not_allowed(toy: Running) -> None:
    command = count(actor=STRANGER)
    with pytest.raises(Refused, match="not-allowed"):
        await toy.caller.command(command)
    with pytest.raises(Refused, match="not-allowed"):
        await toy.caller.query(GetCounter(actor=STRANGER, counter_id=command.counter_id))
    assert await toy.deciding.load(TOY.aggregates[0].ref(command.counter_id)) == (TOY.aggregates[0].initial, 0)


async def test_a_query_never_shows_less_than_it_was_asked_to_contain(toy: Running) -> None:
    future = GetCounter(actor=INSTALLER, counter_id=new_id(), after="TOY.999999")
    with pytest.raises(Refused, match="behind"):
        await toy.caller.query(future)
    for nonsense in ("TOY", "TOY.x", "toy.1", "TOY.1,,", "TOY.-1", "TOY.٣"):
        with pytest.raises(Refused, match="invalid"):
            await toy.caller.query(future.model_copy(update={"after": nonsense}))


async def test_what_was_just_recorded_is_never_unknown(toy: Running) -> None:
    """Also to whoever does not say what the answer must contain, as another service that asks on somebody's behalf."""
    await toy.until_projected(await toy.log.last_seq())
    # The next batch is far away for whoever is not waited for.
    for pace in toy.projector._paces.values():
        pace._longest_s = pace._times = 600
    for _ in range(3):
        accepted = await toy.caller.command(count())
        view = await toy.caller.query(GetCounter(actor=INSTALLER, counter_id=accepted.id))
        assert json.loads(view)["count"] == 1
    with pytest.raises(Refused, match="subject-unknown"):
        await toy.caller.query(GetCounter(actor=INSTALLER, counter_id=new_id()))


async def test_positions_of_other_services_do_not_hold_a_query_up(toy: Running) -> None:
    accepted = await toy.caller.command(count())
    assert await counted(toy, accepted.id, f"{accepted.position},DEVICES.999999") == 1


async def test_an_open_page_hears_what_changed_and_when_to_ask(toy: Running) -> None:
    heard: asyncio.Queue[tuple[str, Changed]] = asyncio.Queue()

    async def hear(message: Any) -> None:
        await heard.put((message.subject, Changed.model_validate_json(message.data)))

    listening = await toy.client.subscribe("live.>", cb=hear)
    accepted = await toy.caller.command(count())
    async with asyncio.timeout(5):
        while True:
            subject, changed = await heard.get()
            if accepted.id in changed.ids:
                break
    await listening.unsubscribe()
    assert subject == "live.i1.counters"
    assert await counted(toy, accepted.id, changed.position) == 1


async def test_one_trace_goes_from_the_asker_to_the_read_model(toy: Running, spans: InMemorySpanExporter) -> None:
    with click() as trace_id:
        accepted = await toy.caller.command(count())
    stored = await toy.log.read_subject(f"event.toy.counter.{accepted.id}")
    assert stored[0].headers["traceparent"].split("-")[1] == trace.format_trace_id(trace_id)

    def of_click() -> list[ReadableSpan]:
        return [span for span in spans.get_finished_spans() if span.context.trace_id == trace_id]

    async def is_projected() -> bool:
        return any(span.name == "project toy.Counted.v1" for span in of_click())

    await eventually(is_projected, 5)
    names = [span.name for span in of_click()]
    assert {"command.toy.Count ask", "command.toy.Count process", "append TOY"} <= set(names)
    assert accepted.id not in "".join(names)


async def test_a_reaction_acts_in_the_name_and_in_the_trace_of_whoever_caused_the_event(
    toy: Running, spans: InMemorySpanExporter
) -> None:
    with click() as trace_id:
        accepted = await toy.caller.command(count(by=ECHOED))
    counter = TOY.aggregates[0].ref(echo_of(accepted.id))

    async def is_echoed() -> bool:
        return (await toy.deciding.load(counter))[0].count == 1

    await eventually(is_echoed)
    (message,) = await toy.log.read_subject(f"event.toy.counter.{counter.id}")
    (echo,) = await toy.codec.decode_many([message])
    assert isinstance(echo.event, Counted)
    assert (echo.actor.account_id, echo.event.stamp) == (INSTALLER.account_id, "stamped")
    assert message.headers["traceparent"].split("-")[1] == trace.format_trace_id(trace_id)
    of_click = [span.name for span in spans.get_finished_spans() if span.context.trace_id == trace_id]
    assert "react echo_thirteen" in of_click


async def test_a_timer_that_fires_becomes_a_command(toy: Running) -> None:
    accepted = await toy.caller.command(count(tick_at=datetime.now(UTC)))

    async def has_ticked() -> bool:
        return (await toy.deciding.load(TOY.aggregates[0].ref(accepted.id)))[0].count == 1 + 2

    await eventually(has_ticked)


async def test_it_says_how_it_is_and_what_it_is(toy: Running) -> None:
    ready = await asked(toy.port, "/health/ready")
    assert ready.status_code == 200, ready.text
    assert {name: each["ok"] for name, each in ready.json()["dependencies"].items()} == {
        "nats": True,
        "mongodb": True,
        "integrity": True,
        "log": True,
        "writing": True,
        "room": True,
        "erasure": True,
        "projection": True,
        "reactions": True,
        "timers": True,
    }
    assert (await asked(toy.port, "/health/live")).json() == {"alive": True}
    assert (await asked(toy.port, "/version")).json() == {"service": "toy", "version": "6.7.0", "region": "local"}
    assert (await asked(toy.port, "/")).status_code == 404
    assert await is_reached_from_here_alone(toy.port)


async def test_metrics_tell_appends_lag_and_answers(toy: Running) -> None:
    accepted = await toy.caller.command(count())
    await counted(toy, accepted.id, accepted.position)
    level = 'smartplus_projection_lag_seconds{service="toy",stream="TOY"} 0.0'

    async def is_level() -> bool:
        return level in (await asked(toy.port, "/metrics")).text

    # The last measure may have met an event under way.
    await eventually(is_level)
    metrics = (await asked(toy.port, "/metrics")).text
    for line in (
        'smartplus_append_seconds_count{outcome="stored",service="toy"}',
        'smartplus_appended_events_total{service="toy"}',
        'smartplus_projected_events_total{service="toy",stream="TOY"}',
        'smartplus_projection_lag_events{service="toy",stream="TOY"}',
        'smartplus_projected_age_seconds_count{service="toy"}',
        'smartplus_log_bytes{service="toy"}',
        'smartplus_log_max_bytes{service="toy"} 1.073741824e+09',
        'smartplus_log_days_left{service="toy"}',
        'smartplus_dead_letters{reader="projection",service="toy"} 0.0',
        'smartplus_answers_total{message="Count",outcome="accepted",service="toy"}',
    ):
        assert line in metrics
    assert "smartplus_append_conflicts" in metrics
    assert accepted.id not in metrics


async def test_who_is_asked_whether_it_is_ready_remarks_on_events_that_wait(toy: Running) -> None:
    waiting = {"_id": "TOY.0", "subject": "event.toy.counter.0", "stream": "TOY", "seq": 0, "reason": "LookupError"}
    await toy.database["parked"].insert_one(waiting)
    await toy.database["reactions_parked"].insert_one({**waiting, "reaction": "echo_thirteen"})
    state = (await asked(toy.port, "/health/ready")).json()
    for reader in ("projection", "reactions"):
        assert state["dependencies"][reader]["ok"]
        assert "1 events wait" in state["dependencies"][reader]["remark"]

    async def is_measured() -> bool:
        text = (await asked(toy.port, "/metrics")).text
        return all(
            f'smartplus_dead_letters{{reader="{reader}",service="toy"}} 1.0' in text
            for reader in ("projection", "reactions")
        )

    await eventually(is_measured)


# --- A process of its own, and its servers' ends ---------------------------------------------------------------------


class Process:
    """The toy as its own process, with what it wrote."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, output: Path) -> None:
        self.process = process
        self.port = port
        self.output = output

    async def ready(self) -> dict[str, Any] | None:
        try:
            return dict((await asked(self.port, "/health/ready")).json())
        except httpx.HTTPError:
            return None

    async def is_ready(self) -> bool:
        return bool((await self.ready() or {}).get("ready"))

    async def until_ready(self) -> None:
        try:
            await eventually(self.is_ready)
        except TimeoutError:
            raise AssertionError(f"{await self.ready()}, {self.output.read_text()[-5000:]}") from None

    async def is_unready_for(self, dependency: str) -> bool:
        state = (await self.ready() or {}).get("dependencies", {})
        return dependency in state and not state[dependency]["ok"]

    def said(self) -> list[dict[str, Any]]:
        lines = self.output.read_text().splitlines()
        assert all(line.startswith("{") for line in lines), [line for line in lines if not line.startswith("{")]
        return [json.loads(line) for line in lines]


@asynccontextmanager
async def process(folder: Path, nats_url: str, mongodb_uri: str, **more: str) -> AsyncIterator[Process]:
    port = free_port()
    environment = {
        **os.environ,
        "NATS_URL": nats_url,
        "MONGODB_URI": mongodb_uri,
        "SMARTPLUS_SECRET": SECRET,
        "SMARTPLUS_PORT": str(port),
        "SMARTPLUS_DATABASE_PREFIX": f"test_{uuid4().hex[:8]}_",
        **more,
    }
    output = folder / f"toy-{port}.log"
    with output.open("wb") as file:
        started = await spawn([sys.executable, "-m", "tests.kernel.toy"], output=file, environment=environment)
    try:
        yield Process(started, port, output)
    finally:
        await end(started, 10)


@asynccontextmanager
async def calling(nats_url: str) -> AsyncIterator[Caller]:
    client = await connection.connect(nats_url, "test")
    secrets = Settings(nats_url=nats_url, mongodb_uri="mongodb://unused", secret=SECRET).secrets()
    try:
        yield Caller(client, secrets.actor)
    finally:
        await client.close()


async def test_sigterm_answers_what_was_taken_and_leaves_in_order(tmp_path: Path, mongodb_uri: str) -> None:
    async with (
        NatsServer(tmp_path / "nats") as server,  # its own: on a shared one the other toy would answer as well
        process(tmp_path, server.url, mongodb_uri) as toy,
        calling(server.url) as caller,
    ):
        await toy.until_ready()
        slow = [asyncio.create_task(caller.command(count(pause_s=1.0))) for _ in range(100)]

        async def is_at_work() -> bool:
            return (await caller.command(count())).extra.count == 1

        await eventually(is_at_work)
        toy.process.send_signal(signal.SIGTERM)
        assert all(isinstance(answer, Accepted) for answer in await asyncio.gather(*slow))
        assert await asyncio.wait_for(toy.process.wait(), 30) == 0
        events = [line["event"] for line in toy.said()]
        assert (events[-1], events.count("stopping"), events.count("decided")) == ("stopped", 1, 101)
        assert not [line for line in toy.said() if line["level"] != "info"]


async def test_it_is_unready_while_a_server_is_dead_and_ready_when_it_is_back(tmp_path: Path) -> None:
    async with (
        NatsServer(tmp_path / "nats") as nats_server,
        MongoServer(tmp_path / "mongod", cache_gb=0.25) as mongod,
        MongoServer(tmp_path / "vault", cache_gb=0.25) as vault,
        process(tmp_path, nats_server.url, mongod.url, MONGODB_VAULT_URI=vault.url) as toy,
        calling(nats_server.url) as caller,
    ):
        await toy.until_ready()
        counter_id = new_id()
        for dead, server in (("nats", nats_server), ("mongodb", mongod), ("vault", vault)):
            accepted = await caller.command(count(counter_id=counter_id))
            await server.kill()
            await eventually(lambda name=dead: toy.is_unready_for(name))
            assert (await asked(toy.port, "/health/live")).status_code == 200
            await server.start()
            await toy.until_ready()

            async def answers(after: str = accepted.position) -> bool:
                try:
                    query = GetCounter(actor=INSTALLER, counter_id=counter_id, after=after)
                    return (await caller.view(query, CounterView)).count > 0
                except (Refused, Unavailable):
                    return False

            await eventually(answers)
        accepted = await caller.command(count(counter_id=counter_id))
        assert accepted.extra.count == 4


async def test_a_process_that_cannot_start_says_why_in_one_line(tmp_path: Path, nats_url: str) -> None:
    nowhere = f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=200"
    async with process(tmp_path, nats_url, nowhere) as toy:
        assert await asyncio.wait_for(toy.process.wait(), 60) == 1
        assert [line["event"] for line in toy.said()] == ["cannot-go-on"]
        assert "MongoDB does not answer" in toy.said()[0]["reason"]
