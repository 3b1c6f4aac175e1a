"""Values that people write in several notations: one reader for each, for forms, the API, lists and searches alike."""

from __future__ import annotations

import re
import unicodedata
from ipaddress import IPv4Address

from contracts.characters import half_width, with_ascii_digits, without_unseen
from contracts.text import fault, machine

_MAC_DIGITS = 12
_TITLE = re.compile(r"\W*mac(?:[\W_]*(?:addr(?:ess|esse)?|adress[eo]?|no|nr|id)\b)?", re.IGNORECASE)
_HEXADECIMAL = frozenset("0123456789ABCDEF")
_LABEL_CODE = re.compile("[0-9A-Z]{8,32}")
_SCHEMES = ("rtsp://", "rtsps://")
_HOST = r"\[[0-9A-Fa-f:.]{2,45}\]|[^\s/?#@:\[\]\\]{1,253}"
_AUTHORITY = re.compile(rf"(?P<host>{_HOST})(?::(?P<port>[0-9]{{1,5}}))?")
_SIGNS = r"\x00-,./:-@\[-^`{-\x7f"
_LABEL = re.compile(rf"[^{_SIGNS}-](?:[^{_SIGNS}]{{0,61}}[^{_SIGNS}-])?")
_PORT_MAX = 65_535
MASK = "***"


def mac_address(text: str) -> str:
    """The MAC as 12 capital hexadecimal digits, from any notation. Raises `ValueError`.

    Groups and broadcast, and an address of zeros alone, belong to no device.
    """
    mac = mac_digits(text)
    if mac is None or len(mac) != _MAC_DIGITS:
        raise fault("mac-malformed")
    if int(mac[:2], 16) & 1 or mac == "0" * _MAC_DIGITS:
        raise fault("mac-of-no-device")
    return mac


def mac_digits(text: str) -> str | None:
    """The hexadecimal digits, in capitals, of a MAC or a part of one, whatever parts them; `None` for anything else."""
    text = half_width(with_ascii_digits(without_unseen(text)))
    if title := _TITLE.match(text):
        text = text[title.end() :]
    digits = []
    for each in text.upper():
        if each in _HEXADECIMAL:
            digits.append(each)
        elif unicodedata.category(each)[0] not in "PSZ" and not each.isspace():
            return None
    return "".join(digits) or None


def label_code(text: str) -> str:
    """The code of a label in capitals, whatever stands between its letters and digits. Raises `ValueError`."""
    text = half_width(with_ascii_digits(without_unseen(text))).upper()
    code = "".join(each for each in text if unicodedata.category(each) != "Pd" and not each.isspace())
    if not _LABEL_CODE.fullmatch(code):
        raise fault("label-code-malformed")
    return code


def host_ipv4(text: str) -> str:
    """The dotted address, when one device of a network can have it. Raises `ValueError`."""
    try:
        address = IPv4Address(text)
    except ValueError:
        raise fault("ip-malformed") from None
    if _is_of_no_host(address) or address.is_loopback:
        raise fault("ip-of-no-device")
    return text


# --- RTSP -------------------------------------------------------------------------------------------------------------


def rtsp_address(text: str) -> str:
    """The address, after a look at scheme, host and port; whatever follows is the maker's. Raises `ValueError`.

    Nothing is ever connected to it from here.
    """
    address = machine(text)
    scheme = next((each for each in _SCHEMES if address.lower().startswith(each)), None)
    if scheme is None or any(character.isspace() or character == "\\" for character in address):
        raise fault("rtsp-malformed")
    if user_information(address) is not None:
        raise fault("rtsp-names-user")
    authority = re.split("[/?#]", address[len(scheme) :], maxsplit=1)[0]
    if not _is_authority(authority):
        raise fault("rtsp-malformed")
    return scheme + address[len(scheme) :]


def user_information(address: str) -> tuple[int, int] | None:
    """Where in an RTSP address a user is named, a password perhaps with them; `None` when nowhere.

    Passwords have every sign that parts an address, so it is looked for before the address is: up to the last `@` that
    a host follows. An `@` behind a host that cannot be a user is part of the maker's path.
    """
    start = address.find("://") + 3
    rest = address[start:]
    ats = [place for place, each in enumerate(rest) if each == "@"]
    if start < 3 or not ats:
        return None
    first = re.split("[/?#]", rest, maxsplit=1)[0]
    if re.match(r"\[|[0-9.:]+$", first) and _is_authority(first):
        return None
    followed = [place for place in ats if _is_certain(re.split("[/?#]", rest[place + 1 :], maxsplit=1)[0])]
    if followed:
        return start, start + followed[-1]
    return None if _is_certain(first) else (start, start + ats[-1])


def masked_rtsp(address: str) -> str:
    """The address for lists and answers: of a user that it names, nothing is shown."""
    place = user_information(address)
    return address if place is None else f"{address[: place[0]]}{MASK}{address[place[1] :]}"


def _is_certain(authority: str) -> bool:
    """Whether that is an address for certain: with dots or brackets, and no word of a person or a path."""
    found = _AUTHORITY.fullmatch(authority)
    return found is not None and ("." in found["host"] or "[" in found["host"]) and _is_authority(authority)


def _is_authority(authority: str) -> bool:
    found = _AUTHORITY.fullmatch(authority)
    if found is None or not 0 < int(found["port"] or 1) <= _PORT_MAX:
        return False
    host = found["host"]
    if host.startswith("["):
        return True
    if re.fullmatch(r"[0-9.]+", host):
        return _is_ipv4(host)
    return all(map(_LABEL.fullmatch, half_width(host).removesuffix(".").split(".")))


def _is_ipv4(text: str) -> bool:
    try:
        address = IPv4Address(text)
    except ValueError:
        return False
    return not _is_of_no_host(address)


def _is_of_no_host(address: IPv4Address) -> bool:
    return int(address) >> 24 == 0 or address.is_multicast or address.is_reserved
