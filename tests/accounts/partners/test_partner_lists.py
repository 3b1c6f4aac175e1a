"""Installers and distributors in lists, and customer service."""

from uuid import uuid4

import pytest

from contracts.accounts.households import ListUsers
from contracts.accounts.partners import (
    ChangeCustomerService,
    CreatePropertyManager,
    GetInstaller,
    ListDistributors,
    ListInstallers,
    SwitchOfflineSolution,
)
from contracts.message import Actor, Refused, Role
from tests.accounts.conftest import Region

root = Actor(account_id=str(uuid4()), role=Role.SUPER_MANAGER)


@pytest.mark.row("L-01")
async def test_a_distributor_sees_its_installers_and_no_others(region: Region) -> None:
    distributor = await region.distributor()
    first = await region.installer(distributor, name="Älmhult Intercom")
    second = await region.installer(distributor, name="Nordic Doors")
    await region.installer()
    await region.user(first)
    page = await region.see(ListInstallers, distributor)
    assert [row.installer_id for row in page.rows] == [second.account_id, first.account_id]
    assert ([row.households for row in page.rows], page.total) == ([0, 1], 2)
    for typed in ("älm", "INTER", first.account_id[:8]):
        found = await region.see(ListInstallers, distributor, q=typed)
        assert [row.installer_id for row in found.rows] == [first.account_id], typed
    everybody = await region.see(ListInstallers, root)
    assert everybody.total > 2
    assert everybody.rows[0].created_at >= everybody.rows[-1].created_at


@pytest.mark.row("L-06")
async def test_a_super_manager_sees_distributors_and_switches_the_offline_solution(region: Region) -> None:
    distributor = await region.distributor(f"Distributor {uuid4().hex[:6]}")
    installer = await region.installer(distributor)
    await region.tell(SwitchOfflineSolution, root, distributor_id=distributor.account_id, enabled=True)
    newest = (await region.see(ListDistributors, root)).rows[0]
    assert (newest.distributor_id, newest.offline_solution, newest.installers) == (distributor.account_id, True, 1)
    assert (await region.see(GetInstaller, installer, installer_id=installer.account_id)).offline_solution
    assert (await region.see(ListDistributors, root, q=newest.name[:14])).rows


@pytest.mark.row("K-02", "K-03", "K-04")
async def test_customer_service_shows_what_was_set_last(region: Region) -> None:
    installer = await region.installer()
    for phone, email in (("400-123-4567", "help@example.org"), ("+86 21 6841 0000", "service@example.org")):
        await region.tell(ChangeCustomerService, installer, installer_id=installer.account_id, phone=phone, email=email)
        shown = await region.see(GetInstaller, installer, installer_id=installer.account_id)
        assert (shown.customer_service_phone, shown.customer_service_email) == (phone, email)


@pytest.mark.row("L-05")
async def test_a_property_manager_can_log_in_and_sees_no_household(region: Region) -> None:
    installer = await region.installer(time_zone="Asia/Tokyo")
    email = f"{uuid4().hex[:8]}@example.org"
    made = await region.tell(
        CreatePropertyManager, installer, property_manager_id=str(uuid4()), name="Ada", email=email
    )
    session = await region.log_in(email, made.extra.credential)
    assert (session.role, session.name, session.time_zone) == (Role.PROPERTY_MANAGER, "Ada", "Asia/Tokyo")
    actor = Actor(account_id=session.account_id, role=session.role, installer_id=session.installer_id)
    with pytest.raises(Refused, match="forbidden"):
        await region.see(ListUsers, actor)


@pytest.mark.row("L-05")
async def test_a_sibling_s_installer_is_as_unknown_as_none(region: Region) -> None:
    distributor = await region.distributor()
    one, other = await region.installer(distributor), await region.installer(distributor)
    for asked in (other.account_id, str(uuid4())):
        with pytest.raises(Refused, match="installer-unknown"):
            await region.see(GetInstaller, one, installer_id=asked)
