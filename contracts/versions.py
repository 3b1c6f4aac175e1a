"""The way from an old version of an event to the next: a pure step from body to body, in `UPCASTS` of its module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Upcast: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
Upcasts: TypeAlias = Mapping[str, Upcast]


def as_it_is(body: dict[str, Any]) -> dict[str, Any]:
    """What was in the clear before is sealed now; it reads the same."""
    return body
