"""Who holds this request: an opaque cookie, asked of accounts, remembered for at most a second.

The rule it protects: a session that ended anywhere is over here at once, and under account access the distributor's
own session must live too.
"""

import asyncio
import contextlib
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.handlers import BaseRouteHandler

from contracts.accounts.access import GetSession, KeepSession, SessionView
from contracts.acting import acts_for_another
from contracts.message import Actor, Refused
from contracts.permissions import SYSTEM, VISITOR
from contracts.session_time import IDLE_OF_RESIDENTS, is_worth_keeping
from kernel.log.promise import Unavailable
from kernel.talking.caller import Caller
from services.gateway.http.problems import Problem
from services.gateway.settings import GatewaySettings

REMEMBERED_S = 1.0
REMEMBERED_MAX = 20_000
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# The session's own end is what counts, and moves; the cookie lasts as long as the longest.
COOKIE_S = int(IDLE_OF_RESIDENTS.total_seconds())
UNUSED_PATHS = frozenset({"/api/v1/live"})
"""A page that only listens is not used by anybody."""
CSRF_COOKIE = "csrftoken"
CSRF_HEADER = "X-CSRF-Token"

Connection = ASGIConnection[Any, Any, Any, Any]


def new_token() -> str:
    """A session's secret: 256 random bits, known to the browser alone."""
    return secrets.token_urlsafe(32)


def session_name(token: str) -> str:
    """What a session is called everywhere but in the browser."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Holder:
    """Who acts in this request. `own` is the distributor's own session beneath an account-access session."""

    session: SessionView
    own: SessionView | None
    address: str | None

    @property
    def person(self) -> str:
        """The account of whoever sits there, also while it acts in another."""
        return (self.own or self.session).account_id

    @property
    def actor(self) -> Actor:
        """The actor as services see it."""
        held = self.session
        return Actor(
            account_id=held.account_id,
            role=held.role,
            distributor_id=held.distributor_id,
            installer_id=held.installer_id,
            household_id=held.household_id,
            impersonator_id=held.impersonator_id,
            session_id=held.session_id,
            address=self.address,
        )


class Sessions:
    """The sessions that were asked for within the last second."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._known: OrderedDict[str, tuple[float, SessionView]] = OrderedDict()
        self._forgotten = 0
        self._keeping: dict[str, asyncio.Task[None]] = {}

    async def close(self) -> None:
        """Returns when nothing is under way any more."""
        for task in self._keeping.values():
            task.cancel()
        await asyncio.gather(*self._keeping.values(), return_exceptions=True)

    def used(self, session: SessionView) -> None:
        """Somebody uses that session now, so its end moves. Nobody waits for it to be recorded."""
        name = session.session_id
        if session.impersonator_id is not None or name in self._keeping:
            return
        if is_worth_keeping(session.role, session.expires_at, datetime.now(UTC)):
            self._keeping[name] = task = asyncio.create_task(self._keep(session))
            task.add_done_callback(lambda _: self._keeping.pop(name, None))

    async def _keep(self, session: SessionView) -> None:
        keeping = KeepSession(
            command_id=uuid4(),
            at=datetime.now(UTC),
            actor=SYSTEM,
            account_id=session.account_id,
            session_id=session.session_id,
        )
        # The next request tries again.
        with contextlib.suppress(Refused, Unavailable):
            kept = await self._caller.command(keeping)
            await self.ask(session.session_id, after=kept.position)

    async def held_with(self, token: str) -> SessionView | None:
        """The living session behind a cookie, or None."""
        name = session_name(token)
        if name in self._known:
            until, known = self._known[name]
            if time.monotonic() < until and known.expires_at > datetime.now(UTC):
                return known
        return await self.ask(name)

    async def ask(self, name: str, after: str | None = None) -> SessionView | None:
        """The living session of that id as accounts knows it now, and not before the position `after`; or None."""
        forgotten = self._forgotten
        try:
            view = await self._caller.view(GetSession(actor=VISITOR, session_id=name, after=after), SessionView)
        except Refused as refused:
            if refused.code != "session-unknown":
                raise
            self._known.pop(name, None)
            return None
        if view.expires_at <= datetime.now(UTC):
            return None
        # An answer that was on its way while a session ended may be from before the end.
        if forgotten == self._forgotten:
            self._known[name] = (time.monotonic() + REMEMBERED_S, view)
            self._known.move_to_end(name)
            while len(self._known) > REMEMBERED_MAX:
                self._known.popitem(last=False)
        return view

    def forget(self, ids: Collection[str]) -> None:
        """Ask again about these sessions, and about all sessions of these accounts and of whoever is below them."""
        self._forgotten += 1
        changed = set(ids)
        for name, (_, view) in list(self._known.items()):
            if changed & {name, view.account_id, view.impersonator_id, view.installer_id, view.distributor_id}:
                del self._known[name]

    async def settle(self, name: str, account_id: str, position: str | None) -> None:
        """Returns when whatever asks about the session is told what is true since `position`."""
        self.forget([name, account_id])
        # It was recorded in any case: when that cannot be seen within bounds, the answer is still yes.
        with contextlib.suppress(Refused, Unavailable):
            await self.ask(name, after=position)

    def forget_all(self) -> None:
        """Ask again about every session."""
        self._forgotten += 1
        self._known.clear()


def is_secure(connection: Connection) -> bool:
    """Whether browsers reach this over https: the public URL says so, not what a request claims of itself."""
    settings: GatewaySettings = connection.app.state.settings
    return settings.public_url.startswith("https:")


def cookie_name(name: str, connection: Connection) -> str:
    """What a cookie of ours is called here."""
    # A browser takes a `__Host-` cookie only over https, and then from nobody but this very host.
    return f"__Host-{name}" if is_secure(connection) else name


def session_cookie(connection: Connection, token: str | None, *, impersonation: bool = False) -> Cookie:
    """The cookie that carries a session; without a token the one that removes it."""
    return Cookie(
        key=cookie_name("impersonation" if impersonation else "session", connection),
        value=token or "",
        max_age=COOKIE_S if token else 0,
        path="/",
        httponly=True,
        secure=is_secure(connection),
        samesite="lax",
    )


def session_token(connection: Connection, *, impersonation: bool = False) -> str | None:
    """The session's secret as the browser sent it."""
    return connection.cookies.get(cookie_name("impersonation" if impersonation else "session", connection)) or None


