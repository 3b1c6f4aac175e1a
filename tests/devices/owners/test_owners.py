"""Names and switches follow accounts, and trails show whoever may look what is theirs."""

from uuid import uuid4

import pytest

from contracts.accounts.households import EditUser
from contracts.accounts.leaving import DeleteUser, ResetUser
from contracts.devices.audit import ListDeviceAudit
from contracts.devices.intercoms import GetDevice, ListDevices
from contracts.devices.library import RegisterMac, RemoveMac
from contracts.message import Refused
from services.devices.owners.owners import owners_of
from tests.devices.conftest import Region, a_mac


@pytest.mark.row("D-33", "R-53")
async def test_an_owner_keeps_its_name_through_a_reset(region: Region) -> None:
    installer = await region.installer()
    user_id = await region.user(installer, name="Zhang San", premium=True)
    device_id, _ = await region.device(installer, user_id)
    await region.tell(ResetUser, installer, user_id=user_id)
    row = await region.see(GetDevice, installer, device_id=device_id)
    assert row.owner == "Zhang San"
    assert (await region.see(ListDevices, installer, q="zhang")).total == 1


async def test_the_premium_plan_of_an_owner_is_known(region: Region) -> None:
    installer = await region.installer()
    user_id = await region.user(installer, premium=False)
    await region.see(ListDevices, installer)
    assert (await owners_of(region.devices.database, [user_id]))[user_id]["premium"] is False
    await region.tell(EditUser, installer, user_id=user_id, name="Li Wei", address="1 New Street", premium=True)
    await region.see(ListDevices, installer)
    assert (await owners_of(region.devices.database, [user_id]))[user_id]["premium"] is True


async def test_a_deleted_owner_is_not_known_any_more(region: Region) -> None:
    installer = await region.installer()
    user_id = await region.user(installer)
    await region.tell(DeleteUser, installer, user_id=user_id)
    await region.see(ListDevices, installer)
    assert await owners_of(region.devices.database, [user_id]) == {}


async def test_owner_search_stays_within_the_installer(region: Region) -> None:
    distributor = await region.distributor()
    first, second = await region.installer(distributor), await region.installer(distributor)
    mine, theirs = await region.user(first, name="Same Name"), await region.user(second, name="Same Name")
    device_id, _ = await region.device(first, mine)
    await region.device(second, theirs)
    page = await region.see(ListDevices, first, key="owner", q="same")
    assert ([row.device_id for row in page.rows], page.total) == ([device_id], 1)


async def test_a_distributor_sees_the_trails_of_its_installers_and_of_no_others(region: Region) -> None:
    distributor, other = await region.distributor(), await region.distributor()
    installer = await region.installer(distributor)
    device_id, _ = await region.device(installer, await region.user(installer))
    trail = await region.see(ListDeviceAudit, distributor, subject_id=device_id)
    assert "DeviceBound" in [row.type for row in trail.rows]
    with pytest.raises(Refused, match="subject-unknown"):
        await region.see(ListDeviceAudit, other, subject_id=device_id)
    with pytest.raises(Refused, match="subject-unknown"):
        await region.see(ListDeviceAudit, installer, subject_id=str(uuid4()))


async def test_the_trail_of_a_mac_shows_each_what_was_theirs(region: Region) -> None:
    first, second = await region.installer(), await region.installer()
    mac = a_mac()
    await region.tell(RegisterMac, first, mac=mac)
    await region.tell(RemoveMac, first, mac=mac)
    await region.tell(RegisterMac, second, mac=mac)
    before = await region.see(ListDeviceAudit, first, subject_id=mac)
    now = await region.see(ListDeviceAudit, second, subject_id=mac)
    assert [row.type for row in before.rows] == ["MacRemoved", "MacRegistered"]
    assert [row.type for row in now.rows] == ["MacRegistered"]


@pytest.mark.parametrize("cursor", ["x", "-1", "1" * 19])
async def test_a_cursor_that_nobody_gave_is_refused(region: Region, cursor: str) -> None:
    installer, mac = await region.installer(), a_mac()
    await region.tell(RegisterMac, installer, mac=mac)
    with pytest.raises(Refused, match="cursor-invalid"):
        await region.see(ListDeviceAudit, installer, subject_id=mac, cursor=cursor)


async def test_lists_are_read_by_an_index(region: Region) -> None:
    installer = await region.installer()
    user_id = await region.user(installer, name="Olga")
    await region.device(installer, user_id, name="Gate")
    own = {"installer_id": installer.installer_id}
    beginning = {"tokens": {"$elemMatch": {"$gte": "n:g", "$lt": "n:h"}}}
    for model, filter in (
        ("fleet", own),
        ("fleet", {**own, "user_id": user_id}),
        ("fleet", {**own, "$or": [beginning, {"user_id": {"$in": [user_id]}}]}),
        ("cameras", {**own, **beginning}),
        ("owners", {**own, **beginning}),
        ("audit", {"about": user_id}),
    ):
        explained = await region.devices.database[model].find(filter).explain()
        assert "COLLSCAN" not in str(explained["queryPlanner"]["winningPlan"]), (model, filter)
