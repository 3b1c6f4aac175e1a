"""What comes due by itself: expiry, and the end of account access."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from contracts.accounts.access import StartImpersonation
from contracts.accounts.audit import ListAudit
from contracts.accounts.partners import GrantAccess, SwitchAccountAccess
from contracts.accounts.terms import ActivateUser, RenewUser
from contracts.message import Actor
from contracts.permissions import SYSTEM
from kernel.keeping.mongo import mongo_client
from kernel.reacting.timers import STREAM
from kernel.service.running import running
from ops.servers import NatsServer
from services.accounts.__main__ import SERVICE
from services.accounts.households.terms import months_later
from tests.accounts.conftest import Region, settings_for
from tests.waiting import eventually

SOON = timedelta(seconds=3)


async def trail(region: Region, actor: Actor, subject_id: str) -> list[str]:
    return [row.type for row in (await region.see(ListAudit, actor, subject_id=subject_id)).rows]


@pytest.mark.row("U-04")
async def test_a_user_expires_by_itself_unless_it_was_renewed(region: Region) -> None:
    installer = await region.installer()
    expiring, _ = await region.user(installer)
    renewed, _ = await region.user(installer)
    long_ago = datetime.now(UTC) - timedelta(days=370) + SOON
    at = next(
        each for each in (long_ago + timedelta(days=d) for d in range(10)) if months_later(each, 12) > datetime.now(UTC)
    )
    for user_id in (renewed, expiring):
        await region.tell(ActivateUser, SYSTEM, user_id=user_id, at=at)
    await region.tell(RenewUser, SYSTEM, user_id=renewed, months=1)

    async def expired() -> bool:
        return "UserExpired" in await trail(region, installer, expiring)

    await eventually(expired)
    assert await trail(region, installer, expiring) == ["UserExpired", "UserActivated", "UserAdded"]
    assert await trail(region, installer, renewed) == ["UserRenewed", "UserActivated", "UserAdded"]


@pytest.mark.row("X-04")
async def test_account_access_ends_by_itself_after_an_hour(region: Region) -> None:
    distributor = await region.distributor()
    installer = await region.installer(distributor)
    await region.tell(SwitchAccountAccess, distributor, installer_id=installer.account_id, enabled=True)
    await region.tell(GrantAccess, installer, installer_id=installer.account_id)
    await region.tell(
        StartImpersonation,
        distributor,
        at=datetime.now(UTC) - timedelta(minutes=60) + SOON,
        installer_id=installer.account_id,
        reason="No ring",
        session_id=uuid4().hex * 2,
    )

    async def ended() -> bool:
        return "SessionClosed" in await trail(region, installer, installer.account_id)

    await eventually(ended)
    (closed, entered, *_) = (await region.see(ListAudit, installer)).rows
    assert (closed.type, closed.actor_id, entered.type) == ("SessionClosed", "system", "AccountEntered")


async def test_lost_timers_are_set_again_when_reactions_begin_anew(tmp_path: Path, mongodb_uri: str) -> None:
    async with NatsServer(tmp_path / "nats") as nats:
        settings = settings_for(nats.url, mongodb_uri)

        async def is_set(client: Client) -> bool:
            with suppress(NotFoundError):
                return bool(await client.jetstream().get_last_msg(STREAM, timer))
            return False

        async with running(SERVICE, settings) as service:
            region = Region(service)
            user_id, _ = await region.user(await region.installer(), activated=True)
            timer = f"sch.accounts.household.{user_id}.expiry"
            await eventually(partial(is_set, service.client))
            await service.client.jetstream().delete_stream(STREAM)
        await forget_where_reactions_are(mongodb_uri, settings.database("accounts"))
        async with running(SERVICE, settings) as service:
            before = await service.log.last_seq()
            await eventually(partial(is_set, service.client))
            assert await service.log.last_seq() == before


async def forget_where_reactions_are(mongodb_uri: str, database: str) -> None:
    """As an operator does after timers were lost."""
    async with mongo_client(mongodb_uri, "test") as mongo:
        await mongo[database]["reactions"].drop()
