"""Who acts in person, who for somebody else, and who is told secrets.

The rule it protects: a secret goes to the person it is for, by the hands of the account directly above them. Whoever
acts for somebody else is told none, and what they make waits without one.
"""

from __future__ import annotations

from typing import TypeVar

from contracts.message import Actor, Answer, OpenMark, Role, fields_marked

A = TypeVar("A", bound=Answer)


def acts_for_another(actor: Actor) -> bool:
    """Whether somebody acts in an account that is not their own."""
    return actor.impersonator_id is not None


def hands_over(actor: Actor) -> bool:
    """Whether secrets are made for and answered to this actor, who hands them to the person they are for.

    Only the account directly above does that, in person. What anybody else makes waits for it.
    """
    return not acts_for_another(actor) and actor.role in (Role.SUPER_MANAGER, Role.DISTRIBUTOR, Role.INSTALLER)


def secrets_of(answer: type[Answer]) -> frozenset[str]:
    """The fields of an answer that are secrets: all that are not marked `Open`."""
    return frozenset(answer.model_fields) - fields_marked(answer, OpenMark)


def disclosed(actor: Actor, answer: A) -> A:
    """What of the answer to a command the actor is told."""
    return answer if hands_over(actor) else answer.model_copy(update=dict.fromkeys(secrets_of(type(answer))))
