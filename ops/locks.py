"""Which process of a region holds which keys: what one is told that the others are not."""

from collections.abc import Mapping

from ops.mongo_users import keepers

# With these one enters as somebody else; a process that has a user of its own is told none of them.
_ELSEWHERE = {
    "NATS_URL": ("NATS_AUTH_URL", "NATS_SYSTEM_URL", "SMARTPLUS_NATS_ISSUER_SEED"),
    "MONGODB_URI": ("MONGODB_VAULT_URI", "SMARTPLUS_ERASER_MONGODB_URI"),
}

# Where the keys are that open the vault: who keeps no data has none.
_OF_THE_VAULT = "SMARTPLUS_KEYS_DIR"


def environment_for(name: str, environment: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The environment of the process called `name`: what all are told, and its `own`."""
    hidden = {variable for entry, more in _ELSEWHERE.items() if entry in own for variable in more}
    if name not in keepers():
        hidden.add(_OF_THE_VAULT)
    return {variable: value for variable, value in environment.items() if variable not in hidden} | dict(own)
