"""Words by which people are found, beside their names: `e:` e-mail, `m:` mobile, `f:` family SIP, `s:` SIP."""

from __future__ import annotations

import phonenumbers

from contracts.text import folded
from kernel.search import beginning_with, name_tokens, token

__all__ = ["beginning_with", "email_tokens", "mobile_tokens", "name_tokens", "prefix", "sip_token"]


def email_tokens(email: str | None) -> list[str]:
    return [token("e", folded(email))] if email else []


def mobile_tokens(mobile: str | None) -> list[str]:
    """With the area code, without it, and as the people of the country write it."""
    if not mobile:
        return []
    try:
        number = phonenumbers.parse(mobile)
    except phonenumbers.NumberParseException:
        return [token("m", _digits(mobile))]
    national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    written = {_digits(mobile), phonenumbers.national_significant_number(number), _digits(national)}
    return [token("m", each) for each in sorted(written)]


def sip_token(key: str, number: str) -> str:
    return f"{key}:{number}"


def prefix(key: str, typed: str) -> str:
    """What a token must begin with to be found by `typed`."""
    return token(key, _digits(typed) if key in "mfs" else folded(typed))


def _digits(text: str) -> str:
    return "".join(character for character in folded(text) if character.isascii() and character.isdigit())
