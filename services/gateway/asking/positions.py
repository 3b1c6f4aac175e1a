"""Positions as clients see them: tokens that only this region can read, so that nobody counts what others do.

The rule it protects: nothing that leaves the gateway tells a sequence, and no position is taken that it did not give to
that person. Two who compare their tokens do not even learn whether something was recorded between.
"""

from collections.abc import Iterable

from contracts.message import FieldRefusal, Position
from contracts.refusals import REFUSALS
from kernel.keeping.opaque import Opaque
from kernel.keeping.secrets import Secrets
from services.gateway.http.problems import Problem

TOKENS_MAX = 32
"""How many tokens `after` takes. A client that keeps more leaves out the oldest."""
LENGTH_MAX = 4096
"""Characters of `after`: so many tokens, each with a position in every stream."""


class Positions:
    """Seals and opens. The same for every gateway of the region, and after every start."""

    def __init__(self, secrets: Secrets) -> None:
        self._opaque = Opaque(secrets, "positions")

    def sealed(self, positions: str, person: str) -> str:
        """One token for that account, for positions with commas between them. Raises `ValueError` on what is none."""
        # As many digits for every sequence: the length tells nothing.
        return self._opaque.sealed(",".join(f"{stream}.{seq:018d}" for stream, seq in _newest([positions])), person)

    def opened(self, after: str, person: str) -> str:
        """The newest position in each stream that that person's tokens name, with commas. Raises `Problem` 400."""
        tokens = after.split(",")
        opened = [text for each in tokens[: TOKENS_MAX + 1] if (text := self._opaque.opened(each, person)) is not None]
        if len(opened) < len(tokens) or len(tokens) > TOKENS_MAX:
            code = "position-invalid"
            fault = FieldRefusal(field="after", code=code, detail=REFUSALS[code].sentence)
            raise Problem(400, "invalid", errors=[fault])
        return merged(opened)


def merged(positions: Iterable[str]) -> str:
    """The newest position in each stream, with commas. Raises `ValueError` on what is no position."""
    return ",".join(f"{stream}.{seq}" for stream, seq in _newest(positions))


def _newest(positions: Iterable[str]) -> list[tuple[str, int]]:
    newest: dict[str, int] = {}
    for text in positions:
        for each in map(Position.parse, text.split(",")):
            newest[each.stream] = max(each.seq, newest.get(each.stream, 0))
    return sorted(newest.items())
