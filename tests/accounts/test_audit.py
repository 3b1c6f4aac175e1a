"""Who did what, when and from where: for every household, installer and distributor, and kept through Reset."""

from uuid import uuid4

import pytest

from contracts.accounts.access import ResetPassword
from contracts.accounts.audit import ListAudit
from contracts.accounts.households import EditUser
from contracts.accounts.leaving import DeleteUser, ResetUser
from contracts.accounts.members import AddMember
from contracts.accounts.partners import SwitchAccountAccess
from contracts.message import Actor, Refused, Role
from tests.accounts.conftest import Region


@pytest.mark.row("U-44")
async def test_a_household_s_trail_outlives_its_reset_and_names_nobody_of_it(region: Region) -> None:
    installer = await region.installer()
    email = f"{uuid4().hex[:8]}@example.org"
    user_id, accepted = await region.user(installer, activated=True, name="Ottilie Quint", email=email)
    member_id = str(uuid4())
    await region.tell(AddMember, installer, user_id=user_id, member_id=member_id, name="Ferdinand Quint")
    await region.log_in(email, accepted.extra.credential)
    await region.tell(ResetPassword, installer, user_id=user_id, account_id=member_id)
    await region.tell(ResetUser, installer, user_id=user_id)
    page = await region.see(ListAudit, installer, subject_id=user_id)
    assert [row.type for row in page.rows] == [
        "UserReset",
        "PasswordIssued",
        "SessionOpened",
        "MemberAdded",
        "UserActivated",
        "UserAdded",
    ]
    added = page.rows[-1]
    assert (added.actor_id, added.actor_name, added.actor_role) == (
        installer.account_id,
        "Bright Intercoms",
        Role.INSTALLER,
    )
    assert (added.address, added.about, added.about_kind) == ("192.0.2.1", user_id, "household")
    logged_in = page.rows[2]
    assert (logged_in.actor_id, logged_in.actor_name, logged_in.address) == (user_id, None, None)
    assert page.rows[4].actor_id == "system"
    said = page.model_dump_json()
    assert not [word for word in ("Quint", "Ottilie", "Ferdinand", email) if word in said]


@pytest.mark.row("U-44")
async def test_a_deleted_household_s_trail_can_still_be_read(region: Region) -> None:
    installer = await region.installer()
    user_id, _ = await region.user(installer)
    await region.tell(DeleteUser, installer, user_id=user_id)
    assert [row.type for row in (await region.see(ListAudit, installer, subject_id=user_id)).rows] == [
        "UserDeleted",
        "UserAdded",
    ]


async def test_installer_and_distributor_have_a_page_of_their_own(region: Region) -> None:
    distributor = await region.distributor()
    installer = await region.installer(distributor)
    await region.tell(SwitchAccountAccess, distributor, installer_id=installer.account_id, enabled=True)
    user_id, _ = await region.user(installer)
    own = await region.see(ListAudit, installer)
    assert [row.type for row in own.rows] == ["UserAdded", "AccountAccessOffered", "InstallerCreated"]
    assert [row.about for row in own.rows] == [user_id, installer.account_id, installer.account_id]
    above = await region.see(ListAudit, distributor)
    assert [row.type for row in above.rows] == ["InstallerCreated", "DistributorCreated"]
    assert (await region.see(ListAudit, distributor, subject_id=installer.account_id)).rows == own.rows
    root = Actor(account_id=str(uuid4()), role=Role.SUPER_MANAGER)
    assert (await region.see(ListAudit, root, subject_id=distributor.account_id)).rows == above.rows


async def test_pages_follow_each_other_without_gap_or_overlap(region: Region) -> None:
    installer = await region.installer()
    user_id, _ = await region.user(installer)
    for i in range(5):
        await region.tell(EditUser, installer, user_id=user_id, name=f"Name {i}", address="Here", premium=False)
    whole = (await region.see(ListAudit, installer, subject_id=user_id)).rows
    pages, cursor = [], None
    while True:
        page = await region.see(ListAudit, installer, subject_id=user_id, limit=2, cursor=cursor)
        pages += page.rows
        if (cursor := page.next) is None:
            break
    assert tuple(pages) == whole
    assert len(whole) == 6
    for cursor in ("x", "-1", "1e9", "९", "9" * 30):
        with pytest.raises(Refused, match="cursor-invalid"):
            await region.see(ListAudit, installer, subject_id=user_id, cursor=cursor)


@pytest.mark.row("L-05")
async def test_another_tree_s_trail_is_as_unknown_as_none(region: Region) -> None:
    installer, stranger = await region.installer(), await region.installer()
    user_id, _ = await region.user(installer)
    for subject_id in (user_id, installer.account_id, installer.distributor_id, str(uuid4())):
        with pytest.raises(Refused, match="subject-unknown"):
            await region.see(ListAudit, stranger, subject_id=subject_id)
    with pytest.raises(Refused, match="subject-unknown"):
        await region.see(ListAudit, installer, subject_id=installer.distributor_id)
