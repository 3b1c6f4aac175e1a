"""Logging in, staying in, being put out: on real servers."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from contracts.accounts.access import (
    ChangePassword,
    CloseSession,
    FindLoginOwner,
    GetSession,
    ListSessions,
    OpenSession,
    ResetPassword,
)
from contracts.accounts.households import GetUser
from contracts.accounts.leaving import DeleteUser, ResetUser
from contracts.accounts.members import AddMember, DeleteMember
from contracts.accounts.partners import CreateSuperManager
from contracts.accounts.words import CredentialAnswer
from contracts.message import Actor, Refused, Role
from contracts.permissions import SYSTEM, VISITOR
from kernel.keeping.secrets import Secrets
from services.accounts.access.access import UNUSABLE
from services.accounts.access.login_owner import forget_countries
from services.accounts.access.passwords import (
    _ARGON2,
    _NOBODYS,
    hash_of,
    hash_of_initial,
    initial_credential,
    is_right,
    is_weak,
)
from tests.accounts.conftest import Region, acting

CHOSEN = "correct horse battery"


async def resident(region: Region, **fields: object) -> tuple[Actor, str, str, str]:
    """An installer, one of its users, the user's e-mail and initial credential."""
    installer = await region.installer()
    email = f"{uuid4().hex[:8]}@example.org"
    user_id, accepted = await region.user(installer, activated=True, email=email, **fields)
    return installer, user_id, email, accepted.extra.credential


async def refused(region: Region, identifier: str, password: str) -> Refused:
    with pytest.raises(Refused) as refusal:
        await region.log_in(identifier, password)
    return refusal.value


@pytest.mark.row("L-03", "U-11", "U-16", "U-30")
async def test_a_resident_logs_in_by_e_mail_mobile_or_uid(region: Region) -> None:
    mobile = f"138{uuid4().int % 10**8:08}"
    installer, user_id, email, credential = await resident(region, country="CN", mobile=mobile)
    user = await region.see(GetUser, installer, user_id=user_id)
    assert not user.app_registered
    for identifier in (email.upper(), f"+86 {mobile}", user.uid):
        session = await region.log_in(identifier, credential)
        assert (session.account_id, session.role, session.household_id) == (user_id, Role.FAMILY_MASTER, user_id)
        assert session.must_change_password
    assert (await region.see(GetUser, installer, user_id=user_id)).app_registered


async def test_a_wrong_word_and_an_unknown_name_are_refused_alike(region: Region) -> None:
    _, _, email, _ = await resident(region)
    answers = [
        await refused(region, email, "wrong"),
        await refused(region, f"{uuid4()}@example.org", "wrong"),
        await refused(region, "nonsense", "wrong"),
        await refused(region, '{"$ne": null}', "wrong"),
    ]
    assert {each.refusal().model_dump_json() for each in answers} == {answers[0].refusal().model_dump_json()}
    assert answers[0].code == "login-failed"


@pytest.mark.row("L-04")
async def test_logging_out_ends_that_session_and_leaves_the_other(region: Region) -> None:
    _, _, email, credential = await resident(region)
    first, second = await region.log_in(email, credential), await region.log_in(email, credential)
    listed = await region.see(ListSessions, acting(first))
    assert [row.session_id for row in listed.rows] == [second.session_id, first.session_id]
    assert (listed.rows[0].agent, listed.rows[0].address) == ("Firefox", "192.0.2.99")
    await region.tell(CloseSession, acting(first), account_id=first.account_id, session_id=first.session_id)
    assert await region.is_over(first)
    assert not await region.is_over(second)


async def test_a_chosen_password_replaces_the_initial_one_and_ends_other_sessions(region: Region) -> None:
    _, _, email, credential = await resident(region)
    other, own = await region.log_in(email, credential), await region.log_in(email, credential)
    wish = {
        "account_id": own.account_id,
        "current_password": credential,
        "new_password": CHOSEN,
        "command_id": uuid4(),
    }
    await region.tell(ChangePassword, acting(own), **wish)
    await region.tell(ChangePassword, acting(own), **wish)
    assert await region.is_over(other)
    assert not (await region.see(GetSession, VISITOR, session_id=own.session_id)).must_change_password
    assert (await refused(region, email, credential)).code == "login-failed"
    assert not (await region.log_in(email, CHOSEN)).must_change_password


