"""A reason for which a service says no: what kind of no it is, and the sentence that goes with it.

`Kind` is what the gateway turns into a status.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What kind of no: the caller is nobody, may not, names nothing, says something wrong, or it cannot be now."""

    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    UNKNOWN = "unknown"
    INVALID = "invalid"
    CONFLICT = "conflict"


class Reason(NamedTuple):
    """One reason to refuse."""

    kind: Kind
    sentence: str


VALUES: Mapping[str, Reason] = {
    "text-empty": Reason(Kind.INVALID, "There is nothing in this that can be seen."),
    "text-unshowable": Reason(Kind.INVALID, "This contains a character that is no text. Type it by hand."),
    "email-malformed": Reason(Kind.INVALID, "This is not an e-mail address, such as name@example.org."),
    "phone-invalid": Reason(Kind.INVALID, "This is not a telephone number of the chosen country."),
    "phone-unreadable": Reason(
        Kind.INVALID,
        "This is not a telephone number. Write its digits as residents dial them, or + and the country code first.",
    ),
    "country-invalid": Reason(Kind.INVALID, "This is not a country or region with an area code."),
    "time-zone-invalid": Reason(Kind.INVALID, "This is not the name of a time zone, such as Asia/Shanghai."),
    "mac-malformed": Reason(Kind.INVALID, "This is not a MAC of 12 hexadecimal digits."),
    "label-code-malformed": Reason(Kind.INVALID, "The code on a label has 8 to 32 letters and digits."),
    "mac-of-no-device": Reason(Kind.INVALID, "This is not the MAC of one device. Read it off the label again."),
    "dtmf-malformed": Reason(Kind.INVALID, "A DTMF code has 1 to 4 of the characters 0 to 9, * and #."),
    "ip-malformed": Reason(Kind.INVALID, "This is not an IPv4 address, such as 192.168.1.20."),
    "ip-of-no-device": Reason(Kind.INVALID, "No device has this IP address: it means a network, a group or nobody."),
    "rtsp-malformed": Reason(Kind.INVALID, "This is not an RTSP address, such as rtsp://192.168.1.20:554/stream."),
    "rtsp-names-user": Reason(
        Kind.INVALID,
        "Take the user name and the password out of the address, and write them in their own fields. "
        "An @ that belongs to the path is written %40.",
    ),
}
"""What is no value of its kind, whichever form it stands in: the codes of `contracts.text.fault`."""
