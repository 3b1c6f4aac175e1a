"""Events as messages of the log and back: CloudEvents 1.0 in binary mode, personal fields sealed.

The rules it protects: nothing personal enters the log in the clear, and whatever was ever published still decodes.
"""

from __future__ import annotations

import json
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Any
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from contracts.message import ERASED, Actor, Command, Event, FilledMark, PersonalMark, Recorded, fields_marked
from kernel.deciding.decider import Ref
from kernel.keeping.sealing import seal, unseal
from kernel.keeping.secrets import Secrets
from kernel.keeping.vault import Keys
from kernel.log.promise import NewMessage, StoredMessage

Body = dict[str, Any]
Upcast = Callable[[Body], Body]

SPEC_VERSION = "ce-specversion"
ID = "ce-id"
TYPE = "ce-type"
SOURCE = "ce-source"
SUBJECT = "ce-subject"
TIME = "ce-time"
CONTENT_TYPE = "content-type"
COMMAND = "sp-command"
CORRELATION = "sp-correlation"
ACTOR = "sp-actor"
FINGERPRINT = "sp-fingerprint"
PART = "sp-part"
KEY = "sp-key"
TRACEPARENT = "traceparent"

_TOKEN = re.compile(r"[A-Za-z0-9_:@+-]{1,128}")
_SEALED = {"sealed"}
_SEALED_MANY = {"sealed", "many"}


class KeyDestroyed(Exception):
    """An event with personal fields was to be written under a data key that is destroyed."""


class Undecodable(Exception):
    """A message that is not an event of this service as it ever published one. `seq` says which, `reason` why."""

    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(f"message {seq}: {reason}")
        self.seq = seq
        self.reason = reason


_COPIED = "Nats-Stream"


class Codec:
    """Writes and reads the events of one service.

    `upcast` maps the type of an old version (`accounts.UserAdded.v1`) to the pure step that turns its body into the
    body of the next version. Data keys that events up to `keys_until` name may be missing: that loss was accepted.
    """

    def __init__(
        self,
        service: str,
        events: Iterable[type[Event]],
        keys: Keys,
        secrets: Secrets,
        upcast: Mapping[str, Upcast] | None = None,
        keys_until: int = 0,
    ) -> None:
        self.service = service
        self.stream = service.upper()
        self.keys = keys
        self._secrets = secrets
        self._keys_until = keys_until
        self._fingerprint_key = secrets.derive("fingerprint")
        self._types = {event.type_name(): event for event in events}
        self._upcast = dict(upcast or {})
        for old in self._upcast:
            if old in self._types:
                raise ValueError(f"{old} is the present version and cannot be cast up")
            self._present(old)

    def subject(self, ref: Ref, hashed: bool = False) -> str:
        """The literal subject of an aggregate. Raises `ValueError` when its id cannot stand in one."""
        token = self._secrets.hashed(ref.aggregate, ref.id) if hashed else ref.id
        if not _TOKEN.fullmatch(token):
            raise ValueError(f"the id of this {ref.aggregate} cannot stand in a subject")
        return f"event.{self.service}.{ref.aggregate}.{token}"

    def fingerprint(self, command: Command) -> str:
        """Tells a command that is sent again from another command that reuses its id.

        Covers the kind, who asks, and what is asked for; not the stamps, what the service fills in, or what is never
        shown (`repr=False`). Only 32 bits, keyed: enough to notice a mistake, too few to confirm a guess by.
        """
        asked = command.model_dump_json(exclude=_not_asked(type(command)), exclude_defaults=True)
        told = "\0".join((type(command).__name__, command.actor.account_id, asked)).encode()
        return blake2b(told, key=self._fingerprint_key, digest_size=4).hexdigest()

    def because(self, command: Command, correlation_id: str | None, traceparent: str | None) -> dict[str, str]:
        """The headers that all events of one command share: who caused them, when, and by which wish."""
        headers = {
            TIME: command.at.isoformat(),
            COMMAND: str(command.command_id),
            CORRELATION: correlation_id or str(command.command_id),
            ACTOR: _actor_header(command.actor),
            FINGERPRINT: self.fingerprint(command),
        }
        return headers if traceparent is None else headers | {TRACEPARENT: traceparent}

    async def encode(
        self,
        event: Event,
        *,
        subject: str,
        expected: int,
        key_name: str | None,
        because: Mapping[str, str],
        part: tuple[int, int] = (1, 1),
    ) -> NewMessage:
        """The message that states `event`, the n-th of m events of one command (`part`).

        Its id is new each time: two decisions of one command may differ (a time, a salt), so a repeat is known by the
        id of its command, never by the ids of its events.

        Raises `KeyDestroyed` when the event says something personal and `key_name` lives no more, `VaultUnavailable`,
        `LostKey`.
        """
        id = str(uuid4())
        body = event.model_dump(mode="json")
        headers = {
            SPEC_VERSION: "1.0",
            ID: id,
            TYPE: event.type_name(),
            SOURCE: f"/smartplus/{self.service}",
            SUBJECT: "/".join(_about(subject)),
            CONTENT_TYPE: "application/json",
            PART: f"{part[0]}/{part[1]}",
            **because,
        }
        sealed = [name for name in fields_marked(type(event), PersonalMark) if body[name] is not None]
        if sealed:
            if key_name is None:
                raise ValueError(f"{event.type_name()} has personal fields, but its aggregate names no data key")
            key = await self.keys.key(key_name)
            if key is None:
                raise KeyDestroyed(key_name)
            headers[KEY] = key_name
            for name in sealed:
                body[name] = _sealed(key, id, name, body[name])
        return NewMessage(subject=subject, id=id, headers=headers, body=to_json(body), expected=expected)

    def recorded(self, event: Event, message: NewMessage | StoredMessage, seq: int) -> Recorded:
        """`event`, as `message` states it at `seq`. Raises `LookupError` or `ValueError` when headers are amiss."""
        headers = message.headers
        aggregate, token = _about(message.subject)
        return Recorded(
            stream=self.stream,
            seq=seq,
            aggregate=aggregate,
            aggregate_id=token,
            event=event,
            event_id=headers[ID],
            at=datetime.fromisoformat(headers[TIME]),
            actor=_actor(headers[ACTOR]),
            command_id=headers[COMMAND],
            correlation_id=headers[CORRELATION],
            traceparent=headers.get(TRACEPARENT),
        )

    async def decode_many(self, messages: Sequence[StoredMessage]) -> list[Recorded]:
        """The messages of the service's log as events, in order; what a destroyed key sealed reads as `ERASED`.

        Raises `Undecodable` for the first message that is no event, `VaultUnavailable`.
        """
        sealed = {message.headers[KEY]: message.seq for message in messages if KEY in message.headers}
        named = [name for name, newest in sealed.items() if newest > self._keys_until]
        keys = await self.keys.existing(sealed.keys(), named) if sealed else {}
        return [self._decoded(message, keys) for message in messages]

    def _decoded(self, message: StoredMessage, keys: Mapping[str, bytes | None]) -> Recorded:
        try:
            return self.recorded(self._event(message, keys), message, message.seq)
        except (LookupError, ValueError, TypeError, AttributeError, InvalidTag) as error:
            # Not chained: the error may quote what the message says about a person.
            raise Undecodable(message.seq, f"{message.headers.get(TYPE, 'no type')}: {_reason(error)}") from None

    def _event(self, message: StoredMessage, keys: Mapping[str, bytes | None]) -> Event:
        # nats-server writes its answers where it is told to, also a copy of what stands in another log.
        if not message.subject.startswith(f"event.{self.service}.") or _COPIED in message.headers:
            raise ValueError("a copy out of another log")
        type_name = message.headers[TYPE]
        kind = self._types.get(type_name)
        key_name = message.headers.get(KEY)
        if kind is not None and key_name is None:
            return kind.model_validate_json(message.body)
        body: Body = from_json(message.body)
        if key_name is not None:
            _unseal(body, message.headers[ID], keys[key_name])
        while kind is None:
            body = self._upcast[type_name](body)
            type_name = _next_version(type_name)
            kind = self._types.get(type_name)
        event = kind.model_validate(body)
        # Validation makes plain text of `ERASED`.
        erased = {name: body[name] for name in fields_marked(kind, PersonalMark) if _is_erased(body.get(name))}
        return event.model_copy(update=erased) if erased else event

    def _present(self, old: str) -> type[Event]:
        """The present version that `old` becomes. Raises `ValueError` when a step is missing."""
        name = old
        while name not in self._types:
            if name not in self._upcast:
                raise ValueError(f"nothing turns {name} into a version that is read today")
            name = _next_version(name)
        return self._types[name]


