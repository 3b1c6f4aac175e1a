"""What is wrong with a form besides what its types say: every wrong field is told at once, not one after another.

The services judge the same again, and more: this is for a form of which another field is wrong already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from pydantic import ValidationError

from contracts.message import FieldRefusal
from contracts.refusals import REFUSALS
from contracts.text import numeral
from kernel.spelling.telephone import dialled, e164_of, has_area_code
from kernel.talking.wire import invalid
from services.gateway.http.problems import Problem

_LONGEST = 64


def refuse(error: ValidationError, fields: Mapping[str, Any]) -> NoReturn:
    """Raise the problem that names every wrong field: those of `error`, and what is wrong among the other `fields`."""
    refusal = invalid(error)
    named = {each.field for each in refusal.errors}
    more = tuple(each for each in _telephone_faults(fields) if each.field not in named)
    raise Problem(400, refusal.code, refusal.detail, errors=(*refusal.errors, *more)) from None


def _telephone_faults(fields: Mapping[str, Any]) -> Iterator[FieldRefusal]:
    country = fields.get("country")
    if country is not None and not (isinstance(country, str) and has_area_code(country)):
        yield _fault("country-invalid", "country")
        return  # of what country the numbers are is not known
    landlines = fields.get("landlines")
    numbers = {"mobile": fields.get("mobile")}
    if isinstance(landlines, list):
        numbers |= {f"landlines.{i}": each for i, each in enumerate(landlines)}
    for field, number in numbers.items():
        if (text := _cleaned(number)) and e164_of(text, country) is None:
            yield _fault("phone-invalid", field)
    if (text := _cleaned(fields.get("phone"))) and dialled(text) is None:
        yield _fault("phone-unreadable", "phone")


def _cleaned(number: object) -> str:
    """As the contracts take it; nothing when it is no text at all, which they say themselves."""
    try:
        return numeral(number) if isinstance(number, str) and len(number) <= _LONGEST else ""
    except ValueError:
        return ""


def _fault(code: str, field: str) -> FieldRefusal:
    return FieldRefusal(field=field, code=code, detail=REFUSALS[code].sentence)
