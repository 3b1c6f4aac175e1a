"""What a connection may cost: time for a request's headers and body, bytes of headers, time for an answer unread.

uvicorn bounds none of these. The rule it protects: whoever sends or reads slowly is cut off and holds nothing for long.
"""

import asyncio
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEADERS_S = 10.0
BODY_S = 150.0
"""For the last byte of a body, however large; applications set shorter bounds and answer when they are passed."""
UNREAD_S = 60.0
"""For a full send buffer to become smaller."""
HEADERS_BYTES = 64 * 1024

_log = structlog.get_logger()


class BoundedProtocol(HttpToolsProtocol):
    """A connection of uvicorn's with the bounds above. Requests that wait behind another one are bounded as well."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._in_headers = True
        self._header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._within(HEADERS_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._at_leisure()
        self._cancel_unread()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_headers and not self.transport.is_closing():
            self._header_bytes += len(data)
            if self._header_bytes > HEADERS_BYTES:
                self._refuse(431, "The headers are too large.")

    def on_message_begin(self) -> None:
        self._in_headers = True
        self._header_bytes = 0
        self._within(HEADERS_S)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._within(BODY_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._at_leisure()
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._cancel_unread()
        self._unread = self.loop.call_later(UNREAD_S, self._cut)

    def resume_writing(self) -> None:
        self._cancel_unread()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, msg)

    def _refuse(self, status: int, sentence: str) -> None:
        head = (
            b"content-type: text/plain; charset=utf-8\r\n"
            b"x-content-type-options: nosniff\r\n"
            b"content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n"
            b"cache-control: no-store\r\n"
            b"connection: close\r\n"
            b"content-length: " + str(len(sentence)).encode() + b"\r\n\r\n"
        )
        self.transport.write(STATUS_LINE[status] + head + sentence.encode())
        self.transport.close()

    def _within(self, seconds: float) -> None:
        self._at_leisure()
        self._deadline = self.loop.call_later(seconds, self._cut)

    def _at_leisure(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cancel_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _cut(self) -> None:
        _log.info("slow-client-cut", headers=self._in_headers)
        # Not closed politely: what waits to be sent would keep the connection for as long as nobody reads it.
        self.transport.abort()
