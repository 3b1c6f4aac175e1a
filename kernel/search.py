"""Words by which rows are found: a search is a case-folded prefix of an indexed token, never a pattern.

A token begins with a letter for its key (`n:` a name), so that one index serves all keys of a read model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from contracts.text import folded

_LENGTH_MAX = 64
_NAME_TOKENS_MAX = 24
_LAST = "\U0010ffff"
_WORD = re.compile(r"\w+")
# Scripts that write words without spaces between them: any character may begin one.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR")


def name_tokens(name: str, key: str = "n") -> list[str]:
    """The name from the beginning of each of its words on."""
    text = folded(name)
    starts = {0}
    for word in _WORD.finditer(text):
        starts.add(word.start())
        starts |= {i for i in range(*word.span()) if unicodedata.name(text[i], "").startswith(_UNSPACED)}
    return [token(key, text[start:]) for start in sorted(starts)[:_NAME_TOKENS_MAX]]


def token(key: str, text: str) -> str:
    """The token of `text`, which is folded already."""
    return f"{key}:{text[:_LENGTH_MAX]}"


def typed_name(typed: str, key: str = "n") -> str:
    """What a token of a name must begin with to be found by `typed`."""
    return token(key, folded(typed))


def beginning_with(prefixes: Iterable[str]) -> Mapping[str, Any]:
    """The filter for documents with a token that begins with any of these."""
    ranges = [{"tokens": {"$elemMatch": {"$gte": each, "$lt": each + _LAST}}} for each in prefixes]
    return ranges[0] if len(ranges) == 1 else {"$or": ranges}
