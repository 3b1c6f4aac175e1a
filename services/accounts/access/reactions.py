"""End a distributor's session in an installer's account after 60 minutes, so that the trail says when it ended.

Nobody could use it any longer anyway: a session that has expired is no session.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid5

from contracts.accounts.access import EndImpersonation, SessionOpened
from contracts.message import Command, Recorded
from contracts.permissions import SYSTEM
from kernel.reacting.reaction import Context, Reaction
from kernel.reacting.timers import Due

TIME_IS_UP = "time-is-up"


async def await_end(recorded: Recorded, context: Context) -> Iterable[Command]:
    opened = recorded.event
    assert isinstance(opened, SessionOpened)
    if opened.impersonator_id is not None:
        owner = f"access.{opened.account_id}.{opened.session_id}"
        await context.timers.set(owner, TIME_IS_UP, opened.expires_at)
    return ()


def end(due: Due) -> EndImpersonation:
    """What to do when that time has come."""
    _, installer_id, session_id = due.owner.split(".")
    return EndImpersonation(
        command_id=uuid5(due.id, TIME_IS_UP),
        at=due.at,
        actor=SYSTEM,
        installer_id=installer_id,
        session_id=session_id,
    )


AWAIT_END = Reaction(name="end_impersonation_when_time_is_up", follows="accounts", on={SessionOpened: await_end})
