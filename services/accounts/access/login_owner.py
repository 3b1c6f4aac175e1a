"""Whom a login leads to, however it is written: an e-mail address, a UID, or a mobile number as people write it.

The rule it protects: all spellings of a login are one login, so whoever guesses passwords gains nothing by writing it
in another way.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Protocol

import phonenumbers

from contracts.accounts.access import FindLoginOwner, LoginOwner
from contracts.text import folded
from contracts.zones import country_of
from kernel.deciding.decider import Ref
from kernel.keeping.mongo import Database
from kernel.keeping.secrets import Secrets
from kernel.service.declaration import Tools
from services.accounts.access.login import by_email, by_email_formerly, by_mobile, by_uid

UID_DIGITS = 10
_COUNTRIES_REMEMBERED_S = 60.0
_BETWEEN_DIGITS = frozenset(" -.()/")


class Knows(Protocol):
    """What is needed to find out: preparing a command and answering a query both have it."""

    @property
    def database(self) -> Database: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def load(self) -> Callable[[Ref], Awaitable[tuple[Any, int]]]: ...


def spelt(identifier: str, countries: Collection[str]) -> list[Ref]:
    """The logins that the text may mean, the likeliest first; `countries` are those whose own numbers are tried."""
    if "@" in identifier:
        return [by_email(identifier), *by_email_formerly(identifier)]
    digits = _digits(identifier)
    if digits is None:
        return []
    meant = [by_uid(digits)] if len(digits) == UID_DIGITS and digits.isdecimal() else []
    numbers = dict.fromkeys(_number(digits, country) for country in (None, *countries))
    return [*meant, *(by_mobile(number) for number in numbers if number)]


async def owner_of(identifier: str, knows: Knows) -> LoginOwner:
    """Whom the identifier leads to: nobody, too, where it is the number of two people in different countries."""
    meant = spelt(identifier, await _countries(knows.database))
    # A UID and an address are one person's, and the first that leads to somebody is meant.
    for login in (each for each in meant if not each.id.startswith("mobile:")):
        if (holder := (await knows.load(login))[0].account_id) is not None:
            return LoginOwner(account_id=holder, login=_name(login.id, knows))
    held = [(each, (await knows.load(each))[0].account_id) for each in meant if each.id.startswith("mobile:")]
    holders = {holder for _, holder in held if holder is not None}
    name = meant[0].id if meant else f"text:{folded(identifier)}"
    return LoginOwner(account_id=holders.pop() if len(holders) == 1 else None, login=_name(name, knows))


async def find_login_owner(query: FindLoginOwner, tools: Tools) -> LoginOwner:
    return await owner_of(query.identifier, tools)


def _name(login: str, knows: Knows) -> str:
    return knows.secrets.hashed("login", login)


def _digits(typed: str) -> str | None:
    """The text as ASCII digits, perhaps behind a plus, or None when something else stands in it."""
    kept: list[str] = []
    for each in typed:
        if each in _BETWEEN_DIGITS or each.isspace() or unicodedata.category(each) in ("Pd", "Cf"):
            continue
        if each in "+\uff0b" and not kept:
            kept.append("+")
        elif each.isdecimal():
            kept.append(str(unicodedata.decimal(each)))
        else:
            return None
    return "".join(kept) or None


def _number(digits: str, country: str | None) -> str | None:
    try:
        parsed = phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        return None
    if country is None or phonenumbers.is_valid_number(parsed):
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return None


_remembered: dict[str, tuple[float, tuple[str, ...]]] = {}


async def _countries(database: Database) -> tuple[str, ...]:
    """Where this region's installers work, by their time zones."""
    until, countries = _remembered.get(database.name, (0.0, ()))
    if time.monotonic() < until:
        return countries
    zones = await database["installers"].distinct("time_zone")
    countries = tuple(sorted({country for zone in zones if (country := country_of(zone))}))
    _remembered[database.name] = (time.monotonic() + _COUNTRIES_REMEMBERED_S, countries)
    return countries


def forget_countries() -> None:
    """Look anew where installers work: one of them has just come or moved."""
    _remembered.clear()
