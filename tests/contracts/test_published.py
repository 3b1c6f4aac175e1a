"""What was published stays: shapes, examples, and the way from every old version to the present one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import create_model

from contracts.message import ERASED, Actor, Command, Event, Personal, PersonalMark, Role, fields_marked
from kernel.deciding.codec import (
    ACTOR,
    COMMAND,
    CORRELATION,
    FINGERPRINT,
    ID,
    KEY,
    PART,
    SPEC_VERSION,
    TIME,
    TYPE,
    Codec,
)
from kernel.deciding.decider import Ref
from kernel.keeping.secrets import Secrets
from kernel.keeping.vault import MemoryKeys
from kernel.log.promise import NewMessage, StoredMessage
from ops import contracts
from ops.contracts import Contract, example, example_file, published, schema, schema_file, shape

PUBLISHED = {contract.service: contract for contract in published()}
EVENTS = [pytest.param(event, id=event.type_name()) for contract in PUBLISHED.values() for event in contract.events]
EXAMPLES = [pytest.param(path, id=path.stem) for path in sorted((contracts.ROOT / "examples").rglob("*.json"))]
REGENERATE = "run `python -m ops.contracts`"


def codec_of(contract: Contract, keys: MemoryKeys | None = None) -> Codec:
    return Codec(contract.service, contract.events, keys or MemoryKeys(), Secrets(bytes(32)), contract.upcasts)


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def stored(type_name: str, body: object, **headers: str) -> StoredMessage:
    service = type_name.partition(".")[0]
    actor = Actor(account_id="a", role=Role.INSTALLER)
    told = {
        SPEC_VERSION: "1.0",
        ID: str(uuid4()),
        TYPE: type_name,
        TIME: "2026-11-22T09:30:00+00:00",
        COMMAND: str(uuid4()),
        CORRELATION: "c",
        ACTOR: actor.model_dump_json(exclude_none=True),
        FINGERPRINT: "00000000",
        PART: "1/1",
    }
    return StoredMessage(1, f"event.{service}.thing.1", told | headers, json.dumps(body).encode())


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_has_a_schema_that_is_as_it_was_published(event: type[Event]) -> None:
    assert schema_file(event).exists(), REGENERATE
    assert shape(read(schema_file(event))) == shape(schema(event)), "a new shape is a new version"


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_has_an_example(event: type[Event]) -> None:
    assert example_file(event).exists(), REGENERATE


@pytest.mark.parametrize("path", EXAMPLES)
async def test_every_example_ever_published_decodes(path: Path) -> None:
    type_name = f"{path.parent.name}.{path.stem}"
    codec = codec_of(PUBLISHED[path.parent.name])
    body = read(path)
    (recorded,) = await codec.decode_many([stored(type_name, body)])
    assert recorded.event.type_name().partition(".v")[0] == type_name.partition(".v")[0]
    if recorded.event.type_name() == type_name:
        assert recorded.event.model_dump(mode="json") == body


@pytest.mark.parametrize("path", EXAMPLES)
def test_every_example_has_the_schema_of_its_version(path: Path) -> None:
    assert (contracts.ROOT / "schemas" / path.parent.name / path.name).exists()


@pytest.mark.row("R-50")
@pytest.mark.parametrize("path", EXAMPLES)
async def test_every_example_ever_published_decodes_when_its_key_is_destroyed(path: Path) -> None:
    type_name = f"{path.parent.name}.{path.stem}"
    described = read(contracts.ROOT / "schemas" / path.parent.name / path.name)
    body = read(path)
    for field in described["x-personal"]:
        if body[field] is not None:
            body[field] = {"sealed": "", "many": True} if isinstance(body[field], list) else {"sealed": ""}
    (recorded,) = await codec_of(PUBLISHED[path.parent.name]).decode_many([stored(type_name, body, **{KEY: "gone"})])
    for field in fields_marked(type(recorded.event), PersonalMark):
        value = getattr(recorded.event, field)
        if field in body and field not in described["x-personal"]:
            assert value == body[field], "what that version had in the clear stands in its log as it is"
            continue
        assert value is ERASED or value == (ERASED,) or value is None
        assert not isinstance(value, tuple) or value[0] is ERASED


@pytest.mark.row("R-50")
@pytest.mark.parametrize("event", EVENTS)
async def test_a_destroyed_key_erases_every_personal_field(event: type[Event]) -> None:
    contract = PUBLISHED[event.type_name().partition(".")[0]]
    personal = fields_marked(event, PersonalMark)
    said = event.model_validate(example(event))
    keys = MemoryKeys()
    codec = codec_of(contract, keys)
    message = await encoded(codec, said)
    assert await decoded(codec, message) == said
    for value in words(said, personal):
        assert json.dumps(value, ensure_ascii=False).encode() not in message.body
    await keys.destroy("household/1")
    erased = await decoded(codec, message)
    for field in event.model_fields:
        value = getattr(erased, field)
        if field not in personal:
            assert value == getattr(said, field)
        elif isinstance(value, tuple):
            assert len(value) == 1
            assert value[0] is ERASED
        else:
            assert value is ERASED


def words(event: Event, personal: frozenset[str]) -> Iterator[str]:
    open_values = {getattr(event, field) for field in type(event).model_fields if field not in personal}
    for field in personal:
        value = getattr(event, field)
        for word in value if isinstance(value, tuple) else (value,):
            if word is not None and word not in open_values:
                yield word


async def encoded(codec: Codec, event: Event) -> NewMessage:
    command = Command(command_id=uuid4(), at="2026-11-22T09:30:00Z", actor=Actor(account_id="a", role=Role.INSTALLER))
    return await codec.encode(
        event,
        subject=codec.subject(Ref("thing", "1")),
        expected=0,
        key_name="household/1",
        because=codec.because(command, None, None),
    )


async def decoded(codec: Codec, message: NewMessage) -> Event:
    (recorded,) = await codec.decode_many([StoredMessage(1, message.subject, message.headers, message.body)])
    return recorded.event


class Moved(Event):
    """Somebody moved."""

    user_id: str
    address: Personal


def changed(**fields: Any) -> type[Event]:
    again = create_model("Moved", __base__=Moved, __module__=__name__, **fields)
    again.__doc__ = Moved.__doc__
    return again


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A service whose contract is what a test says; returns what the command wrote and refused."""

    def publish(event: type[Event], **options: bool) -> tuple[list[str], list[str]]:
        monkeypatch.setattr(contracts, "published", lambda: [Contract("test_published", (event,), {})])
        written, refused = contracts.write(tmp_path, **options)
        return [str(path.relative_to(tmp_path)) for path in written], [path.name for path in refused]

    return publish


