"""The accounts service on real servers, and people who ask it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from contracts.accounts.access import GetSession, OpenSession, SessionView
from contracts.accounts.households import AddUser
from contracts.accounts.partners import CreateDistributor, CreateInstaller
from contracts.accounts.terms import ActivateUser
from contracts.message import Accepted, Actor, Command, Query, Refused, Role
from contracts.modules import views_of
from contracts.permissions import SYSTEM, VISITOR
from kernel.process.settings import Settings
from kernel.service.running import Running, running
from ops.servers import NatsServer
from services.accounts.__main__ import SERVICE
from tests.asking import newer, seen

Q = TypeVar("Q", bound=Query)


@dataclass
class Region:
    """A running accounts service, and how one speaks to it."""

    service: Running
    position: str | None = None

    async def tell(self, kind: type[Command], actor: Actor, /, **fields: Any) -> Accepted:
        """Send a command; what is asked afterwards contains what it recorded."""
        stamps = {"command_id": uuid4(), "at": datetime.now(UTC), "actor": actor}
        accepted = await self.service.caller.command(kind(**{**stamps, **fields}))
        self.position = newer(self.position, accepted.position)
        return accepted

    async def see(self, kind: type[Query], actor: Actor, /, **fields: Any) -> Any:
        """The view that answers a query, as new as everything that was told here."""
        query = kind(**{"actor": actor, "after": self.position, **fields})
        return await seen(self.service.caller, query, views_of("accounts")[kind])

    async def distributor(self, name: str = "North Doors") -> Actor:
        account_id = str(uuid4())
        root = Actor(account_id=str(uuid4()), role=Role.SUPER_MANAGER)
        email = f"{account_id[:8]}@north.example.org"
        await self.tell(CreateDistributor, root, distributor_id=account_id, name=name, email=email)
        return Actor(account_id=account_id, role=Role.DISTRIBUTOR, distributor_id=account_id)

    async def installer(self, above: Actor | None = None, **fields: Any) -> Actor:
        above = above or await self.distributor()
        account_id = str(uuid4())
        told = {
            "installer_id": account_id,
            "name": "Bright Intercoms",
            "email": f"{account_id[:8]}@bright.example.org",
            "time_zone": "Asia/Shanghai",
        }
        await self.tell(CreateInstaller, above, **{**told, **fields})
        return Actor(
            account_id=account_id,
            role=Role.INSTALLER,
            distributor_id=above.distributor_id,
            installer_id=account_id,
            address="192.0.2.1",
        )

    async def user(self, installer: Actor, *, activated: bool = False, **fields: Any) -> tuple[str, Accepted]:
        user_id = str(uuid4())
        form = {"user_id": user_id, "name": "Li Wei", "address": "100 Century Avenue, Shanghai", "premium": False}
        accepted = await self.tell(AddUser, installer, **{**form, **fields})
        if activated:
            await self.tell(ActivateUser, SYSTEM, user_id=user_id)
        return user_id, accepted

    async def log_in(self, identifier: str, password: str) -> SessionView:
        """Raises `Refused`."""
        session_id = hashlib.sha256(uuid4().bytes).hexdigest()
        actor = VISITOR.model_copy(update={"address": "192.0.2.99"})
        accepted = await self.tell(
            OpenSession, actor, identifier=identifier, password=password, session_id=session_id, agent="Firefox"
        )
        view: SessionView = await self.see(GetSession, VISITOR, session_id=session_id)
        assert view.account_id == accepted.id
        return view

    async def is_over(self, session: SessionView) -> bool:
        """Whether nobody holds that session any more."""
        try:
            await self.see(GetSession, VISITOR, session_id=session.session_id)
        except Refused as refusal:
            return refusal.code == "session-unknown"
        return False


def settings_for(nats_url: str, mongodb_uri: str) -> Settings:
    prefix = f"accounts_{uuid4().hex[:8]}_"
    return Settings(nats_url=nats_url, mongodb_uri=mongodb_uri, secret="5a" * 32, database_prefix=prefix)


@pytest.fixture(scope="session")
async def region(servers_dir: Path, mongodb_uri: str) -> AsyncIterator[Region]:
    # A nats-server of its own: on the shared one others stand in for accounts.
    async with (
        NatsServer(servers_dir / "region") as nats,
        running(SERVICE, settings_for(nats.url, mongodb_uri)) as service,
    ):
        yield Region(service)


def acting(session: SessionView) -> Actor:
    """Whoever holds the session."""
    return Actor(
        account_id=session.account_id,
        role=session.role,
        distributor_id=session.distributor_id,
        installer_id=session.installer_id,
        household_id=session.household_id,
        impersonator_id=session.impersonator_id,
        session_id=session.session_id,
    )
