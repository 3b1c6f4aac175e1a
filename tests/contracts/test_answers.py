"""What a command answers is declared with it: made by its service, described to clients, and no secret by default."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel

from contracts.accounts.access import OpenSession
from contracts.accounts.partners import CreateDistributor
from contracts.acting import secrets_of
from contracts.message import Accepted, Answer, Command, accepted_of, answer_of
from contracts.modules import MODULES, declared
from kernel.service.declaration import Service
from services.accounts.__main__ import SERVICE as ACCOUNTS
from services.devices.__main__ import SERVICE as DEVICES
from tests.gateway.api import DOCUMENT
from tests.kernel.toy import TOY, Count, CountAnswer

ROOT = Path(__file__).parents[2] / "contracts"
ANSWERS = [each for service in MODULES for each in declared(service, Answer)]


class OpenAnswer(Answer):
    """An answer of a test."""

    anything: dict[str, Any] = {}


def models() -> Iterator[type[BaseModel]]:
    """Every model of every contract module."""
    for path in sorted(ROOT.rglob("*.py")):
        module = import_module(".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"))
        yield from (each for each in vars(module).values() if isinstance(each, type) and issubclass(each, BaseModel))


def says_anything(annotation: object) -> bool:
    return annotation is Any or any(map(says_anything, get_args(annotation)))


def undescribed(model: type[BaseModel]) -> list[str]:
    return [name for name, field in model.model_fields.items() if says_anything(field.annotation)]


def test_no_message_has_a_part_that_is_not_described() -> None:
    assert undescribed(OpenAnswer) == ["anything"]
    assert {model.__name__: undescribed(model) for model in models() if undescribed(model)} == {}


@pytest.mark.parametrize("service", [ACCOUNTS, DEVICES], ids=lambda service: service.name)
def test_a_service_answers_what_is_declared_and_nothing_else(service: Service) -> None:
    for command, tell in service.answers.items():
        assert get_type_hints(tell)["return"] is answer_of(command), command.__name__
    assert {answer_of(each) for each in service.commands} - {Answer} <= set(declared(service.name, Answer))


@pytest.mark.parametrize("answers", [{}, {Count: TOY.answers[Count], CreateDistributor: TOY.answers[Count]}])
def test_no_service_starts_that_answers_otherwise(answers: Any) -> None:
    with pytest.raises(ValueError, match="not declared, or not made"):
        Service("toy", TOY.aggregates, answers=answers)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.__name__)
def test_a_secret_can_be_left_out(answer: type[Answer]) -> None:
    assert all(answer.model_fields[name].default is None for name in secrets_of(answer))


def test_what_is_not_told_is_not_written() -> None:
    accepted = Accepted[CountAnswer](id="a", position="TOY.1", extra=CountAnswer(count=3))
    assert accepted.model_dump_json() == '{"id":"a","position":"TOY.1","extra":{"count":3}}'
    assert CountAnswer.model_json_schema(mode="serialization")["properties"]["count"] == {
        "title": "Count",
        "type": "integer",
    }


def test_each_answer_stands_in_the_document_of_the_api() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for command in (each for service in MODULES for each in declared(service, Command)):
        # Whoever logs in is shown their session.
        if command is not OpenSession:
            answer = answer_of(command).__name__
            assert schemas[accepted_of(command).__name__]["properties"]["extra"]["$ref"].endswith(f"/{answer}")
            assert schemas[answer]["properties"].keys() == answer_of(command).model_fields.keys()
