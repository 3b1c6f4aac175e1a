"""Where a live stream may resume: the number of a notice, as only this process can read it.

The rule it protects: notices are numbered over all tenants, and nobody learns from a number how much others do.
"""

import base64
import binascii
from collections.abc import Collection

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_NUMBER_BYTES = 8


class StreamIds:
    """Ids of one process: of another one, of before a restart or of other tenants they mean nothing."""

    def __init__(self) -> None:
        self._cipher = AESSIV(AESSIV.generate_key(256))

    def made(self, number: int, tenants: Collection[str]) -> str:
        """The id of that notice, for a listener to these tenants."""
        sealed = self._cipher.encrypt(number.to_bytes(_NUMBER_BYTES), [_name(tenants)])
        return base64.urlsafe_b64encode(sealed).decode()

    def number(self, shown: str, tenants: Collection[str]) -> int | None:
        """The number of the notice, or None for what was not made here for these tenants."""
        try:
            sealed = base64.urlsafe_b64decode(shown.encode("ascii"))
            return int.from_bytes(self._cipher.decrypt(sealed, [_name(tenants)]))
        except (UnicodeEncodeError, binascii.Error, InvalidTag, ValueError):
            return None


def _name(tenants: Collection[str]) -> bytes:
    return "\n".join(sorted(tenants)).encode()
