"""Commands, queries and their answers as bytes: `command.<service>.<Name>` and `query.<service>.<Name>`.

The rule it protects: who acts is proved by a signed token, never read from the body.
"""

from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from contracts.message import (
    Actor,
    Command,
    FieldRefusal,
    FilledMark,
    Query,
    Refusal,
    Refused,
    fields_marked,
    service_of,
)
from kernel.log.promise import Unavailable

M = TypeVar("M", bound=BaseModel)
CORRELATION = "correlation_id"
LOG_FULL = "log-full"
ACCEPTED, VIEW, REFUSED = b'{"accepted":', b'{"view":', b'{"refused":'

_CODES = {
    "missing": "missing",
    "extra_forbidden": "unknown-field",
    "string_too_long": "too-long",
    "too_long": "too-long",
    "string_too_short": "too-short",
    "too_short": "too-short",
    "greater_than": "out-of-range",
    "greater_than_equal": "out-of-range",
    "less_than": "out-of-range",
    "less_than_equal": "out-of-range",
    "multiple_of": "out-of-range",
    "finite_number": "out-of-range",
    "int_parsing_size": "out-of-range",
    "enum": "not-allowed",
    "literal_error": "not-allowed",
    "value_error": "malformed",
    "string_pattern_mismatch": "malformed",
    "uuid_parsing": "malformed",
    "datetime_parsing": "malformed",
    "datetime_from_date_parsing": "malformed",
    "date_from_datetime_parsing": "malformed",
    "timezone_aware": "malformed",
    "json_invalid": "malformed",
    "moment-out-of-range": "moment-out-of-range",
}


class Asked(NamedTuple):
    """What accompanies a command on its way: which chain of messages it belongs to."""

    correlation_id: str


class Elsewhere(Unavailable):
    """The service that was asked does not answer, or says that it cannot now: this one is well."""


class RefusedElsewhere(Refused):
    """A service said no; `refusal()` is what it said, with every field at fault."""

    def __init__(self, refusal: Refusal) -> None:
        first = refusal.errors[0].field if refusal.errors else None
        super().__init__(refusal.code, refusal.detail, field=first)
        self._refusal = refusal

    def refusal(self) -> Refusal:
        """As the service worded it."""
        return self._refusal


def command_subject(contract: type[Command]) -> str:
    """Where commands of that kind are sent."""
    return f"command.{service_of(contract)}.{contract.__name__}"


def query_subject(contract: type[Query]) -> str:
    """Where queries of that kind are sent."""
    return f"query.{service_of(contract)}.{contract.__name__}"


def invalid(error: ValidationError) -> Refusal:
    """Pydantic's complaint as a refusal (`invalid`): per field a stable code and a sentence, never the input."""
    faults = []
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        # Pydantic's own types have underscores; a type of our contracts is the code itself.
        code = fault["type"] if "-" in fault["type"] else _CODES.get(fault["type"], "wrong-type")
        sentence = fault["msg"].removeprefix("Value error, ")
        faults.append(FieldRefusal(field=".".join(map(str, fault["loc"])), code=code, detail=sentence[:200]))
    return Refusal(code="invalid", detail="The message is not well formed.", errors=tuple(faults))


def _refuse(*faults: FieldRefusal) -> RefusedElsewhere:
    return RefusedElsewhere(Refusal(code="invalid", detail="The message is not well formed.", errors=faults))


def encode(message: Command | Query) -> bytes:
    """The body on the wire: everything but the actor, which travels as a token, and what the service itself fills in.

    Raises `ValueError` when a field that only the service may fill is set.
    """
    filled = fields_marked(type(message), FilledMark)
    for name in filled:
        if getattr(message, name) != type(message).model_fields[name].default:
            raise ValueError(f"{type(message).__name__}.{name} is filled in by its service, never sent")
    return message.model_dump_json(exclude={"actor", *filled}).encode()


def decode(contract: type[M], body: bytes, actor: Actor) -> M:
    """The message on the wire, with `actor` as the one who acts. Raises `Refused` (`invalid`) naming each fault."""
    try:
        parsed = from_json(body, allow_inf_nan=False)
    except ValueError:
        raise _refuse(FieldRefusal(field="", code="malformed", detail="The body is not JSON.")) from None
    if not isinstance(parsed, dict):
        raise _refuse(FieldRefusal(field="", code="wrong-type", detail="The body is not a JSON object."))
    if sent := sorted(parsed.keys() & {"actor", *fields_marked(contract, FilledMark)}):
        raise _refuse(
            *(FieldRefusal(field=name, code="not-allowed", detail="This field is not the sender's.") for name in sent)
        )
    try:
        # Strict, so that "1" is not 1 and "yes" is not true; as JSON, where strictness still reads UUIDs and times.
        return contract.model_validate_json(to_json({**parsed, "actor": actor}), strict=True)
    except ValidationError as error:
        raise RefusedElsewhere(invalid(error)) from None
