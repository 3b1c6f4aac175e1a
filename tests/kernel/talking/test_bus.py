"""The bus on a real server: what is sent arrives as meant, a no is an answer, and nobody learns what he should not."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.message import Accepted, Refused
from kernel.log.promise import Unavailable
from kernel.process.settings import Settings
from kernel.process.telemetry import ANSWER_SECONDS, ANSWERS, REGISTRY
from kernel.talking import actor as proof
from kernel.talking.broker import client_of, make_broker
from kernel.talking.caller import Caller
from kernel.talking.endpoints import Endpoints
from kernel.talking.wire import Asked, RefusedElsewhere, command_subject, encode, query_subject
from tests.kernel.toy import INSTALLER, Count, CountAnswer, CounterView, GetCounter, command_id, new_id

KEY = b"k" * 32


@pytest.fixture
def settings(nats_url: str) -> Settings:
    return Settings(nats_url=nats_url, mongodb_uri="mongodb://unused", secret="00" * 32)


class Served:
    """The toy's endpoints, with answers that a test may replace."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.broker: NatsBroker = make_broker(settings, "toy")
        self.endpoints = Endpoints(self.broker, "toy", KEY, workers=8)
        self.endpoints.command(Count, self._obey)
        self.endpoints.query(GetCounter, self._look)
        self.obeyed: list[Count] = []
        self.failure: Exception | None = None
        self.answer: CountAnswer | None = None
        self.gate: asyncio.Event | None = None
        self.at_work = asyncio.Semaphore(0)

    async def _obey(self, command: Count, asked: Asked) -> Accepted[CountAnswer]:
        self.at_work.release()
        if self.gate:
            await self.gate.wait()
        if self.failure:
            raise self.failure
        self.obeyed.append(command)
        answer = self.answer or CountAnswer(chain=asked.correlation_id)
        return Accepted[type(answer)](id=command.counter_id, position="TOY.1", extra=answer)

    async def _look(self, query: GetCounter) -> bytes:
        return CounterView(counter_id=query.counter_id, count=3).model_dump_json().encode()


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Served]:
    served = Served(settings)
    await served.broker.connect()
    await served.endpoints.open()
    yield served
    await served.broker.stop()


@pytest.fixture
def client(served: Served) -> Client:
    return client_of(served.broker)


@pytest.fixture
def caller(client: Client) -> Caller:
    return Caller(client, KEY)


def count(**fields: Any) -> Count:
    return Count(
        **{"command_id": command_id(), "at": datetime.now(UTC), "actor": INSTALLER, "counter_id": new_id(), **fields}
    )


async def raw(client: Client, body: bytes, token: str | None = None) -> dict[str, Any]:
    subject = command_subject(Count)
    token = token or proof.sign(INSTALLER, subject, body, KEY)
    answer = await client.request(subject, body, timeout=5, headers={proof.HEADER: token})
    return dict(json.loads(answer.data))


def with_fields(**fields: Any) -> bytes:
    return json.dumps({**json.loads(encode(count())), **fields}).encode()


async def test_a_command_arrives_as_it_was_sent_with_the_actor_who_signed(caller: Caller, served: Served) -> None:
    command = count(by=7, label="Ünïcode 你好 שלום")
    accepted = await caller.command(command, correlation_id="chain-1")
    assert served.obeyed == [command]
    assert accepted == Accepted(id=command.counter_id, position="TOY.1", extra=CountAnswer(chain="chain-1"))


async def test_an_answer_is_written_as_it_ever_was(client: Client, served: Served) -> None:
    served.answer = CountAnswer(count=3)
    told = await raw(client, encode(count(counter_id="00000000-0000-0000-0000-000000000001")))
    assert told == {
        "accepted": {"id": "00000000-0000-0000-0000-000000000001", "position": "TOY.1", "extra": {"count": 3}}
    }


async def test_what_a_newer_service_answers_besides_is_passed_over(caller: Caller, served: Served) -> None:
    class NewerAnswer(CountAnswer):
        colour: str = "red"

    served.answer = NewerAnswer(count=3)
    assert (await caller.command(count())).extra == CountAnswer(count=3)


async def test_a_query_is_answered_with_the_bytes_of_its_view(caller: Caller) -> None:
    query = GetCounter(actor=INSTALLER, counter_id="c")
    assert await caller.query(query) == b'{"counter_id":"c","count":3,"at":null}'
    assert await caller.view(query, CounterView) == CounterView(counter_id="c", count=3)


