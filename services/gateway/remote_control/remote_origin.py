"""Devices' own web pages, each under an address of its own that lasts 15 minutes (R-34, threat 10).

What a device serves is not ours: it may be old, broken or hostile. The rules it protects: its page stands on an origin
that shares nothing with the console; knowing the address is not enough, the browser must be the one that showed the
ticket; and what passes in either direction is on a list.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from pydantic import ValidationError

from contracts.devices.remote_control import (
    PAGE_REQUEST_BYTES,
    PAGE_REQUEST_HEADERS,
    AskDevicePage,
    ClaimRemoteControl,
    GetRemoteControl,
    NoteRemoteControlUse,
    PageAnswer,
    RemoteControlView,
)
from contracts.message import Actor
from contracts.permissions import SYSTEM
from contracts.text import page_path
from kernel.deciding.decider import Refused
from kernel.log.promise import Unavailable
from kernel.process.settings import Settings
from kernel.talking.caller import Caller
from services.gateway.asking.asking import uuid7
from services.gateway.guards.sessions import Sessions
from services.gateway.http.asgi import Application, Message, Receive, Send

ANSWER_S = 20.0
BODY_S = 30.0
COUNTED_EVERY_S = 2.0
AT_ONCE = 24
TICKET = "ticket"

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
_PASSED_UP = frozenset(
    {"content-type", "content-language", "content-disposition", "etag", "last-modified", "www-authenticate"}
)
_ENCODINGS = frozenset({"gzip", "deflate", "identity"})
_METHODS = frozenset({"GET", "POST", "HEAD"})
_TOKEN = re.compile(r"[a-z2-7]{32}")
_TICKET_QUERY = re.compile(rf"{TICKET}=([A-Za-z0-9_-]{{43}})")
_FIELD_TEXT = re.compile(r"[\x20-\x7e\t]*")
_COOKIE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*)")
_COOKIE_PATH = re.compile(r"/[\x21-\x3a\x3c-\x7e]*")
# Ours, here or at the console: a device neither learns nor sets them.
_OUR_COOKIES = frozenset({"rc", "session", "impersonation", "csrftoken", "browser"})

_log = structlog.get_logger()


def sha256(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Addresses:
    """The addresses of remote controls: made of their ids and a key, so that the same one is always told the same."""

    def __init__(self, settings: Settings) -> None:
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


class _Answer(Exception):
    """What the gateway itself answers here."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


_OVER = _Answer(404, "This remote control is over, or it was opened in another browser.")


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
        return self if any(_name(host).endswith(self._below) for host in _all(scope, b"host")) else None

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
        except _Answer as answer:
            await self._say(send, answer.status, answer.sentence)
        except Unavailable:
            await self._say(send, 503, "This cannot be answered now. Try again.")

    async def _say(self, send: Send, status: int, sentence: str) -> None:
        # Plain text: there is nothing to run, and nothing of the device's in it.
        kind = [("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")]
        await _send(send, status, [*kind, *self._own_headers], sentence.encode())

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["method"] not in _METHODS:
            raise _Answer(405, "Only GET, HEAD and POST are passed on.")
        token_hash = sha256(self._token(scope))
        opened = await self._opened(token_hash)
        cookie = "__Host-rc" if self._is_secure else "rc"
        browser = dict(_cookies(scope)).get(cookie, "")
        ticket = _TICKET_QUERY.fullmatch(scope["query_string"].decode("latin-1")) if scope["path"] == "/" else None
        if ticket is not None:
            await self._let_in(scope, send, opened, token_hash, ticket.group(1), browser, cookie)
            return
        if not browser or opened.browser_hash is None or not hmac.compare_digest(sha256(browser), opened.browser_hash):
            raise _OVER
        await self._pass_on(scope, receive, send, opened, token_hash)

    def _token(self, scope: Message) -> str:
        hosts = [_name(host) for host in _all(scope, b"host")]
        token = hosts[0].removesuffix(self._below) if len(hosts) == 1 else ""
        if not _TOKEN.fullmatch(token):
            raise _OVER
        return token

    async def _opened(self, token_hash: str, after: str | None = None) -> RemoteControlView:
        """The open remote control, whose session lives. Raises `_Answer`."""
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
            actor=_visiting(scope),
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
        await _send(send, 303, [("location", "/"), ("set-cookie", set_cookie), *self._own_headers], b"")

    async def _pass_on(
        self, scope: Message, receive: Receive, send: Send, opened: RemoteControlView, token_hash: str
    ) -> None:
        query = _question(scope, token_hash, opened.browser_hash or "", await _body(scope, receive))
        if self._at_once[token_hash] >= AT_ONCE:
            raise _Answer(429, "Too much is asked of this device at once.")
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
        headers = [*_passed_down(answer.headers, self._is_secure), *self._own_headers]
        body = b"" if query.method == "HEAD" else _decoded(answer.body)
        await _send(send, answer.status, headers, body)

    async def _asked(self, query: AskDevicePage) -> PageAnswer:
        try:
            return PageAnswer.model_validate_json(await self._caller.query(query, timeout_s=ANSWER_S))
        except Refused as refusal:
            if refusal.code == "remote-control-unknown":
                raise _OVER from None
            status = 504 if refusal.code == "device-unreachable" else 502
            raise _Answer(status, refusal.detail) from None

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


