"""Which browsers somebody has logged in with before: a signed cookie that lasts, one mark for each account.

The rule it protects: whoever guesses at somebody's password elsewhere does not lock out the browser that person uses.
The cookie opens nothing. It only says by which count a wrong password is counted.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from services.gateway.guards.sessions import cookie_name, is_secure
from services.gateway.settings import GatewaySettings

COOKIE = "browser"
LASTS_DAYS = 400  # no browser keeps a cookie longer
ACCOUNTS_MAX = 8
_COOKIE = re.compile(r"([A-Za-z0-9_-]{22})((?:\.[0-9]{1,6}-[A-Za-z0-9_-]{22}){0,8})")

Connection = ASGIConnection[Any, Any, Any, Any]


@dataclass(frozen=True)
class Browser:
    """One browser by its random name, and the (day, mark) of each account that was logged in to with it."""

    name: str
    marks: tuple[tuple[int, str], ...] = ()


class Browsers:
    """Makes and reads the marks."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._key = settings.secrets().derive("browser")

    def of(self, connection: Connection) -> Browser:
        """The browser that asks; a new one when it shows no cookie of ours."""
        shown = _COOKIE.fullmatch(connection.cookies.get(cookie_name(COOKIE, connection), ""))
        if shown is None:
            return Browser(secrets.token_urlsafe(16))
        marks = (each.split("-", 1) for each in shown.group(2).split(".")[1:])
        return Browser(shown.group(1), tuple((int(day), mark) for day, mark in marks))

    def knows(self, browser: Browser, account_id: str) -> bool:
        """Whether somebody logged in to that account with this browser within the last 400 days."""
        today = _today()
        return any(
            0 <= today - day <= LASTS_DAYS and hmac.compare_digest(mark, self._mark(browser.name, account_id, day))
            for day, mark in browser.marks
        )

    def cookie(self, connection: Connection, browser: Browser, account_id: str) -> Cookie:
        """The cookie of the browser once somebody has logged in to that account; it keeps the newest 8 accounts."""
        today = _today()
        others = [
            (day, mark)
            for day, mark in browser.marks
            if not hmac.compare_digest(mark, self._mark(browser.name, account_id, day))
        ]
        marks = [(today, self._mark(browser.name, account_id, today)), *others][:ACCOUNTS_MAX]
        return Cookie(
            key=cookie_name(COOKIE, connection),
            value=browser.name + "".join(f".{day}-{mark}" for day, mark in marks),
            max_age=LASTS_DAYS * 86_400,
            path="/",
            httponly=True,
            secure=is_secure(connection),
            samesite="lax",
        )

    def _mark(self, name: str, account_id: str, day: int) -> str:
        made = hmac.new(self._key, f"{name}/{account_id}/{day}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made[:16]).decode().rstrip("=")


def _today() -> int:
    return (datetime.now(UTC).date() - date(1970, 1, 1)).days
