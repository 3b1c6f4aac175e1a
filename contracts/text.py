"""The kinds of text that people type or paste. Nothing here interprets what it says.

Names and lines are for people, machine values for machines: what shows nothing is removed from both before anything
is judged, so that two texts that look alike are alike, and one that shows nothing is empty.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import unquote

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from contracts.characters import half_width, is_unshowable, showable, tidied, with_ascii_digits, without_unseen
from contracts.reasons import VALUES

_EMAIL = re.compile(
    r"[^@\s\x00-\x1f\"(),:;<>\[\\\]]{1,64}@(?=.{1,190}$)([^@\s\x00-\x1f\"(),:;<>\[\\\]._]+\.)+[^@\s.]{2,}"
)
_PATH = re.compile(r"/([!$&-.0-;=?@A-Z\[\]_a-z~/\x27]|%[0-9A-Fa-f]{2})*")
_DECODED_MAX = 4
# More than this was not pasted by mistake; the field's own bound refuses it.
_CLEANED_MAX = 8_192


def plain(text: str) -> str:
    """Text for people: NFC, without what shows nothing there. Raises `ValueError` on what no text has."""
    text = text.strip()
    if not text.isprintable() and any(map(is_unshowable, text)):
        raise fault("text-unshowable")
    return tidied(text)


def machine(text: str) -> str:
    """A value for machines: NFC, without anything that does not show. Raises `ValueError` on what no text has."""
    text = without_unseen(text).strip()
    if not text.isprintable() and any(map(is_unshowable, text)):
        raise fault("text-unshowable")
    return unicodedata.normalize("NFC", text)


def numeral(text: str) -> str:
    """A value for machines that consists of digits above all: those of any script are those of ASCII."""
    return machine(with_ascii_digits(text))


def fault(code: str) -> PydanticCustomError:
    """What to raise where a value is not of its kind: a `ValueError` that keeps its code on the way to the caller."""
    return PydanticCustomError(code, VALUES[code].sentence)


def matching(pattern: str, code: str) -> tuple[Any, AfterValidator]:
    """What refuses text that does not match with this code; schemas say the pattern."""
    matches = re.compile(pattern).fullmatch

    def check(text: str) -> str:
        if matches(text) is None:
            raise fault(code)
        return text

    return Field(json_schema_extra={"pattern": pattern}), AfterValidator(check)


def cleaned(clean: Callable[[str], str]) -> BeforeValidator:
    """Has text cleaned before it is measured; what is no text, or far too long, goes on to be refused."""

    def clean_text(value: Any) -> Any:
        return clean(value) if isinstance(value, str) and len(value) <= _CLEANED_MAX else value

    return BeforeValidator(clean_text)


def labelled(length_max: int) -> BeforeValidator:
    """Has a name that a file or a device gives cleaned and cut: it names something, and is never a reason to refuse."""
    return BeforeValidator(lambda value: showable(value, length_max) if isinstance(value, str) else value)


def _filled(text: str) -> str:
    if not text:
        raise fault("text-empty")
    return text


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise fault("email-malformed")
    return text


def page_path(text: str) -> str:
    """The path and query of a page within one web server, as it is. Raises `ValueError` on whatever could mean more.

    No address, no host, and no way up: neither plainly nor in any number of percent-encodings.
    """
    if not _PATH.fullmatch(text):
        raise ValueError("is not the path of a page")
    path = text.partition("?")[0]
    for _ in range(_DECODED_MAX):
        if path.startswith("//") or not path.isprintable() or "\\" in path or {".", ".."} & set(path.split("/")):
            raise ValueError("is not the path of a page")
        if (plainer := unquote(path, errors="strict")) == path:
            return text
        path = plainer
    raise ValueError("is not the path of a page")


def folded(text: str) -> str:
    """The form in which identifiers are compared: compatible characters unified, case and what is unseen removed."""
    return unicodedata.normalize("NFKC", without_unseen(text)).casefold().strip()


Name = Annotated[str, StringConstraints(max_length=128), cleaned(plain), AfterValidator(_filled)]
Line = Annotated[str, StringConstraints(max_length=256), cleaned(plain)]
FilledLine = Annotated[str, StringConstraints(max_length=256), cleaned(plain), AfterValidator(_filled)]
Email = Annotated[
    str, StringConstraints(max_length=254), cleaned(lambda text: machine(half_width(text))), AfterValidator(_email)
]
Phone = Annotated[str, StringConstraints(max_length=32), cleaned(numeral)]
Country = Annotated[str, Field(description="ISO 3166-1 alpha-2"), *matching(r"^[A-Z]{2}$", "country-invalid")]
Digits = Annotated[str, Field(pattern=r"^[0-9]{10}$")]
