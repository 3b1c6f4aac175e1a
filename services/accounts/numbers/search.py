"""Words by which people are found, beside their names: `e:` e-mail, `m:` mobile, `f:` family SIP, `s:` SIP."""

from __future__ import annotations

import phonenumbers

from contracts.characters import with_ascii_digits
from kernel.spelling.search import beginning_with, end_tokens, folded, name_tokens, token, typed_ends

__all__ = ["beginning_with", "email_tokens", "end_tokens", "mobile_tokens", "name_tokens", "prefixes"]


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


def prefixes(key: str, typed: str) -> list[str]:
    """What a token must begin with to be found by `typed`; nothing where a number was asked for without digits."""
    if key not in "mfs":
        return [token(key, folded(typed))]
    if not (digits := _digits(typed)):
        return []
    return [token(key, digits)] if key == "m" else typed_ends(key, digits)


def _digits(text: str) -> str:
    return "".join(each for each in with_ascii_digits(text) if each.isascii() and each.isdigit())
