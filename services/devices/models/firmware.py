"""Firmware numbers `a.b.c.d` and bands of them. The first part is the maker's code for the product (R-15).

The rule it protects: versions of different products are never compared, and the other parts are numbers, not text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

_FIRMWARE = re.compile(r"([0-9]{1,5})\.([0-9]{1,5})\.([0-9]{1,5})\.([0-9]{1,5})")
_BAND = re.compile(r"(!?)((?:[0-9]{1,5}\.){3}[0-9]{1,5})(\+?)|(!?)((?:[0-9]{1,5}\.){1,3})\*")


class Firmware(NamedTuple):
    """A firmware. `line` may have three digits (101, 102): seemingly a customer's branch of 1, of 2."""

    product: int
    generation: int
    line: int
    build: int

    @classmethod
    def parse(cls, text: str) -> Firmware | None:
        """`None` for what is not four numbers."""
        found = _FIRMWARE.fullmatch(text)
        return cls(*map(int, found.groups())) if found else None


@dataclass(frozen=True, slots=True)
class Band:
    """Some firmwares of one product, in one of three forms: `28.30.10.7`, that one; `28.30.10.7+`, it and above;
    `28.30.*`, those that begin so. With `!` before it: these not, whatever other bands say."""

    text: str
    start: tuple[int, ...]
    is_floor: bool
    is_exception: bool

    @classmethod
    def parse(cls, text: str) -> Band:
        """Raises `ValueError` for any other form."""
        found = _BAND.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not a band of firmwares such as 28.30.10.7, 28.30.10.7+ or 28.30.*")
        no, exact, floor, no_glob, glob = found.groups()
        parts = (exact or glob.rstrip(".")).split(".")
        return cls(text.lstrip("!"), tuple(map(int, parts)), bool(floor), bool(no or no_glob))

    @property
    def product(self) -> int:
        return self.start[0]

    def takes(self, firmware: Firmware) -> bool:
        """Whether the firmware is one of them."""
        if firmware.product != self.product:
            return False
        return firmware >= self.start if self.is_floor else firmware[: len(self.start)] == self.start


def any_takes(bands: Iterable[Band], firmware: Firmware) -> bool:
    """Whether the bands together contain the firmware."""
    taking = [band for band in bands if band.takes(firmware)]
    return bool(taking) and not any(band.is_exception for band in taking)
