"""Telephone numbers: typed as the people of a country type them, kept in E.164 form."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import phonenumbers

from services.accounts.refusing import refused

_DIALLED = re.compile(r"[+(]*[0-9][0-9 ()./-]*", re.ASCII)


def e164(number: str | None, country: str | None, field: str) -> str | None:
    """The number with its area code, `None` for none. Refuses (`phone-invalid`) what is not a number of that country.

    Without a country the number must bring its own area code (`+…`).
    """
    if not number:
        return None
    if (formatted := _formatted(number, country)) is None:
        raise refused("phone-invalid", field)
    return formatted


# A command is looked at twice, and again when somebody was faster.
@lru_cache(maxsize=1024)
def _formatted(number: str, country: str | None) -> str | None:
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return None
    elsewhere = country is not None and parsed.country_code != phonenumbers.country_code_for_region(country)
    if elsewhere or parsed.extension or not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def known_country(country: str | None) -> str | None:
    """The country itself. Refuses (`country-invalid`) one that has no area code."""
    if country is not None and country not in phonenumbers.SUPPORTED_REGIONS:
        raise refused("country-invalid", "country")
    return country


def service_number(number: str) -> str:
    """A number that residents dial as it stands, also a short or a toll-free one, with plain signs between its digits.

    Refuses (`phone-unreadable`) what is no number, and behind a `+` what no country has.
    """
    plain = "".join(map(_plain, number))
    if not _DIALLED.fullmatch(plain) or not _is_dialled_in_some_country(plain):
        raise refused("phone-unreadable", "phone")
    return plain


def _plain(character: str) -> str:
    if unicodedata.category(character) == "Pd" or character == "\u2212":
        return "-"
    return " " if character.isspace() else character


def _is_dialled_in_some_country(number: str) -> bool:
    if sum(map(str.isdigit, number)) < 3:
        return False
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException as why:
        # Without a country no more can be said of a number that does not bring its own.
        return not number.startswith("+") and why.error_type == why.INVALID_COUNTRY_CODE
