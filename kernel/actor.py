"""Who acts, in a form that one service can trust from another: a token signed for one audience and five minutes."""

import base64
import binascii
import hashlib
import hmac
import time

from pydantic import BaseModel, ConfigDict, ValidationError

from contracts.message import Actor
from kernel.decider import Refused

HEADER = "Smartplus-Actor"
LIFETIME_S = 300
CLOCK_SKEW_S = 30


class _Claims(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: Actor
    audience: str
    expires: int


def sign(actor: Actor, audience: str, key: bytes, now: float | None = None) -> str:
    """A token by which the service `audience` believes for 300 s that `actor` acts."""
    expires = int(time.time() if now is None else now) + LIFETIME_S
    claims = _Claims(actor=actor, audience=audience, expires=expires).model_dump_json(exclude_defaults=True).encode()
    return f"{_text(claims)}.{_text(_mac(claims, key))}"


def verify(token: str | None, audience: str, key: bytes, now: float | None = None) -> Actor:
    """The actor that `token` vouches for. Raises `Refused("actor-unproved")` on anything else."""
    body, _, mac = (token or "").partition(".")
    try:
        claims = _bytes(body)
        if not hmac.compare_digest(_bytes(mac), _mac(claims, key)):
            raise Refused("actor-unproved", "The signature of the actor does not hold.")
        claimed = _Claims.model_validate_json(claims)
    except (binascii.Error, ValidationError, UnicodeEncodeError):
        raise Refused("actor-unproved", "The message names no actor that can be verified.") from None
    left_s = claimed.expires - (time.time() if now is None else now)
    if claimed.audience != audience or not -CLOCK_SKEW_S <= left_s <= LIFETIME_S + CLOCK_SKEW_S:
        raise Refused("actor-unproved", "The proof of the actor is for another service or out of date.")
    return claimed.actor


def _mac(claims: bytes, key: bytes) -> bytes:
    return hmac.new(key, claims, hashlib.sha256).digest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
