"""The code on a label, by which whoever holds the device claims its MAC.

The rule it protects: the code is kept nowhere. What the log holds is a hash under the region's secret, salted by the
MAC, so nobody who reads it can try codes, nor see that two labels bear the same one.
"""

from __future__ import annotations

from typing import TypeVar

from contracts.devices.library import ClaimMac, RegisterMac
from kernel.keeping.secrets import Secrets

C = TypeVar("C", RegisterMac, ClaimMac)


def hash_of_code(secrets: Secrets, mac: str, code: str) -> str:
    """64 hex digits, of a code as `contracts.notations.label_code` reads it."""
    return secrets.derive("mac-label", mac, code).hex()


def with_hash(command: C, secrets: Secrets) -> C:
    """The command with the hash of the code that it says, if it says one."""
    hashed = hash_of_code(secrets, command.mac, command.code) if command.code else None
    return command.model_copy(update={"code_hash": hashed})
