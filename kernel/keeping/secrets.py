"""The region's one secret, and all that is derived from it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kernel.keeping.wrapping import KEY_BYTES, Wrapping, mark_of


class Secrets:
    """The region's one secret, and what is derived from it (HKDF-SHA256). Never shown, logged or sent.

    `root` lives as long as the log, because the subjects of hashed aggregates depend on it. The wrapping of data keys
    does not: `wrapping_roots`, newest first, replace the root for that alone, and all of them open.
    """

    __slots__ = ("_root", "actor", "hashing", "wrappings")

    def __init__(self, root: bytes, wrapping_roots: Iterable[bytes] = ()) -> None:
        """Raises `ValueError` unless every root has 32 bytes."""
        roots = tuple(wrapping_roots) or (root,)
        if any(len(each) != KEY_BYTES for each in (root, *roots)):
            raise ValueError(f"a secret is {KEY_BYTES} bytes")
        self._root = root
        self.wrappings = tuple(_derived(each, "wrapping") for each in roots)
        self.actor = self.derive("actor")
        self.hashing = self.derive("hashing")

    @classmethod
    def parse(cls, text: str) -> Secrets:
        """Secrets from the text of a secret file: 32 bytes a line in base64 or hex, the root, then wrapping roots.

        Raises `ValueError`, without repeating the text.
        """
        roots = [_root_of(line) for line in text.split()]
        if not roots:
            raise ValueError(f"a secret is {KEY_BYTES} bytes in base64 or hex")
        return cls(roots[0], roots[1:])

    def present(self) -> Wrapping:
        """The key under which new data keys are wrapped where there is no folder of wrapping keys."""
        return Wrapping(mark_of(self.wrappings[0]), self.wrappings[0])

    def opening(self, id: str) -> bytes | None:
        """The wrapping key called `id`, if it is one of these."""
        return next((each for each in self.wrappings if mark_of(each) == id), None)

    def reread(self) -> None:
        """A secret never changes while a process runs."""

    def derive(self, purpose: str, *parts: str) -> bytes:
        """32 bytes that belong to this purpose and these parts alone."""
        return _derived(self._root, purpose, *parts)

    def hashed(self, aggregate: str, id: str) -> str:
        """The id under which an aggregate with personal ids stands in the log: 64 hex digits."""
        return hmac.new(self.hashing, f"{aggregate}\0{id}".encode(), hashlib.sha256).hexdigest()


def _root_of(line: str) -> bytes:
    try:
        return bytes.fromhex(line) if len(line) == 2 * KEY_BYTES else base64.b64decode(line, validate=True)
    except (ValueError, binascii.Error):
        raise ValueError(f"a secret is {KEY_BYTES} bytes in base64 or hex") from None


def _derived(root: bytes, purpose: str, *parts: str) -> bytes:
    # Each part is preceded by its length, so that no two lists of parts read the same.
    told = b"".join(len(each).to_bytes(4, "big") + each for each in (part.encode() for part in (purpose, *parts)))
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"smartplus" + told).derive(root)
