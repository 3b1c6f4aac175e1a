"""The AsyncAPI document is what the code says, and says all of it."""

import json
from typing import Any

import pytest

from contracts.message import Command, Event, Query, View
from contracts.modules import declared
from ops.asyncapi import FILE, document, written
from ops.contracts import published

SERVICES = [contract.service for contract in published()]


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document()


def references(content: object) -> set[str]:
    if isinstance(content, dict):
        own = {content["$ref"]} if isinstance(content.get("$ref"), str) else set()
        return own.union(*(references(each) for each in content.values()))
    return set().union(*(references(each) for each in content)) if isinstance(content, list) else set()


def test_the_committed_document_is_up_to_date(described: dict[str, Any]) -> None:
    assert FILE.read_text() == written(described), "run `python -m ops.asyncapi`"


@pytest.mark.parametrize("service", SERVICES)
def test_every_message_is_described(described: dict[str, Any], service: str) -> None:
    addresses = {channel["address"] for channel in described["channels"].values()}
    assert f"event.{service}.{{aggregate}}.{{id}}" in addresses
    for command in declared(service, Command):
        assert f"command.{service}.{command.__name__}" in addresses
    for query in declared(service, Query):
        assert f"query.{service}.{query.__name__}" in addresses
    for view in declared(service, View):
        assert view.__name__ in described["components"]["schemas"]
    for event in declared(service, Event):
        assert event.type_name() in described["components"]["messages"]


def test_no_reference_leads_nowhere(described: dict[str, Any]) -> None:
    # Payloads of events hold their own definitions; everything else refers into the document.
    for reference in references({**described, "components": {**described["components"], "messages": {}}}):
        found: Any = described
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_what_the_sender_does_not_say_is_not_asked_of_him(described: dict[str, Any]) -> None:
    added = described["components"]["schemas"]["AddUser"]
    assert {"command_id", "at", "user_id", "name"} <= set(added["required"])
    assert not {"actor", "password_hash"} & set(added["properties"])
    assert added["additionalProperties"] is False


def test_the_document_is_json_that_a_person_can_read() -> None:
    assert json.loads(FILE.read_text())["asyncapi"] == "3.0.0"
    assert "\\u" not in FILE.read_text()
