"""Which version of a form somebody read, and saving only over that one.

The rule it protects: a form that was left open does not undo in silence what somebody else saved meanwhile. It is no
lock: two that pass here at once both count, in order.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from services.gateway.http.problems import Problem


class Versioned(Protocol):
    """A view that says which version it is."""

    @property
    def revision(self) -> str: ...


def etag(view: Versioned) -> str:
    """The version as the header `ETag` has it."""
    return f'"{view.revision}"'


async def require_unchanged(if_match: str, read: Callable[[], Awaitable[Versioned]]) -> None:
    """Raises `Problem` 412 when `If-Match` was given and names another version than the one that is read now."""
    if if_match and if_match.strip() not in ("*", etag(await read())):
        raise Problem(412, "changed-meanwhile", "It was changed since it was read.")
