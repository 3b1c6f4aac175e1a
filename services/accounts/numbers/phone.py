"""Telephone numbers: typed as the people of a country type them, kept in E.164 form."""

from __future__ import annotations

from contracts.refusals import refused
from kernel.spelling.telephone import dialled, e164_of, has_area_code


def e164(number: str | None, country: str | None, field: str) -> str | None:
    """The number with its area code, `None` for none. Refuses (`phone-invalid`) what is not a number of that country.

    Without a country the number must bring its own area code (`+…`).
    """
    if not number:
        return None
    if (formatted := e164_of(number, country)) is None:
        raise refused("phone-invalid", field)
    return formatted


def known_country(country: str | None) -> str | None:
    """The country itself. Refuses (`country-invalid`) one that has no area code."""
    if country is not None and not has_area_code(country):
        raise refused("country-invalid", "country")
    return country


def service_number(number: str) -> str:
    """A number that residents dial as it stands, also a short or a toll-free one, with plain signs between its digits.

    Refuses (`phone-unreadable`) what is no number, and behind a `+` what no country has.
    """
    if (plain := dialled(number)) is None:
        raise refused("phone-unreadable", "phone")
    return plain
