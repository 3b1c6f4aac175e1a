"""Accounts that wait for a password: made by somebody who hands none over, or emptied by Reset."""

from __future__ import annotations

from kernel.keeping.mongo import Database


async def without_password(database: Database, household_id: str) -> set[str]:
    """The accounts of a household into which nobody can log in until the installer issues a password."""
    waiting = {"household_id": household_id, "has_password": False, "closed": False}
    return {account["_id"] async for account in database["accounts"].find(waiting, {"_id": 1})}
