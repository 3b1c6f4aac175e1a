"""When the log of accounts is all but full, rights still end and households are still erased; nothing else goes in."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from contracts.accounts.access import CloseSession
from contracts.accounts.households import EditUser
from contracts.accounts.leaving import DeleteUser, ResetUser
from contracts.message import Command, Refused
from contracts.modules import declared
from kernel.guarding.room import filling, resize
from kernel.log.promise import LogFull, Unavailable
from kernel.process.telemetry import REGISTRY
from kernel.service.running import running
from ops.servers import NatsServer
from services.accounts.__main__ import SERVICE
from services.accounts.budgets.reserve import may_use_reserve
from tests.accounts.conftest import Region, acting, settings_for

FORM: dict[str, Any] = {"name": "Li Wei", "address": "100 Century Avenue, Shanghai", "premium": False}


def test_whoever_adds_a_command_decides_whether_it_may_use_the_reserve() -> None:
    freeing = {
        kind.__name__ for kind in declared("accounts", Command) if may_use_reserve(kind.model_construct(enabled=False))
    }
    assert freeing == {
        *("CloseSession", "ChangePassword", "ResetPassword", "EndImpersonation", "WithdrawAccess", "UnlinkSite"),
        *("ResetUser", "DeleteUser", "DeleteMember", "ExpireUser", "SwitchAccountAccess", "SwitchOfflineSolution"),
        "SetBudget",
    }
    granting = {
        kind.__name__ for kind in declared("accounts", Command) if may_use_reserve(kind.model_construct(enabled=True))
    }
    assert freeing - granting == {"SwitchAccountAccess", "SwitchOfflineSolution"}


async def test_reset_delete_and_logout_are_done_when_the_log_is_all_but_full(tmp_path: Path, mongodb_uri: str) -> None:
    async with NatsServer(tmp_path / "nats") as nats, running(SERVICE, settings_for(nats.url, mongodb_uri)) as service:
        region = Region(service)
        installer = await region.installer()
        kept, _ = await region.user(installer, email="wei@example.org")
        gone, made = await region.user(installer, activated=True, email="gone@example.org")
        resident = await region.log_in("gone@example.org", str(made.extra.credential))
        for number in range(150):  # so that a twentieth of it is worth something
            await region.tell(EditUser, installer, user_id=kept, **{**FORM, "name": f"Li Wei {number}"})
        used = (await filling(service.client, "accounts")).used
        most = int(used / 0.955)
        await resize(service.client, "accounts", most, "a test")
        while REGISTRY.get_sample_value("smartplus_log_max_bytes", {"service": "accounts"}) != most:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

        async with asyncio.timeout(30):
            while True:
                try:
                    await region.tell(EditUser, installer, user_id=kept, **{**FORM, "name": f"Li {uuid4().hex[:6]}"})
                except LogFull:
                    break
        with pytest.raises(LogFull):
            await region.user(installer)
        await region.tell(CloseSession, acting(resident), account_id=gone, session_id=resident.session_id)
        assert await region.is_over(resident)
        await region.tell(ResetUser, installer, user_id=kept)
        await region.tell(DeleteUser, installer, user_id=gone)
        assert (await filling(service.client, "accounts")).used < most

        await resize(service.client, "accounts", 2**30, "a test")
        async with asyncio.timeout(30):
            while True:
                try:
                    await region.user(installer)
                    break
                except Unavailable:
                    await asyncio.sleep(0.1)


async def test_one_tenant_that_resets_without_end_leaves_the_others_what_they_need(
    tmp_path: Path, mongodb_uri: str
) -> None:
    async with NatsServer(tmp_path / "nats") as nats:
        settings = settings_for(nats.url, mongodb_uri).model_copy(update={"tenant_events_per_day": 30})
        async with running(SERVICE, settings) as service:
            region = Region(service)
            restless, other = await region.installer(), await region.installer()
            empty, _ = await region.user(restless)
            kept, made = await region.user(other, activated=True, email="mina@example.org")
            resident = await region.log_in("mina@example.org", str(made.extra.credential))
            before = await service.log.last_seq()
            refusals = []
            while not refusals:
                assert await service.log.last_seq() - before <= 60
                try:
                    await region.tell(ResetUser, restless, user_id=empty)
                except Refused as refusal:
                    refusals.append(refusal.code)
            assert refusals == ["budget-spent"]
            await region.user(other)
            await region.tell(CloseSession, acting(resident), account_id=kept, session_id=resident.session_id)
            await region.tell(ResetUser, other, user_id=kept)
            await region.tell(DeleteUser, other, user_id=kept)
