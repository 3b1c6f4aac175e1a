"""The committed document of the API is what runs, and every refusal has a status."""

import json
from pathlib import Path

from contracts.refusals import REFUSALS
from services.gateway.app import described
from services.gateway.asking.bodies import PUBLIC
from services.gateway.http.problems import STATUS
from tests.gateway.api import DOCUMENT, OPERATIONS, SCHEMAS

COMMITTED = Path(__file__).parents[3] / "contracts" / "openapi.json"


def test_the_committed_document_is_the_present_one() -> None:
    assert json.loads(COMMITTED.read_text()) == described(), "run: python -m ops.openapi"


def test_every_schema_that_is_named_is_there() -> None:
    text = json.dumps(DOCUMENT)
    named = {each.partition('"')[0] for each in text.split("#/components/schemas/")[1:]}
    assert named <= SCHEMAS.keys()


def test_operation_ids_are_unique() -> None:
    assert len({each.id for each in OPERATIONS}) == len(OPERATIONS)


def test_every_body_refuses_what_it_does_not_name() -> None:
    assert all(SCHEMAS[each.body]["additionalProperties"] is False for each in OPERATIONS if each.body)


def test_no_body_contains_what_the_gateway_or_the_service_says() -> None:
    stamped = {"command_id", "at", "actor", "password_hash", "verified_hash", "current_hash", "address_of_origin"}
    for command, said in PUBLIC.items():
        assert SCHEMAS[command.__name__]["properties"].keys() == set(said.split())
        assert not stamped & set(said.split())


def test_every_refusal_of_a_service_has_a_status() -> None:
    assert REFUSALS.keys() <= STATUS.keys()
