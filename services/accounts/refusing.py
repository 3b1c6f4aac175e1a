"""A no in the words of `contracts.refusals`, so that a code is never sent without its sentence."""

from __future__ import annotations

from contracts.message import Command, Query
from contracts.permissions import objection
from contracts.refusals import REFUSALS
from kernel.deciding.decider import Refused


def refused(code: str, field: str | None = None) -> Refused:
    """The refusal to raise. `field` is the field at fault, where there is one."""
    return Refused(code, REFUSALS[code].sentence, field=field)


def authorize(message: Command | Query) -> None:
    """Raises `Refused` when the role of whoever asks forbids it."""
    if refusal := objection(message):
        raise Refused(refusal.code, refusal.detail)
