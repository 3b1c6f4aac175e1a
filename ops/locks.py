"""Which process of a region holds which keys: what one is told that the others are not."""

from collections.abc import Mapping

# With these one enters as somebody else; a process that has a user of its own is told none of them.
_ELSEWHERE = {
    "NATS_URL": ("NATS_AUTH_URL", "NATS_SYSTEM_URL", "SMARTPLUS_NATS_ISSUER_SEED"),
    "MONGODB_URI": ("MONGODB_VAULT_URI", "SMARTPLUS_ERASER_MONGODB_URI"),
}


def told(environment: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process: what all are told, and its `own`."""
    hidden = {name for entry, more in _ELSEWHERE.items() if entry in own for name in more}
    return {name: value for name, value in environment.items() if name not in hidden} | dict(own)
