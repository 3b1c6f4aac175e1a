"""What an installer sees of its households, right after every change."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from contracts.accounts.households import EditUser, GetUser, ListUsers, UserSearchKey
from contracts.accounts.leaving import DeleteUser
from contracts.accounts.members import AddMember, DeleteMember, EditMember
from contracts.accounts.sites import LinkSite, UnlinkSite
from contracts.accounts.terms import AccountStatus, ActivateUser, ExpireUser, PremiumStatus, SetFreeSubaccounts
from contracts.message import Actor, Refused, Role
from contracts.permissions import SYSTEM
from tests.accounts.conftest import Region


@pytest.mark.row("U-01", "U-02", "U-03", "U-04", "U-05")
async def test_a_row_shows_what_the_list_shows(region: Region) -> None:
    installer = await region.installer()
    user_id, accepted = await region.user(
        installer, name="王小明", room="1203", email=None, country="CN", mobile="13811112222", premium=True
    )
    page = await region.see(ListUsers, installer)
    (row,) = page.rows
    assert (page.total, row.user_id, row.name, row.room, row.mobile) == (1, user_id, "王小明", "1203", "+8613811112222")
    assert row.family_sip == accepted.extra.family_sip
    assert row.uid == row.personal_sip == accepted.extra.uid
    assert row.family_sip.startswith("59")
    assert row.personal_sip.startswith("3")
    assert len(row.family_sip) == len(row.personal_sip) == 10
    assert (row.members, row.free_quota) == (0, 3)
    assert (row.status, row.premium) == (AccountStatus.INACTIVATED, PremiumStatus.NORMAL)
    assert (row.email, row.expires_at, row.premium_expires_at) == (None, None, None)


@pytest.mark.row("U-06", "F-04")
@pytest.mark.parametrize(
    ("key", "typed", "found"),
    [
        ("name", "王小", True),
        ("name", "小明", True),
        ("name", "ОЛЬГА", True),
        ("name", "明王", False),
        ("email", "Xiaoming@", True),
        ("email", "olga@", True),
        ("email", "@example", False),
        ("email", "\u200bＯlga@", True),
        ("mobile", "138 1111", True),
        ("mobile", "۱۳۸ ۱۱۱۱", True),
        ("mobile", "\u202a138–1111", True),
        ("mobile", "+86 13811", True),
        ("mobile", "abc", False),
        ("name", "^王|.*", False),
        ("name", '{"$ne": 1}', False),
        (None, "xiaoming", True),
        (None, "olg", True),
    ],
)
async def test_a_user_is_found_by_the_beginning_of_a_key(
    region: Region, found_by: Actor, key: str | None, typed: str, found: bool
) -> None:
    page = await region.see(ListUsers, found_by, key=UserSearchKey(key) if key else None, q=typed)
    assert (len(page.rows), page.total) == ((1, 1) if found else (0, 0))


@pytest.mark.row("U-06", "F-04")
async def test_a_user_is_found_by_sip_numbers(region: Region, found_by: Actor) -> None:
    everybody = await region.see(ListUsers, found_by)
    row = next(row for row in everybody.rows if row.name == "王小明")
    member = (await region.see(GetUser, found_by, user_id=row.user_id)).family[0]
    for key, number in (("family_sip", row.family_sip), ("sip", row.personal_sip), ("sip", member.sip)):
        page = await region.see(ListUsers, found_by, key=UserSearchKey(key), q=number[:9])
        assert [each.user_id for each in page.rows] == [row.user_id]
        for end in (
            number[-6:],
            f"…{number[-8:]}",
            number[-6:].translate({ord(str(n)): 0x06F0 + n for n in range(10)}),
        ):
            page = await region.see(ListUsers, found_by, key=UserSearchKey(key), q=end)
            assert [each.user_id for each in page.rows] == [row.user_id], end
    assert (await region.see(ListUsers, found_by, key=UserSearchKey.FAMILY_SIP, q=row.personal_sip)).total == 0


@pytest.fixture(scope="module")
async def found_by(region: Region) -> Actor:
    installer = await region.installer()
    token = uuid4().hex[:8]
    user_id, _ = await region.user(
        installer,
        activated=True,
        name="王小明",
        email=f"xiaoming@{token}.example.org",
        country="CN",
        mobile=f"1381111{int(token, 16) % 10_000:04}",
    )
    await region.tell(
        AddMember,
        installer,
        user_id=user_id,
        member_id=str(uuid4()),
        name="Ольга Иванова",
        email=f"olga@{token}.example.org",
    )
    await region.user(installer, name="Somebody Else")
    return installer


async def test_pages_are_newest_first_and_count_all(region: Region) -> None:
    installer = await region.installer()
    users = [(await region.user(installer, name=f"User {i}"))[0] for i in range(5)]
    first = await region.see(ListUsers, installer, per_page=2)
    last = await region.see(ListUsers, installer, per_page=2, page=3)
    assert [row.user_id for row in first.rows + last.rows] == [users[4], users[3], users[0]]
    assert (first.total, last.total) == (5, 5)
    assert (await region.see(ListUsers, installer, page=9)).rows == ()
    found = await region.see(ListUsers, installer, key=UserSearchKey.NAME, q="user", per_page=2)
    assert ([row.user_id for row in found.rows], found.total) == ([users[4], users[3]], 5)
    await region.tell(DeleteUser, installer, user_id=users[2])
    assert (await region.see(ListUsers, installer)).total == 4


@pytest.mark.row("U-31", "U-19", "U-29", "U-45")
async def test_the_form_comes_back_as_it_was_sent(region: Region) -> None:
    installer = await region.installer(time_zone="Asia/Tehran")
    user_id, _ = await region.user(installer)
    fields = {
        "user_id": user_id,
        "name": "علی رضایی",
        "room": "واحد ۴",
        "email": f"{user_id[:8]}@example.org",
        "country": "IR",
        "address": "تهران، خیابان ولیعصر",
        "call_type": "sip_call",
        "language": "tr",
        "landlines": ("021 8888 1234", None, None),
        "premium": True,
        "with_indoor_monitor": True,
    }
    before = await region.see(GetUser, installer, user_id=user_id)
    await region.tell(EditUser, installer, **fields)
    user = await region.see(GetUser, installer, user_id=user_id)
    assert {name: getattr(user, name) for name in fields if name not in ("premium", "landlines")} == {
        name: value for name, value in fields.items() if name not in ("premium", "landlines")
    }
    assert user.landlines == ("+982188881234", None, None)
    assert (user.premium_on, user.landline_service, user.landline_effective) == (True, True, True)
    assert (user.time_zone, user.effective_time_zone) == (None, "Asia/Tehran")
    assert user.revision != before.revision
    await region.tell(EditUser, installer, **{**fields, "premium": False, "time_zone": "Europe/Berlin"})
    user = await region.see(GetUser, installer, user_id=user_id)
    assert (user.premium_on, user.landline_service, user.landline_effective) == (False, True, False)
    assert user.effective_time_zone == "Europe/Berlin"


@pytest.mark.row("U-04")
async def test_the_status_follows_activation_and_expiry(region: Region) -> None:
    installer = await region.installer()
    user_id, _ = await region.user(installer)
    at = datetime(2020, 1, 31, tzinfo=UTC)
    await region.tell(ActivateUser, SYSTEM, user_id=user_id, months=1, at=at)
    user = await region.see(GetUser, installer, user_id=user_id)
    assert (user.status, user.expires_at) == (AccountStatus.EXPIRED, datetime(2020, 2, 29, tzinfo=UTC))
    await region.tell(ExpireUser, SYSTEM, user_id=user_id)
    assert (await region.see(GetUser, installer, user_id=user_id)).status is AccountStatus.EXPIRED


@pytest.mark.row("U-03", "F-02", "F-03", "F-05", "F-07")
async def test_the_family_page_shows_members_as_they_change(region: Region) -> None:
    installer = await region.installer()
    user_id, _ = await region.user(installer, activated=True)
    member_id = str(uuid4())
    added = await region.tell(AddMember, installer, user_id=user_id, member_id=member_id, name="Minh", language="vi")
    assert added.extra.credential
    user = await region.see(GetUser, installer, user_id=user_id)
    (member,) = user.family
    assert (user.members, member.member_id, member.name, member.language) == (1, member_id, "Minh", "vi")
    assert member.sip == added.extra.uid
    fields = {"user_id": user_id, "member_id": member_id, "country": "VN", "mobile": "0912 345 678"}
    await region.tell(EditMember, installer, name="Nguyễn Văn Minh", **fields)
    (member,) = (await region.see(GetUser, installer, user_id=user_id)).family
    assert (member.name, member.mobile) == ("Nguyễn Văn Minh", "+84912345678")
    await region.tell(DeleteMember, installer, user_id=user_id, member_id=member_id)
    assert (await region.see(GetUser, installer, user_id=user_id)).family == ()


@pytest.mark.row("F-02")
async def test_a_distributor_gives_more_free_family_accounts(region: Region) -> None:
    distributor = await region.distributor()
    installer = await region.installer(distributor)
    user_id, _ = await region.user(installer)
    await region.tell(SetFreeSubaccounts, distributor, user_id=user_id, free_subaccounts=7)
    assert (await region.see(GetUser, installer, user_id=user_id)).free_quota == 7


@pytest.mark.row("U-32")
async def test_linked_sites_show_on_both_sides_and_lock_the_contacts(region: Region) -> None:
    installer, elsewhere = await region.installer(), await region.installer()
    user_id, _ = await region.user(installer)
    site_id, _ = await region.user(elsewhere)
    root = Actor(account_id=str(uuid4()), role=Role.SUPER_MANAGER)
    await region.tell(LinkSite, root, user_id=user_id, site_id=site_id)
    assert (await region.see(GetUser, installer, user_id=user_id)).linked_sites == (site_id,)
    assert (await region.see(GetUser, elsewhere, user_id=site_id)).linked_sites == (user_id,)
    form = {"name": "Li Wei", "address": "Here", "premium": False, "country": "CN"}
    with pytest.raises(Refused) as locked:
        await region.tell(EditUser, elsewhere, user_id=site_id, **form)
    assert (locked.value.code, locked.value.field) == ("contacts-locked-by-linked-sites", "country")
    await region.tell(UnlinkSite, root, user_id=user_id, site_id=site_id)
    await region.tell(EditUser, elsewhere, user_id=site_id, **form)


@pytest.mark.row("L-05")
async def test_another_installer_s_user_is_as_unknown_as_none(region: Region) -> None:
    user_id, _ = await region.user(await region.installer())
    stranger = await region.installer()
    answers = []
    for asked in (user_id, str(uuid4())):
        with pytest.raises(Refused) as refused:
            await region.see(GetUser, stranger, user_id=asked)
        answers.append(refused.value.refusal())
    assert answers[0] == answers[1]
    assert answers[0].code == "user-unknown"
    assert (await region.see(ListUsers, stranger)).total == 0


@pytest.mark.row("U-02")
async def test_fifty_users_added_at_once_have_fifty_times_two_numbers(region: Region) -> None:
    installer = await region.installer()
    added = await asyncio.gather(*(region.user(installer, name=f"User {i}") for i in range(50)))
    numbers = [each for _, accepted in added for each in (accepted.extra.uid, accepted.extra.family_sip)]
    assert len(set(numbers)) == 100
    region.position = max((accepted.position for _, accepted in added), key=lambda p: int(p.rpartition(".")[2]))
    assert (await region.see(ListUsers, installer)).total == 50


@pytest.mark.row("U-11")
async def test_one_of_many_who_want_an_e_mail_at_once_gets_it(region: Region) -> None:
    installer = await region.installer()
    email = f"{uuid4().hex[:8]}@example.org"
    outcomes = await asyncio.gather(
        *(region.user(installer, email=email.upper() if i % 2 else email) for i in range(8)), return_exceptions=True
    )
    refused = [each for each in outcomes if isinstance(each, Refused)]
    assert len(refused) == 7
    assert {(each.code, each.field) for each in refused} <= {("login-taken", "email"), ("contended", None)}


async def test_the_same_command_again_answers_the_same(region: Region) -> None:
    installer = await region.installer()
    command_id = uuid4()
    first = await region.user(installer, command_id=command_id, user_id=str(command_id))
    second = await region.user(installer, command_id=command_id, user_id=str(command_id))
    assert first[1] == second[1]
    assert first[1].extra.credential
    with pytest.raises(Refused, match="idempotency-key-reused"):
        await region.user(installer, command_id=command_id, user_id=str(command_id), name="Other")
