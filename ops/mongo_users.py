"""Who may enter MongoDB: the operator, each service with a database of its own, and who uses and who cleans the vault.

The rule it protects: nobody enters without a password, a service reads and writes its own database and nothing else,
and only the services that hold keys are told the vault's password.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

from ops.nats_accounts import write_secret
from ops.nats_rights import PARTS

OPERATOR, VAULT, ERASER = "operator", "vault", "eraser"

_FILE, _KEYFILE, _MADE = "users.json", "keyfile", "users-made"
# The oplog keeps what was erased until it is pushed on by notes in it; how far it reaches, its oldest entry says.
_PUSHING = [
    {"resource": {"cluster": True}, "actions": ["appendOplogNote", "fsync", "serverStatus", "replSetGetStatus"]},
    {"resource": {"db": "local", "collection": "oplog.rs"}, "actions": ["find", "collStats", "compact"]},
]

Document = dict[str, Any]


def keepers() -> list[str]:
    """The services that have a database, and hold keys."""
    return [name for name, part in PARTS.items() if part.keeps_log]


@dataclass(frozen=True)
class MongoUsers:
    """The passwords of a region's MongoDB, by user."""

    passwords: Mapping[str, str] = field(repr=False)

    @classmethod
    def kept_in(cls, folder: Path) -> MongoUsers:
        """Those of an earlier start in this folder, or new ones, and the servers' `keyfile`; their owner's alone."""
        found = _passwords_in(folder)
        made = cls({name: found.get(name) or secrets.token_hex(24) for name in (OPERATOR, VAULT, ERASER, *keepers())})
        made.keep_in(folder)
        return made

    def keep_in(self, folder: Path) -> None:
        """Write down what the folder lacks: a running region goes on with its passwords when its folder was lost."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.passwords != _passwords_in(folder):
            write_secret(folder / _FILE, json.dumps(asdict(self)))
        if not keyfile(folder).exists():
            write_secret(keyfile(folder), secrets.token_hex(256))

    def url(self, user: str, host: str, replica_set: str) -> str:
        """How that user reaches the servers at `host` (host:port, several with commas)."""
        return f"mongodb://{user}:{self.passwords[user]}@{host}/?replicaSet={replica_set}"

    def environment(self, host: str, replica_set: str) -> dict[str, str]:
        """What the operator is told."""
        return {
            "MONGODB_URI": self.url(OPERATOR, host, replica_set),
            "SMARTPLUS_ERASER_MONGODB_URI": self.url(ERASER, host, replica_set),
        }

    def environment_of(self, service: str, host: str, replica_set: str) -> dict[str, str]:
        """What a service is told. One without a database has nothing to do here."""
        if service not in keepers():
            return {"MONGODB_URI": f"mongodb://{host}/?replicaSet={replica_set}"}
        return {
            "MONGODB_URI": self.url(service, host, replica_set),
            "MONGODB_VAULT_URI": self.url(VAULT, host, replica_set),
        }

    def write_into(self, folder: Path, host: str, replica_set: str) -> None:
        """Write what the operator reads into this folder, and what each service reads into one of its name.

        `mongo/` is for the server: its keyfile, and the password of its first user.
        """
        server = folder / "mongo"
        server.mkdir(mode=0o700, exist_ok=True)
        write_secret(server / _KEYFILE, keyfile(folder).read_text())
        write_secret(server / OPERATOR, self.passwords[OPERATOR])
        for each, told in ((folder, self.environment(host, replica_set)), *(
            (folder / service, self.environment_of(service, host, replica_set)) for service in PARTS
        )):  # fmt: skip
            each.mkdir(mode=0o700, exist_ok=True)
            for variable, value in told.items():
                write_secret(each / variable, value)

    async def make(self, host: str, replica_set: str) -> None:
        """Make every user but the first, on servers that run and have that one. Raises `PyMongoError`."""
        async with AsyncMongoClient[Document](self.url(OPERATOR, host, replica_set)) as client:
            await self.make_others(client)

    async def make_operator(self, client: AsyncMongoClient[Document]) -> None:
        """The first user. A server that has none lets whoever comes from its own machine make one, and no more."""
        await client.admin.command("createUser", OPERATOR, pwd=self.passwords[OPERATOR], roles=["root"])

    async def make_others(self, client: AsyncMongoClient[Document], prefix: str = "") -> None:
        """The others, as they are to be, whatever they were; `client` is the operator's, `prefix` the databases'."""
        admin = client.admin
        for role, contents in _roles(f"{prefix}{VAULT}").items():
            is_there = (await admin.command("rolesInfo", role))["roles"]
            await admin.command("updateRole" if is_there else "createRole", role, **contents)
        present = {user["user"] for user in (await admin.command("usersInfo"))["users"]}
        for name, password in self.passwords.items():
            granted: list[Any] = [{"role": "readWrite", "db": f"{prefix}{name}"}]
            if name in _ROLES:
                granted = [_ROLES[name]]
            await admin.command("updateUser" if name in present else "createUser", name, pwd=password, roles=granted)


_ROLES = {OPERATOR: "root", VAULT: "vaultUser", ERASER: "vaultEraser"}


def _roles(vault: str) -> dict[str, Document]:
    """Who uses the vault reads it, makes keys and destroys them, and can remove none; who cleans it does the rest."""
    used: list[Document] = [
        {"resource": {"db": vault, "collection": ""}, "actions": ["find"]},
        {"resource": {"db": vault, "collection": "keys"}, "actions": ["find", "insert", "update"]},
    ]
    cleaned = [{"role": role, "db": vault} for role in ("readWrite", "dbAdmin")]
    return {
        _ROLES[VAULT]: {"privileges": used, "roles": []},
        _ROLES[ERASER]: {"privileges": _PUSHING, "roles": cleaned},
    }


def are_made(folder: Path) -> bool:
    """Whether the server whose data is in this folder has its users."""
    return (folder / _MADE).exists()


def note_made(folder: Path) -> None:
    """Remember it."""
    (folder / _MADE).touch()


def _passwords_in(folder: Path) -> dict[str, str]:
    file = folder / _FILE
    return dict(json.loads(file.read_text())["passwords"]) if file.exists() else {}


def keyfile(folder: Path) -> Path:
    """By which servers of a set know each other; with it, nobody enters without a password."""
    return folder / _KEYFILE
