"""The demo is a world in which everybody can log in, and telling it again changes nothing."""

from collections import Counter

import pytest

from contracts.accounts.households import ListUsers
from contracts.accounts.partners import GetInstaller, ListInstallers
from contracts.message import Role
from ops.demo import HOMES, LOGINS, PASSWORD, World
from tests.accounts.conftest import Region, acting


@pytest.mark.timeout(180)
@pytest.mark.row("U-01", "U-04")
async def test_the_demo_is_told_once_and_can_be_reset(region: Region) -> None:
    caller = region.service.caller
    await World(caller).tell()
    told = await region.service.log.last_seq()
    await World(caller).tell()
    assert await region.service.log.last_seq() == told

    region.position = f"ACCOUNTS.{told}"
    roles: Counter[Role] = Counter()
    for role, login, password in LOGINS:
        session = await region.log_in(login, password)
        assert not session.must_change_password
        assert session.role.replace("_", " ") == role
        roles[session.role] += 1
    assert roles == {Role.SUPER_MANAGER: 1, Role.DISTRIBUTOR: 2, Role.INSTALLER: 3}

    installers = [acting(await region.log_in(email, PASSWORD)) for email in HOMES]
    pages = [await region.see(ListUsers, installer, per_page=100) for installer in installers]
    assert [page.total for page in pages] == [len(homes) for homes in HOMES.values()]
    shown = Counter(str(row.status) for page in pages for row in page.rows)
    meant = Counter(home.status for homes in HOMES.values() for home in homes)
    assert shown == meant
    assert sum(row.members for page in pages for row in page.rows) == sum(
        len(home.family) for homes in HOMES.values() for home in homes
    )
    access = [await region.see(GetInstaller, each, installer_id=each.account_id) for each in installers]
    assert [each.permission_granted for each in access] == [True, False, False]

    again = World(caller, "again ")
    await again.clear()
    await again.tell()
    region.position = f"ACCOUNTS.{await region.service.log.last_seq()}"
    fresh = [await region.see(ListUsers, installer, per_page=100) for installer in installers]
    assert [[row.name for row in page.rows] for page in fresh] == [[row.name for row in page.rows] for page in pages]
    assert not {row.user_id for page in fresh for row in page.rows} & {
        row.user_id for page in pages for row in page.rows
    }
    east = acting(await region.log_in("east@demo.example", PASSWORD))
    assert (await region.see(ListInstallers, east)).total == 2
