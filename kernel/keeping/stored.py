"""Documents that the kernel keeps for itself, read with the suspicion that somebody or something spoiled them."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")


class Spoiled(Exception):
    """A document has another shape than the one in which it was written. Its words quote no value."""


def whole(document: Any, name: str, kind: type[T]) -> T:
    """The value called `name`, which is of this kind. Raises `Spoiled`."""
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Spoiled(f"{name} is no {kind.__name__}")
    return value
