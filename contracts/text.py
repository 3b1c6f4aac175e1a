"""The kinds of text that people may type: plain, visible, of bounded length. Nothing here interprets what it says."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, StringConstraints

# Characters that reorder or hide what stands around them. The joiners and the plain marks (U+200C-U+200F) stay
# allowed: Persian and Hebrew are written with them.
_DECEIVING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u2028\u2029")
_EMAIL = re.compile(
    r"[^@\s\x00-\x1f\"(),:;<>\[\\\]]{1,64}@(?=.{1,190}$)([^@\s\x00-\x1f\"(),:;<>\[\\\]._]+\.)+[^@\s.]{2,}"
)

_MAC = re.compile(
    r"[0-9A-Fa-f]{12}|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){5}"
    r"|[0-9A-Fa-f]{4}(\.[0-9A-Fa-f]{4}){2}"
)
_PATH = re.compile(r"/([!$&-.0-;=?@A-Z\[\]_a-z~/\x27]|%[0-9A-Fa-f]{2})*")
_DECODED_MAX = 4
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,39}")


def plain(text: str) -> str:
    """NFC, without surrounding space. Raises `ValueError` on control, direction-override and unassigned characters."""
    for character in text:
        if character in _DECEIVING or unicodedata.category(character) in ("Cc", "Cs", "Cn", "Co"):
            raise ValueError("contains a character that cannot be shown")
    return unicodedata.normalize("NFC", text).strip()


def _filled(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise ValueError("is not an e-mail address")
    return text


def mac_address(text: str) -> str:
    """The MAC as 12 capital hexadecimal digits, from any common notation. Raises `ValueError`.

    Groups and broadcast, and an address of zeros alone, belong to no device.
    """
    if not _MAC.fullmatch(text.strip()):
        raise ValueError("is not a MAC address of 12 hexadecimal digits")
    mac = re.sub("[^0-9A-Fa-f]", "", text).upper()
    if int(mac[:2], 16) & 1 or mac == "0" * 12:
        raise ValueError("is not the MAC address of a device")
    return mac


def rtsp_address(text: str) -> str:
    """The address, after a look at scheme, host and port; whatever follows is the maker's. Raises `ValueError`.

    Nothing is ever connected to it from here.
    """
    address = plain(text)
    if any(character.isspace() or character == "\\" for character in address):
        raise ValueError("is not an RTSP address")
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not an RTSP address") from None
    if parts.scheme not in ("rtsp", "rtsps") or not host or not _HOST.fullmatch(host) or port == 0:
        raise ValueError("is not an RTSP address such as rtsp://192.168.1.20:554/stream")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not name a user: give the user name and the password in their own fields")
    return address


def page_path(text: str) -> str:
    """The path and query of a page within one web server, as it is. Raises `ValueError` on whatever could mean more.

    No address, no host, and no way up: neither plainly nor in any number of percent-encodings.
    """
    if not _PATH.fullmatch(text):
        raise ValueError("is not the path of a page")
    path = text.partition("?")[0]
    for _ in range(_DECODED_MAX):
        if path.startswith("//") or not path.isprintable() or "\\" in path or {".", ".."} & set(path.split("/")):
            raise ValueError("is not the path of a page")
        if (plainer := unquote(path, errors="strict")) == path:
            return text
        path = plainer
    raise ValueError("is not the path of a page")


def folded(text: str) -> str:
    """The form in which text is compared and searched: compatible characters unified, case removed."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


Name = Annotated[str, StringConstraints(max_length=128), AfterValidator(plain), AfterValidator(_filled)]
Line = Annotated[str, StringConstraints(max_length=256), AfterValidator(plain)]
FilledLine = Annotated[str, StringConstraints(max_length=256), AfterValidator(plain), AfterValidator(_filled)]
Email = Annotated[str, StringConstraints(max_length=254), AfterValidator(plain), AfterValidator(_email)]
Phone = Annotated[str, StringConstraints(max_length=32), AfterValidator(plain)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
Digits = Annotated[str, Field(pattern=r"^[0-9]{10}$")]
