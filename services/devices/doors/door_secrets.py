"""What opens doors, as it is written: a PIN, a card's number, a template. One reader for each kind."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from itertools import pairwise

from contracts.characters import with_ascii_digits, without_unseen
from contracts.devices.homes import CredentialKind

_FORMS: Mapping[CredentialKind, re.Pattern[str]] = {
    CredentialKind.PIN: re.compile(r"[0-9]{2,8}"),
    CredentialKind.FACE: re.compile(r"[A-Za-z0-9+/]{64,4096}={0,2}"),
    CredentialKind.RF_CARD: re.compile(r"[0-9A-F]{4,20}"),
    CredentialKind.BLUETOOTH: re.compile(r"[A-Za-z0-9_-]{16,128}"),
    CredentialKind.NFC: re.compile(r"([0-9A-F]{2}){4,10}"),
    CredentialKind.QR: re.compile(r"[!-~]{16,256}"),
}
_HEXADECIMAL = (CredentialKind.RF_CARD, CredentialKind.NFC)
# As it stands on many cards, for example `077,30211`: what the reader shows cannot be reckoned from it alone.
_IN_PARTS = re.compile(r"[0-9]+,[0-9]+|[0-9]{8,10}\s+[0-9]+,[0-9]+")


def plain(kind: CredentialKind, written: str) -> str:
    """What is kept of it: digits are those of ASCII, and what parts the bytes of a card's number is gone."""
    text = without_unseen(written).strip()
    if kind is CredentialKind.PIN:
        return with_ascii_digits(text)
    if kind is CredentialKind.FACE:
        return "".join(text.split())
    if kind not in _HEXADECIMAL:
        return text
    text = with_ascii_digits(text).upper()
    return text if _IN_PARTS.fullmatch(text) else "".join(each for each in text if not _parts(each))


def fault(kind: CredentialKind, secret: str) -> str | None:
    """The code of what is wrong with it, once it is `plain`."""
    if kind in _HEXADECIMAL and _IN_PARTS.fullmatch(secret):
        return "card-in-parts"
    if kind is CredentialKind.PIN:
        return None if is_pin(secret) else "pin-malformed"
    return None if _FORMS[kind].fullmatch(secret) else "credential-malformed"


def is_pin(text: str) -> bool:
    """Whether that can be a PIN. One of one digit repeated, or that counts up or down, is guessed first."""
    return _FORMS[CredentialKind.PIN].fullmatch(text) is not None and _steps(text) not in ({0}, {1}, {9})


def number(kind: CredentialKind, secret: str) -> str:
    """What is the same of two notations of one: zeros at the beginning of a card's number say nothing."""
    return secret.lstrip("0") if kind in _HEXADECIMAL else secret


def _parts(character: str) -> bool:
    return unicodedata.category(character)[0] in "PSZ" or character.isspace()


def _steps(pin: str) -> set[int]:
    return {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
