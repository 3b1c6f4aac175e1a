"""How a request's body arrives: within a time and a size, or not at all.

The rule it protects: the bounds stand around the arriving itself, whoever reads and why, and a client that goes away in
the middle is no fault of ours.
"""

import asyncio
import contextlib

from services.gateway.http.asgi import Message, Receive
from services.gateway.http.problems import Problem

BODY_LIMIT_BYTES = 1024 * 1024
BODY_TIMEOUT_S = 30.0
FILE_LIMIT_BYTES = 12 * 2**20
FILE_TIMEOUT_S = 120.0
FILES = frozenset({"/api/v1/macs/imports"})

_PASSED_BY_S = 2.0
_PASSED_BY_BYTES = 16 * 2**20
_CLOSE = {"Connection": "close"}


class Arriving:
    """The `receive` of one request. The time begins when the body is first asked for."""

    def __init__(self, receive: Receive, path: str) -> None:
        is_file = path in FILES
        self._receive = receive
        self._left_bytes = FILE_LIMIT_BYTES if is_file else BODY_LIMIT_BYTES
        self._within_s = FILE_TIMEOUT_S if is_file else BODY_TIMEOUT_S
        self._until: float | None = None
        self._complete = False
        self.answering = False
        """The answer has begun: what still arrives is of no interest, only whether the client is there."""

    async def __call__(self) -> Message:
        """The next message. Raises `Problem` on what is too slow, too large or broken off."""
        while self._complete or self.answering:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return message
        now = asyncio.get_running_loop().time()
        self._until = self._until or now + self._within_s
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise Problem(408, "too-slow", "The body took too long to arrive.", headers=_CLOSE) from None
        if message["type"] == "http.disconnect":
            raise Problem(400, "malformed", "The request broke off.", headers=_CLOSE)
        self._left_bytes -= len(message.get("body", b""))
        if self._left_bytes < 0:
            await self._pass_by(message)
            raise Problem(413, "too-large", headers=_CLOSE)
        self._complete = not message.get("more_body", False)
        return message

    async def _pass_by(self, message: Message) -> None:
        """Let what is still being sent go by for a moment: a connection that closes on it takes the answer away."""
        left_bytes = _PASSED_BY_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PASSED_BY_S):
                while message.get("more_body", False) and left_bytes > 0:
                    message = await self._receive()
                    left_bytes -= len(message.get("body", b""))
