"""A login: an identifier that leads to one account. Whoever claims it first holds it until it is released.

The identifier is personal, so only a keyed hash of it enters the log.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from contracts.accounts import LoginClaimed, LoginReleased
from contracts.text import folded
from kernel.decider import Aggregate, Elsewhere, Neighbours, Ref
from services.accounts.refusing import refused

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
    return LOGIN.ref(f"email:{folded(address)}")


def by_mobile(number: str) -> Ref:
    """`number` in E.164 form."""
    return LOGIN.ref(f"mobile:{number}")


def by_uid(uid: str) -> Ref:
    return LOGIN.ref(f"uid:{uid}")


def by_contacts(email: str | None, mobile: str | None) -> dict[str, Ref]:
    """The logins that an account has by its contacts, by the field that names each."""
    named = {"email": by_email(email) if email else None, "mobile": by_mobile(mobile) if mobile else None}
    return {field: ref for field, ref in named.items() if ref}


def claim(wanted: dict[str, Ref], account_id: str, logins: Neighbours) -> list[Elsewhere]:
    """Take those logins; nothing for one that is held already. Refuses (`login-taken`, the field) another's."""
    claimed = []
    for field, ref in wanted.items():
        holder = logins[ref].account_id
        if holder not in (None, account_id):
            raise refused("login-taken", field)
        if holder is None:
            claimed.append(Elsewhere(ref, LoginClaimed(account_id=account_id)))
    return claimed


def release(held: Iterable[Ref], account_id: str, logins: Neighbours) -> list[Elsewhere]:
    """Give those logins back, where the account holds them."""
    return [
        Elsewhere(ref, LoginReleased(account_id=account_id)) for ref in held if logins[ref].account_id == account_id
    ]


LOGIN = Aggregate(name="login", initial=Login(), evolve=evolve, events=(LoginClaimed, LoginReleased), hashed=True)