def _about(subject: str) -> tuple[str, str]:
    _, _, aggregate, token = subject.split(".", 3)
    return aggregate, token


def _next_version(type_name: str) -> str:
    name, _, version = type_name.rpartition(".v")
    return f"{name}.v{int(version) + 1}"


def _sealed(key: bytes, event_id: str, field: str, value: object) -> Body:
    sealed: Body = {"sealed": b2a_base64(seal(key, to_json(value), _bound_to(event_id, field)), newline=False).decode()}
    if isinstance(value, list):
        sealed["many"] = True
    return sealed


def _unseal(body: Body, event_id: str, key: bytes | None) -> None:
    for field, value in body.items():
        if not isinstance(value, dict) or value.keys() not in (_SEALED, _SEALED_MANY):
            continue
        if key is None:
            body[field] = (ERASED,) if "many" in value else ERASED
        else:
            body[field] = from_json(
                unseal(key, a2b_base64(value["sealed"], strict_mode=True), _bound_to(event_id, field))
            )


def _bound_to(event_id: str, field: str) -> bytes:
    return f"{event_id}/{field}".encode()


def _is_erased(value: object) -> bool:
    return value is ERASED or (isinstance(value, tuple) and any(each is ERASED for each in value))


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return ", ".join(
            f"{'.'.join(map(str, each['loc']))} {each['type']}"
            for each in error.errors(include_input=False, include_url=False, include_context=False)
        )
    return "does not open under its key" if isinstance(error, InvalidTag) else type(error).__name__


@cache
def _not_asked(command: type[Command]) -> set[str]:
    hidden = {name for name, field in command.model_fields.items() if not field.repr}
    return {"command_id", "at", "actor"} | fields_marked(command, FilledMark) | hidden


@lru_cache(maxsize=4096)
def _actor_header(actor: Actor) -> str:
    return json.dumps(actor.model_dump(mode="json", exclude_none=True), separators=(",", ":"))


@lru_cache(maxsize=4096)
def _actor(header: str) -> Actor:
    return Actor.model_validate_json(header)
