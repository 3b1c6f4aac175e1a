"""Where NATS is and as whom to go there: a list of URLs that may carry a user and a password.

The rule it protects: the password is taken out of the URLs before anybody else sees them. A client also learns of
servers by itself, which it could not enter with what stands in the URL of another one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

INBOXES = "_INBOX."
"""Where answers go. Elsewhere one would be said with the rights of whoever answers: an event, for example."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class NatsAddress:
    """The servers of one cluster, without credentials, and the credentials beside them."""

    servers: tuple[str, ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, urls: str) -> NatsAddress:
        """From URLs separated by commas; the first credentials among them count for all."""
        parts = [urlsplit(url if "://" in url else f"nats://{url}") for url in map(str.strip, urls.split(",")) if url]
        named = next((part for part in parts if part.username), None)
        return cls(
            tuple(f"{part.scheme}://{part.netloc.rpartition('@')[2]}" for part in parts),
            unquote(named.username) if named and named.username else None,
            unquote(named.password) if named and named.password else None,
        )

    def __str__(self) -> str:
        """To be shown: no password, no user."""
        return ",".join(self.servers)

    @property
    def inbox_prefix(self) -> str:
        """Below which answers come: each user has its own, so that nobody can listen to another's."""
        return f"{INBOXES}{self.user}" if self.user and _TOKEN.fullmatch(self.user) else "_INBOX"

    @property
    def credentials(self) -> dict[str, Any]:
        """What nats-py is told besides the servers."""
        who = {"user": self.user, "password": self.password} if self.user else {}
        return {**who, "inbox_prefix": self.inbox_prefix}
