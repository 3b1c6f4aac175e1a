"""The tunnel to a device's own web page, through the link that the device itself opened (R-34, threat 10).

Down goes a request in pieces, up comes the answer in pieces, each small enough for the link; docs/device-protocol.md
has both as firmware sees them. The rule it protects: nothing here names a host or opens a connection. A request reaches
the web server of the device that the remote control is for, or nobody.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.devices.remote_control import PAGE_ANSWER_BYTES, AskDevicePage, PageAnswer
from contracts.refusals import refused
from kernel.service.declaration import Tools
from kernel.talking.conversation import Conversation, Overrun, conversation
from services.devices.link import presence
from services.devices.link.presence import Presence
from services.devices.remote_control import remote_session
from services.devices.remote_control.remote_session import RemoteSession
from services.devices.remote_control.remote_sessions import session_by_token
from services.devices.wire.wire import downlink, topic

ANSWER_S = 15.0
PIECE_BYTES = 42 * 1024
_PIECES_MAX = 4 * PAGE_ANSWER_BYTES // PIECE_BYTES
_HEADERS_MAX = 64


class Piece(BaseModel):
    """A piece of an answer. The first, number 0, says the status and the headers; the last says that it is."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    id: Annotated[str, Field(max_length=64)]
    part: Annotated[int, Field(ge=0)]
    last: bool
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    headers: Annotated[
        tuple[tuple[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=4096)]], ...],
        Field(max_length=_HEADERS_MAX),
    ] = ()
    body: str = ""


class Garbled(Exception):
    """The device does not keep to the protocol."""


async def ask_device_page(query: AskDevicePage, tools: Tools) -> PageAnswer:
    """What the device's page answers, to the browser that has the remote control."""
    row = await session_by_token(tools.database, query.token_hash)
    session: RemoteSession = (await tools.load(remote_session.ref(row["_id"])))[0]
    if not session.lets_in(query.token_hash, query.browser_hash, datetime.now(UTC)):
        raise refused("remote-control-unknown")
    there: Presence = (await tools.load(presence.ref(row["_id"])))[0]
    if not there.online:
        raise refused("device-offline")
    async with conversation(tools.client, topic(session.mac, "web")) as link:
        try:
            async with asyncio.timeout(ANSWER_S):
                return await carried(query, link, topic(session.mac, "cmd"))
        except (TimeoutError, Overrun, Garbled):
            raise refused("device-unreachable") from None


async def carried(query: AskDevicePage, link: Conversation, down: str) -> PageAnswer:
    """Send the request, put the answer together. Raises `Garbled`, `Overrun` or `Unavailable`; never ends by itself."""
    id = uuid4().hex
    for message in pieces(query, id):
        await link.say(down, message)
    first: Piece | None = None
    body = bytearray()
    for part in range(_PIECES_MAX):
        piece = await _next(link, id)
        if piece.part != part:
            raise Garbled
        first = first or piece
        body += _bytes(piece.body)
        if len(body) > PAGE_ANSWER_BYTES:
            raise Garbled
        if piece.last:
            if first.status is None:
                raise Garbled
            return PageAnswer(status=first.status, headers=first.headers, body=base64.b64encode(body).decode())
    raise Garbled


def pieces(query: AskDevicePage, id: str) -> Iterator[bytes]:
    """The messages that carry a request down. Raises `Garbled` when its body is not base64."""
    body = _bytes(query.body)
    cuts = range(0, len(body) or 1, PIECE_BYTES)
    for part, at in enumerate(cuts):
        head = {"method": query.method, "path": query.path, "headers": query.headers} if part == 0 else {}
        cut = base64.b64encode(body[at : at + PIECE_BYTES]).decode()
        yield downlink("web", id=id, part=part, last=part == len(cuts) - 1, **head, body=cut)


async def _next(link: Conversation, id: str) -> Piece:
    """The next piece of this answer; the device may be answering others as well."""
    while True:
        try:
            piece = Piece.model_validate_json(await link.hear())
        except ValidationError:
            continue  # whosever it was, it waits in vain
        if piece.id == id:
            return piece


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Garbled from None
