"""Server-sent events: whose, in which order, how they resume and when they end."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contracts.accounts.access import GetSession
from contracts.live import installers_of
from contracts.message import Role
from services.gateway import live
from services.gateway.app import Running, running
from services.gateway.settings import GatewaySettings
from tests.gateway.conftest import Browser, Desk, browser, somebody


@dataclass
class Stream:
    """One open stream, read event by event."""

    lines: AsyncIterator[str]
    last_id: str = ""
    comments: int = field(default=0)

    async def next(self) -> dict[str, Any]:
        """The next event: its name and its data. Raises `StopAsyncIteration` when the stream has ended."""
        event: dict[str, Any] = {}
        async with asyncio.timeout(10):
            async for line in self.lines:
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if not line:
                    if event:
                        return event
                elif not name:
                    self.comments += 1
                elif name == "id":
                    self.last_id = value
                elif name in ("data", "event"):
                    event[name] = json.loads(value) if name == "data" else value
        raise StopAsyncIteration

    async def started(self) -> None:
        """Returns when the gateway has begun to listen for this stream."""
        async with asyncio.timeout(10):
            async for line in self.lines:
                if line.startswith("id"):
                    self.last_id = line.partition(":")[2].strip()
                if not line and self.last_id:
                    return


@asynccontextmanager
async def following(visitor: Browser, last_id: str | None = None) -> AsyncIterator[Stream]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    async with visitor.http.stream("GET", "/api/v1/live", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        stream = Stream(answer.aiter_lines())
        await stream.started()
        yield stream


async def test_a_change_reaches_an_open_page_of_its_tenant(desk: Desk, visitor: Browser) -> None:
    view = await somebody(desk, visitor, Role.INSTALLER)
    async with following(visitor) as stream:
        await desk.tell(view.installer_id or "", "household", "h1", "h2", position="ACCOUNTS.9")
        position = desk.positions.sealed("ACCOUNTS.9", view.account_id)
        assert await stream.next() == {"data": {"thing": "household", "ids": ["h1", "h2"], "position": position}}


async def test_a_position_of_a_stream_contains_all_that_it_told_before(desk: Desk, visitor: Browser) -> None:
    view = await somebody(desk, visitor, Role.INSTALLER)
    told = (("ACCOUNTS.9", "ACCOUNTS.9"), ("DEVICES.4", "ACCOUNTS.9,DEVICES.4"), ("ACCOUNTS.8", "ACCOUNTS.9,DEVICES.4"))
    async with following(visitor) as stream:
        for position, expected in told:
            await desk.tell(view.installer_id or "", "household", "h1", position=position)
            assert desk.positions.opened((await stream.next())["data"]["position"], view.account_id) == expected


async def test_nobody_hears_of_another_tenants_changes(desk: Desk, gateway: Running) -> None:
    async with browser(gateway.url) as mine, browser(gateway.url) as boss, browser(gateway.url) as root:
        installer = await somebody(desk, mine, Role.INSTALLER)
        distributor = await somebody(desk, boss, Role.DISTRIBUTOR, distributor_id=installer.distributor_id)
        await somebody(desk, root, Role.SUPER_MANAGER)
        async with following(mine) as own, following(boss) as above, following(root) as top:
            tenants = (installer.installer_id, distributor.distributor_id, "super")
            for _ in range(20):
                await desk.tell(str(uuid4()), "household", "foreign")
            for tenant in tenants:
                await desk.tell(tenant or "", "thing", f"for-{tenant}")
            heard = [(await each.next())["data"]["ids"] for each in (own, above, top)]
            assert heard == [[f"for-{tenant}"] for tenant in tenants]


async def test_what_a_distributor_keeps_for_its_installers_reaches_each_of_them(desk: Desk, gateway: Running) -> None:
    async with browser(gateway.url) as mine, browser(gateway.url) as sibling, browser(gateway.url) as foreign:
        installer = await somebody(desk, mine, Role.INSTALLER)
        await somebody(desk, sibling, Role.INSTALLER, distributor_id=installer.distributor_id)
        another = await somebody(desk, foreign, Role.INSTALLER)
        async with following(mine) as own, following(sibling) as beside, following(foreign) as elsewhere:
            await desk.tell(installer.distributor_id or "", "mac", "the distributor's alone")
            await desk.tell(installers_of(installer.distributor_id or ""), "mac", "for any")
            await desk.tell(another.installer_id or "", "mac", "another's")
            heard = [(await each.next())["data"]["ids"] for each in (own, beside, elsewhere)]
            assert heard == [["for any"], ["for any"], ["another's"]]


@pytest.mark.parametrize("role", [Role.PROPERTY_MANAGER, Role.FAMILY_MASTER, Role.FAMILY_MEMBER])
async def test_roles_without_a_console_hear_nothing(desk: Desk, visitor: Browser, role: Role) -> None:
    await somebody(desk, visitor, role)
    assert (await visitor.ask("GET", "/live")).status_code == 403


async def test_a_page_that_comes_back_hears_what_it_missed(desk: Desk, visitor: Browser) -> None:
    view = await somebody(desk, visitor, Role.INSTALLER)
    tenant = view.installer_id or ""
    async with following(visitor) as stream:
        await desk.tell(tenant, "household", "seen")
        await stream.next()
        last_id = stream.last_id
        await desk.tell(tenant, "household", "missed-1")
        await desk.tell(str(uuid4()), "household", "foreign")
        await desk.tell(tenant, "household", "missed-2")
        await stream.next()
    async with following(visitor, last_id) as stream:
        assert [(await stream.next())["data"]["ids"] for _ in range(2)] == [["missed-1"], ["missed-2"]]
        assert stream.last_id != last_id


@pytest.mark.parametrize("last_id", ["000000000000-3", "nonsense", "-", "9" * 400, "\u00b2"])
async def test_a_page_that_missed_too_much_is_told_to_ask_again(desk: Desk, visitor: Browser, last_id: str) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    async with following(visitor, last_id.encode("latin-1")) as stream:  # type: ignore[arg-type]
        assert await stream.next() == {"event": "resync", "data": {}}


async def test_a_page_that_reads_too_slowly_is_told_to_ask_again(
    desk: Desk, visitor: Browser, gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "QUEUE", 3)
    view = await somebody(desk, visitor, Role.INSTALLER)
    async with following(visitor) as stream:
        for number in range(400):
            await desk.client.publish(
                f"live.{view.installer_id}.household", json.dumps({"ids": [str(number)], "position": "A.1"}).encode()
            )
        await desk.client.flush()
        heard = await stream.next()
        while "data" in heard and "event" not in heard:
            heard = await stream.next()
        assert heard["event"] == "resync"


@pytest.mark.row("X-04")
@pytest.mark.row("L-04")
async def test_a_stream_ends_with_its_session_and_says_nothing_more(desk: Desk, visitor: Browser) -> None:
    view = await somebody(desk, visitor, Role.INSTALLER)
    tenant = view.installer_id or ""
    async with following(visitor) as stream:
        del desk.sessions[view.session_id]
        await desk.tell(tenant, "session", view.account_id)
        await desk.tell(tenant, "household", "too-late")
        with pytest.raises(StopAsyncIteration):
            await stream.next()
    assert (await visitor.ask("GET", "/live", headers={"Last-Event-ID": stream.last_id})).status_code == 401


async def test_a_stream_goes_on_when_another_session_of_the_account_ended(desk: Desk, visitor: Browser) -> None:
    view = await somebody(desk, visitor, Role.INSTALLER)
    async with following(visitor) as stream:
        await desk.tell(view.installer_id or "", "session", view.account_id)
        assert (await stream.next())["data"]["thing"] == "session"


async def test_quiet_streams_are_pinged_and_their_sessions_looked_at(
    desk: Desk, visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PING_S", 0.05)
    view = await somebody(desk, visitor, Role.INSTALLER)
    async with following(visitor) as stream:
        desk.sessions.pop(view.session_id)
        with pytest.raises(StopAsyncIteration):
            await stream.next()


async def test_a_session_has_at_most_five_streams(desk: Desk, gateway: Running, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    async with (
        following(visitor),
        following(visitor),
        following(visitor),
        following(visitor),
        following(visitor),
    ):
        answer = await visitor.ask("GET", "/live")
        assert (answer.status_code, answer.json()["code"]) == (429, "too-many")


async def test_a_stopping_gateway_ends_its_streams(desk: Desk, gateway_settings: GatewaySettings) -> None:
    async with running(gateway_settings) as other, browser(other.url) as visitor:
        await somebody(desk, visitor, Role.INSTALLER)
        stack = following(visitor)
        stream = await stack.__aenter__()
        ended = asyncio.ensure_future(stream.next())
    with pytest.raises((StopAsyncIteration, httpx.HTTPError, RuntimeError)):
        await ended


async def test_a_change_that_was_lost_between_two_connections_to_the_bus_asks_for_everything(
    desk: Desk, gateway: Running, visitor: Browser
) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    async with following(visitor) as stream:
        # As the server does when it restarts: the client reconnects by itself.
        transport: Any = gateway.caller._client._transport
        transport._io_writer.transport.abort()
        assert await stream.next() == {"event": "resync", "data": {}}
    assert GetSession in {type(each) for each in desk.sent}
