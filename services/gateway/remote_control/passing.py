"""What passes between a browser and a device's own page: what is on the list, and nothing else.

What a device serves is not ours: it may be old, broken or hostile.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlsplit

from pydantic import ValidationError

from contracts.devices.remote_control import PAGE_REQUEST_BYTES, PAGE_REQUEST_HEADERS, AskDevicePage
from contracts.message import Actor
from contracts.permissions import SYSTEM
from contracts.text import page_path
from services.gateway.http.asgi import Message, Receive, Send

BODY_S = 30.0
_PASSED_UP = frozenset(
    {"content-type", "content-language", "content-disposition", "etag", "last-modified", "www-authenticate"}
)
_ENCODINGS = frozenset({"gzip", "deflate", "identity"})
_FIELD_TEXT = re.compile(r"[\x20-\x7e\t]*")
_COOKIE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*)")
_COOKIE_PATH = re.compile(r"/[\x21-\x3a\x3c-\x7e]*")
# Ours, here or at the console: a device neither learns nor sets them.
_OUR_COOKIES = frozenset({"rc", "session", "impersonation", "csrftoken", "browser"})


class OwnAnswer(Exception):
    """What the gateway itself answers here."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


def visiting(scope: Message) -> Actor:
    return SYSTEM.model_copy(update={"address": scope["client"][0] if scope.get("client") else None})


def question(scope: Message, token_hash: str, browser_hash: str, body: bytes) -> AskDevicePage:
    """The request as the device is asked it. Raises `OwnAnswer` when it is more than a request for its page."""
    query_string = scope["query_string"].decode("latin-1")
    path = scope["raw_path"].decode("latin-1") + (f"?{query_string}" if query_string else "")
    try:
        return AskDevicePage(
            actor=visiting(scope),
            token_hash=token_hash,
            browser_hash=browser_hash,
            method=scope["method"],
            path=page_path(path),
            headers=tuple(_passed_up(scope)),
            body=base64.b64encode(body).decode(),
        )
    except (ValueError, ValidationError):
        raise OwnAnswer(400, "This is not a request for the page of a device.") from None


def _passed_up(scope: Message) -> Iterable[tuple[str, str]]:
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in PAGE_REQUEST_HEADERS and name != "cookie" and _FIELD_TEXT.fullmatch(value):
            yield name, value
    if theirs := "; ".join(f"{name}={value}" for name, value in cookies_of(scope) if not _is_ours(name)):
        yield "cookie", theirs


def passed_down(headers: Sequence[tuple[str, str]], is_secure: bool) -> Iterable[tuple[str, str]]:
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


def cookies_of(scope: Message) -> list[tuple[str, str]]:
    told = "; ".join(header_values(scope, b"cookie"))
    return [
        (match.group(1), match.group(2))
        for each in told.split(";")
        if (match := _COOKIE.fullmatch(each.strip())) is not None
    ]


def header_values(scope: Message, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def host_name(host: str) -> str:
    return host.strip().lower().rsplit(":", 1)[0].rstrip(".")


async def body_of(scope: Message, receive: Receive) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise OwnAnswer(400, "The request broke off.")
                body += message.get("body", b"")
                if len(body) > PAGE_REQUEST_BYTES:
                    raise OwnAnswer(413, f"At most {PAGE_REQUEST_BYTES // 1024} KiB are passed on.")
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise OwnAnswer(408, "The request took too long to arrive.") from None


def decoded(body: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise OwnAnswer(502, "The device's answer cannot be read.") from None


async def send_answer(send: Send, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
    if status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        body = b""
    told = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    told.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})
