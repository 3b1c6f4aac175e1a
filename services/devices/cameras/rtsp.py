"""The address of a camera in two forms: as it is kept, its host by IDNA, and as lists show it."""

from __future__ import annotations

import re

from contracts.characters import half_width
from contracts.notations import masked_rtsp
from kernel.spelling.hosts import ascii_name, shown_name

_PARTS = re.compile(r"(?P<scheme>rtsps?://)(?P<host>[^\[\]/?#:@]+)(?P<rest>[:/?#].*)?", re.DOTALL)


def kept(address: str) -> str:
    """The address with its host as machines compare it. Raises `ValueError` when that can be no name."""
    found = _PARTS.fullmatch(address)
    if found is None or found["host"].isascii():
        return address
    return f"{found['scheme']}{ascii_name(half_width(found['host']))}{found['rest'] or ''}"


def shown(address: str) -> str:
    """The address with its host as people read it. A user that an old one names is masked."""
    masked = masked_rtsp(address)
    found = _PARTS.fullmatch(masked)
    return f"{found['scheme']}{shown_name(found['host'])}{found['rest'] or ''}" if found else masked


def host(address: str) -> str:
    """Which host a kept address names; the whole address where none can be told for certain."""
    found = _PARTS.fullmatch(address)
    return found["host"].lower() if found else address
