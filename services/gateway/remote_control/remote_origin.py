"""Devices' own web pages, each under an address of its own that lasts 15 minutes (R-34, threat 10).

What a device serves is not ours: it may be old, broken or hostile. The rules it protects: its page stands on an origin
that shares nothing with the console; knowing the address is not enough, the browser must be the one that showed the
ticket; and what passes in either direction is on a list.
"""

import asyncio
import hmac
import re
import secrets
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from contracts.devices.remote_control import (
    AskDevicePage,
    ClaimRemoteControl,
    GetRemoteControl,
    NoteRemoteControlUse,
    PageAnswer,
    RemoteControlView,
)
from contracts.message import Refused
from contracts.permissions import SYSTEM
from kernel.log.promise import Unavailable
from kernel.talking.caller import Caller
from services.gateway.asking.asking import uuid7
from services.gateway.guards.sessions import Sessions
from services.gateway.http.asgi import Application, Message, Receive, Send
from services.gateway.remote_control.addresses import TICKET, Addresses, sha256
from services.gateway.remote_control.passing import (
    OwnAnswer,
    body_of,
    cookies_of,
    decoded,
    header_values,
    host_name,
    passed_down,
    question,
    send_answer,
    visiting,
)

ANSWER_S = 20.0
COUNTED_EVERY_S = 2.0
AT_ONCE = 24

