"""The people and households of the browser tests: one real system, and everybody with an account of their own in it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import randrange
from typing import Any
from uuid import uuid4

from contracts.accounts.sites import LinkSite
from contracts.accounts.terms import ActivateUser
from contracts.permissions import SYSTEM
from kernel.talking.caller import Caller
from tests.house import House, Person, distributor, house, installer, super_manager, system

ABOUT = {
    "SMARTPLUS_REGION": "Riverside",
    "SMARTPLUS_SALES_EMAIL": "sales@riverside.example",
    "SMARTPLUS_SUPPORT_EMAIL": "support@riverside.example",
    "SMARTPLUS_TELEPHONE": "+49 30 5557788",
    "SMARTPLUS_MANUALS_URL": "https://riverside.example/manuals",
    "SMARTPLUS_TICKET_URL": "https://riverside.example/tickets",
    "SMARTPLUS_SMART_HOME_URL": "https://riverside.example/smart-home",
}
LOCALES = Path(__file__).parents[2] / "web" / "src" / "locales"


def texts(language: str) -> dict[str, Any]:
    """What the console says in that language."""
    said: dict[str, Any] = json.loads((LOCALES / f"{language}.json").read_text())
    return said


def an_email(word: str) -> str:
    return f"{word}-{uuid4().hex[:8]}@example.org"


def a_mobile() -> str:
    """A German mobile number without its area code that nobody else has."""
    return f"151{randrange(10**8):08}"


@dataclass
class Town:
    """A running system with its first people; every test adds its own below them."""

    house: House
    caller: Caller
    root: Person
    distributor: Person
    people: list[Person] = field(default_factory=list)
    positions: dict[str, Any] = field(default_factory=dict)

    async def installer(self, name: str = "Bright Intercoms", *, above: Person | None = None) -> Person:
        self.people.append(await installer(self.house, above or self.distributor, name))
        return self.people[-1]

    async def another_distributor(self, name: str) -> Person:
        self.people.append(await distributor(self.house, self.root, name))
        return self.people[-1]

    async def household(self, owner: Person, name: str, *, activated: bool = False, **fields: Any) -> str:
        """A household of that installer; its id."""
        form = {"name": name, "address": "5 rue des Lilas", "premium": False, **fields}
        made = await owner.do("POST", "/users", json=form)
        if activated:
            await self.activate(str(made["id"]))
        self.positions[str(made["id"])] = made["position"]
        return str(made["id"])

    async def user(self, owner: Person, user_id: str) -> dict[str, Any]:
        """What the installer reads about a household that was added here."""
        return await owner.do("GET", f"/users/{user_id}", params={"after": self.positions[user_id]})

    async def households(self, owner: Person, names: list[str]) -> None:
        """Many households, the last name the newest."""
        for start in range(0, len(names), 4):
            await asyncio.gather(*(self.household(owner, name) for name in names[start : start + 4]))

    async def activate(self, user_id: str) -> None:
        await self._as_the_region(ActivateUser, user_id=user_id)

    async def link(self, user_id: str, site_id: str) -> None:
        await self._as_the_region(LinkSite, user_id=user_id, site_id=site_id)

    async def member(self, owner: Person, user_id: str, name: str, **fields: Any) -> str:
        made = await owner.do("POST", f"/users/{user_id}/members", json={"name": name, **fields})
        return str(made["id"])

    async def offer_access(self, installer: Person, *, above: Person | None = None, granted: bool = False) -> None:
        path = f"/installers/{installer.account_id}/account-access"
        await (above or self.distributor).do("PUT", path, json={"enabled": True})
        if granted:
            await installer.do("PUT", "/account-access", json={"granted": True})

    async def _as_the_region(self, kind: type[Any], **fields: Any) -> None:
        await self.caller.command(kind(command_id=uuid4(), at=datetime.now(UTC), actor=SYSTEM, **fields))


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    async with house(folder, more=ABOUT) as built, system(built) as caller:
        root = await super_manager(built)
        above = await distributor(built, root)
        made = Town(built, caller, root, above)
        yield made
        for person in (root, above, *made.people):
            await person.http.aclose()
