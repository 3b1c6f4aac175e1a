"""What is handed out and comes back, as only this region can read it.

The rule it protects: sequences count over all tenants, and nobody learns from a number how much others do.
"""

import base64
import binascii

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from kernel.keeping.secrets import Secrets


class Opaque:
    """Seals for one purpose: the same for every replica and after every start, as the region's secret is."""

    def __init__(self, secrets: Secrets, purpose: str) -> None:
        self._cipher = AESSIV(secrets.derive(purpose))

    def sealed(self, text: str, *bound: str) -> str:
        """`text`, url-safe and without commas; the same text bound to the same words is always sealed alike.

        How long the text is can be seen: let the length tell nothing.
        """
        return base64.urlsafe_b64encode(self._cipher.encrypt(text.encode(), _data(bound))).decode().rstrip("=")

    def opened(self, shown: str, *bound: str) -> str | None:
        """The text, or None for what was not sealed here, for this purpose and bound to these words."""
        try:
            sealed = base64.b64decode(shown.encode("ascii") + b"=" * (-len(shown) % 4), altchars=b"-_", validate=True)
            return self._cipher.decrypt(sealed, _data(bound)).decode()
        except (UnicodeEncodeError, binascii.Error, InvalidTag, ValueError):
            return None


def _data(bound: tuple[str, ...]) -> list[bytes]:
    return [each.encode() for each in bound]
