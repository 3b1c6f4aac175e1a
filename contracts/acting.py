"""Who acts in person, who for somebody else, and who is told secrets.

The rule it protects: a secret goes to the person it is for, by the hands of the account directly above them. Whoever
acts for somebody else is told none, and what they make waits without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.message import Actor, Role

OPEN_ANSWERS = frozenset({"uid", "family_sip", "sip", "role", "must_change_password"})
"""What of `Accepted.extra` is no secret. Whatever is not named here is one."""


def acts_for_another(actor: Actor) -> bool:
    """Whether somebody acts in an account that is not their own."""
    return actor.impersonator_id is not None


def hands_over(actor: Actor) -> bool:
    """Whether secrets are made for and answered to this actor, who hands them to the person they are for.

    Only the account directly above does that, in person. What anybody else makes waits for it.
    """
    return not acts_for_another(actor) and actor.role in (Role.SUPER_MANAGER, Role.DISTRIBUTOR, Role.INSTALLER)


def disclosed(actor: Actor, extra: Mapping[str, Any]) -> dict[str, Any]:
    """What of the answer to a command the actor is told."""
    return {name: value for name, value in extra.items() if name in OPEN_ANSWERS or hands_over(actor)}
