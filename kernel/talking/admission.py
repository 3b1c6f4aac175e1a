"""Who may enter NATS without a password of the configuration: nats-server asks here, and takes the answer for it.

The rule it protects: no answer is a no. Whoever is let in has an account and the subjects named for it, nothing else.
Configuration and messages: https://docs.nats.io, "Auth callout"; tried on nats-server 2.15.1.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import nkeys
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from kernel.connecting.connection import Connection, connect
from kernel.deciding.reasons import reason_of

_SUBJECT = "$SYS.REQ.USER.AUTH"
# Without these an MQTT client cannot subscribe or finish what it was sent with QoS 1; they reach nobody else.
_MQTT_OWN = ("$MQTT.sub.>", "$MQTT.deliver.pubrel.>")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody at the door. `protocol` is `mqtt` or `nats`; `client_id` is MQTT's."""

    protocol: str
    client_id: str
    user: str
    password: str = field(repr=False)
    host: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """What they may do: publish and subscribe these subjects of that account."""

    account: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


Decide = Callable[[Login], Awaitable[Admitted | None]]


@asynccontextmanager
async def admitting(url: str, issuer_seed: str, decide: Decide) -> AsyncIterator[Connection]:
    """Answer for nats-server who may enter, while this lasts, together with every other process that does.

    `url` leads to the account that the server's `auth_callout` names. Raises `Unavailable`, and `ValueError` for a seed
    that is none.
    """
    signer = _Signer(issuer_seed)
    connection = await connect(url, "admission")

    async def asked(message: Msg) -> None:
        request = _claims(message.data)["nats"]
        admitted: Admitted | None = None
        try:
            admitted = await decide(_login(request))
        except Exception as failure:  # noqa: BLE001 (no answer would be a no as well, only later)
            _log.error("login failed", reason=reason_of(failure))
        try:
            await message.respond(signer.answer(request, admitted))
        except NatsError:
            return  # refused, once the server's patience ends

    try:
        await connection.subscribe(_SUBJECT, queue="admission", cb=_at_once(asked))
        await connection.flush()
        yield connection
    finally:
        await connection.close()


def _at_once(asked: Callable[[Msg], Awaitable[None]]) -> Callable[[Msg], Awaitable[None]]:
    """nats-py takes one message of a subscription at a time; here one must not wait for another."""
    running: set[asyncio.Future[None]] = set()

    async def take(message: Msg) -> None:
        task = asyncio.ensure_future(asked(message))
        running.add(task)
        task.add_done_callback(running.discard)

    return take


def _login(request: Mapping[str, Any]) -> Login:
    client, options = request["client_info"], request["connect_opts"]
    return Login(
        protocol=client.get("type", "nats"),
        client_id=client.get("mqtt_id", ""),
        user=options.get("user", ""),
        password=options.get("pass", ""),
        host=client.get("host", ""),
    )


def _claims(token: bytes) -> Any:
    body = token.split(b".")[1]
    return json.loads(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)))


class _Signer:
    """Makes the JSON Web Tokens that nats-server understands, signed by the account key that it trusts."""

    def __init__(self, seed: str) -> None:
        try:
            self._pair = nkeys.from_seed(seed.encode())
        except Exception as error:
            raise ValueError("SMARTPLUS_NATS_ISSUER_SEED is no seed of an account nkey") from error
        self._issuer = self._pair.public_key.decode()
        self._header = _encoded({"typ": "JWT", "alg": "ed25519-nkey"})

    def answer(self, request: Mapping[str, Any], admitted: Admitted | None) -> bytes:
        user, server = request["user_nkey"], request["server_id"]["id"]
        told: dict[str, Any] = {"type": "authorization_response", "version": 2}
        if admitted is None:
            told["error"] = "not let in"
        else:
            # The name is what the server calls the connection by from now on, to `kernel.talking.connections` too.
            name = request["connect_opts"]["user"]
            told["jwt"] = self._token(sub=user, aud=admitted.account, name=name, nats=_user(admitted))
        return self._token(sub=user, aud=server, nats=told).encode()

    def _token(self, **claims: Any) -> str:
        stamped = {**claims, "iss": self._issuer, "iat": int(time.time())}
        digest = hashlib.sha256(json.dumps(stamped).encode()).digest()
        stamped["jti"] = base64.b32encode(digest).decode().rstrip("=")
        signed = f"{self._header}.{_encoded(stamped)}"
        return f"{signed}.{_base64(self._pair.sign(signed.encode()))}"


def _user(admitted: Admitted) -> dict[str, Any]:
    return {
        "type": "user",
        "version": 2,
        "subs": -1,
        "data": -1,
        "payload": -1,
        "pub": {"allow": list(admitted.publish)},
        "sub": {"allow": [*admitted.subscribe, *_MQTT_OWN]},
    }


def _encoded(claims: Mapping[str, Any]) -> str:
    return _base64(json.dumps(claims).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