@pytest.mark.parametrize(
    ("current", "new", "code", "field"),
    [
        ("wrong", CHOSEN, "password-wrong", "current_password"),
        (None, "Password123!", "password-weak", "new_password"),
        (None, "aaaaaaaaaaaa", "password-weak", "new_password"),
        (None, None, "password-same", "new_password"),
    ],
)
async def test_a_password_that_will_not_do_is_refused_at_its_field(
    region: Region, current: str | None, new: str | None, code: str, field: str
) -> None:
    _, _, email, credential = await resident(region)
    session = await region.log_in(email, credential)
    with pytest.raises(Refused) as refusal:
        await region.tell(
            ChangePassword,
            acting(session),
            account_id=session.account_id,
            current_password=current or credential,
            new_password=new or credential,
        )
    assert (refusal.value.code, refusal.value.field) == (code, field)


@pytest.mark.row("U-35")
async def test_a_reset_password_ends_sessions_and_is_told_once(region: Region) -> None:
    installer, user_id, email, credential = await resident(region)
    session = await region.log_in(email, credential)
    issued = await region.tell(ResetPassword, installer, user_id=user_id, account_id=user_id)
    assert await region.is_over(session)
    assert (await refused(region, email, credential)).code == "login-failed"
    assert (await region.log_in(email, issued.extra.credential)).must_change_password


@pytest.mark.row("U-46", "U-47", "U-36")
async def test_after_a_reset_nobody_of_before_gets_in_until_a_password_is_issued(region: Region) -> None:
    installer, user_id, email, credential = await resident(region)
    member_id = str(uuid4())
    member_email = f"{uuid4().hex[:8]}@example.org"
    member = await region.tell(
        AddMember, installer, user_id=user_id, member_id=member_id, name="Na", email=member_email
    )
    uid = (await region.see(GetUser, installer, user_id=user_id)).uid
    sessions = [
        await region.log_in(email, credential),
        await region.log_in(member_email, member.extra.credential),
    ]
    await region.tell(ResetUser, installer, user_id=user_id)
    assert [await region.is_over(session) for session in sessions] == [True, True]
    for identifier, password in (
        (email, credential),
        (uid, credential),
        (uid, UNUSABLE),
        (member_email, member.extra.credential),
        (member.extra.uid, member.extra.credential),
    ):
        assert (await refused(region, identifier, password)).code == "login-failed"
    assert not (await region.see(GetUser, installer, user_id=user_id)).app_registered
    issued = await region.tell(ResetPassword, installer, user_id=user_id, account_id=user_id)
    assert (await region.log_in(uid, issued.extra.credential)).account_id == user_id
    await region.user(installer, email=email)  # the address is free for the next household


@pytest.mark.row("F-05", "U-34")
async def test_a_deleted_member_or_user_is_out_at_once(region: Region) -> None:
    installer, user_id, email, credential = await resident(region)
    member_id = str(uuid4())
    member = await region.tell(AddMember, installer, user_id=user_id, member_id=member_id, name="Na")
    inside = await region.log_in(member.extra.uid, member.extra.credential)
    await region.tell(DeleteMember, installer, user_id=user_id, member_id=member_id)
    assert await region.is_over(inside)
    session = await region.log_in(email, credential)
    await region.tell(DeleteUser, installer, user_id=user_id)
    assert await region.is_over(session)
    assert (await refused(region, email, credential)).code == "login-failed"


async def test_a_login_that_races_a_reset_never_survives_it(region: Region) -> None:
    installer, user_id, email, credential = await resident(region)
    outcomes = await asyncio.gather(
        *(region.log_in(email, credential) for _ in range(4)),
        region.tell(ResetUser, installer, user_id=user_id),
        return_exceptions=True,
    )
    region.position = (await region.tell(ResetUser, installer, user_id=user_id)).position
    for outcome in outcomes[:-1]:
        assert isinstance(outcome, Refused) or await region.is_over(outcome)
    assert (await refused(region, email, credential)).code == "login-failed"


async def test_a_session_that_has_expired_is_over(region: Region) -> None:
    _, _, email, credential = await resident(region)
    session_id = "f" * 40 + uuid4().hex[:24]
    past = datetime.now(UTC) - timedelta(days=30, seconds=1)
    await region.tell(OpenSession, VISITOR, identifier=email, password=credential, session_id=session_id, at=past)
    with pytest.raises(Refused, match="session-unknown"):
        await region.see(GetSession, VISITOR, session_id=session_id)


@pytest.mark.row("L-05")
async def test_the_operator_makes_the_first_super_manager_with_a_password_of_choice(region: Region) -> None:
    account_id, email = str(uuid4()), f"{uuid4().hex[:8]}@example.org"
    fields = {"account_id": account_id, "name": "Root", "email": email, "command_id": uuid4()}
    made = await region.tell(CreateSuperManager, SYSTEM, **fields, initial_password=CHOSEN)
    assert made.extra == CredentialAnswer()
    session = await region.log_in(email, CHOSEN)
    assert (session.role, session.name, session.must_change_password) == (Role.SUPER_MANAGER, "Root", True)
    root = acting(session)
    with pytest.raises(Refused, match="forbidden"):
        await region.tell(CreateSuperManager, root, **{**fields, "account_id": str(uuid4()), "command_id": uuid4()})


