"""What may be said about a household, and what comes of it."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.accounts.access import (
    AccessClosed,
    LoginClaimed,
    LoginReleased,
    PasswordIssued,
    PasswordRevoked,
    ResetPassword,
)
from contracts.accounts.households import (
    ContactsChanged,
    HomeAutomationSwitched,
    LandlineServiceSwitched,
    PreferencesChosen,
    PremiumSwitched,
    ResidenceDescribed,
)
from contracts.accounts.leaving import DeleteUser, ResetUser, UserDeleted, UserReset
from contracts.accounts.members import AddMember, DeleteMember, MemberDeleted, MemberEdited
from contracts.accounts.numbers import SipNumberAllocated, SipNumberReleased
from contracts.accounts.sites import LinkSite, SiteLinked, SiteUnlinked, UnlinkSite
from contracts.accounts.terms import (
    ActivateUser,
    ExpireUser,
    FreeSubaccountsSet,
    RenewUser,
    SetFreeSubaccounts,
    UserActivated,
    UserExpired,
    UserRenewed,
)
from contracts.accounts.words import MailLanguage
from contracts.permissions import SYSTEM
from kernel.deciding.codec import Codec
from kernel.deciding.decider import Elsewhere, Ref
from kernel.deciding.handling import Deciding
from kernel.deciding.spec import Given, Spec
from kernel.keeping.secrets import Secrets
from kernel.keeping.vault import MemoryKeys
from kernel.log.memory import MemoryLog
from services.accounts.access.access import ACCESS
from services.accounts.access.login import LOGIN
from services.accounts.households.decisions import HOUSEHOLD
from services.accounts.households.terms import months_later
from services.accounts.numbers import sip
from tests.accounts.world import (
    EMAIL,
    FAMILY_SIP,
    INSTALLER,
    MEMBER,
    MEMBER_EMAIL,
    MEMBER_SIP,
    MOBILE,
    NOW,
    OTHER_INSTALLER,
    PERSONAL_SIP,
    SITE,
    USER,
    activated,
    add_member,
    add_user,
    added,
    allocated,
    ask,
    by_email,
    by_mobile,
    by_uid,
    changed,
    claimed,
    distributor,
    edit_member,
    edit_user,
    elsewhere,
    master_opened,
    member_added,
    member_opened,
    number,
    other_distributor,
    other_installer,
    root,
    sibling_installer,
    site_added,
)

household = Spec(HOUSEHOLD, ACCESS, LOGIN, sip.SIP)

reset = ask(ResetUser, user_id=USER)
delete = ask(DeleteUser, user_id=USER)
activate = ask(ActivateUser, SYSTEM, user_id=USER)
names = {"user_id": USER, "installer_id": INSTALLER}


def beside(given: Given, *, member: bool = False) -> Given:
    """The household with the logins, numbers and access that adding it made."""
    given = (
        given.beside("access", USER, master_opened)
        .beside(*by_email(EMAIL), LoginClaimed(account_id=USER))
        .beside(*by_mobile(MOBILE), LoginClaimed(account_id=USER))
        .beside(*by_uid(PERSONAL_SIP), LoginClaimed(account_id=USER))
        .beside("sip", FAMILY_SIP, SipNumberAllocated(number=FAMILY_SIP, household_id=USER))
        .beside("sip", PERSONAL_SIP, SipNumberAllocated(number=PERSONAL_SIP, household_id=USER))
    )
    if not member:
        return given
    return (
        given.beside("access", MEMBER, member_opened)
        .beside(*by_email(MEMBER_EMAIL), LoginClaimed(account_id=MEMBER))
        .beside(*by_uid(MEMBER_SIP), LoginClaimed(account_id=MEMBER))
        .beside("sip", MEMBER_SIP, SipNumberAllocated(number=MEMBER_SIP, household_id=USER))
    )


# --- Adding -----------------------------------------------------------------------------------------------------------


@pytest.mark.row("U-02", "U-30")
def test_adding_a_user_takes_its_numbers_and_logins_in_the_same_step() -> None:
    household.given().when(add_user).then(
        added,
        elsewhere("access", USER, master_opened),
        claimed(by_email(EMAIL), USER),
        claimed(by_mobile(MOBILE), USER),
        claimed(by_uid(PERSONAL_SIP), USER),
        allocated(FAMILY_SIP),
        allocated(PERSONAL_SIP),
    )


def test_adding_the_same_user_twice_records_nothing_more() -> None:
    household.given().when(add_user).again().then()


def test_an_id_that_names_another_household_cannot_be_added() -> None:
    beside(household.given(added)).when(changed(add_user, name="Somebody else")).then_refused("id-taken")
    beside(household.given(added)).when(changed(add_user, actor=other_installer)).then_refused("id-taken")


@pytest.mark.row("U-10", "U-11", "U-12", "U-16")
def test_room_e_mail_country_and_mobile_may_be_left_out() -> None:
    bare = changed(add_user, room="", email=None, country=None, mobile="", landlines=(None, "", None))
    outcome = household.given().when(bare)
    recorded = outcome.events[0]
    assert (recorded.room, recorded.email, recorded.country, recorded.mobile) == (None, None, None, None)
    assert recorded.landlines == (None, None, None)
    assert [each.ref for each in outcome.events if isinstance(each, Elsewhere) and each.ref.aggregate == "login"] == [
        by_uid(PERSONAL_SIP)
    ]


@pytest.mark.parametrize(
    ("fields", "ref", "field"),
    [
        ({}, by_email(EMAIL), "email"),
        ({"email": "LI.WEI@EXAMPLE.ORG"}, by_email(EMAIL), "email"),
        ({}, by_mobile(MOBILE), "mobile"),
        ({"mobile": "+86 138-0013-8000"}, by_mobile(MOBILE), "mobile"),
    ],
)
@pytest.mark.row("U-11", "U-16")
def test_a_login_that_another_account_holds_is_refused_at_its_field(
    fields: dict[str, str], ref: Ref, field: str
) -> None:
    taken = household.given().beside(*ref, LoginClaimed(account_id=number(99)))
    taken.when(changed(add_user, **fields)).then_refused("login-taken", field)


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"mobile": "12345"}, "phone-invalid", "mobile"),
        ({"mobile": "abc"}, "phone-invalid", "mobile"),
        ({"mobile": "+49 1512 3456789"}, "phone-invalid", "mobile"),
        ({"mobile": "13800138000", "country": None}, "phone-invalid", "mobile"),
        ({"landlines": (None, None, "1")}, "phone-invalid", "landlines.2"),
        ({"country": "ZZ"}, "country-invalid", "country"),
        ({"time_zone": "GMT+8:00 Shanghai"}, "time-zone-invalid", "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time-zone-invalid", "time_zone"),
        ({"home_automation": True, "premium": True}, "premium-active", "home_automation"),
    ],
)
@pytest.mark.row("U-12", "U-16", "U-18", "U-22", "U-25")
def test_a_wrong_field_is_refused_by_name(fields: dict[str, object], code: str, field: str) -> None:
    household.given().when(changed(add_user, **fields)).then_refused(code, field)
    beside(household.given(added)).when(changed(edit_user, **fields)).then_refused(code, field)


@pytest.mark.parametrize(("chosen", "kept"), [("Asia/Calcutta", "Asia/Kolkata"), ("Etc/UTC", "UTC")])
def test_a_time_zone_is_kept_by_its_present_name(chosen: str, kept: str) -> None:
    outcome = household.given().when(changed(add_user, time_zone=chosen))
    assert outcome.events[0].time_zone == kept


@pytest.mark.row("U-21", "U-22")
def test_three_landlines_may_be_mobile_or_fixed_and_get_the_area_code() -> None:
    outcome = household.given().when(
        changed(add_user, landlines=("021 6841 0000", "138 0013 8000", "+86 10 6552 9988"))
    )
    assert outcome.events[0].landlines == ("+862168410000", "+8613800138000", "+861065529988")
    with pytest.raises(ValueError, match="landlines"):
        changed(add_user, landlines=("021 6841 0000", None, None, None))


@pytest.mark.parametrize(("premium", "chosen", "on"), [(True, None, True), (True, False, False), (False, None, False)])
@pytest.mark.row("U-26", "U-29")
def test_landline_service_is_on_with_premium_unless_chosen_otherwise(
    premium: bool, chosen: bool | None, on: bool
) -> None:
    outcome = household.given().when(changed(add_user, premium=premium, landline_service=chosen))
    assert outcome.events[0].landline_service is on


@pytest.mark.row("U-02")
def test_a_number_in_use_or_at_rest_is_passed_over() -> None:
    second_family = sip.family_candidates(USER)[1]
    second_personal = sip.personal_candidates(USER)[1]
    resting = SipNumberReleased(number=PERSONAL_SIP, quarantined_until=NOW + timedelta(seconds=1))
    given = (
        household.given()
        .beside("sip", FAMILY_SIP, SipNumberAllocated(number=FAMILY_SIP, household_id=SITE))
        .beside("sip", PERSONAL_SIP, resting)
    )
    recorded = given.when(add_user).events[0]
    assert (recorded.family_sip, recorded.personal_sip) == (second_family, second_personal)
    later = ask(
        type(add_user),
        at=NOW + timedelta(seconds=1),
        **dict(add_user.model_dump(exclude={"command_id", "at", "actor"})),
    )
    assert given.when(later).events[0].personal_sip == PERSONAL_SIP


def test_no_free_number_at_all_is_refused() -> None:
    given = household.given()
    for taken in sip.family_candidates(USER):
        given = given.beside("sip", taken, SipNumberAllocated(number=taken, household_id=SITE))
    given.when(add_user).then_refused("sip-exhausted")


# --- Editing ----------------------------------------------------------------------------------------------------------


@pytest.mark.row("U-31")
def test_a_form_sent_back_unchanged_records_nothing() -> None:
    beside(household.given(added)).when(edit_user).then()


@pytest.mark.row("U-09", "U-10", "U-13", "U-31")
def test_another_name_room_or_address_describes_the_residence() -> None:
    edited = changed(edit_user, name="王芳", room=None, address="南京路1号")
    described = ResidenceDescribed(**names, name="王芳", room=None, address="南京路1号")
    beside(household.given(added)).when(edited).then(described)


@pytest.mark.row("U-11", "U-31")
def test_another_e_mail_moves_the_login_in_the_same_step() -> None:
    contacts = ContactsChanged(
        **names, email="wei@example.org", country="CN", mobile=MOBILE, landlines=("+862168410000", None, None)
    )
    outcome = beside(household.given(added)).when(changed(edit_user, email="wei@example.org"))
    outcome.then(
        contacts,
        Elsewhere(by_email(EMAIL), LoginReleased(account_id=USER)),
        claimed(by_email("wei@example.org"), USER),
    )
    outcome.again().then()


def test_an_e_mail_written_in_other_letters_keeps_its_login() -> None:
    outcome = beside(household.given(added)).when(changed(edit_user, email="Li.Wei@Example.org"))
    assert len(outcome.events) == 1


def test_editing_to_another_account_s_e_mail_is_refused() -> None:
    given = beside(household.given(added)).beside(*by_email("a@example.org"), LoginClaimed(account_id=number(99)))
    given.when(changed(edit_user, email="a@example.org")).then_refused("login-taken", "email")


@pytest.mark.row("U-17", "U-18", "U-20", "U-31")
def test_preferences_are_one_fact() -> None:
    edited = changed(edit_user, call_type="sip_call", time_zone="Europe/Berlin", language="fr")
    beside(household.given(added)).when(edited).then(
        PreferencesChosen(
            **names, call_type="sip_call", time_zone="Europe/Berlin", language="fr", with_indoor_monitor=True
        )
    )


@pytest.mark.row("U-17")
def test_a_household_calls_by_ip_unless_chosen_otherwise() -> None:
    assert household.given().when(add_user).events[0].call_type == "ip_call"


@pytest.mark.row("U-20")
def test_account_mails_are_written_in_twelve_languages() -> None:
    assert len(MailLanguage) == 12
    with pytest.raises(ValueError, match="language"):
        changed(add_user, language="fa")


@pytest.mark.row("U-19")
def test_no_time_zone_follows_the_installer() -> None:
    assert household.given().when(changed(add_user, time_zone=None)).events[0].time_zone is None


@pytest.mark.row("U-26", "U-29")
def test_turning_premium_on_turns_landline_service_on() -> None:
    beside(household.given(added)).when(changed(edit_user, premium=True)).then(
        PremiumSwitched(**names, on=True), LandlineServiceSwitched(**names, on=True)
    )
    beside(household.given(added)).when(changed(edit_user, premium=True, landline_service=False)).then(
        PremiumSwitched(**names, on=True)
    )


@pytest.mark.row("U-23", "U-25")
def test_home_automation_and_premium_exclude_each_other() -> None:
    with_premium = household.given(added, PremiumSwitched(**names, on=True))
    with_automation = household.given(added, HomeAutomationSwitched(**names, on=True))
    both = changed(edit_user, home_automation=True, premium=True)
    beside(with_premium).when(both).then_refused("premium-active", "home_automation")
    beside(with_automation).when(both).then_refused("home-automation-active", "premium")
    beside(with_premium).when(changed(edit_user, home_automation=True, premium=False)).then(
        PremiumSwitched(**names, on=False), HomeAutomationSwitched(**names, on=True)
    )


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"email": None}, "email"),
        ({"mobile": None}, "mobile"),
        ({"country": None, "mobile": MOBILE, "landlines": (None, None, None)}, "country"),
    ],
)
@pytest.mark.row("U-32")
def test_contacts_are_locked_while_sites_are_linked(fields: dict[str, object], field: str) -> None:
    linked = household.given(added, SiteLinked(**names, site_id=SITE))
    beside(linked).when(changed(edit_user, **fields)).then_refused("contacts-locked-by-linked-sites", field)
    beside(linked).when(changed(edit_user, name="王芳")).then(
        ResidenceDescribed(**names, name="王芳", room="Room 1203", address=added.address)
    )


# --- Service time -----------------------------------------------------------------------------------------------------


@pytest.mark.row("U-04", "U-30")
def test_an_activated_user_is_normal_for_twelve_months() -> None:
    outcome = household.given(added).when(activate)
    outcome.then(UserActivated(**names, expires_at=datetime(2027, 11, 22, 9, 0, tzinfo=UTC)))
    outcome.again().then()


def test_a_renewal_counts_from_the_later_of_now_and_the_expiry() -> None:
    renew = ask(RenewUser, SYSTEM, user_id=USER, months=1)
    household.given(added, activated).when(renew).then(
        UserRenewed(**names, expires_at=datetime(2027, 12, 1, tzinfo=UTC))
    )
    past = UserActivated(**names, expires_at=datetime(2026, 1, 31, tzinfo=UTC))
    household.given(added, past, UserExpired(**names)).when(renew).then(
        UserRenewed(**names, expires_at=datetime(2026, 12, 22, 9, 0, tzinfo=UTC))
    )
    household.given(added).when(renew).then_refused("user-not-activated")


def test_months_end_on_the_last_day_there_is() -> None:
    assert months_later(datetime(2024, 1, 31, tzinfo=UTC), 1) == datetime(2024, 2, 29, tzinfo=UTC)
    assert months_later(datetime(2026, 12, 15, tzinfo=UTC), 60) == datetime(2031, 12, 15, tzinfo=UTC)


@pytest.mark.row("U-04")
def test_a_user_expires_when_its_time_has_come_and_once() -> None:
    early = ask(ExpireUser, SYSTEM, user_id=USER)
    due = ask(ExpireUser, SYSTEM, at=activated.expires_at, user_id=USER)
    household.given(added, activated).when(early).then()
    outcome = household.given(added, activated).when(due)
    outcome.then(UserExpired(**names))
    outcome.again().then()
    household.given(added).when(due).then()


# --- Reset, delete, password ------------------------------------------------------------------------------------------


def was_reset(members: tuple[str, ...], generation: int = 0) -> UserReset:
    return UserReset(
        **names,
        distributor_id=added.distributor_id,
        name=added.name,
        room=added.room,
        address=added.address,
        members=members,
        erased_key=f"{USER}.{generation}",
    )


def locked(generation: int = 1) -> Elsewhere:
    return elsewhere("access", USER, PasswordRevoked(account_id=USER, key=f"{USER}.{generation}"))


def at_rest(sip_number: str) -> Elsewhere:
    until = NOW + timedelta(days=90)
    return elsewhere("sip", sip_number, SipNumberReleased(number=sip_number, quarantined_until=until))


@pytest.mark.row("U-36", "U-37", "U-38", "U-46", "U-47")
def test_reset_takes_members_contacts_logins_and_sessions_in_one_step() -> None:
    given = beside(household.given(added, activated, member_added), member=True)
    given.when(reset).then(
        was_reset((MEMBER,)),
        locked(),
        Elsewhere(by_email(EMAIL), LoginReleased(account_id=USER)),
        Elsewhere(by_mobile(MOBILE), LoginReleased(account_id=USER)),
        elsewhere("access", MEMBER, AccessClosed(account_id=MEMBER)),
        Elsewhere(by_email(MEMBER_EMAIL), LoginReleased(account_id=MEMBER)),
        Elsewhere(by_uid(MEMBER_SIP), LoginReleased(account_id=MEMBER)),
        at_rest(MEMBER_SIP),
    )


@pytest.mark.row("U-36")
def test_reset_is_recorded_however_empty_the_household_looks() -> None:
    bare = added.model_copy(update={"email": None, "mobile": None, "country": None, "landlines": (None,) * 3})
    given = household.given(bare).beside("access", USER, master_opened)
    given.when(reset).then(was_reset(()), locked())
    sealed = household.given(bare, was_reset(())).beside("access", USER, master_opened, locked().event)
    sealed.when(changed(reset)).then(was_reset((), 1), locked(2))


@pytest.mark.row("U-36")
async def test_a_repeated_reset_answers_as_before_and_records_nothing() -> None:
    secrets = Secrets(bytes(32))
    kinds = (HOUSEHOLD, ACCESS, LOGIN, sip.SIP)
    log, events = MemoryLog("accounts"), [event for kind in kinds for event in kind.events]
    deciding = Deciding(log, Codec("accounts", events, MemoryKeys(), secrets), kinds)
    await deciding.handle(add_user)
    first = await deciding.handle(reset)
    await deciding.handle(changed(edit_user, name="New tenants"))
    again = await deciding.handle(reset)
    assert (again.repeated, again.position, again.recorded) == (True, first.position, first.recorded)
    anew = await deciding.handle(changed(reset))
    assert (anew.repeated, type(anew.recorded[0].event)) == (False, UserReset)


def test_reset_undoes_links_on_both_sides() -> None:
    given = beside(household.given(added, SiteLinked(**names, site_id=SITE))).beside(
        "household", SITE, site_added, SiteLinked(user_id=SITE, installer_id=OTHER_INSTALLER, site_id=USER)
    )
    outcome = given.when(reset)
    undone = SiteUnlinked(user_id=SITE, installer_id=OTHER_INSTALLER, site_id=USER)
    assert elsewhere("household", SITE, undone) in outcome.events
    outcome.again().then(was_reset((), 1), locked(2))


@pytest.mark.row("U-34")
def test_delete_gives_everything_back_and_the_user_is_unknown_afterwards() -> None:
    given = beside(household.given(added, activated, member_added), member=True)
    outcome = given.when(delete)
    outcome.then(
        UserDeleted(**names, distributor_id=added.distributor_id, members=(MEMBER,), erased_key=f"{USER}.0"),
        elsewhere("access", USER, AccessClosed(account_id=USER)),
        Elsewhere(by_email(EMAIL), LoginReleased(account_id=USER)),
        Elsewhere(by_mobile(MOBILE), LoginReleased(account_id=USER)),
        Elsewhere(by_uid(PERSONAL_SIP), LoginReleased(account_id=USER)),
        at_rest(FAMILY_SIP),
        at_rest(PERSONAL_SIP),
        elsewhere("access", MEMBER, AccessClosed(account_id=MEMBER)),
        Elsewhere(by_email(MEMBER_EMAIL), LoginReleased(account_id=MEMBER)),
        Elsewhere(by_uid(MEMBER_SIP), LoginReleased(account_id=MEMBER)),
        at_rest(MEMBER_SIP),
    )
    outcome.again().then_refused("user-unknown")


@pytest.mark.row("U-35")
def test_a_new_password_goes_to_the_master_or_a_member_and_to_nobody_else() -> None:
    given = beside(household.given(added, activated, member_added), member=True)
    for account_id in (USER, MEMBER):
        issue = ask(ResetPassword, user_id=USER, account_id=account_id, password_hash="hash-9")
        outcome = given.when(issue)
        outcome.then(
            elsewhere(
                "access",
                account_id,
                PasswordIssued(account_id=account_id, password_hash="hash-9", key=f"{USER}.0"),
            )
        )
        outcome.again().then()
    stranger = ask(ResetPassword, user_id=USER, account_id=SITE, password_hash="hash-9")
    given.when(stranger).then_refused("account-unknown")


# --- Family -----------------------------------------------------------------------------------------------------------


@pytest.mark.row("F-01")
def test_a_family_account_needs_an_activated_user() -> None:
    household.given(added).when(add_member).then_refused("family-not-activated")
    household.given().when(add_member).then_refused("user-unknown")


@pytest.mark.row("F-03", "F-07")
def test_a_member_gets_a_personal_number_and_a_login() -> None:
    outcome = household.given(added, activated).when(add_member)
    outcome.then(
        member_added,
        elsewhere("access", MEMBER, member_opened),
        claimed(by_email(MEMBER_EMAIL), MEMBER),
        claimed(by_uid(MEMBER_SIP), MEMBER),
        allocated(MEMBER_SIP),
    )
    outcome.again().then()


def with_members(count: int) -> list[object]:
    return [
        member_added.model_copy(update={"member_id": number(100 + i), "email": None, "sip": f"3{i:09}"})
        for i in range(count)
    ]


@pytest.mark.row("F-02")
def test_three_family_accounts_are_free_unless_the_distributor_says_otherwise() -> None:
    household.given(added, activated, *with_members(3)).when(add_member).then_refused("family-quota-reached")
    assert household.given(added, activated, *with_members(2)).when(add_member).events
    more = FreeSubaccountsSet(**names, free_subaccounts=20)
    assert household.given(added, activated, more, *with_members(19)).when(add_member).events
    household.given(added, activated, more, *with_members(20)).when(add_member).then_refused("family-full")


@pytest.mark.row("F-02")
def test_a_distributor_sets_the_free_family_accounts_of_its_own_households() -> None:
    wish = ask(SetFreeSubaccounts, distributor, user_id=USER, free_subaccounts=5)
    outcome = household.given(added).when(wish)
    outcome.then(FreeSubaccountsSet(**names, free_subaccounts=5))
    outcome.again().then()
    household.given(added).when(changed(wish, actor=other_distributor)).then_refused("user-unknown")


@pytest.mark.row("F-05")
def test_a_member_can_be_edited() -> None:
    given = beside(household.given(added, activated, member_added), member=True)
    given.when(edit_member).then()
    outcome = given.when(changed(edit_member, name="李丽", email=None, country="CN", mobile="13900139000"))
    outcome.then(
        MemberEdited(
            **names, member_id=MEMBER, name="李丽", email=None, country="CN", mobile="+8613900139000", language="en"
        ),
        Elsewhere(by_email(MEMBER_EMAIL), LoginReleased(account_id=MEMBER)),
        claimed(by_mobile("+8613900139000"), MEMBER),
    )
    outcome.again().then()
    given.when(changed(edit_member, member_id=SITE)).then_refused("member-unknown")
    given.when(changed(edit_member, email=EMAIL)).then_refused("login-taken", "email")


@pytest.mark.row("F-05")
def test_a_deleted_member_is_out_at_once_and_its_number_rests() -> None:
    wish = ask(DeleteMember, user_id=USER, member_id=MEMBER)
    given = beside(household.given(added, activated, member_added), member=True)
    outcome = given.when(wish)
    outcome.then(
        MemberDeleted(**names, member_id=MEMBER),
        elsewhere("access", MEMBER, AccessClosed(account_id=MEMBER)),
        Elsewhere(by_email(MEMBER_EMAIL), LoginReleased(account_id=MEMBER)),
        Elsewhere(by_uid(MEMBER_SIP), LoginReleased(account_id=MEMBER)),
        at_rest(MEMBER_SIP),
    )
    outcome.again().then_refused("member-unknown")


def test_a_member_of_a_household_with_linked_sites_keeps_its_contacts() -> None:
    linked = household.given(added, activated, member_added, SiteLinked(**names, site_id=SITE))
    beside(linked, member=True).when(changed(edit_member, email=None)).then_refused(
        "contacts-locked-by-linked-sites", "email"
    )


# --- Links and tenants ------------------------------------------------------------------------------------------------


@pytest.mark.row("U-32")
def test_a_link_is_known_to_both_households() -> None:
    wish = ask(LinkSite, root, user_id=USER, site_id=SITE)
    given = household.given(added).beside("household", SITE, site_added)
    outcome = given.when(wish)
    there = SiteLinked(user_id=SITE, installer_id=OTHER_INSTALLER, site_id=USER)
    outcome.then(SiteLinked(**names, site_id=SITE), elsewhere("household", SITE, there))
    outcome.again().then()
    household.given(added).when(wish).then_refused("site-unknown", "site_id")
    household.given(added).when(changed(wish, site_id=USER)).then_refused("site-unknown", "site_id")
    unlink = ask(UnlinkSite, root, user_id=USER, site_id=SITE)
    given.when(unlink).then()
    linked = household.given(added, SiteLinked(**names, site_id=SITE)).beside("household", SITE, site_added, there)
    linked.when(unlink).then(
        SiteUnlinked(**names, site_id=SITE),
        elsewhere("household", SITE, SiteUnlinked(user_id=SITE, installer_id=OTHER_INSTALLER, site_id=USER)),
    )


WISHES = [
    edit_user,
    reset,
    delete,
    add_member,
    edit_member,
    ask(DeleteMember, user_id=USER, member_id=MEMBER),
    ask(ResetPassword, user_id=USER, account_id=USER, password_hash="hash-9"),
    ask(SetFreeSubaccounts, user_id=USER, free_subaccounts=4),
    ask(ActivateUser, user_id=USER),
    ask(RenewUser, user_id=USER, months=1),
    ask(ExpireUser, user_id=USER),
    ask(LinkSite, user_id=USER, site_id=SITE),
    ask(UnlinkSite, user_id=USER, site_id=SITE),
]


@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: type(wish).__name__)
@pytest.mark.parametrize("stranger", [other_installer, other_distributor, sibling_installer])
def test_a_stranger_s_household_answers_like_one_that_does_not_exist(wish: AddMember, stranger: object) -> None:
    foreign = changed(wish, actor=stranger)
    beside(household.given(added, activated, member_added), member=True).when(foreign).then_refused("user-unknown")
    household.given().when(foreign).then_refused("user-unknown")
    deleted = UserDeleted(**names, distributor_id=added.distributor_id, members=(), erased_key=f"{USER}.0")
    household.given(added, deleted).when(wish).then_refused("user-unknown")
