"""A lean HTTP/1.1 client: whatever the load generator spends is taken from what it measures, on the same processors."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import httptools

from tests.house import Person

Hear = Callable[[bytes], None]


@dataclass
class Answer:
    """What came back."""

    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._waiting: asyncio.Future[Answer] | None = None
        self._hear: Hear | None = None
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(error or ConnectionResetError())

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        if self._hear:
            self._hear(body)
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        answer = Answer(self._parser.get_status_code(), b"".join(self._body))
        self._body.clear()
        self._parser = httptools.HttpResponseParser(self)
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(answer)

    def ask(self, request: bytes, hear: Hear | None = None) -> asyncio.Future[Answer]:
        assert self._transport is not None
        self._hear = hear
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._waiting

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Visitor:
    """A person's browser: their cookies, and as many connections as they have requests under way."""

    def __init__(self, person: Person) -> None:
        address = urlsplit(str(person.http.base_url))
        assert address.hostname is not None
        self._host, self._port = address.hostname, address.port or 80
        cookies = "; ".join(f"{name}={value}" for name, value in person.http.cookies.items())
        self._headers = (
            f"Host: {address.netloc}\r\nCookie: {cookies}\r\nX-CSRF-Token: {person.http.cookies.get('csrftoken')}\r\n"
        )
        self._idle: list[_Connection] = []

    async def get(self, path: str) -> Answer:
        return await self._ask(f"GET /api/v1{path} HTTP/1.1\r\n{self._headers}\r\n".encode())

    async def send(self, method: str, path: str, document: object) -> Answer:
        body = json.dumps(document).encode()
        head = f"{method} /api/v1{path} HTTP/1.1\r\n{self._headers}"
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        return await self._ask((head + length).encode() + body)

    @asynccontextmanager
    async def listening(self, path: str, hear: Hear) -> AsyncIterator[None]:
        """Every piece of an endless answer goes to `hear`; begins when the first one has come."""
        began = asyncio.get_running_loop().create_future()

        def heard(piece: bytes) -> None:
            if not began.done():
                began.set_result(None)
            hear(piece)

        connection = await self._connected()
        answer = connection.ask(f"GET /api/v1{path} HTTP/1.1\r\n{self._headers}\r\n".encode(), heard)
        try:
            await asyncio.wait({began, answer}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                raise AssertionError(f"{path} ended at once: {answer.result()}")
            yield
        finally:
            answer.cancel()
            connection.close()

    def close(self) -> None:
        for connection in self._idle:
            connection.close()

    async def _ask(self, request: bytes) -> Answer:
        connection = await self._connected()
        try:
            answer = await connection.ask(request)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    async def _connected(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, self._host, self._port)
        return connection
