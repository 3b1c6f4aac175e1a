"""Events as messages: CloudEvents headers, sealed personal fields, old versions, and messages that are no events."""

import json
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest
from pydantic import AwareDatetime, Field

from contracts.message import ERASED, Actor, Command, Event, FilledMark, Personal, Role
from kernel.deciding.codec import Codec, KeyDestroyed, Undecodable
from kernel.deciding.decider import Ref
from kernel.keeping.secrets import Secrets
from kernel.keeping.vault import MemoryKeys
from kernel.log.promise import NewMessage, StoredMessage

SECRETS = Secrets(bytes(range(32)))
KEY = "household/7/1"
SUBJECT = "event.homes.home.7"


class MoveIn(Command):
    """Move in."""

    home_id: str
    name: str
    password: Annotated[str, Field(repr=False)] = ""
    salt: Annotated[str | None, FilledMark()] = None


class MovedIn(Event):
    """Somebody moved in."""

    version = 3

    home_id: str
    name: Personal
    room: Personal | None = None
    phones: tuple[Personal | None, ...] = ()
    since: AwareDatetime | None = None


class LightsSwitched(Event):
    """The lights are on or off."""

    home_id: str
    on: bool


def said_address(body: dict[str, Any]) -> dict[str, Any]:
    return {"home_id": body["home_id"], "called": body["who"]}


def called_name(body: dict[str, Any]) -> dict[str, Any]:
    return {"home_id": body["home_id"], "name": body["called"], "phones": ()}


UPCASTS = {"test_codec.MovedIn.v1": said_address, "test_codec.MovedIn.v2": called_name}
MOVED_IN = MovedIn(home_id="7", name="Ana Kovač", phones=("+385 1 555", None), since="2026-11-22T09:30:00Z")
COMMAND = MoveIn(
    command_id=UUID("018f3c5e-0000-7000-8000-000000000001"),
    at="2026-11-22T09:30:00.123456Z",
    actor=Actor(account_id="i1", role=Role.INSTALLER, installer_id="i1", impersonator_id="Žana"),
    home_id="7",
    name="Ana Kovač",
)


@pytest.fixture
def keys() -> MemoryKeys:
    return MemoryKeys()


@pytest.fixture
def codec(keys: MemoryKeys) -> Codec:
    return Codec("homes", (MovedIn, LightsSwitched), keys, SECRETS, UPCASTS)


