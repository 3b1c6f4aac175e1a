"""Words by which rows are found: a search is a folded prefix of an indexed token, never a pattern.

Folded for people: what they leave out, or another keyboard writes otherwise, makes no difference. That is case, marks,
quotes, dashes and spaces, the forms of one letter of Arabic script, the dotted and the dotless i, digits of any script.
A token begins with a letter for its key (`n:` a name), so that one index serves all keys of a read model; the capital
letter of a key is that of the same value backwards, by which it is found by its end.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from contracts.characters import without_unseen

_LENGTH_MAX = 64
_NAME_TOKENS_MAX = 24
_END_MIN = 2
_LAST = "\U0010ffff"
# Scripts that write words without spaces between them: any character may begin one.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR")
# Letters that are another one with a stroke, or two, and are not taken apart by Unicode.
_LATIN = dict(zip("łøđðıħŧɨŋƶ", "loddihtinz", strict=True)) | {"æ": "ae", "œ": "oe", "þ": "th", "ß": "ss"}
# What keyboards of Arabic, Persian, Urdu and Kurdish write for one letter; the hamza alone is left out by many.
_ARABIC = dict.fromkeys("يىې", "ی") | {"ك": "ک", "ٱ": "ا", "ء": ""} | dict.fromkeys("ةەہھۃۀۂ", "ه")
_LETTERS = _LATIN | _ARABIC
_LEFT_OUT = frozenset("'`\"\u0640\u02b9\u02ba\u02bb\u02bc\u02bd\u02ca\u02cb\u05f3\u05f4\u2212\u30fb\u3003")


def folded(text: str) -> str:
    """The form in which text is searched for. Nothing is left of nothing alone."""
    typed = unicodedata.normalize("NFKC", without_unseen(text))
    return "".join(map(_folded, typed)) or typed.casefold().strip()


def name_tokens(name: str, key: str = "n") -> list[str]:
    """The name from the beginning of each of its words on."""
    text = unicodedata.normalize("NFKC", name)
    pieces = [_folded(each) for each in text]
    written = "".join(pieces)
    if not written:
        return [token(key, folded(name))]
    starts, place, inside = {0: None}, 0, False
    for character, piece in zip(text, pieces, strict=True):
        if piece and (_is_unspaced(character) or (not inside and character.isalnum())):
            starts[place] = None
        inside = _is_of_a_word(character)
        place += len(piece)
    return list(dict.fromkeys(token(key, written[start:]) for start in list(starts)[:_NAME_TOKENS_MAX]))


def token(key: str, text: str) -> str:
    """The token of `text`, which is folded already."""
    return f"{key}:{text[:_LENGTH_MAX]}"


def end_tokens(key: str, number: str) -> list[str]:
    """The tokens of a number that is found by its beginning and by its end: both stand on labels."""
    return [token(key, number), token(key.upper(), number[::-1])]


def typed_name(typed: str, key: str = "n") -> str:
    """What a token of a name must begin with to be found by `typed`."""
    return token(key, folded(typed))


def typed_ends(key: str, number: str) -> list[str]:
    """What tokens of `end_tokens` must begin with to be found by the beginning or the end that was typed."""
    return [token(key, number), *([token(key.upper(), number[::-1])] if len(number) >= _END_MIN else [])]


def beginning_with(prefixes: Iterable[str]) -> Mapping[str, Any]:
    """The filter for documents with a token that begins with any of these."""
    ranges = [{"tokens": {"$elemMatch": {"$gte": each, "$lt": each + _LAST}}} for each in prefixes]
    return ranges[0] if len(ranges) == 1 else {"$or": ranges}


@lru_cache(maxsize=8192)
def _folded(character: str) -> str:
    """What is left of one character: nothing of a mark, a quote, a dash or a space."""
    if character in _LEFT_OUT or unicodedata.category(character) in ("Pd", "Pi", "Pf", "Zs", "Zl", "Zp", "Cc", "Cf"):
        return ""
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    bare = "".join(each for each in unicodedata.normalize("NFKD", character) if not _is_mark(each))
    letters = unicodedata.normalize("NFC", bare).casefold()
    return "".join(_LETTERS.get(each, each) for each in letters if not _is_mark(each))


def _is_mark(character: str) -> bool:
    """Whether it is a mark that people leave out: a vowel sign of Hebrew or Arabic, or one above or below a letter.

    Signs without which a letter is another one, in Indian scripts or Japanese, are of other classes.
    """
    combining = unicodedata.combining(character)
    return 10 <= combining <= 36 or combining >= 200 or unicodedata.category(character) == "Me"


@lru_cache(maxsize=8192)
def _is_unspaced(character: str) -> bool:
    return not character.isascii() and unicodedata.name(character, "").startswith(_UNSPACED)


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")
