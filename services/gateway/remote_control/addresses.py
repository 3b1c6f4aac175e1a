"""The addresses of remote controls, and the tickets that let one browser in."""

import base64
import hashlib
import hmac
import re
from urllib.parse import urlsplit
from uuid import UUID

from services.gateway.settings import GatewaySettings

TICKET = "ticket"


def sha256(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Addresses:
    """The addresses of remote controls: made of their ids and a key, so that the same one is always told the same."""

    def __init__(self, settings: GatewaySettings) -> None:
        public = urlsplit(settings.public_url)
        console = public.hostname or "localhost"
        # An address of numbers has no names below it; every browser takes those of localhost to this machine.
        named = console if re.search(r"[a-z]", console) and ":" not in console else "localhost"
        self.host = settings.remote_control_host or f"rc.{named}"
        self._scheme = public.scheme
        self.is_secure = public.scheme == "https"
        self._port = f":{public.port}" if public.port else ""
        self._key = settings.secrets().derive("remote-control")

    def token(self, remote_session_id: UUID) -> str:
        """The first label of the host name: 160 bits that nobody guesses."""
        return base64.b32encode(self._made("token", remote_session_id)[:20]).decode().lower()

    def ticket(self, remote_session_id: UUID) -> str:
        """What lets one browser in: 256 bits."""
        return base64.urlsafe_b64encode(self._made("ticket", remote_session_id)).decode().rstrip("=")

    def url(self, remote_session_id: UUID) -> str:
        """Where the browser goes first."""
        at = f"{self.token(remote_session_id)}.{self.host}{self._port}"
        return f"{self._scheme}://{at}/?{TICKET}={self.ticket(remote_session_id)}"

    def _made(self, purpose: str, remote_session_id: UUID) -> bytes:
        return hmac.new(self._key, f"{purpose}/{remote_session_id}".encode(), hashlib.sha256).digest()