def csrf_token(token: str | None) -> str:
    """What the `csrftoken` cookie must be: derived from the session's secret, so that nobody can plant another."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest() if token else "none"


def csrf_cookie(connection: Connection, token: str | None) -> Cookie:
    """The cookie that the console repeats in a header."""
    return Cookie(
        key=CSRF_COOKIE,
        value=csrf_token(token),
        max_age=COOKIE_S if token else 0,
        path="/",
        httponly=False,
        secure=is_secure(connection),
        samesite="lax",
    )


def acting_token(connection: Connection) -> str | None:
    """The secret of the session that acts: account access when there is one."""
    return session_token(connection, impersonation=True) or session_token(connection)


# --- Guards, in the order in which they stand on a route (async all: Litestar runs a plain one in a thread) -----------


async def same_site(connection: Connection, _: BaseRouteHandler) -> None:
    """A page of another site cannot make the browser act on a session, nor log in as somebody else."""
    if connection.scope.get("method") in SAFE_METHODS:
        return
    token = acting_token(connection)
    if token is None:
        # Nobody to act for; but a foreign page must not log its visitors in to an account of its own.
        if connection.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise Problem(403, "csrf", "This must be asked from a page of this site.")
        return
    repeated = connection.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(repeated.encode(), csrf_token(token).encode()):
        raise Problem(403, "csrf", f"The header {CSRF_HEADER} must repeat the cookie {CSRF_COOKIE}.")


async def signed_in(connection: Connection, _: BaseRouteHandler) -> None:
    """There is a living session behind this request."""
    connection.scope["state"]["holder"] = await _holder(connection)


async def own_holder(connection: Connection) -> Holder:
    """Who logged in, whether or not they have switched into another account. Raises `Problem` when nobody has."""
    sessions: Sessions = connection.app.state.sessions
    token = session_token(connection)
    own = await sessions.held_with(token) if token else None
    # What a session is decides, not the cookie in which it comes: account access is nobody's own.
    if own is None or own.impersonator_id is not None:
        raise Problem(401, "signed-out", "Log in first.")
    return Holder(own, None, connection.client.host if connection.client else None)


async def _holder(connection: Connection) -> Holder:
    sessions: Sessions = connection.app.state.sessions
    own = await own_holder(connection)
    if connection.scope["path"] not in UNUSED_PATHS:
        sessions.used(own.session)
    taken = session_token(connection, impersonation=True)
    if taken is None:
        return own
    session = await sessions.held_with(taken)
    if session is None or session.impersonator_id != own.session.account_id:
        # Going on as the distributor would do to the distributor what was meant for the installer.
        raise Problem(401, "impersonation-ended", "Account access is over.")
    return Holder(session, own.session, own.address)


async def settled(connection: Connection, _: BaseRouteHandler) -> None:
    """Whoever holds an initial password may do nothing but replace it."""
    if holder_of(connection).session.must_change_password:
        raise Problem(403, "password-change-required", "Choose a password of your own first.")


async def in_person(connection: Connection, _: BaseRouteHandler) -> None:
    """Not under account access."""
    if acts_for_another(holder_of(connection).actor):
        raise Problem(403, "forbidden-while-impersonating", "Only the holder of the account may do this.")


def holder_of(connection: Connection | Request[Any, Any, Any]) -> Holder:
    """Who holds a request that passed `signed_in`."""
    holder: Holder = connection.scope["state"]["holder"]
    return holder
