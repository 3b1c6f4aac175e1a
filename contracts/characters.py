"""What a character is to a reader: something that shows, a blank, or something unseen that steers what is around it.

By ranges of the Unicode standard and not by this Python's own tables: these end in 2021, and what was assigned since is
no error. Text comes from address books, documents and chats, which leave such characters in it that nobody typed.
"""

from __future__ import annotations

import re
import unicodedata

# What shows nothing in any font (`Default_Ignorable_Code_Point`), annotation marks, and what stands for a lost picture.
_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_JOINERS = "\u200c\u200d"
_MARKS = "\u061c\u200e\u200f"
_SELECTORS = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAGS = "\U000e0020-\U000e007f"
_BLANKS = "\\s\u2800\u3164\uffa0\U0001d159"
_FLAG = "\U0001f3f4"
# Scripts that are written without joiners stand before Hebrew.
_JOINED_FROM = 0x0590

_unseen = re.compile(f"[{_UNSEEN}]")
_stray = re.compile(f"(?![{_JOINERS}{_MARKS}{_SELECTORS}{_TAGS}\u3164\uffa0])[{_UNSEEN}]")
_steering = re.compile(f"[{_JOINERS}{_MARKS}{_SELECTORS}{_TAGS}]")
_space = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_blank = re.compile(f"[{_BLANKS}{_UNSEEN}]")
_edges = re.compile(f"^[{_BLANKS}{_MARKS}{_JOINERS}]+|[{_BLANKS}{_MARKS}{_JOINERS}]+$")
_separators = str.maketrans({"\u2028": " ", "\u2029": " ", "\u0085": " ", "\t": " ", "\n": " ", "\r": " "})
_full_width = {0xFF01 + i: 0x21 + i for i in range(94)} | {0x3000: 0x20, 0x3002: 0x2E, 0xFF61: 0x2E}


def is_unshowable(character: str) -> bool:
    """Whether it is no text in any version of Unicode: a control, half a pair, a code point that is never one."""
    point = ord(character)
    return unicodedata.category(character) in ("Cc", "Cs") or 0xFDD0 <= point <= 0xFDEF or point & 0xFFFE == 0xFFFE


def is_blank(text: str) -> bool:
    """Whether nothing of it shows."""
    return all(map(_blank.match, text))


def without_unseen(text: str) -> str:
    """The text less everything that shows nothing, for what machines read."""
    return text if text.isascii() else _unseen.sub("", text)


def tidied(text: str) -> str:
    """The text in NFC, less what shows nothing at its place, for what people read.

    Joiners stay between letters of a script that is written with them, marks of direction between what they part,
    selectors behind what they select. Blanks at the ends go.
    """
    if text.isascii():
        return text.strip()
    text = _stray.sub("", text.translate({0x2028: " ", 0x2029: " "}))
    if _steering.search(text):
        text = "".join(_held(text))
    return _edges.sub("", unicodedata.normalize("NFC", text))


def pasted_lines(text: str) -> str:
    """Lines of settings as they were typed, without what came along with them: spaces are spaces, strays are gone."""
    return text if text.isascii() else _stray.sub("", _space.sub(" ", text))


def with_ascii_digits(text: str) -> str:
    """The text with the digits of all scripts, and the letters and signs of full width, as those of ASCII."""
    if text.isascii():
        return text
    return "".join(map(_digit, text.translate(_full_width)))


def half_width(text: str) -> str:
    """The text with letters, digits and signs of full width as those of ASCII."""
    return text if text.isascii() else text.translate(_full_width)


def showable(text: str, length_max: int) -> str:
    """Whatever came, as a label that can be stored and shown, `length_max` characters at most; it may be empty."""
    text = text[: 4 * length_max].translate(_separators)
    seen = "".join("" if unicodedata.category(each) == "Cc" else each for each in text)
    return tidied("".join("\ufffd" if is_unshowable(each) else each for each in seen))[:length_max]


def _digit(character: str) -> str:
    return character if character.isascii() else str(unicodedata.decimal(character, character))


def _held(text: str) -> list[str]:
    """Its characters, less those that steer nothing."""
    kept: list[str] = []
    for place, each in enumerate(text):
        if not _steering.match(each) or _holds(kept, each, text, place):
            kept.append(each)
    return kept


def _holds(kept: list[str], steering: str, text: str, place: int) -> bool:
    before = kept[-1] if kept else " "
    if steering in _JOINERS:
        after = next((each for each in text[place + 1 :] if not _steering.match(each)), " ")
        letters = [each for each in (before, after) if not re.match(f"[{_SELECTORS}]", each)]
        in_script = any(ord(each) >= _JOINED_FROM and not _blank.match(each) for each in letters)
        return in_script and not re.match(f"[{_BLANKS}{_JOINERS}{_MARKS}]", before) and not _blank.match(after)
    if steering in _MARKS:
        return before not in _MARKS and not is_blank("".join(kept)) and not is_blank(text[place + 1 :])
    if re.match(f"[{_TAGS}]", steering):
        return before == _FLAG or bool(re.match(f"[{_TAGS}]", before))
    return not _blank.match(before)
