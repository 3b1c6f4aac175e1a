"""Reaching a device's own web page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from contracts.message import Command, Event, Query, View
from contracts.moments import RecordedMoment
from contracts.reasons import Kind, Reason
from contracts.text import page_path
from contracts.words import Id

REMOTE_CONTROL_MINUTES = 15
PAGE_REQUEST_BYTES = 256 * 1024
PAGE_ANSWER_BYTES = 640 * 1024
PAGE_REQUEST_HEADERS = frozenset(
    {"accept", "accept-language", "authorization", "content-type", "cookie", "if-modified-since", "if-none-match",
     "x-requested-with"}
)  # fmt: skip


PagePath = Annotated[str, Field(max_length=2048), AfterValidator(page_path)]
PageHeader = Annotated[str, Field(pattern=f"^({'|'.join(sorted(PAGE_REQUEST_HEADERS))})$")]
HeaderText = Annotated[str, Field(max_length=4096, pattern=r"^[\x20-\x7e\t]*$")]


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class OpenRemoteControl(Command):
    """Reach a device's own web page through its link, for 15 minutes (A-13, R-34). Refused for a device that is off.

    The token is in the address of the page; the ticket lets the first browser in that shows it, and no other.
    """

    remote_session_id: Id
    device_id: Id
    token_hash: Sha256
    ticket_hash: Sha256


class ClaimRemoteControl(Command):
    """Let the browser that showed the ticket in, and from then on no other. Asked by the gateway itself."""

    remote_session_id: Id
    device_id: Id
    ticket_hash: Sha256
    browser_hash: Sha256


class NoteRemoteControlUse(Command):
    """So many further requests went to the device's page by it. Told by the gateway itself."""

    remote_session_id: Id
    device_id: Id
    requests: Annotated[int, Field(ge=0)]


class CloseRemoteControl(Command):
    """End it: by hand, because time is up, because the permission or the device went.

    Without `remote_session_id` whichever the device has.
    """

    device_id: Id
    remote_session_id: Id | None = None
    reason: Annotated[str, Field(max_length=40)] = "closed"


class RemoteControlOpened(Event):
    """An installer's session may reach the device's web page until `expires_at`."""

    remote_session_id: str
    device_id: str
    mac: str
    user_id: str
    installer_id: str
    session_id: str
    token_hash: str
    ticket_hash: str
    expires_at: RecordedMoment


class RemoteControlClaimed(Event):
    """One browser has it; the ticket lets nobody else in."""

    remote_session_id: str
    device_id: str
    installer_id: str
    browser_hash: str


class RemoteControlUsed(Event):
    """So many further requests went to the device's page by it."""

    remote_session_id: str
    device_id: str
    installer_id: str
    requests: int


class RemoteControlClosed(Event):
    """Nobody reaches the device's web page by that session any more."""

    remote_session_id: str
    device_id: str
    installer_id: str
    reason: str


class RemoteControlView(View):
    """An open remote control."""

    remote_session_id: str
    device_id: str
    mac: str
    device_name: str
    model: str | None
    session_id: str
    installer_id: str
    browser_hash: str | None
    expires_at: RecordedMoment


class GetRemoteControl(Query):
    """The open remote control of a token, or `remote-control-unknown`. Asked by the gateway itself."""

    token_hash: Sha256


class PageAnswer(View):
    """What a device's own web server answered, as far as it may be passed on. `body` is base64."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: Annotated[str, Field(repr=False)]


class AskDevicePage(Query):
    """Ask the page of the device that a remote control reaches. Asked by the gateway itself.

    Nothing here names a host: whatever is asked, that device's own web server answers it, or nobody. `body` is base64.
    """

    token_hash: Sha256
    browser_hash: Sha256
    method: Annotated[str, Field(pattern=r"^(GET|POST|HEAD)$")]
    path: PagePath
    headers: Annotated[tuple[tuple[PageHeader, HeaderText], ...], Field(max_length=16, repr=False)]
    body: Annotated[str, Field(max_length=PAGE_REQUEST_BYTES * 4 // 3 + 4, repr=False)]


QUERIES: Mapping[type[Query], type[View]] = {
    GetRemoteControl: RemoteControlView,
    AskDevicePage: PageAnswer,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    OpenRemoteControl:    ". . I . . . .",
    CloseRemoteControl:   ". . I . . . +",
    ClaimRemoteControl:   ". . . . . . .",
    NoteRemoteControlUse: ". . . . . . .",
    GetRemoteControl:     ". . . . . . +",
    AskDevicePage:        ". . . . . . +",
}
# fmt: on

REFUSALS: Mapping[str, Reason] = {
    "remote-control-unknown": Reason(Kind.UNKNOWN, "This remote control is over."),
    "device-unreachable": Reason(Kind.CONFLICT, "The device does not answer."),
    "remote-control-taken": Reason(Kind.CONFLICT, "Somebody else has the device under remote control."),
}
