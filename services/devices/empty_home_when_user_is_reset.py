"""Empty a home when accounts resets its household: nobody of before gets in, nothing of them is kept (U-39..U-41)."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.accounts.leaving import UserReset
from contracts.devices.homes import EmptyHome
from contracts.message import Command, Recorded
from kernel.reacting.reaction import Context, Reaction


async def empty_home(recorded: Recorded, context: Context) -> Iterable[Command]:
    event = recorded.event
    assert isinstance(event, UserReset)
    return (EmptyHome(**context.stamp(), user_id=event.user_id, installer_id=event.installer_id),)


EMPTY_HOME = Reaction(
    name="empty_home_when_user_is_reset",
    follows="accounts",
    on={UserReset: empty_home},
)
