"""A login: an identifier that leads to one account. Whoever claims it first holds it until it is released.

The identifier is personal, so only a keyed hash of it enters the log.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from contracts.accounts.access import LoginClaimed, LoginReleased
from contracts.characters import half_width, without_unseen
from contracts.message import Refused
from contracts.refusals import refused
from contracts.text import folded
from kernel.deciding.decider import Aggregate, Elsewhere, Neighbours, Ref, refuse
from kernel.spelling.hosts import compared_name, shown_name

LoginEvent = LoginClaimed | LoginReleased


@dataclass(frozen=True, slots=True)
class Login:
    """Which account the identifier leads to."""

    account_id: str | None = None


def evolve(login: Login, event: LoginEvent) -> Login:
    match event:
        case LoginClaimed():
            return Login(event.account_id)
        case LoginReleased():
            return Login()
        case _:
            assert_never(event)


def by_email(address: str) -> Ref:
    """The login of an address: domains are compared as mail servers do, by IDNA."""
    local, _, domain = without_unseen(address).strip().rpartition("@")
    return _of_email(f"{folded(local)}@{compared_name(half_width(domain))}")


def by_email_formerly(address: str) -> list[Ref]:
    """The logins under which an address may have been claimed while it was compared as text, none of them `by_email`.

    Who claimed one keeps it: it leads to the account, goes with it, and is refused to others.
    """
    local, _, domain = address.rpartition("@")
    spelt = (domain, compared_name(domain), shown_name(compared_name(domain)))
    texts = (unicodedata.normalize("NFKC", f"{local}@{each}").casefold().strip() for each in spelt)
    return [ref for ref in dict.fromkeys(map(_of_email, texts)) if ref != by_email(address)]


def _of_email(text: str) -> Ref:
    return LOGIN.ref(f"email:{text}")


def by_mobile(number: str) -> Ref:
    """`number` in E.164 form."""
    return LOGIN.ref(f"mobile:{number}")


def by_uid(uid: str) -> Ref:
    return LOGIN.ref(f"uid:{uid}")


def by_contacts(email: str | None, mobile: str | None) -> dict[str, Ref]:
    """The logins that an account has by its contacts, by the field that names each; `email/…` is one of formerly."""
    named = {"email": by_email(email) if email else None, "mobile": by_mobile(mobile) if mobile else None}
    formerly = {f"email/{n}": ref for n, ref in enumerate(by_email_formerly(email) if email else ())}
    return {**{field: ref for field, ref in named.items() if ref}, **formerly}


def to_look_at(old: dict[str, Ref], new: dict[str, Ref]) -> list[Ref]:
    """What `move` must know. Logins that stay are not looked at: most edits move none."""
    given, taken = _parted(old, new)
    return list(dict.fromkeys([*given, *taken.values()]))


def move(old: dict[str, Ref], new: dict[str, Ref], account_id: str, logins: Neighbours) -> list[Elsewhere]:
    """From the logins of the old contacts to those of the new ones."""
    given, taken = _parted(old, new)
    return [*release(given, account_id, logins), *claim(taken, account_id, logins)]


def _parted(old: dict[str, Ref], new: dict[str, Ref]) -> tuple[list[Ref], dict[str, Ref]]:
    given = [ref for ref in old.values() if ref not in new.values()]
    stay = {} if any("/" in field for field in old) else old
    return given, {field: ref for field, ref in new.items() if ref not in stay.values()}


def claim(wanted: dict[str, Ref], account_id: str, logins: Neighbours) -> list[Elsewhere]:
    """Take those logins; nothing for one that is held already. Refuses (`login-taken`, the field) another's."""
    claimed: list[Elsewhere] = []
    taken: list[Refused] = []
    for field, ref in wanted.items():
        name, _, formerly = field.partition("/")
        holder = logins[ref].account_id
        # What was one text may be two addresses (straße and strasse): then the other's is nothing to us.
        if formerly and by_email(ref.id.removeprefix("email:")) != wanted[name]:
            continue
        if holder not in (None, account_id):
            taken.append(refused("login-taken", name))
        if holder is None and not formerly:
            claimed.append(Elsewhere(ref, LoginClaimed(account_id=account_id)))
    refuse(taken)
    return claimed


def release(held: Iterable[Ref], account_id: str, logins: Neighbours) -> list[Elsewhere]:
    """Give those logins back, where the account holds them."""
    return [
        Elsewhere(ref, LoginReleased(account_id=account_id)) for ref in held if logins[ref].account_id == account_id
    ]


LOGIN = Aggregate(name="login", initial=Login(), evolve=evolve, events=(LoginClaimed, LoginReleased), hashed=True)
