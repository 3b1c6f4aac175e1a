"""One login however it is spelt, and two that only look alike to a fold: addresses by IDNA, passwords by NFC."""

import unicodedata
from uuid import uuid4

import pytest

from contracts.accounts.access import LoginClaimed, LoginReleased
from contracts.accounts.households import GetUser, UserAdded
from contracts.accounts.sites import SiteLinked
from contracts.message import Refused
from kernel.deciding.decider import Elsewhere
from kernel.deciding.spec import Spec
from kernel.spelling.hosts import ascii_name, shown_name
from services.accounts.access import login
from services.accounts.access.access import ACCESS
from services.accounts.access.login import by_email, by_email_formerly
from services.accounts.access.passwords import _ARGON2, hash_of, is_right
from services.accounts.households.decisions import HOUSEHOLD
from services.accounts.numbers import sip
from tests.accounts.conftest import Region
from tests.accounts.world import SITE, USER, added, changed, claimed, edit_user

households = Spec(HOUSEHOLD, ACCESS, login.LOGIN, sip.SIP)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a@müller.example", "a@xn--mller-kva.example"),
        ("a@MÜLLER.example", "A@xn--MLLER-kva.EXAMPLE"),
        ("a@mu\u0308ller.example", "a@müller.example"),
        ("a@demo.example\u200b", "a@demo.example"),
        ("ａ@ｄｅｍｏ．example", "a@demo.example"),
        ("a@demo。example", "a@demo.example"),
        ("a@دوربین.example", "a@xn--ngbng9fh80f.example"),
    ],
    ids=ascii,
)
def test_one_address_in_two_spellings_is_one_login(one: str, other: str) -> None:
    assert by_email(one) == by_email(other)


def test_two_domains_are_two() -> None:
    assert by_email("a@straße.example") != by_email("a@strasse.example")
    assert by_email("a@βόλος.example") != by_email("a@βόλοσ.example")
    assert ascii_name("straße.example") == "xn--strae-oqa.example"
    assert shown_name("xn--strae-oqa.example") == "straße.example"
    assert shown_name("xn--\u0fff.example") == "xn--\u0fff.example"


def test_what_was_compared_as_text_before_is_looked_up_and_refused_to_others() -> None:
    (formerly,) = by_email_formerly("a@müller.example")
    assert formerly == login.LOGIN.ref("email:a@müller.example")
    assert by_email_formerly("a@xn--mller-kva.example") == [formerly]
    assert by_email_formerly("a@demo.example") == []
    elsewhere = login.Login("somebody")
    logins = {ref: login.Login() for ref in login.by_contacts("a@müller.example", None).values()} | {
        formerly: elsewhere
    }
    for spelt in ("a@müller.example", "a@xn--mller-kva.example"):
        with pytest.raises(Refused) as refusal:
            login.claim(login.by_contacts(spelt, None), USER, logins)
        assert (refusal.value.code, refusal.value.field) == ("login-taken", "email")
    own = login.claim(login.by_contacts("a@müller.example", None), "somebody", logins)
    assert own == [Elsewhere(by_email("a@müller.example"), LoginClaimed(account_id="somebody"))]


def test_another_domain_that_a_fold_takes_for_this_one_is_no_obstacle() -> None:
    wanted = login.by_contacts("a@straße.example", None)
    logins = {ref: login.Login() for ref in wanted.values()} | {by_email("a@strasse.example"): login.Login("other")}
    assert login.claim(wanted, USER, logins) == [claimed(by_email("a@straße.example"), USER)]


def test_an_address_that_was_kept_with_what_nobody_sees_gets_its_login_when_the_form_is_saved() -> None:
    seen, unseen = "a@demo.example", "a@demo.example\u200b"
    kept = login.LOGIN.ref(f"email:{unseen}")
    pasted = UserAdded.model_validate({**added.model_dump(), "email": unseen})
    home = households.given(pasted).beside(*kept, LoginClaimed(account_id=USER))
    outcome = home.when(changed(edit_user, email=unseen))
    assert Elsewhere(kept, LoginReleased(account_id=USER)) in outcome.events
    assert claimed(by_email(seen), USER) in outcome.events


def test_the_form_of_such_an_address_can_be_saved_while_sites_are_linked() -> None:
    pasted = UserAdded.model_validate({**added.model_dump(), "email": "a@demo.example\u200b"})
    linked = SiteLinked(user_id=USER, installer_id=added.installer_id, site_id=SITE)
    home = households.given(pasted, linked)
    outcome = home.when(changed(edit_user, email="a@demo.example", name="王芳"))
    assert claimed(by_email("a@demo.example"), USER) in outcome.events
    home.when(changed(edit_user, email="b@demo.example")).then_refused("contacts-locked-by-linked-sites", "email")


async def test_a_person_logs_in_by_any_spelling_of_the_address(region: Region) -> None:
    installer = await region.installer()
    name = uuid4().hex[:8]
    user_id, accepted = await region.user(installer, activated=True, email=f"{name}@müller.example\u200b")
    assert (await region.see(GetUser, installer, user_id=user_id)).email == f"{name}@müller.example"
    for typed in (
        f"{name}@xn--mller-kva.example",
        f"\u202a{name.upper()}@MÜLLER.example\u202c",
        f"{name}@ｍüller．example",
    ):
        assert (await region.log_in(typed, accepted.extra.credential)).account_id == user_id
    with pytest.raises(Refused) as refusal:
        await region.user(installer, email=f"{name}@XN--MLLER-KVA.example")
    assert refusal.value.code == "login-taken"


# --- Passwords --------------------------------------------------------------------------------------------------------


async def test_a_password_is_the_same_word_from_another_keyboard() -> None:
    composed, pieces = "Schlüssel für Åse", unicodedata.normalize("NFD", "Schlüssel für Åse")
    for chosen in (composed, pieces, composed[:9] + pieces[10:]):
        kept = await hash_of(chosen)
        assert await is_right(composed, kept)
        assert await is_right(pieces, kept)
        assert not await is_right("Schlussel fur Ase", kept)
    assert not await is_right(composed, None)


async def test_a_password_that_was_kept_as_it_was_typed_still_opens() -> None:
    composed, pieces = "Schlüssel für Åse", unicodedata.normalize("NFD", "Schlüssel für Åse")
    for typed in (composed, pieces, "ﬁne words ①"):
        assert await is_right(typed, _ARGON2.hash(typed))
    assert await is_right(composed, _ARGON2.hash(pieces))


async def test_an_initial_credential_is_typed_with_the_digits_of_any_keyboard(region: Region) -> None:
    installer = await region.installer()
    user_id, accepted = await region.user(installer, activated=True)
    credential = accepted.extra.credential
    uid = accepted.extra.uid
    persian = {ord(str(n)): chr(0x06F0 + n) for n in range(10)}
    wide = {ord(str(n)): chr(0xFF10 + n) for n in range(10)}
    for typed in (credential.translate(persian), f"\u200e{credential.translate(wide).lower()}\u200b"):
        assert (await region.log_in(uid.translate(persian), typed)).account_id == user_id
