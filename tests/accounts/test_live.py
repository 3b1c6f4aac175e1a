"""What open pages are told: to the right tenant, ids only, and in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from contracts.accounts.households import GetUser, ListUsers
from contracts.accounts.leaving import DeleteUser, ResetUser
from contracts.accounts.partners import GrantAccess, SwitchAccountAccess
from contracts.live import Changed
from tests.accounts.conftest import Region


class Heard:
    """The notices of one tenant, by thing."""

    def __init__(self) -> None:
        self.notices: list[tuple[str, str, Changed]] = []
        self._more = asyncio.Event()

    def hear(self, subject: str, body: bytes) -> None:
        _, tenant, thing = subject.split(".")
        self.notices.append((tenant, thing, Changed.model_validate_json(body)))
        self._more.set()

    async def until(self, tenant: str, thing: str, id: str) -> Changed:
        async with asyncio.timeout(10):
            while True:
                for at, of, changed in self.notices:
                    if (at, of) == (tenant, thing) and id in changed.ids:
                        return changed
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def listening(region: Region) -> AsyncIterator[Heard]:
    heard = Heard()

    async def receive(message: object) -> None:
        heard.hear(message.subject, message.data)  # type: ignore[attr-defined]

    subscription = await region.service.client.subscribe("live.>", cb=receive)
    await region.service.client.flush()
    yield heard
    await subscription.unsubscribe()


async def test_an_installer_hears_of_its_households_and_of_no_other_s(region: Region) -> None:
    installer, stranger = await region.installer(), await region.installer()
    await region.see(ListUsers, installer)  # what is visible by a rebuild is told to nobody
    async with listening(region) as heard:
        user_id, _ = await region.user(installer, name="Nobody's Business", activated=True)
        changed = await heard.until(installer.account_id, "household", user_id)
        region.position = changed.position
        assert (await region.see(GetUser, installer, user_id=user_id)).name == "Nobody's Business"
        await region.tell(DeleteUser, installer, user_id=user_id)
        await heard.until(user_id, "session", user_id)
    assert not [thing for tenant, thing, _ in heard.notices if tenant == stranger.account_id]
    assert "Business" not in str(heard.notices)


@pytest.mark.row("U-46", "X-04")
async def test_ended_sessions_are_told_by_account_and_by_session(region: Region) -> None:
    installer = await region.installer()
    email = f"{uuid4().hex[:8]}@example.org"
    user_id, accepted = await region.user(installer, email=email)
    async with listening(region) as heard:
        session = await region.log_in(email, accepted.extra.credential)
        await heard.until(user_id, "session", session.session_id)
        heard.notices.clear()
        await region.tell(ResetUser, installer, user_id=user_id)
        await heard.until(user_id, "session", user_id)


async def test_both_sides_of_account_access_hear_of_it(region: Region) -> None:
    distributor = await region.distributor()
    installer = await region.installer(distributor)
    wish = {"installer_id": installer.account_id}
    async with listening(region) as heard:
        await region.tell(SwitchAccountAccess, distributor, **wish, enabled=True)
        await heard.until(installer.account_id, "installer", installer.account_id)
        heard.notices.clear()
        await region.tell(GrantAccess, installer, **wish)
        await heard.until(distributor.account_id, "installer", installer.account_id)
        await heard.until("super", "installer", installer.account_id)
