"""Who is connected to NATS under one account, as the system account sees it: comings, goings, the list, the way out.

The rule it protects: what is not known is not said. A server that was killed says nothing of the connections it had,
so a list names the servers that answered.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from kernel.connecting.connection import Connection, connect
from kernel.log.promise import Unavailable

_PAGE = 500
_FIRST_ANSWER_S = 2.0
_FURTHER_ANSWER_S = 0.4
_SERVER_CHARACTERS = 24


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection. `id` tells it apart from every other one, also after a restart of the server."""

    id: str
    user: str

    @property
    def server(self) -> str:
        return self.id.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Ended:
    """A connection that is no more, and why as the server puts it."""

    connected: Connected
    reason: str


@dataclass(frozen=True, slots=True)
class Listed:
    """Who is connected to which of the servers that answered."""

    connected: tuple[Connected, ...]
    servers: frozenset[str]


class Connections:
    """The connections of one account. `url` leads to the system account."""

    def __init__(self, connection: Connection, account: str) -> None:
        self.client = connection
        self._account = account

    async def watch(self, came: Callable[[Connected], None], went: Callable[[Ended], None]) -> None:
        """Tell of comings and goings from now on, each server's in order. Some may be missed: look at the list."""

        async def connect_told(message: Msg) -> None:
            told = json.loads(message.data)
            came(_connected(told["server"]["id"], told["client"]["id"], told["client"].get("user", "")))

        async def disconnect_told(message: Msg) -> None:
            told = json.loads(message.data)
            over = _connected(told["server"]["id"], told["client"]["id"], told["client"].get("user", ""))
            went(Ended(over, told.get("reason", "")))

        await self.client.subscribe(f"$SYS.ACCOUNT.{self._account}.CONNECT", cb=connect_told)
        await self.client.subscribe(f"$SYS.ACCOUNT.{self._account}.DISCONNECT", cb=disconnect_told)
        await self.client.flush()

    async def listed(self) -> Listed:
        """Everybody who is connected. Raises `Unavailable` when no server answers."""
        servers = await self._ask_all({})
        if not servers:
            raise Unavailable("no server lists its connections")
        rest = await asyncio.gather(*(self._rest(id, page) for id, page in servers.items()))
        return Listed(tuple(each for pages in rest for each in pages), frozenset(map(_short, servers)))

    async def kick(self, user: str) -> int:
        """Disconnect whoever is connected as `user`; how many that were. Raises `Unavailable`."""
        servers = await self._ask_all({"user": user})
        kicked = 0
        for id, page in servers.items():
            for told in page["connections"]:
                with suppress(NatsError, TimeoutError):
                    request = json.dumps({"cid": told["cid"]}).encode()
                    await self.client.request(f"$SYS.REQ.SERVER.{id}.KICK", request, timeout=_FIRST_ANSWER_S)
                    kicked += 1
        return kicked

    async def _rest(self, server: str, page: dict[str, Any]) -> list[Connected]:
        told = list(page["connections"])
        while len(page["connections"]) == _PAGE:
            request = self._request({"offset": len(told)})
            try:
                answer = await self.client.request(f"$SYS.REQ.SERVER.{server}.CONNZ", request, timeout=_FIRST_ANSWER_S)
            except (NatsError, TimeoutError) as failure:
                raise Unavailable(f"a server stopped listing its connections: {type(failure).__name__}") from None
            page = json.loads(answer.data)["data"]
            told += page["connections"]
        return [_connected(server, each["cid"], each.get("authorized_user", "")) for each in told]

    def _request(self, more: dict[str, Any]) -> bytes:
        return json.dumps({"acc": self._account, "auth": True, "limit": _PAGE, **more}).encode()

    async def silent(self, servers: Collection[str]) -> set[str]:
        """Those of these servers that do not answer within two seconds. Raises `Unavailable`."""
        awaited = set(servers)
        async with self._asking("PING.IDZ", b"") as answers:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_ANSWER_S):
                    while awaited:
                        awaited.discard(_short(json.loads((await answers.get()).data)["id"]))
        return awaited

    async def _ask_all(self, more: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The first page of each server that answers, by the server's id."""
        pages: dict[str, dict[str, Any]] = {}
        async with self._asking("PING.CONNZ", self._request(more)) as answers:
            with suppress(TimeoutError):
                while True:
                    patience = _FURTHER_ANSWER_S if pages else _FIRST_ANSWER_S
                    told = json.loads((await asyncio.wait_for(answers.get(), patience)).data)
                    pages[told["server"]["id"]] = {"connections": (told.get("data") or {}).get("connections") or []}
        return pages

    @asynccontextmanager
    async def _asking(self, what: str, request: bytes) -> AsyncIterator[asyncio.Queue[Msg]]:
        """Every server's answer, while this lasts. Raises `Unavailable`."""
        inbox = self.client.new_inbox()
        answers: asyncio.Queue[Msg] = asyncio.Queue()
        try:
            subscription = await self.client.subscribe(inbox, cb=answers.put)
            try:
                await self.client.publish(f"$SYS.REQ.SERVER.{what}", request, reply=inbox)
                yield answers
            finally:
                await subscription.unsubscribe()
        except NatsError as failure:
            raise Unavailable(f"the system account cannot be asked: {type(failure).__name__}") from None


@asynccontextmanager
async def connections(url: str, account: str, back: Callable[[], None] = lambda: None) -> AsyncIterator[Connections]:
    """The connections of `account`, seen by the system account that `url` leads to. Raises `Unavailable`.

    `back` is called when the servers can be seen again: comings and goings were missed meanwhile.
    """
    connection = await connect(url, "connections", back)
    try:
        yield Connections(connection, account)
    finally:
        await connection.close()


def _connected(server: str, cid: int, user: str) -> Connected:
    return Connected(f"{_short(server)}:{cid}", user)


def _short(server: str) -> str:
    return server[:_SERVER_CHARACTERS]
