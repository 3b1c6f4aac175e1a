"""Reading what a device says, as well as it can be read.

The rule it protects: what a device says again until it is answered is always answered. So a message is read in spite of
the slips that firmware makes, and a device hears why one cannot be read, so that it can drop it.
"""

from __future__ import annotations

import json
import re
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)

ID_CHARACTERS_MAX = 64
REASON_CHARACTERS_MAX = 200
_ID = re.compile(r'"id"\s*:\s*"([^"\\]{1,64})"')
_WHOLE_CHARACTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


class Unreadable(Exception):
    """A message that cannot be read. `id` is what it calls itself, as far as that can be seen, else empty."""

    def __init__(self, id: str, reason: str) -> None:
        super().__init__(reason)
        self.id = id
        self.reason = reason[:REASON_CHARACTERS_MAX]


class Read(NamedTuple, Generic[M]):
    """A message, and its `id` as the device wrote it: by that spelling it knows the answer."""

    message: M
    id: str


def read(kind: type[M], body: bytes) -> Read[M]:
    """The message of that kind in `body`. Raises `Unreadable`.

    Passed over: a byte order mark, NULs and blanks around it, members that are null. Characters that are cut in two are
    replaced; a body in Latin-1 is read as that.
    """
    text = _text(body)
    try:
        members = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Unreadable(_id_in(text), "not JSON") from None
    if not isinstance(members, dict):
        raise Unreadable("", "not a JSON object")
    members = {name: _whole(value) for name, value in members.items() if value is not None}
    id = _id_of(members)
    try:
        return Read(kind.model_validate(members), id)
    except ValidationError as fault:
        raise Unreadable(id, _reason(fault)) from None


def _text(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        # With a whole character of UTF-8 in it, another one was cut; without, each byte is a character.
        text = body.decode(errors="replace") if _WHOLE_CHARACTER.search(body) else body.decode("latin-1")
    return text.strip("\ufeff\0 \t\r\n")


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _whole(value: Any) -> Any:
    """Halves of characters, which cannot be stored, are replaced; deeper down nothing is read."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value


def _id_of(members: dict[str, Any]) -> str:
    id = members.get("id", "")
    return str(id)[:ID_CHARACTERS_MAX] if isinstance(id, str | int) else ""


def _id_in(text: str) -> str:
    found = _ID.search(text)
    return found[1] if found else ""


def _reason(fault: ValidationError) -> str:
    """Which members, and what is wrong with them; never their values, which may be about somebody."""
    errors = fault.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in errors)