async def encode(codec: Codec, event: Event, key_name: str | None = KEY, expected: int = 0) -> NewMessage:
    because = codec.because(COMMAND, "click-1", "00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    return await codec.encode(event, subject=SUBJECT, expected=expected, key_name=key_name, because=because)


def stored(message: NewMessage, seq: int = 5) -> StoredMessage:
    return StoredMessage(seq, message.subject, message.headers, message.body)


async def test_an_event_is_a_cloud_event_in_binary_mode(codec: Codec) -> None:
    message = await encode(codec, LightsSwitched(home_id="7", on=True), expected=4)
    assert (message.subject, message.expected) == (SUBJECT, 4)
    assert json.loads(message.body) == {"home_id": "7", "on": True}
    assert dict(message.headers) == {
        "ce-specversion": "1.0",
        "ce-id": message.id,
        "ce-type": "test_codec.LightsSwitched.v1",
        "ce-source": "/smartplus/homes",
        "ce-subject": "home/7",
        "ce-time": "2026-11-22T09:30:00.123456+00:00",
        "content-type": "application/json",
        "sp-command": "018f3c5e-0000-7000-8000-000000000001",
        "sp-correlation": "click-1",
        "sp-actor": ('{"account_id":"i1","role":"installer","installer_id":"i1","impersonator_id":"\\u017dana"}'),
        "sp-fingerprint": codec.fingerprint(COMMAND),
        "sp-part": "1/1",
        "traceparent": "00-11111111111111111111111111111111-2222222222222222-01",
    }


async def test_an_event_comes_back_with_who_caused_it_and_when(codec: Codec) -> None:
    (recorded,) = await codec.decode_many([stored(await encode(codec, MOVED_IN))])
    assert recorded.event == MOVED_IN
    assert (recorded.stream, recorded.seq, recorded.aggregate, recorded.aggregate_id) == ("HOMES", 5, "home", "7")
    assert (recorded.at, recorded.actor) == (COMMAND.at, COMMAND.actor)
    assert (recorded.command_id, recorded.correlation_id) == (str(COMMAND.command_id), "click-1")
    assert recorded.traceparent == "00-11111111111111111111111111111111-2222222222222222-01"


@pytest.mark.row("R-50")
async def test_personal_fields_are_sealed_and_nothing_else_is(codec: Codec) -> None:
    message = await encode(codec, MOVED_IN)
    body = json.loads(message.body)
    assert message.headers["sp-key"] == KEY
    assert body["name"].keys() == {"sealed"}
    assert body["phones"].keys() == {"sealed", "many"}
    assert (body["room"], body["home_id"], body["since"]) == (None, "7", "2026-11-22T09:30:00Z")
    everything = message.body + repr(message.headers).encode()
    for said in ("Kova", "Ana", "555"):
        assert said.encode() not in everything


@pytest.mark.row("R-50")
async def test_what_a_destroyed_key_sealed_reads_as_erased(codec: Codec, keys: MemoryKeys) -> None:
    message = stored(await encode(codec, MOVED_IN))
    await keys.destroy(KEY)
    (recorded,) = await codec.decode_many([message])
    event = recorded.event
    assert isinstance(event, MovedIn)
    assert event.name is ERASED
    assert event.phones == (ERASED,)
    assert event.phones[0] is ERASED
    assert (event.room, event.home_id, event.since) == (None, "7", MOVED_IN.since)


async def test_a_person_called_erased_is_not_erased(codec: Codec) -> None:
    (recorded,) = await codec.decode_many([stored(await encode(codec, MovedIn(home_id="7", name="erased")))])
    assert isinstance(recorded.event, MovedIn)
    assert recorded.event.name is not ERASED


async def test_a_text_that_looks_sealed_stays_a_text(codec: Codec) -> None:
    said = MovedIn(home_id='{"sealed": ""}', name='{"sealed": "AAAA"}', room="x")
    (recorded,) = await codec.decode_many([stored(await encode(codec, said))])
    assert recorded.event == said


async def test_nothing_personal_is_written_under_a_destroyed_key(codec: Codec, keys: MemoryKeys) -> None:
    await keys.destroy(KEY)
    with pytest.raises(KeyDestroyed):
        await encode(codec, MOVED_IN)
    await encode(codec, LightsSwitched(home_id="7", on=True))


async def test_nothing_personal_is_written_without_a_key(codec: Codec) -> None:
    with pytest.raises(ValueError, match="names no data key"):
        await encode(codec, MOVED_IN, key_name=None)


async def test_a_sealed_field_opens_only_in_its_own_place(codec: Codec) -> None:
    one = await encode(codec, MovedIn(home_id="7", name="Ana", room="12"))
    other = await encode(codec, MovedIn(home_id="7", name="Bo", room="13"))
    body, another = json.loads(one.body), json.loads(other.body)
    swapped = body | {"name": body["room"], "room": body["name"]}
    borrowed = body | {"name": another["name"]}
    for forged in (swapped, borrowed):
        with pytest.raises(Undecodable, match="does not open"):
            await codec.decode_many([stored(replace(one, body=json.dumps(forged).encode()))])


async def test_every_event_has_an_id_of_its_own(codec: Codec) -> None:
    assert (await encode(codec, MOVED_IN)).id != (await encode(codec, MOVED_IN)).id


async def old_version(codec: Codec, version: int, body: dict[str, Any]) -> StoredMessage:
    message = await encode(codec, LightsSwitched(home_id="7", on=True))
    headers = {**message.headers, "ce-type": f"test_codec.MovedIn.v{version}"}
    return StoredMessage(1, SUBJECT, headers, json.dumps(body).encode())


async def test_old_versions_are_read_as_the_present_one(codec: Codec) -> None:
    first = await old_version(codec, 1, {"home_id": "7", "who": "Ana"})
    second = await old_version(codec, 2, {"home_id": "7", "called": "Ana"})
    recorded = await codec.decode_many([first, second])
    assert [each.event for each in recorded] == [MovedIn(home_id="7", name="Ana")] * 2


@pytest.mark.row("R-50")
async def test_an_old_version_under_a_destroyed_key_reads_as_erased(codec: Codec, keys: MemoryKeys) -> None:
    message = await old_version(codec, 1, {"home_id": "7", "who": {"sealed": "AAAA"}})
    message = replace(message, headers={**message.headers, "sp-key": KEY})
    await keys.destroy(KEY)
    (recorded,) = await codec.decode_many([message])
    assert isinstance(recorded.event, MovedIn)
    assert recorded.event.name is ERASED


def test_a_gap_between_versions_is_noticed_at_the_start(keys: MemoryKeys) -> None:
    with pytest.raises(ValueError, match=r"MovedIn\.v2"):
        Codec("homes", (MovedIn,), keys, SECRETS, {"test_codec.MovedIn.v1": said_address})
    with pytest.raises(ValueError, match="present version"):
        Codec("homes", (MovedIn,), keys, SECRETS, {"test_codec.MovedIn.v3": said_address})


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"ce-type": "test_codec.Unknown.v1"}, b"{}"),
        ({"ce-type": "test_codec.MovedIn.v9"}, b"{}"),
        ({"ce-type": "nonsense"}, b"{}"),
        ({"ce-type": None}, b'{"home_id": "7", "on": true}'),
        ({"ce-id": None}, b'{"home_id": "7", "on": true}'),
        ({"ce-time": None}, b'{"home_id": "7", "on": true}'),
        ({"ce-time": "yesterday"}, b'{"home_id": "7", "on": true}'),
        ({"sp-actor": None}, b'{"home_id": "7", "on": true}'),
        ({"sp-actor": "{}"}, b'{"home_id": "7", "on": true}'),
        ({"sp-command": None}, b'{"home_id": "7", "on": true}'),
        ({"sp-correlation": None}, b'{"home_id": "7", "on": true}'),
        ({}, b""),
        ({}, b"not json"),
        ({}, b"\xff\xfe"),
        ({}, b"[]"),
        ({}, b"null"),
        ({}, b"[" * 100_000),
        ({}, b'{"home_id": "7"}'),
        ({}, b'{"home_id": 7, "on": "perhaps"}'),
        ({"sp-key": KEY}, b"[]"),
        ({"sp-key": KEY}, b'{"home_id": {"sealed": "AAAA"}, "on": true}'),
        ({"sp-key": KEY}, b'{"home_id": {"sealed": "*"}, "on": true}'),
        ({"sp-key": KEY}, b'{"home_id": {"sealed": null}, "on": true}'),
        ({"sp-key": KEY, "ce-id": None}, b'{"home_id": {"sealed": "AAAA"}, "on": true}'),
        ({"ce-type": "test_codec.MovedIn.v1"}, b"{}"),
        ({"ce-type": "test_codec.MovedIn.v1"}, b"[]"),
        ({"ce-type": "test_codec.MovedIn.v2"}, b'{"called": 1}'),
    ],
)
async def test_a_message_that_is_no_event_is_named(codec: Codec, headers: dict[str, str | None], body: bytes) -> None:
    await codec.keys.key(KEY)
    good = await encode(codec, LightsSwitched(home_id="7", on=True))
    told = {name: value for name, value in {**good.headers, **headers}.items() if value is not None}
    bad = StoredMessage(6, SUBJECT, told, body)
    with pytest.raises(Undecodable) as refused:
        await codec.decode_many([stored(good), bad])
    assert refused.value.seq == 6
    (recorded,) = await codec.decode_many([stored(good)])
    assert recorded.seq == 5


