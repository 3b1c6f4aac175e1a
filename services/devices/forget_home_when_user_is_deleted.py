"""Forget a home when accounts deletes its household: devices and cameras go, their MACs are free again (R-12)."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.accounts.leaving import UserDeleted
from contracts.devices.homes import ForgetHome
from contracts.message import Command, Recorded
from kernel.reacting.reaction import Context, Reaction


async def forget_home(recorded: Recorded, context: Context) -> Iterable[Command]:
    event = recorded.event
    assert isinstance(event, UserDeleted)
    return (ForgetHome(**context.stamp(), user_id=event.user_id, installer_id=event.installer_id),)


FORGET_HOME = Reaction(
    name="forget_home_when_user_is_deleted",
    follows="accounts",
    on={UserDeleted: forget_home},
)
