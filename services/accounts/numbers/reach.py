"""Where people of a household are reached, and who may set that while acting for somebody else.

The rule it protects: a password goes to an e-mail address or a mobile number, and who answers a door's call opens the
door. So whoever acts in an account that is not their own brings nobody there (threat 18).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from contracts.acting import acts_for_another
from contracts.message import Actor
from contracts.refusals import refused

Landlines = Sequence[str | None]


def check_reach(
    actor: Actor,
    present: tuple[str | None, str | None],
    wanted: tuple[str | None, str | None],
) -> None:
    """Refuses (`for-the-holder-alone`) another e-mail address or mobile number; to take one away is no harm."""
    _check(actor, zip(("email", "mobile"), present, wanted, strict=True))


def check_landlines(actor: Actor, present: Landlines, wanted: Landlines) -> None:
    """Refuses (`for-the-holder-alone`) a landline that the household does not have yet."""
    _check(
        actor,
        ((f"landlines.{number}", one if one in present else None, one) for number, one in enumerate(wanted)),
    )


def _check(actor: Actor, fields: Iterable[tuple[str, str | None, str | None]]) -> None:
    if not acts_for_another(actor):
        return
    for field, present, wanted in fields:
        if wanted and wanted != present:
            raise refused("for-the-holder-alone", field)
