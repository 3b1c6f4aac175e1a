"""What the fields of a message may hold at the most and at the least, and one beyond: made from its model."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID, uuid4

from pydantic import BaseModel
from pydantic.fields import FieldInfo

MOMENTS = (
    "1970-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999999Z",
    "1970-01-01T08:00:00+08:00",
    "1970-01-01T00:00:00+08:00",
    "2199-12-31T23:59:59.999999Z",
    "2199-12-31T23:59:59.999999-00:01",
    "2200-01-01T00:00:00Z",
    "0001-01-01T00:00:00+08:00",
    "9999-12-31T23:59:59.999999-12:00",
    "2026-11-22T09:00:00",
)
INTEGERS = (0, -1, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30)
TEXTS = (
    "",
    " ",
    "\0",
    "$where",
    "a.b",
    "$a.$b",
    "\U0001f6aa",
    "\U0010ffff",
    "\u202e",
    "\ufeff",
    "ー",
    "0",
    "-1",
    "0001-01-01T00:00:00+08:00",
)
LONG = 70_000
_ASTRAL = "\U0001f6aa"

Values = Mapping[str, object]


def bases(message: type[BaseModel], known: Values) -> dict[str, Any]:
    """A body of that message with ordinary values; `known` says what stands in fields of these names."""
    return {
        name: known[name] if name in known else _ordinary(field.annotation, field, name, known)
        for name, field in message.model_fields.items()
        if name in known or field.is_required()
    }


def variants(message: type[BaseModel], known: Values) -> Iterator[tuple[str, dict[str, Any]]]:
    """The ordinary body with one field after the other at its extremes, each with what was done to it."""
    base = bases(message, known)
    yield "as it is", base
    for name, field in message.model_fields.items():
        for value in _extremes(field.annotation, field, name, known):
            yield f"{name}={str(value)[:40]!a}", {**base, name: value}


def _bounds(field: FieldInfo | None, metadata: tuple[object, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in (*metadata, *(field.metadata if field else ())):
        parts = getattr(each, "metadata", None) or [each]
        for part in parts:
            for bound in ("min_length", "max_length", "ge", "le", "gt", "lt"):
                value = getattr(part, bound, None)
                if value is not None:
                    found[bound] = value
    return found


def _ordinary(annotation: Any, field: FieldInfo | None, name: str, known: Values) -> Any:
    kind, metadata = _opened(annotation)
    bounds = _bounds(field, metadata)
    if get_origin(kind) is tuple:
        return [_ordinary(get_args(kind)[0], None, name.removesuffix("s"), known)] * max(1, bounds.get("min_length", 0))
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        return None
    if isinstance(kind, type):
        if issubclass(kind, BaseModel):
            return bases(kind, known)
        if issubclass(kind, Enum):
            return next(iter(kind)).value
        if issubclass(kind, bool):
            return True
        if issubclass(kind, int | float):
            return bounds.get("ge", 1)
        if issubclass(kind, UUID) or name.endswith("_id"):
            return str(uuid4())
        if issubclass(kind, str):
            return "x" * max(8, bounds.get("min_length", 0))
    return "2026-11-22T09:30:00Z"


def _extremes(annotation: Any, field: FieldInfo | None, name: str, known: Values) -> Iterator[object]:
    kind, metadata = _opened(annotation)
    if kind is not annotation and type(None) in get_args(annotation):
        yield None
    bounds = _bounds(field, metadata)
    if get_origin(kind) is tuple:
        yield from _many(get_args(kind)[0], bounds, name.removesuffix("s"), known)
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        for _, body in variants(kind, known):
            yield body
    elif isinstance(kind, type) and issubclass(kind, Enum):
        yield from (each.value for each in kind)
        yield ""
    elif isinstance(kind, type) and issubclass(kind, bool):
        yield from (True, False, 2)
    elif isinstance(kind, type) and issubclass(kind, int | float):
        near = (bounds[each] + step for each in ("ge", "le", "gt", "lt") if each in bounds for step in (-1, 0, 1))
        yield from dict.fromkeys((*near, *INTEGERS))
    elif isinstance(kind, type) and issubclass(kind, str):
        yield from TEXTS
        for size in {bounds.get("min_length", 1), bounds.get("max_length", 200)}:
            yield from ("x" * size, "9" * size, _ASTRAL * size, "x" * (size + 1))
        yield "x" * LONG
    elif isinstance(kind, type) and issubclass(kind, UUID):
        yield from (str(UUID(int=0)), str(UUID(int=2**128 - 1)), "0")
    else:
        yield from MOMENTS


def _many(each: Any, bounds: Mapping[str, Any], name: str, known: Values) -> Iterator[object]:
    ordinary = known.get(name, _ordinary(each, None, name, known))
    most = bounds.get("max_length", 100)
    for size in (0, bounds.get("min_length", 1), most, most + 1):
        yield [ordinary] * size
    for extreme in _extremes(each, None, name, known):
        yield [extreme]


def _opened(annotation: Any) -> tuple[Any, tuple[object, ...]]:
    """The type behind `Annotated` and `| None`, with what is said about it."""
    metadata: tuple[object, ...] = ()
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            metadata = (*more, *metadata)
        elif get_origin(annotation) in (Union, types.UnionType):
            kinds = [each for each in get_args(annotation) if each is not type(None)]
            if len(kinds) != 1:
                return str, metadata
            annotation = kinds[0]
        else:
            return (annotation if isinstance(annotation, type) or get_origin(annotation) else datetime), metadata