def _visiting(scope: Message) -> Actor:
    return SYSTEM.model_copy(update={"address": scope["client"][0] if scope.get("client") else None})


# --- What passes ------------------------------------------------------------------------------------------------------


def _question(scope: Message, token_hash: str, browser_hash: str, body: bytes) -> AskDevicePage:
    """The request as the device is asked it. Raises `_Answer` when it is more than a request for its page."""
    query_string = scope["query_string"].decode("latin-1")
    path = scope["raw_path"].decode("latin-1") + (f"?{query_string}" if query_string else "")
    try:
        return AskDevicePage(
            actor=_visiting(scope),
            token_hash=token_hash,
            browser_hash=browser_hash,
            method=scope["method"],
            path=page_path(path),
            headers=tuple(_passed_up(scope)),
            body=base64.b64encode(body).decode(),
        )
    except (ValueError, ValidationError):
        raise _Answer(400, "This is not a request for the page of a device.") from None


def _passed_up(scope: Message) -> Iterable[tuple[str, str]]:
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in PAGE_REQUEST_HEADERS and name != "cookie" and _FIELD_TEXT.fullmatch(value):
            yield name, value
    if theirs := "; ".join(f"{name}={value}" for name, value in _cookies(scope) if not _is_ours(name)):
        yield "cookie", theirs


def _passed_down(headers: Sequence[tuple[str, str]], is_secure: bool) -> Iterable[tuple[str, str]]:
    for given, value in headers:
        name = given.lower()
        if not _FIELD_TEXT.fullmatch(value):
            continue
        if name in _PASSED_UP or (name == "content-encoding" and value.lower() in _ENCODINGS):
            yield name, value
        elif name == "location" and (place := _place(value)):
            yield name, place
        elif name == "set-cookie" and (cookie := _cookie(value, is_secure)):
            yield name, cookie


def _place(location: str) -> str | None:
    """Where within the page a redirection leads; devices name themselves by an address that nobody here can reach."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return None
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    if not path.startswith("/") and not parts.netloc and not parts.scheme:
        path = location.partition("#")[0]
        with suppress(ValueError):
            page_path(f"/{path}")
            return path
        return None
    with suppress(ValueError):
        return page_path(path)
    return None


def _cookie(value: str, is_secure: bool) -> str | None:
    """A cookie of the device's for this very host, or None when it would be one of ours."""
    first, *attributes = (part.strip() for part in value.split(";"))
    named = _COOKIE.fullmatch(first)
    if named is None or _is_ours(named.group(1)):
        return None
    kept = [first, "SameSite=Lax", *(["Secure"] if is_secure else [])]
    for attribute in attributes:
        key, _, told = attribute.partition("=")
        if key.lower() == "path" and _COOKIE_PATH.fullmatch(told):
            kept.append(f"Path={told}")
        elif key.lower() == "max-age" and re.fullmatch(r"-?[0-9]{1,10}", told):
            kept.append(f"Max-Age={told}")
        elif key.lower() == "httponly":
            kept.append("HttpOnly")
    return "; ".join(kept)


def _is_ours(cookie: str) -> bool:
    return cookie.startswith("__") or cookie.lower() in _OUR_COOKIES


def _cookies(scope: Message) -> list[tuple[str, str]]:
    told = "; ".join(_all(scope, b"cookie"))
    return [
        (match.group(1), match.group(2))
        for each in told.split(";")
        if (match := _COOKIE.fullmatch(each.strip())) is not None
    ]


def _all(scope: Message, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _name(host: str) -> str:
    return host.strip().lower().rsplit(":", 1)[0].rstrip(".")


async def _body(scope: Message, receive: Receive) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise _Answer(400, "The request broke off.")
                body += message.get("body", b"")
                if len(body) > PAGE_REQUEST_BYTES:
                    raise _Answer(413, f"At most {PAGE_REQUEST_BYTES // 1024} KiB are passed on.")
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise _Answer(408, "The request took too long to arrive.") from None


def _decoded(body: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise _Answer(502, "The device's answer cannot be read.") from None


async def _send(send: Send, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
    if status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        body = b""
    told = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    told.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})
