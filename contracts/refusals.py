"""Every reason for which a service says no, by its code: gathered from `REFUSALS` of all contract modules.

A code never changes its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping

from contracts.message import Refused
from contracts.modules import MODULES, refusals_of
from contracts.reasons import VALUES, Kind, Reason

_SHARED: Mapping[str, Reason] = {
    "forbidden": Reason(Kind.FORBIDDEN, "Your role does not allow this."),
    "forbidden-while-impersonating": Reason(
        Kind.FORBIDDEN, "This is not possible while you are in another account by account access."
    ),
    "for-the-holder-alone": Reason(
        Kind.FORBIDDEN, "Passwords and calls of doors go where this says: the holder of the account sets it."
    ),
    "subject-unknown": Reason(Kind.UNKNOWN, "There is nothing with this id that you could look at."),
    "position-invalid": Reason(Kind.INVALID, "This is not a position that a former answer gave."),
    "cursor-invalid": Reason(Kind.INVALID, "This is not a cursor that a former answer gave."),
    "id-taken": Reason(Kind.CONFLICT, "Something with this id exists already."),
    "sip-exhausted": Reason(Kind.CONFLICT, "No free SIP number was found. Try again."),
}

REFUSALS: Mapping[str, Reason] = {
    **_SHARED,
    **VALUES,
    **{code: reason for service in MODULES for code, reason in refusals_of(service).items()},
}


def refused(code: str, field: str | None = None) -> Refused:
    """The refusal to raise, with the sentence of its code. `field` is the field at fault, where there is one."""
    return Refused(code, REFUSALS[code].sentence, field=field)
