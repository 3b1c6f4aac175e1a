"""How a route speaks to the services: its command or query, stamped with who acts, and the answer passed back.

The rule it protects: a client may always repeat a command under its Idempotency-Key, and it is done once.
"""

import json
import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid5

from litestar import Request, Response
from litestar.datastructures import State
from litestar.types import Message, Scope

from contracts.message import Accepted, Answer, Command, FieldRefusal, Query, Role, View
from kernel.talking.caller import Caller
from services.gateway.asking.bodies import Body, fields_of
from services.gateway.asking.parameters import IdempotencyKey
from services.gateway.asking.positions import Positions
from services.gateway.guards.sessions import holder_of
from services.gateway.guards.taken_logins import TakenLogins
from services.gateway.http.problems import Problem

A = TypeVar("A", bound=Answer)
C = TypeVar("C", bound=Command)
V = TypeVar("V", bound=View)

POSITION_HEADER = "Smartplus-Position"
_MERGED = "merged-position"
_LOGINS = ("email", "mobile")
_KEY = re.compile(r"[\x21-\x7e]{1,128}")


class Passed(Response[V], Generic[V]):
    """A service's answer, byte for byte as it wrote it."""


def passed(view: bytes, headers: dict[str, str] | None = None) -> Passed[Any]:
    """`view` as the response. What it is not is in the route's annotation: Litestar reads that for the document."""
    return Passed(view, media_type="application/json", headers=headers)


def uuid7() -> UUID:
    """A fresh UUID (RFC 9562, version 7): in the order of time to the millisecond, else random."""
    milliseconds = time.time_ns() // 1_000_000
    return UUID(int=milliseconds << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62))


class Asking:
    """What one request may ask of the services, in the name of the session that holds it."""

    def __init__(self, request: Request[Any, Any, State]) -> None:
        self._caller: Caller = request.app.state.caller
        self._positions: Positions = request.app.state.positions
        self._scope = request.scope
        self.holder = holder_of(request)
        self.actor = self.holder.actor

    def opened(self, after: str) -> str | None:
        """The parameter `after` as the services read it. Raises `Problem`. Several tokens are answered with one."""
        if not after:
            return None
        positions = self._positions.opened(after, self.holder.person)
        if "," in after:
            self._scope["state"][_MERGED] = self._positions.sealed(positions, self.holder.person)
        return positions

    async def bytes(self, query: Query) -> bytes:
        """The view that answers `query`, as the service wrote it."""
        return await self._caller.query(query)

    async def page(self, query: Query) -> Passed[Any]:
        """The view that answers `query`, as the service wrote it."""
        return passed(await self._caller.query(query))

    async def view(self, query: Query, view: type[V]) -> V:
        """The view that answers `query`, read."""
        return await self._caller.view(query, view)

    def own_installer(self) -> str:
        """The installer whose account this is. Raises `Problem` for everybody else."""
        if self.actor.role is not Role.INSTALLER or self.actor.installer_id is None:
            raise Problem(403, "not-allowed", "Only installers have this.")
        return self.actor.installer_id


class Sending(Asking):
    """What one request may wish of the services as well."""

    def __init__(self, request: Request[Any, Any, State], key: str | None) -> None:
        super().__init__(request)
        self._key = key
        self._taken: TakenLogins = request.app.state.taken_logins

    async def command(
        self, kind: type[Command[A]], body: "Body[Command[A]] | None" = None, /, **places: str
    ) -> Response[Accepted[A]]:
        """Send a command to what `places` names. Answers 200."""
        return self.answered(await self._send(kind, self._command_id(kind, places), body, places))

    async def create(
        self, kind: type[Command[A]], body: "Body[Command[A]] | None", /, made: str, **places: str
    ) -> Response[Accepted[A]]:
        """Send a command that makes something, called by the command's own id in the field `made`. Answers 201."""
        command_id = self._command_id(kind, places)
        accepted = await self._send(kind, command_id, body, {**places, made: str(command_id)})
        # What was made may be a part of an aggregate, whose id the service answers with.
        return self.answered(accepted.model_copy(update={"id": str(command_id)}), 201)

    def answered(self, accepted: Accepted[A], status: int = 200) -> Response[Accepted[A]]:
        """What was accepted as the response, with the position that clients see."""
        headers = self.position_header(accepted.position)
        shown = accepted.model_copy(update={"position": headers[POSITION_HEADER]})
        return Response(shown, status_code=status, headers=headers)

    def position_header(self, position: str) -> dict[str, str]:
        """The header by which a client learns that position."""
        return {POSITION_HEADER: self._positions.sealed(position, self.holder.person)}

    def id_of(self, kind: type[Command], **places: str) -> UUID:
        """The id for a command of that kind to what `places` names; under one Idempotency-Key always the same."""
        return self._command_id(kind, places)

    async def send(self, kind: type[Command[A]], command_id: UUID, /, **fields: Any) -> Accepted[A]:
        """Send a command under an id that its fields were made of."""
        return await self._caller.command(self.worded(kind, command_id, **fields))

    def worded(self, kind: type[C], command_id: UUID, /, **fields: Any) -> C:
        """The command as it would be sent. Raises `ValidationError`."""
        return kind(command_id=command_id, at=datetime.now(UTC), actor=self.actor, **fields)

    async def _send(
        self, kind: type[Command[A]], command_id: UUID, body: "Body[Command[A]] | None", places: Mapping[str, str]
    ) -> Accepted[A]:
        stamp: dict[str, Any] = {"command_id": command_id, "at": datetime.now(UTC), "actor": self.actor}
        command = kind(**stamp, **(fields_of(body) if body else {}), **places)
        with self._taken.around(self.actor, any(getattr(command, name, None) for name in _LOGINS)):
            return await self._caller.command(command)

    def _command_id(self, kind: type[Command], places: Mapping[str, str]) -> UUID:
        if self._key is None:
            return uuid7()
        # The key counts within one account, one kind of command and one target: a client that numbers its requests
        # per page must not have its second target answered with what happened to the first.
        return uuid5(UUID(self.actor.account_id), json.dumps([kind.__name__, sorted(places.items()), self._key]))


async def tell_merged(message: Message, scope: Scope) -> None:
    """Before an answer begins: the one token for the several that were asked with."""
    if message["type"] == "http.response.start" and (token := scope.get("state", {}).get(_MERGED)):
        message["headers"] = [*message["headers"], (POSITION_HEADER.lower().encode(), token.encode())]


async def provide_asking(request: Request[Any, Any, State]) -> Asking:
    """The dependency `asking` of the routes that read."""
    return Asking(request)


async def provide_sending(request: Request[Any, Any, State], idempotency_key: IdempotencyKey = "") -> Sending:
    """The dependency `sending` of the routes that write."""
    is_given = "Idempotency-Key" in request.headers
    if is_given and not _KEY.fullmatch(idempotency_key):
        fault = FieldRefusal(field="Idempotency-Key", code="malformed", detail="1 to 128 visible ASCII characters.")
        raise Problem(400, "invalid", errors=[fault])
    return Sending(request, idempotency_key if is_given else None)
