"""Host names in two forms: as machines compare them (IDNA 2008, UTS 46) and as people read them.

Python's own `idna` codec is of 2003, and takes `straße` and `strasse` for one name.
"""

from __future__ import annotations

import unicodedata

import idna


def ascii_name(name: str) -> str:
    """The name as machines compare it: letters of ASCII alone, small. Raises `ValueError` on what can be no name."""
    if name.isascii():
        return name.lower()
    try:
        labels = idna.uts46_remap(name, std3_rules=False, transitional=False).split(".")
        return ".".join(each if each.isascii() else idna.alabel(each).decode() for each in labels)
    except idna.IDNAError as fault:
        raise ValueError(str(fault)) from None


def compared_name(name: str) -> str:
    """`ascii_name`, and of what can be no name its folded text."""
    try:
        return ascii_name(name)
    except ValueError:
        return unicodedata.normalize("NFKC", name).casefold()


def shown_name(name: str) -> str:
    """The name as people read it; a part that is no such name stays as it is."""
    return ".".join(map(_shown, name.split(".")))


def _shown(label: str) -> str:
    if not label.lower().startswith("xn--"):
        return label
    try:
        return idna.ulabel(label)
    except idna.IDNAError:
        return label
