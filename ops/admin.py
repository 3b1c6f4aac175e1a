"""What only the operator of a region can do."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from contracts.accounts.partners import CreateSuperManager
from contracts.permissions import SYSTEM
from ops.calling import calling


async def create_super_manager(name: str, email: str, initial_password: str | None) -> str | None:
    """Make an account that creates distributors; its first password, if it was made up. Raises `Refused`."""
    async with calling("smartplus admin") as caller:
        command = CreateSuperManager(
            command_id=uuid4(),
            at=datetime.now(UTC),
            actor=SYSTEM,
            account_id=str(uuid4()),
            name=name,
            email=email,
            initial_password=initial_password,
        )
        accepted = await caller.command(command)
    return accepted.extra.credential
