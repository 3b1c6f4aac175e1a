"""A super manager changes what one tenant may have recorded in a day, and every replica keeps to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from contracts.accounts.audit import ListAudit
from contracts.accounts.budgets import ListBudgets, SetBudget
from contracts.accounts.partners import ChangeCustomerService, WithdrawAccess
from contracts.budgets import BudgetService, PayerKind
from contracts.message import Actor, Refused, Role
from kernel.guarding.budgets import SPENT
from kernel.service.running import running
from ops.servers import NatsServer
from services.accounts.__main__ import SERVICE
from tests.accounts.conftest import Region, settings_for
from tests.waiting import eventually

OPERATOR = Actor(account_id=str(uuid4()), role=Role.SUPER_MANAGER)


def wish(installer: Actor, events: int | None, **fields: Any) -> dict[str, Any]:
    return {
        "service": BudgetService.ACCOUNTS,
        "kind": PayerKind.TENANT,
        "payer_id": installer.installer_id,
        "events_per_day": events,
        "reason": "Their import of last week",
        **fields,
    }


async def write(region: Region, installer: Actor) -> bool:
    """Whether the installer may still have something recorded."""
    fields = {"installer_id": installer.installer_id, "phone": "+49 30 1234567", "email": f"{uuid4().hex}@example.org"}
    try:
        await region.tell(ChangeCustomerService, installer, **fields)
    except Refused as refused:
        if refused.code != SPENT:
            raise
        return False
    return True


async def test_a_budget_of_its_own_holds_within_seconds_in_every_replica_and_after_a_restart(
    tmp_path: Path, mongodb_uri: str
) -> None:
    async with NatsServer(tmp_path / "nats") as nats:
        settings = settings_for(nats.url, mongodb_uri)
        async with running(SERVICE, settings) as first, running(SERVICE, settings):
            region = Region(first)
            bright = await region.installer()
            clear = await region.installer()
            assert await write(region, bright)
            await region.tell(SetBudget, OPERATOR, **wish(bright, 1))

            async def nobody_writes() -> bool:
                # Any replica may answer: ten in a row that are refused were refused by both.
                return not any([await write(region, bright) for _ in range(10)])

            await eventually(nobody_writes)
            assert await write(region, clear)
            # What ends a right is done all the same.
            await region.tell(WithdrawAccess, bright, installer_id=bright.installer_id)
        async with running(SERVICE, settings) as service:
            region = Region(service)
            assert not await write(region, bright)
            await region.tell(SetBudget, OPERATOR, **wish(bright, 100_000))
            await eventually(lambda: write(region, bright))
            await region.tell(SetBudget, OPERATOR, **wish(bright, None))
            page = await region.see(ListBudgets, OPERATOR)
            (row,) = [each for each in page.rows if each.payer_id == bright.installer_id]
            assert (row.limit, row.is_own) == (settings.tenant_events_per_day, False)


async def test_the_operator_is_never_refused_for_a_budget_of_nothing(region: Region) -> None:
    bright = await region.installer()
    for events in (0, 7, 0):
        await region.tell(SetBudget, OPERATOR, **wish(bright, events))
    page = await region.see(ListBudgets, OPERATOR, q="Bright")
    (row,) = [each for each in page.rows if each.payer_id == bright.installer_id]
    assert (row.name, row.limit, row.is_own) == ("Bright Intercoms", 0, True)
    assert page.device_limit is None
    assert page.room.max_bytes > page.room.used_bytes > 0


async def test_the_audit_logs_of_the_operator_and_of_the_tenant_say_who_and_why(region: Region) -> None:
    bright = await region.installer()
    operator = Actor(account_id=OPERATOR.account_id, role=Role.SUPER_MANAGER)
    await region.tell(SetBudget, operator, **wish(bright, 9))
    for subject, asker in ((bright.installer_id, operator), (None, bright)):
        page = await region.see(ListAudit, asker, subject_id=subject)
        (row,) = [each for each in page.rows if each.type == "BudgetSet"]
        assert (row.about, row.actor_id, row.reason) == (
            bright.installer_id,
            operator.account_id,
            "Their import of last week",
        )


@pytest.mark.parametrize(
    "fields",
    [
        {"payer_id": str(uuid4())},
        {"kind": PayerKind.DEVICE},  # accounts counts for no device
    ],
)
async def test_what_events_are_not_counted_for_has_no_budget(region: Region, fields: dict[str, Any]) -> None:
    bright = await region.installer()
    with pytest.raises(Refused) as refusal:
        await region.tell(SetBudget, OPERATOR, **wish(bright, 5, **fields))
    assert refusal.value.code == "payer-unknown"


async def test_a_household_is_no_payer_and_nobody_but_a_super_manager_sets_or_sees_budgets(region: Region) -> None:
    bright = await region.installer()
    household, _ = await region.user(bright)
    with pytest.raises(Refused) as refusal:
        await region.tell(SetBudget, OPERATOR, **wish(bright, 5, payer_id=household))
    assert refusal.value.code == "payer-unknown"
    above = Actor(account_id=str(bright.distributor_id), role=Role.DISTRIBUTOR, distributor_id=bright.distributor_id)
    for actor in (bright, above):
        with pytest.raises(Refused) as refusal:
            await region.tell(SetBudget, actor, **wish(bright, 5))
        assert refusal.value.code == "forbidden"
        with pytest.raises(Refused) as refusal:
            await region.see(ListBudgets, actor)
        assert refusal.value.code == "forbidden"