# A sandbox of its own origin: scripts and forms of the device's page work, and lead nowhere but to itself.
_POLICY = (
    "sandbox allow-scripts allow-forms allow-same-origin allow-modals allow-downloads; "
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; worker-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
_OWN_HEADERS = (
    ("content-security-policy", _POLICY),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("origin-agent-cluster", "?1"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=()"),
    ("x-robots-tag", "noindex"),
)
_HTTPS_ONLY = ("strict-transport-security", "max-age=31536000")
_METHODS = frozenset({"GET", "POST", "HEAD"})
_TOKEN = re.compile(r"[a-z2-7]{32}")
_TICKET_QUERY = re.compile(rf"{TICKET}=([A-Za-z0-9_-]{{43}})")

_log = structlog.get_logger()
_OVER = OwnAnswer(404, "This remote control is over, or it was opened in another browser.")


class RemoteOrigin:
    """The ASGI application behind every host name below `Addresses.host`."""

    def __init__(self, addresses: Addresses, caller: Caller, sessions: Sessions) -> None:
        self._below = f".{addresses.host}"
        self._is_secure = addresses.is_secure
        self._own_headers = (*_OWN_HEADERS, *([_HTTPS_ONLY] if addresses.is_secure else []))
        self._caller = caller
        self._sessions = sessions
        self._at_once: Counter[str] = Counter()
        self._uses: Counter[tuple[str, str]] = Counter()
        self._counting: set[asyncio.Task[None]] = set()

    def of(self, scope: Message) -> Application | None:
        """This application when the request is for one of its hosts."""
        if scope["type"] not in ("http", "websocket"):
            return None
        return self if any(host_name(host).endswith(self._below) for host in header_values(scope, b"host")) else None

    async def close(self) -> None:
        """Tell what was counted and not yet told."""
        for task in self._counting:
            task.cancel()
        await asyncio.gather(*self._counting, return_exceptions=True)
        for device_id, remote_session_id in list(self._uses):
            await self._tell(device_id, remote_session_id)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            await self._answer(scope, receive, send)
        except OwnAnswer as answer:
            await self._say(send, answer.status, answer.sentence)
        except Unavailable:
            await self._say(send, 503, "This cannot be answered now. Try again.")

    async def _say(self, send: Send, status: int, sentence: str) -> None:
        # Plain text: there is nothing to run, and nothing of the device's in it.
        kind = [("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")]
        await send_answer(send, status, [*kind, *self._own_headers], sentence.encode())

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["method"] not in _METHODS:
            raise OwnAnswer(405, "Only GET, HEAD and POST are passed on.")
        token_hash = sha256(self._token(scope))
        opened = await self._opened(token_hash)
        cookie = "__Host-rc" if self._is_secure else "rc"
        browser = dict(cookies_of(scope)).get(cookie, "")
        ticket = _TICKET_QUERY.fullmatch(scope["query_string"].decode("latin-1")) if scope["path"] == "/" else None
        if ticket is not None:
            await self._let_in(scope, send, opened, token_hash, ticket.group(1), browser, cookie)
            return
        if not browser or opened.browser_hash is None or not hmac.compare_digest(sha256(browser), opened.browser_hash):
            raise _OVER
        await self._pass_on(scope, receive, send, opened, token_hash)

    def _token(self, scope: Message) -> str:
        hosts = [host_name(host) for host in header_values(scope, b"host")]
        token = hosts[0].removesuffix(self._below) if len(hosts) == 1 else ""
        if not _TOKEN.fullmatch(token):
            raise _OVER
        return token

    async def _opened(self, token_hash: str, after: str | None = None) -> RemoteControlView:
        """The open remote control, whose session lives. Raises `OwnAnswer`."""
        try:
            query = GetRemoteControl(actor=SYSTEM, token_hash=token_hash, after=after)
            opened = await self._caller.view(query, RemoteControlView)
        except Refused:
            raise _OVER from None
        session = await self._sessions.ask(opened.session_id)
        if session is None or session.installer_id != opened.installer_id or session.impersonator_id is not None:
            raise _OVER
        return opened

    async def _let_in(
        self,
        scope: Message,
        send: Send,
        opened: RemoteControlView,
        token_hash: str,
        ticket: str,
        browser: str,
        cookie: str,
    ) -> None:
        if opened.browser_hash is None or not browser:
            browser = secrets.token_urlsafe(32)
        command = ClaimRemoteControl(
            command_id=uuid7(),
            at=datetime.now(UTC),
            actor=visiting(scope),
            remote_session_id=opened.remote_session_id,
            device_id=opened.device_id,
            ticket_hash=sha256(ticket),
            browser_hash=sha256(browser),
        )
        try:
            claimed = await self._caller.command(command)
        except Refused:
            raise _OVER from None
        await self._opened(token_hash, claimed.position)
        left_s = max(1, int((opened.expires_at - datetime.now(UTC)).total_seconds()))
        secure = "; Secure" if self._is_secure else ""
        set_cookie = f"{cookie}={browser}; Path=/; Max-Age={left_s}; HttpOnly; SameSite=Lax{secure}"
        # The ticket goes from the address line; it is worth nothing any more.
        await send_answer(send, 303, [("location", "/"), ("set-cookie", set_cookie), *self._own_headers], b"")

    async def _pass_on(
        self, scope: Message, receive: Receive, send: Send, opened: RemoteControlView, token_hash: str
    ) -> None:
        query = question(scope, token_hash, opened.browser_hash or "", await body_of(scope, receive))
        if self._at_once[token_hash] >= AT_ONCE:
            raise OwnAnswer(429, "Too much is asked of this device at once.")
        self._at_once[token_hash] += 1
        self._count(opened)
        try:
            answer = await self._asked(query)
        finally:
            self._at_once[token_hash] -= 1
            if not self._at_once[token_hash]:
                del self._at_once[token_hash]
        _log.info(
            "remote-control",
            remote_session_id=opened.remote_session_id,
            method=query.method,
            status=answer.status,
            body_bytes=len(answer.body) * 3 // 4,
        )
        # What the device answered after the right to it was gone is not shown.
        await self._opened(token_hash)
        headers = [*passed_down(answer.headers, self._is_secure), *self._own_headers]
        body = b"" if query.method == "HEAD" else decoded(answer.body)
        await send_answer(send, answer.status, headers, body)

    async def _asked(self, query: AskDevicePage) -> PageAnswer:
        try:
            return PageAnswer.model_validate_json(await self._caller.query(query, timeout_s=ANSWER_S))
        except Refused as refusal:
            if refusal.code == "remote-control-unknown":
                raise _OVER from None
            status = 504 if refusal.code == "device-unreachable" else 502
            raise OwnAnswer(status, refusal.detail) from None

    def _count(self, opened: RemoteControlView) -> None:
        used = (opened.device_id, opened.remote_session_id)
        self._uses[used] += 1
        if self._uses[used] == 1:
            task = asyncio.create_task(self._tell_soon(*used))
            self._counting.add(task)
            task.add_done_callback(self._counting.discard)

    async def _tell_soon(self, device_id: str, remote_session_id: str) -> None:
        await asyncio.sleep(COUNTED_EVERY_S)
        await self._tell(device_id, remote_session_id)

    async def _tell(self, device_id: str, remote_session_id: str) -> None:
        requests = self._uses.pop((device_id, remote_session_id), 0)
        command = NoteRemoteControlUse(
            command_id=uuid7(),
            at=datetime.now(UTC),
            actor=SYSTEM,
            remote_session_id=remote_session_id,
            device_id=device_id,
            requests=requests,
        )
        # The same command may be sent again; when nobody takes it three times, the count of these requests is lost.
        for _ in range(3):
            with suppress(Unavailable, Refused):
                await self._caller.command(command)
                return
        _log.warning("remote-control-uncounted", remote_session_id=remote_session_id, requests=requests)
