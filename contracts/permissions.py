"""Who may ask what (L-05), gathered from the `WHO` of every contract module; and what lies in whose tree.

The rule it protects: what is not written here is forbidden. A role says what somebody may do at all; `within` says to
whom, and everything outside answers as if it did not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.acting import acts_for_another
from contracts.message import Actor, Command, Query, Refusal, Refused, Role
from contracts.modules import MODULES, who_of
from contracts.refusals import REFUSALS, refused

SYSTEM = Actor(account_id="system", role=Role.SUPER_MANAGER)
"""The region itself: its timers, its billing, its operator's command line. No session can become it."""

VISITOR = Actor(account_id="visitor", role=Role.FAMILY_MEMBER)
"""Whoever has not logged in yet."""

# A row of a module's `WHO` has a mark for each role and one for account access:
# S super manager · D distributor · I installer · P property manager · M family master · F family member · +
# A row of dots alone is the system's own; every other row is open to it as well.
_ROWS: Mapping[type[Command | Query], tuple[str, ...]] = {
    message: tuple(row.split()) for service in MODULES for message, row in who_of(service).items()
}

MAY: Mapping[type[Command | Query], frozenset[Role]] = {
    message: frozenset(role for role, mark in zip(Role, marks[:-1], strict=True) if mark != ".")
    for message, marks in _ROWS.items()
}

UNDER_ACCOUNT_ACCESS: frozenset[type[Command | Query]] = frozenset(
    message for message, marks in _ROWS.items() if marks[-1] == "+"
)
"""What may be asked while acting for somebody else. A command without the + is for the holder of the account alone.

A command has it if nothing that it does lets anybody through a door: not now, and not by what is done later.
"""


def objection(message: Command | Query) -> Refusal | None:
    """Why the actor's role forbids the message, or `None`. Says nothing about the tenant: that is `within`."""
    actor = message.actor
    if actor.account_id == SYSTEM.account_id:
        return None
    if actor.role not in MAY.get(type(message), frozenset()):
        return _refusal("forbidden")
    if acts_for_another(actor) and type(message) not in UNDER_ACCOUNT_ACCESS:
        return _refusal("forbidden-while-impersonating")
    return None


def authorize(message: Command | Query) -> None:
    """Raises `Refused` when the role of whoever asks forbids it."""
    if refusal := objection(message):
        raise Refused(refusal.code, refusal.detail)


def within(
    actor: Actor, *, distributor_id: str | None, installer_id: str | None = None, household_id: str | None = None
) -> bool:
    """Does that place of the tenant tree lie at or below the actor's own? Default: no."""
    match actor.role:
        case Role.SUPER_MANAGER:
            return True
        case Role.DISTRIBUTOR:
            return actor.distributor_id is not None and actor.distributor_id == distributor_id
        case Role.INSTALLER | Role.PROPERTY_MANAGER:
            return actor.installer_id is not None and actor.installer_id == installer_id
        case Role.FAMILY_MASTER | Role.FAMILY_MEMBER:
            return actor.household_id is not None and actor.household_id == household_id


def owned(row: Mapping[str, Any] | None, actor: Actor, code: str, *, household: str = "user_id") -> Mapping[str, Any]:
    """The document, which says whose it is; `household` names its field with the household.

    Raises `Refused` (`code`) when there is none or it is not the actor's: the one answers like the other.
    """
    if row is None or not within(
        actor,
        distributor_id=row["distributor_id"],
        installer_id=row["installer_id"],
        household_id=row[household],
    ):
        raise refused(code)
    return row


def own_installer(actor: Actor) -> str:
    """The installer at or below whom the actor is. Raises `Refused` for everybody above."""
    if actor.installer_id is None:
        raise refused("forbidden")
    return actor.installer_id


def _refusal(code: str) -> Refusal:
    return Refusal(code=code, detail=REFUSALS[code].sentence)
