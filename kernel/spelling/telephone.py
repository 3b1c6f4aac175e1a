"""Telephone numbers, read as the people of a country write them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import phonenumbers

_DIALLED = re.compile(r"[+(]*[0-9][0-9 ()./-]*", re.ASCII)
_FEWEST_DIGITS = 3


# The same number is read at the door, and twice for each command.
@lru_cache(maxsize=1024)
def e164_of(number: str, country: str | None) -> str | None:
    """The number with its area code (`+…`), None for what is no number of that country.

    Without a country the number must bring its own area code.
    """
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return None
    elsewhere = country is not None and parsed.country_code != phonenumbers.country_code_for_region(country)
    if elsewhere or parsed.extension or not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def has_area_code(country: str) -> bool:
    """Whether numbers of that country can be read."""
    return country in phonenumbers.SUPPORTED_REGIONS


def dialled(number: str) -> str | None:
    """A number that people dial as it stands, also a short or a toll-free one, with plain signs between its digits.

    None for what is no number, and behind a `+` for what no country has.
    """
    plain = "".join(map(_plain, number))
    return plain if _DIALLED.fullmatch(plain) and _is_dialled_in_some_country(plain) else None


def _plain(character: str) -> str:
    if unicodedata.category(character) == "Pd" or character == "\u2212":
        return "-"
    return " " if character.isspace() else character


def _is_dialled_in_some_country(number: str) -> bool:
    if sum(map(str.isdigit, number)) < _FEWEST_DIGITS:
        return False
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException as why:
        # Without a country no more can be said of a number that does not bring its own.
        return not number.startswith("+") and why.error_type == why.INVALID_COUNTRY_CODE
