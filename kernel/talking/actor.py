"""Who acts, in a form that one service can trust from another: a token for one message, for a minute, for one use.

The rule it protects: a token that was overheard opens nothing. It names the subject and the body that it was made for,
so the most that can be repeated with it is the same message, and the process that took it once takes it no more.
"""

import base64
import binascii
import hashlib
import hmac
import time
from secrets import token_hex

from pydantic import BaseModel, ConfigDict, ValidationError

from contracts.message import Actor, Refused

HEADER = "Smartplus-Actor"
LIFETIME_S = 60
CLOCK_SKEW_S = 30

_MOST_REMEMBERED = 200_000


class _Claims(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: Actor
    subject: str
    body: str
    expires: int
    once: str


def sign(actor: Actor, subject: str, body: bytes, key: bytes, now: float | None = None) -> str:
    """A token by which whoever takes `body` on `subject` believes once, within 60 s, that `actor` acts."""
    expires = int(time.time() if now is None else now) + LIFETIME_S
    told = _Claims(actor=actor, subject=subject, body=_hash(body), expires=expires, once=token_hex(8))
    claims = told.model_dump_json(exclude_defaults=True).encode()
    return f"{_text(claims)}.{_text(_mac(claims, key))}"


class Verifier:
    """Believes each token once. It remembers those that it took for as long as they hold, 200,000 at the most.

    Each process has a memory of its own: of several replicas, each takes a token once.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._taken: dict[bytes, float] = {}

    def verify(self, token: str | None, subject: str, body: bytes, now: float | None = None) -> Actor:
        """The actor that `token` vouches for. Raises `Refused("actor-unproved")` on anything else."""
        moment = time.time() if now is None else now
        claimed, mac = self._claims(token or "")
        if claimed.subject != subject or not hmac.compare_digest(claimed.body, _hash(body)):
            raise Refused("actor-unproved", "The proof of the actor is for another message.")
        if not -CLOCK_SKEW_S <= claimed.expires - moment <= LIFETIME_S + CLOCK_SKEW_S:
            raise Refused("actor-unproved", "The proof of the actor is out of date.")
        self._take(mac, claimed.expires + CLOCK_SKEW_S, moment)
        return claimed.actor

    def _claims(self, token: str) -> tuple[_Claims, bytes]:
        text, _, signature = token.partition(".")
        try:
            claims, mac = _bytes(text), _bytes(signature)
            if not hmac.compare_digest(mac, _mac(claims, self._key)):
                raise Refused("actor-unproved", "The signature of the actor does not hold.")
            return _Claims.model_validate_json(claims), mac
        except (binascii.Error, ValidationError, UnicodeEncodeError):
            raise Refused("actor-unproved", "The message names no actor that can be verified.") from None

    def _take(self, mac: bytes, until: float, now: float) -> None:
        if mac in self._taken:
            raise Refused("actor-unproved", "The proof of the actor was used before.")
        # In the order in which they came, which is nearly that in which they end.
        while self._taken:
            oldest = next(iter(self._taken))
            if self._taken[oldest] >= now and len(self._taken) < _MOST_REMEMBERED:
                break
            del self._taken[oldest]
        self._taken[mac] = until


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _mac(claims: bytes, key: bytes) -> bytes:
    return hmac.new(key, claims, hashlib.sha256).digest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
