"""Who may enter nats-server: the services (APP), the devices (DEV), the gatekeeper that lets devices in (AUTH), SYS.

The rule it protects: each service is a user of its own, with the subjects that it needs (`ops.nats_rights`). Devices
have an account of their own, from which nothing but `d.<MAC>.state|ack|event|web` reaches the services and into which
nothing but `d.<MAC>.cmd` comes. Whoever has no password is asked of the gatekeeper.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nkeys

from ops.nats_rights import OPERATOR, PARTS, rights_of

_UPLINK = ("state", "ack", "event", "web")
_DEVICE_PAYLOAD_BYTES = 65_536
_LOGIN_WITHIN_S = 5
_FILE = "accounts.json"
_GATEKEEPER = "devices"


@dataclass(frozen=True)
class NatsAccounts:
    """The passwords of the users that are written down, and the key that answers for all others.

    `app` is the operator's, `services` has those of the services by their names.
    """

    app: str = field(repr=False)
    auth: str = field(repr=False)
    system: str = field(repr=False)
    issuer_seed: str = field(repr=False)
    services: Mapping[str, str] = field(repr=False, default_factory=dict)

    @classmethod
    def kept_in(cls, folder: Path) -> NatsAccounts:
        """Those of an earlier start in this folder, or new ones, readable by their owner alone."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / _FILE
        found = json.loads(path.read_text()) if path.exists() else _made()
        kept = found.get("services", {})
        made = cls(**{**found, "services": {name: kept.get(name) or secrets.token_hex(24) for name in PARTS}})
        if asdict(made) != found or not path.exists():
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
        services = "\n      ".join(
            f'{{ user: {name}, password: "{password}", permissions: {rights_of(name).configuration()} }}'
            for name, password in self.services.items()
        )
        written_down = ", ".join((OPERATOR, "auth", "system", *self.services))
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
    users: [
      {{ user: {OPERATOR}, password: "{self.app}" }}
      {services}
    ]
    exports: [ {{ stream: "device.*.cmd" }} ]
    imports: [
      {imports}
    ]
  }}
}}
authorization {{
  timeout: {_LOGIN_WITHIN_S}
  auth_callout {{ issuer: "{self.issuer}", account: AUTH, auth_users: [ {written_down} ] }}
}}
"""

    def environment(self, *hosts: str) -> dict[str, str]:
        """What the operator is told to reach the servers at these addresses (host:port)."""
        return {"NATS_URL": _urls(OPERATOR, self.app, hosts), **self._doors(hosts)}

    def environment_of(self, service: str, *hosts: str) -> dict[str, str]:
        """What a service is told; one that lets devices in has more to do than the others."""
        own = {"NATS_URL": _urls(service, self.services[service], hosts)}
        return own | self._doors(hosts) if service == _GATEKEEPER else own

    def _doors(self, hosts: Sequence[str]) -> dict[str, str]:
        return {
            "NATS_AUTH_URL": _urls("auth", self.auth, hosts),
            "NATS_SYSTEM_URL": _urls("system", self.system, hosts),
            "SMARTPLUS_NATS_ISSUER_SEED": self.issuer_seed,
        }

    def write_into(self, folder: Path, *hosts: str) -> None:
        """Write what servers and operator read into this folder, and what each service reads into one of its name."""
        write_secret(folder / "nats-accounts.conf", self.configuration())
        for variable, value in self.environment(*hosts).items():
            write_secret(folder / variable, value)
        for service in self.services:
            (folder / service).mkdir(mode=0o700, exist_ok=True)
            for variable, value in self.environment_of(service, *hosts).items():
                write_secret(folder / service / variable, value)


def _made() -> dict[str, Any]:
    seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_ACCOUNT).decode()
    return {**{user: secrets.token_hex(24) for user in ("app", "auth", "system")}, "issuer_seed": seed}


def _urls(user: str, password: str, hosts: Sequence[str]) -> str:
    return ",".join(f"nats://{user}:{password}@{host}" for host in hosts)


def write_secret(path: Path, text: str) -> None:
    """Write a file that its owner alone can read, whole or not at all."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.rename(path)