async def test_a_message_on_a_foreign_subject_is_no_event(codec: Codec) -> None:
    good = stored(await encode(codec, LightsSwitched(home_id="7", on=True)))
    for foreign in ("event.homes", "event.other.home.7", "probe.homes.home.7"):
        with pytest.raises(Undecodable):
            await codec.decode_many([replace(good, subject=foreign)])


async def test_a_copy_that_the_server_made_of_a_message_of_another_log_is_no_event(codec: Codec) -> None:
    good = stored(await encode(codec, LightsSwitched(home_id="7", on=True)))
    with pytest.raises(Undecodable):
        await codec.decode_many([replace(good, headers={**good.headers, "Nats-Stream": "OTHER"})])


async def test_the_reason_never_quotes_what_was_said(codec: Codec) -> None:
    message = await encode(codec, MOVED_IN)
    body = {**json.loads(message.body), "since": "Ana Kovač"}
    with pytest.raises(Undecodable) as refused:
        await codec.decode_many([stored(replace(message, body=json.dumps(body).encode()))])
    assert refused.value.__cause__ is None
    assert "Kovač" not in refused.value.reason
    assert refused.value.reason.startswith("test_codec.MovedIn.v3: since ")


def test_an_aggregate_has_one_literal_subject(codec: Codec) -> None:
    assert codec.subject(Ref("home", "0C:11-05_ab+@x")) == "event.homes.home.0C:11-05_ab+@x"
    hashed = codec.subject(Ref("login", "ana@example.org"), hashed=True)
    assert hashed == f"event.homes.login.{SECRETS.hashed('login', 'ana@example.org')}"


@pytest.mark.parametrize("id", ["", "*", ">", "a.b", "a b", "a\r\nb", "é", "x" * 129])
def test_an_id_that_cannot_stand_in_a_subject_is_refused(codec: Codec, id: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in a subject"):
        codec.subject(Ref("home", id))
    assert codec.subject(Ref("home", id), hashed=True)


@pytest.mark.parametrize(
    "repeat",
    [
        {"command_id": uuid4()},
        {"at": "2026-12-01T00:00:00Z"},
        {"salt": "filled in by the service"},
        {"password": "is not told from another"},
        {"actor": Actor(account_id="i1", role=Role.INSTALLER, session_id="another", address="203.0.113.9")},
    ],
    ids=lambda repeat: str(*repeat),
)
def test_a_command_sent_again_has_the_same_fingerprint(codec: Codec, repeat: dict[str, Any]) -> None:
    assert codec.fingerprint(MoveIn.model_validate({**dict(COMMAND), **repeat})) == codec.fingerprint(COMMAND)


@pytest.mark.parametrize(
    "other", [{"name": "Bo"}, {"home_id": "8"}, {"actor": Actor(account_id="i2", role=Role.INSTALLER)}], ids=str
)
def test_another_command_has_another_fingerprint(codec: Codec, other: dict[str, Any]) -> None:
    assert codec.fingerprint(MoveIn.model_validate({**dict(COMMAND), **other})) != codec.fingerprint(COMMAND)


def test_a_fingerprint_needs_the_secret(keys: MemoryKeys, codec: Codec) -> None:
    assert Codec("homes", (), keys, Secrets(bytes(32))).fingerprint(COMMAND) != codec.fingerprint(COMMAND)
    assert len(codec.fingerprint(COMMAND)) == 8
