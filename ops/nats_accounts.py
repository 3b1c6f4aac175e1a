"""Who may enter nats-server: the services (APP), the devices (DEV), the gatekeeper that lets devices in (AUTH), SYS.

The rule it protects: devices have an account of their own, from which nothing but `d.<MAC>.state|ack|event|web` reaches
the services and into which nothing but `d.<MAC>.cmd` comes. Whoever has no password is asked of the gatekeeper.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nkeys

_UPLINK = ("state", "ack", "event", "web")
_DEVICE_PAYLOAD_BYTES = 65_536
_LOGIN_WITHIN_S = 5
_FILE = "accounts.json"


@dataclass(frozen=True)
class NatsAccounts:
    """The passwords of the three users that are written down, and the key that answers for all others."""

    app: str = field(repr=False)
    auth: str = field(repr=False)
    system: str = field(repr=False)
    issuer_seed: str = field(repr=False)

    @classmethod
    def kept_in(cls, folder: Path) -> NatsAccounts:
        """Those of an earlier start in this folder, or new ones, readable by their owner alone."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / _FILE
        if path.exists():
            return cls(**json.loads(path.read_text()))
        seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_ACCOUNT).decode()
        made = cls(secrets.token_hex(24), secrets.token_hex(24), secrets.token_hex(24), seed)
        write_secret(path, json.dumps(asdict(made)))
        return made

    @property
    def issuer(self) -> str:
        """The public key by which nats-server knows an answer of the gatekeeper."""
        return str(nkeys.from_seed(self.issuer_seed.encode()).public_key.decode())

    def configuration(self) -> str:
        """What a server's configuration says about accounts."""
        exports = ", ".join(f'{{ stream: "d.*.{kind}" }}' for kind in _UPLINK)
        imports = "\n      ".join(
            f'{{ stream: {{ account: DEV, subject: "d.*.{kind}" }}, to: "device.*.{kind}" }}' for kind in _UPLINK
        )
        return f"""\
system_account: SYS
accounts {{
  SYS {{ users: [ {{ user: system, password: "{self.system}" }} ] }}
  AUTH {{ users: [ {{ user: auth, password: "{self.auth}" }} ] }}
  DEV {{
    jetstream: enabled
    limits: {{ max_payload: {_DEVICE_PAYLOAD_BYTES} }}
    exports: [ {exports} ]
    imports: [ {{ stream: {{ account: APP, subject: "device.*.cmd" }}, to: "d.*.cmd" }} ]
  }}
  APP {{
    jetstream: enabled
    users: [ {{ user: app, password: "{self.app}" }} ]
    exports: [ {{ stream: "device.*.cmd" }} ]
    imports: [
      {imports}
    ]
  }}
}}
authorization {{
  timeout: {_LOGIN_WITHIN_S}
  auth_callout {{ issuer: "{self.issuer}", account: AUTH, auth_users: [ app, auth, system ] }}
}}
"""

    def environment(self, *hosts: str) -> dict[str, str]:
        """What a service is told to reach the servers at these addresses (host:port)."""

        def urls(user: str, password: str) -> str:
            return ",".join(f"nats://{user}:{password}@{host}" for host in hosts)

        return {
            "NATS_URL": urls("app", self.app),
            "NATS_AUTH_URL": urls("auth", self.auth),
            "NATS_SYSTEM_URL": urls("system", self.system),
            "SMARTPLUS_NATS_ISSUER_SEED": self.issuer_seed,
        }


def write_secret(path: Path, text: str) -> None:
    """Write a file that its owner alone can read, whole or not at all."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.rename(path)