async def test_a_refusal_is_an_answer_with_code_sentence_and_field(caller: Caller, served: Served) -> None:
    served.failure = Refused("too-many", "No more than five.", field="by")
    with pytest.raises(RefusedElsewhere) as caught:
        await caller.command(count())
    assert caught.value.refusal() == served.failure.refusal()


@pytest.mark.parametrize(
    ("fields", "where", "code"),
    [
        ({"colour": "red"}, "colour", "unknown-field"),
        ({"by": "1"}, "by", "wrong-type"),
        ({"by": True}, "by", "wrong-type"),
        ({"by": 1.5}, "by", "wrong-type"),
        ({"by": 101}, "by", "out-of-range"),
        ({"by": int("9" * 400)}, "by", "out-of-range"),
        ({"label": "x" * 10_000}, "label", "too-long"),
        ({"label": {"$ne": 1}}, "label", "wrong-type"),
        ({"label": ["a"]}, "label", "wrong-type"),
        ({"counter_id": "../etc"}, "counter_id", "malformed"),
        ({"counter_id": None}, "counter_id", "wrong-type"),
        ({"command_id": "7"}, "command_id", "malformed"),
        ({"at": "2026-01-01T00:00:00"}, "at", "malformed"),
        ({"stamp": "mine"}, "stamp", "not-allowed"),
        ({"stamp": None}, "stamp", "not-allowed"),
        ({"actor": {"account_id": "somebody-else", "role": "super_manager"}}, "actor", "not-allowed"),
    ],
)
async def test_a_body_that_is_not_the_command_is_refused_at_its_field(
    client: Client, served: Served, fields: dict[str, Any], where: str, code: str
) -> None:
    refused = (await raw(client, with_fields(**fields)))["refused"]
    assert refused["code"] == "invalid"
    assert [(each["field"], each["code"]) for each in refused["errors"]] == [(where, code)]
    assert served.obeyed == []


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{", b'"\\ud800"', b'{"by": NaN}', b"\xff\xfe", b"[" * 5000, b'{"label": "\\ud800"}']
)
async def test_a_body_that_is_not_a_json_object_is_refused(client: Client, body: bytes) -> None:
    refused = (await raw(client, body))["refused"]
    assert refused["code"] == "invalid"
    assert refused["errors"][0]["code"] in ("malformed", "wrong-type")


async def test_a_missing_field_is_named(client: Client) -> None:
    refused = (await raw(client, b"{}"))["refused"]
    assert {(each["field"], each["code"]) for each in refused["errors"]} == {
        (name, "missing") for name in ("command_id", "at", "counter_id")
    }


async def test_an_actor_nobody_vouches_for_is_refused(client: Client, served: Served) -> None:
    body, subject = encode(count()), command_subject(Count)
    signed = proof.sign(INSTALLER, subject, body, KEY)
    for token in (
        "x",
        "ü",
        f"{signed[:-4]}AAA=",
        proof.sign(INSTALLER, subject, body, b"z" * 32),
        proof.sign(INSTALLER, "command.devices.Count", body, KEY),
        proof.sign(INSTALLER, query_subject(GetCounter), body, KEY),
        proof.sign(INSTALLER, subject, encode(count()), KEY),
        proof.sign(INSTALLER, subject, body + b" ", KEY),
        proof.sign(INSTALLER, subject, body, KEY, now=0),
        proof.sign(INSTALLER, subject, body, KEY, now=time.time() - 95),
        proof.sign(INSTALLER, subject, body, KEY, now=time.time() + 95),
    ):
        assert (await raw(client, body, token))["refused"]["code"] == "actor-unproved", token
    nameless = await client.request(command_subject(Count), body, timeout=5)
    assert json.loads(nameless.data)["refused"]["code"] == "actor-unproved"
    assert served.obeyed == []


async def test_a_token_is_of_use_once(client: Client, served: Served) -> None:
    body, subject = encode(count()), command_subject(Count)
    token = proof.sign(INSTALLER, subject, body, KEY)
    assert "accepted" in await raw(client, body, token)
    assert (await raw(client, body, token))["refused"]["code"] == "actor-unproved"
    assert len(served.obeyed) == 1
    query = encode(GetCounter(actor=INSTALLER, counter_id="c"))
    asked = {proof.HEADER: proof.sign(INSTALLER, query_subject(GetCounter), query, KEY)}
    answers = [await client.request(query_subject(GetCounter), query, timeout=5, headers=asked) for _ in range(2)]
    assert ["view" in json.loads(each.data) for each in answers] == [True, False]


async def test_an_answer_goes_to_an_inbox_and_nowhere_else(client: Client, served: Served) -> None:
    heard: list[str] = []

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    await client.subscribe("event.toy.>", cb=hear)
    body, subject = encode(count()), command_subject(Count)
    for reply in ("event.toy.counter.1", "_INBOXES.x", ""):
        await client.publish(subject, body, reply, {proof.HEADER: proof.sign(INSTALLER, subject, body, KEY)})
    assert "accepted" in await raw(client, body)
    assert (len(served.obeyed), heard) == (1, [])


async def test_what_is_remembered_of_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_MOST_REMEMBERED", 3)
    verifier = proof.Verifier(KEY)
    for _ in range(10):
        verifier.verify(proof.sign(INSTALLER, "s", b"", KEY), "s", b"")
    assert len(verifier._taken) == 3
    later = time.time() + 1000
    verifier.verify(proof.sign(INSTALLER, "s", b"", KEY, now=later), "s", b"", now=later)
    assert len(verifier._taken) == 1


async def test_a_caller_who_finds_nobody_for_a_moment_is_believed_at_the_next_attempt(served: Served) -> None:
    asker = make_broker(served.settings, "asker")
    await asker.connect()
    await served.broker.stop()
    asked = asyncio.create_task(Caller(client_of(asker), KEY).command(count()))
    again = Served(served.settings)
    await again.broker.connect()
    await again.endpoints.open()
    await asked
    assert len(again.obeyed) == 1
    await again.broker.stop()
    await asker.stop()


async def test_what_the_service_fills_in_cannot_be_sent(caller: Caller) -> None:
    with pytest.raises(ValueError, match="filled in by its service"):
        await caller.command(count(stamp="mine"))


async def test_an_unexpected_error_is_logged_once_and_told_to_nobody(
    caller: Caller, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    served.failure = RuntimeError("the password is swordfish")
    with pytest.raises(Refused) as caught:
        await caller.command(count())
    assert caught.value.code == "internal"
    assert "swordfish" not in caught.value.refusal().model_dump_json()
    assert capsys.readouterr().out.count("RuntimeError: the password is swordfish") == 1


async def test_a_log_that_cannot_say_is_unavailable_and_not_a_refusal(caller: Caller, served: Served) -> None:
    served.failure = Unavailable("no answer")
    with pytest.raises(Unavailable):
        await caller.command(count())


async def test_what_is_larger_than_a_message_is_told_and_not_lost(caller: Caller, served: Served) -> None:
    served.answer = CountAnswer(chain="x" * 2_000_000)
    with pytest.raises(Refused, match="internal"):
        await caller.command(count())
    with pytest.raises(Refused, match="too-large"):
        await caller.query(GetCounter(actor=INSTALLER, counter_id="x" * 2_000_000))


async def test_commands_are_obeyed_at_the_same_time(caller: Caller, served: Served) -> None:
    served.gate = asyncio.Event()
    asked = [asyncio.create_task(caller.command(count())) for _ in range(8)]
    async with asyncio.timeout(5):
        for _ in asked:
            await served.at_work.acquire()
    served.gate.set()
    await asyncio.gather(*asked)


async def test_draining_answers_all_that_was_taken_and_takes_no_more(caller: Caller, served: Served) -> None:
    served.gate = asyncio.Event()
    asked = [asyncio.create_task(caller.command(count())) for _ in range(20)]
    await served.at_work.acquire()
    draining = asyncio.create_task(served.endpoints.drain(10))
    refusal = ""
    while not refusal.startswith("nobody answers"):  # until the server has taken the unsubscription in
        with pytest.raises(Unavailable) as caught:
            await caller.command(count(), timeout_s=0.2)
        refusal = str(caught.value)
    assert not draining.done()
    served.gate.set()
    await draining
    await asyncio.gather(*asked)
    assert len(served.obeyed) >= 20


async def test_an_answer_that_never_comes_is_unavailable_in_time(caller: Caller, served: Served) -> None:
    served.gate = asyncio.Event()
    with pytest.raises(Unavailable, match="in time"):
        await caller.command(count(), timeout_s=0.2)
    served.gate.set()


async def test_metrics_carry_patterns_and_never_subjects(caller: Caller) -> None:
    await caller.command(count())
    labels = {value for family in REGISTRY.collect() for sample in family.samples for value in sample.labels.values()}
    assert not [label for label in labels if label.startswith("_INBOX.")]
    assert ANSWER_SECONDS.labels("toy", "Count")._sum.get() > 0
    assert ANSWERS.labels("toy", "Count", "accepted")._value.get() >= 1