# --- Passwords themselves ---------------------------------------------------------------------------------------------


async def test_a_chosen_password_is_kept_by_argon2id() -> None:
    kept = await hash_of(CHOSEN)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert kept != await hash_of(CHOSEN)
    assert await is_right(CHOSEN, kept)
    assert not await is_right(CHOSEN + " ", kept)


async def test_an_initial_credential_is_drawn_from_the_command_and_read_leniently() -> None:
    secrets = Secrets(b"s" * 32)
    credential = initial_credential(secrets, "one")
    assert credential == initial_credential(secrets, "one") != initial_credential(secrets, "two")
    assert len(credential) == 19
    kept = hash_of_initial(secrets, credential, "one")
    assert await is_right(credential.lower().replace("-", " "), kept)
    assert not await is_right(initial_credential(secrets, "two"), kept)


@pytest.mark.parametrize("kept", [None, UNUSABLE, "", "erased", "sha256$", "sha256$$"])
async def test_nothing_opens_where_no_password_is_kept(kept: str | None) -> None:
    for password in ("", "!", "nobody's password", "erased"):
        assert not await is_right(password, kept)


def test_what_is_guessed_first_is_weak() -> None:
    assert all(
        map(is_weak, ("password123", "PASSWORD123", "Password123!!", "1111111111", "smartplus123", "abababababab"))
    )
    assert not is_weak(CHOSEN)


async def test_a_mobile_number_is_taken_as_it_is_written_where_installers_work(region: Region) -> None:
    mobile = f"138{uuid4().int % 10**8:08}"
    _, user_id, _, credential = await resident(region, country="CN", mobile=mobile)
    spaced = f"{mobile[:3]} {mobile[3:7]}-{mobile[7:]}"
    arabic = mobile.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    for identifier in (mobile, spaced, arabic, f"0086 {mobile}", f"＋86 {mobile}"):
        assert (await region.log_in(identifier, credential)).account_id == user_id, identifier


async def test_every_spelling_of_every_login_has_one_owner(region: Region) -> None:
    mobile = f"139{uuid4().int % 10**8:08}"
    installer, user_id, email, _ = await resident(region, country="CN", mobile=mobile)
    uid = (await region.see(GetUser, installer, user_id=user_id)).uid
    dashed, spaced = f"{uid[:4]}-{uid[4:]}", f"{uid[:2]} {uid[2:]}"
    spellings = (email, email.upper(), f" {email} ", uid, dashed, spaced, mobile, f"+86{mobile}")
    owners = [await region.see(FindLoginOwner, SYSTEM, identifier=each) for each in spellings]
    assert {each.account_id for each in owners} == {user_id}


@pytest.mark.parametrize("spellings", [("6201000000", "6201-000 000", "٦٢٠١٠٠٠٠٠٠"), ("a@b.example", " A@B.EXAMPLE")])
async def test_what_leads_to_nobody_has_one_name_in_every_spelling(region: Region, spellings: tuple[str, ...]) -> None:
    owners = [await region.see(FindLoginOwner, SYSTEM, identifier=each) for each in spellings]
    assert {each.account_id for each in owners} == {None}
    assert len({each.login for each in owners}) == 1
    assert not any(each in owners[0].login for each in spellings)


async def test_a_number_that_two_people_have_in_two_countries_needs_its_area_code(region: Region) -> None:
    # The same digits are a number in China and in Germany.
    await region.installer(time_zone="Europe/Berlin")
    digits = "9433363042"
    people = {}
    for country, code in (("CN", "+86"), ("DE", "+49")):
        _, user_id, _, credential = await resident(region, country=country, mobile=code + digits)
        people[code] = (user_id, credential)
    forget_countries()
    for code, (user_id, credential) in people.items():
        assert (await refused(region, f"0{digits}", credential)).code == "login-failed"
        assert (await region.log_in(code + digits, credential)).account_id == user_id


async def test_nobody_but_the_gateway_asks_whom_a_login_leads_to(region: Region) -> None:
    for actor in (VISITOR, await region.installer(), await region.distributor()):
        with pytest.raises(Refused) as refusal:
            await region.see(FindLoginOwner, actor, identifier="somebody@example.org")
        assert refusal.value.code == "forbidden"


def test_what_nobodys_password_is_compared_with_is_as_slow_as_what_is_hashed_today() -> None:
    assert not _ARGON2.check_needs_rehash(_NOBODYS)
