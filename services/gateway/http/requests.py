"""How a request's JSON is read: strictly, so that two readers of the same bytes can never see two documents.

The rule it protects: whatever arrives, the answer is a document that was meant, or a refusal that says what is wrong.
"""

import json
from typing import Any, Never

from litestar.connection import Request
from litestar.datastructures import State
from pydantic import BaseModel, ValidationError

from services.gateway.http import form_faults
from services.gateway.http.problems import Problem

DEPTH_LIMIT = 32
PARTS_LIMIT = 2_000
"""Fields and entries of lists in one document, at all its depths: each may be a fault that is worded."""


class _Fields:
    """Makes the objects of one document. Raises `Problem` on a field that is named twice, and on too many."""

    def __init__(self) -> None:
        self._left = PARTS_LIMIT

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self._left -= max(1, len(pairs))
        if self._left < 0:
            raise _too_many_parts()
        document = dict(pairs)
        if len(document) != len(pairs):
            raise Problem(400, "malformed", "The document names a field twice.")
        return document


def _too_many_parts() -> Problem:
    return Problem(413, "too-large", f"A document has at most {PARTS_LIMIT} fields and entries.")


def _no_constant(name: str) -> Never:
    raise Problem(400, "malformed", f"{name} is not JSON.")


def _depth_within(document: object) -> bool:
    left = PARTS_LIMIT
    level: list[object] = [document]
    for _ in range(DEPTH_LIMIT + 1):
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return True
        left -= len(level)
        if left < 0:
            raise _too_many_parts()
    return False


def parsed(raw: bytes) -> object:
    """The document in `raw`. Raises `Problem` on anything but UTF-8 JSON without duplicate names, within the bounds."""
    try:
        document = json.loads(raw.decode("utf-8"), object_pairs_hook=_Fields(), parse_constant=_no_constant)
    except RecursionError:
        raise Problem(400, "malformed", "The document is nested too deeply.") from None
    except ValueError:  # also UnicodeDecodeError, JSONDecodeError and integers of more than 4,300 digits
        raise Problem(400, "malformed", "The body is not JSON.") from None
    if not _depth_within(document):
        raise Problem(400, "malformed", "The document is nested too deeply.")
    return document


class StrictRequest(Request[None, None, State]):
    """A request whose JSON body is read as the handler's declared model, or refused."""

    async def json(self) -> BaseModel:
        media_type, parameters = self.content_type
        if media_type != "application/json" or parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
            raise Problem(415, "unsupported-media-type", "The body must be application/json in UTF-8.")
        if self.headers.get("content-encoding", "identity") != "identity":
            raise Problem(415, "unsupported-media-type", "The body must not be compressed.")
        declared = self.route_handler.parsed_data_field
        assert declared is not None
        model: type[BaseModel] = declared.annotation
        raw = await self.body()
        document = parsed(raw)
        try:
            return model.model_validate_json(raw, strict=True)
        except ValidationError as error:
            if error.errors(include_input=False)[0]["type"] == "json_invalid":  # half a surrogate pair: no text at all
                raise Problem(400, "malformed", "The body is not JSON.") from None
            form_faults.refuse(error, document if isinstance(document, dict) else {})