def test_the_command_writes_what_is_missing_and_nothing_twice(moving: Any) -> None:
    names = ["schemas/test_published/Moved.v1.json", "examples/test_published/Moved.v1.json"]
    assert moving(Moved) == (names, [])
    assert moving(Moved) == ([], [])


@pytest.mark.parametrize(
    "fields", [{"room": (str | None, None)}, {"user_id": (int, ...)}, {"address": (str, ...)}], ids=str
)
def test_the_command_refuses_a_changed_shape_unless_it_is_asked_to(moving: Any, fields: dict[str, Any]) -> None:
    moving(Moved)
    assert moving(changed(**fields)) == ([], ["Moved.v1.json"])
    assert moving(changed(**fields), overwrite=True)[0][0] == "schemas/test_published/Moved.v1.json"
    assert moving(changed(**fields)) == ([], [])


def test_a_new_version_stands_beside_the_old_one(moving: Any, tmp_path: Path) -> None:
    moving(Moved)
    second = changed(room=(str | None, None))
    second.version = 2
    assert len(moving(second)[0]) == 2
    assert len(list(tmp_path.rglob("Moved.v*.json"))) == 4


def test_better_words_are_no_new_shape(moving: Any) -> None:
    moving(Moved)
    reworded = changed()
    reworded.__doc__ = "Somebody lives elsewhere now."
    reworded.model_rebuild(force=True)
    assert moving(reworded) == (["schemas/test_published/Moved.v1.json"], [])
