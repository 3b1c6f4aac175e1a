"""Authenticated encryption of a few bytes: AES-256-GCM under a key of 32 bytes, bound to where they belong."""

import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


def seal(key: bytes, plain: bytes, bound_to: bytes) -> bytes:
    """AES-256-GCM: nonce and ciphertext, which open only under the same key and the same `bound_to`."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to)


def unseal(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    """What was sealed. Raises `cryptography.exceptions.InvalidTag` when anything about it was changed."""
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
