"""The way to a device's own page: what goes down, what comes up, and who is let through (R-34, threats 9 and 10)."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from contracts.accounts.access import ChangePassword, CloseSession, GetSession, OpenSession, SessionView
from contracts.accounts.partners import CreateInstaller
from contracts.devices.intercoms import GetDevice, UnbindDevice
from contracts.devices.remote_control import (
    PAGE_ANSWER_BYTES,
    AskDevicePage,
    ClaimRemoteControl,
    CloseRemoteControl,
    GetRemoteControl,
    OpenRemoteControl,
    PageAnswer,
)
from contracts.message import Actor, Refused
from contracts.permissions import SYSTEM, VISITOR
from ops.virtual_intercom import VirtualIntercom
from services.devices.remote_control import tunnel
from tests.devices.conftest import Region, a_mac

Json = dict[str, Any]
Answers = Callable[[Json, bytes], Iterable[Json]]

TOKEN, TICKET, BROWSER = "7" * 64, "8" * 64, "9" * 64


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def page(request: Json, body: bytes) -> Iterable[Json]:
    """A device that says what it was asked, a few bytes at a time."""
    said = json.dumps({"method": request["method"], "path": request["path"], "body": body.decode()}).encode()
    half = len(said) // 2
    yield {
        "part": 0,
        "last": False,
        "status": 200,
        "headers": [["Content-Type", "text/plain"]],
        "body": _text(said[:half]),
    }
    yield {"part": 1, "last": True, "body": _text(said[half:])}


class PageIntercom(VirtualIntercom):
    """An intercom whose page answers as a test has it; `asked` is what reached it, piece by piece."""

    device_id: str
    answers: Answers
    asked: list[Json]
    bodies: dict[str, bytearray]

    async def _serve_page(self, message: Json) -> None:
        self.asked.append(message)
        body = self.bodies.setdefault(message["id"], bytearray())
        body += base64.b64decode(message["body"])
        if message["last"]:
            request = next(each for each in self.asked if each["id"] == message["id"] and each["part"] == 0)
            for piece in self.answers(request, bytes(body)):
                await self._publish("web", {"id": message["id"], **piece})


@asynccontextmanager
async def connected(region: Region, installer: Actor, answers: Answers = page) -> AsyncIterator[PageIntercom]:
    """An intercom of that installer's that is connected, by MQTT; `device_id` is what it was bound as."""
    mac = a_mac()
    device_id, bound = await region.device(installer, await region.user(installer), mac=mac)
    intercom = PageIntercom("127.0.0.1", region.mqtt_port, mac, bound.extra.device_key)
    intercom.device_id, intercom.answers, intercom.asked, intercom.bodies = device_id, answers, [], {}
    running = asyncio.create_task(intercom.run())
    try:
        await intercom.until_connected()
        async with asyncio.timeout(60):
            while True:
                if (await region.see(GetDevice, installer, device_id=device_id)).online:
                    break
                await asyncio.sleep(0.02)
        yield intercom
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def question(path: str = "/", **fields: Any) -> Json:
    return {
        "token_hash": TOKEN,
        "browser_hash": BROWSER,
        "method": "GET",
        "path": path,
        "headers": (),
        "body": "",
        **fields,
    }


class Panel:
    """A device under remote control, and the tokens of that."""

    def __init__(self, region: Region, installer: Actor, intercom: PageIntercom) -> None:
        self.region, self.installer, self.intercom = region, installer, intercom
        self.device_id, self.asked = intercom.device_id, intercom.asked
        self.token, self.ticket, self.browser = (uuid4().hex * 2 for _ in range(3))
        self.remote_session_id = ""

    async def open(self) -> None:
        self.remote_session_id = str(uuid4())
        await self.region.tell(
            OpenRemoteControl,
            self.installer,
            remote_session_id=self.remote_session_id,
            device_id=self.device_id,
            token_hash=self.token,
            ticket_hash=self.ticket,
        )

    async def claim(self) -> None:
        await self.region.tell(
            ClaimRemoteControl,
            SYSTEM,
            remote_session_id=self.remote_session_id,
            device_id=self.device_id,
            ticket_hash=self.ticket,
            browser_hash=self.browser,
        )

    async def ask(self, path: str = "/", **fields: Any) -> PageAnswer:
        ours = {"token_hash": self.token, "browser_hash": self.browser}
        answer = await self.region.see(AskDevicePage, SYSTEM, **{**question(path), **ours, **fields})
        assert isinstance(answer, PageAnswer)
        return answer

    async def is_open(self) -> bool:
        try:
            await self.region.see(GetRemoteControl, SYSTEM, token_hash=self.token)
        except Refused as refusal:
            return refusal.code != "remote-control-unknown"
        return True

    async def until_closed(self) -> None:
        async with asyncio.timeout(5):
            while True:
                if not await self.is_open():
                    return
                await asyncio.sleep(0.02)


@asynccontextmanager
async def a_panel(region: Region, installer: Actor | None = None, answers: Answers = page) -> AsyncIterator[Panel]:
    installer = installer or (await region.installer()).model_copy(update={"session_id": uuid4().hex * 2})
    async with connected(region, installer, answers) as intercom:
        panel = Panel(region, installer, intercom)
        await panel.open()
        await panel.claim()
        yield panel


@pytest.fixture
async def panel(region: Region) -> AsyncIterator[Panel]:
    async with a_panel(region) as made:
        yield made


@pytest.mark.row("A-13", "R-34")
async def test_a_request_reaches_the_page_of_that_device_and_its_answer_comes_back(panel: Panel) -> None:
    answer = await panel.ask("/relay?open=1", headers=(("accept", "text/html"),))
    assert (answer.status, answer.headers) == (200, (("Content-Type", "text/plain"),))
    said = json.loads(base64.b64decode(answer.body))
    assert said == {"method": "GET", "path": "/relay?open=1", "body": ""}
    assert panel.asked[0]["headers"] == [["accept", "text/html"]]


async def test_a_long_request_goes_down_in_pieces(panel: Panel) -> None:
    long = b"x" * (2 * tunnel.PIECE_BYTES + 7)
    answer = await panel.ask("/upload", method="POST", body=_text(long))
    assert json.loads(base64.b64decode(answer.body))["body"] == long.decode()
    assert [(each["part"], each["last"]) for each in panel.asked] == [(0, False), (1, False), (2, True)]
    assert max(len(json.dumps(each)) for each in panel.asked) < 65_536


async def test_several_requests_at_once_get_each_their_own_answer(panel: Panel) -> None:
    answers = await asyncio.gather(*(panel.ask(f"/{n}") for n in range(12)))
    paths = [json.loads(base64.b64decode(each.body))["path"] for each in answers]
    assert paths == [f"/{n}" for n in range(12)]


@pytest.mark.row("R-34")
async def test_nobody_but_the_browser_that_claimed_it_is_let_through(region: Region, panel: Panel) -> None:
    async with a_panel(region) as other:
        for wrong in (
            {"browser_hash": uuid4().hex * 2},
            {"browser_hash": other.browser},
            {"token_hash": uuid4().hex * 2},
            {"token_hash": other.token},
        ):
            with pytest.raises(Refused, match="remote-control-unknown"):
                await panel.ask(**wrong)
        await panel.open()  # before it is claimed nobody is let through
        with pytest.raises(Refused, match="remote-control-unknown"):
            await panel.ask()
        assert not panel.asked
        assert not other.asked


def _whole(piece: Json) -> Answers:
    return lambda request, body: [piece]


_BAD: dict[str, Answers] = {
    "no status": _whole({"part": 0, "last": True, "body": ""}),
    "switching protocols": _whole({"part": 0, "last": True, "status": 101, "body": ""}),
    "not the first piece": _whole({"part": 1, "last": True, "status": 200, "body": ""}),
    "not base64": _whole({"part": 0, "last": True, "status": 200, "body": "no base64!"}),
    "many headers": _whole({"part": 0, "last": True, "status": 200, "body": "", "headers": [["a", "b"]] * 65}),
    "a long header": _whole({"part": 0, "last": True, "status": 200, "body": "", "headers": [["a", "b" * 5000]]}),
    "too long": lambda request, body: (
        {"part": n, "last": False, "status": 200, "body": _text(b"x" * 40_000)}
        for n in range(PAGE_ANSWER_BYTES // 40_000 + 2)
    ),
    "nothing": lambda request, body: [],
}


async def test_a_device_that_answers_badly_is_unreachable(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel, "ANSWER_S", 1.0)
    for what, answers in _BAD.items():
        panel.intercom.answers = answers
        with pytest.raises(Refused) as refusal:
            await panel.ask()
        assert refusal.value.code == "device-unreachable", what


async def test_an_answer_as_long_as_can_be_comes_back_whole(panel: Panel) -> None:
    long = b"x" * PAGE_ANSWER_BYTES
    cuts = range(0, len(long), 40_000)
    panel.intercom.answers = lambda request, body: (
        {"part": n, "last": at == cuts[-1], "status": 200, "body": _text(long[at : at + 40_000])}
        for n, at in enumerate(cuts)
    )
    assert base64.b64decode((await panel.ask()).body) == long


@pytest.mark.parametrize(
    "path",
    ["http://evil.example.org/", "//evil.example.org/", "/../etc/passwd", "/%2e%2e/x", "/%252e%252e/x", "/\\evil", "x"],
)
def test_a_path_that_is_more_than_a_path_is_no_question(path: str) -> None:
    with pytest.raises(ValidationError):
        AskDevicePage(actor=SYSTEM, **question(path))


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "CONNECT"},
        {"method": "PUT"},
        {"headers": (("host", "evil.example.org"),)},
        {"headers": (("x-forwarded-host", "evil.example.org"),)},
        {"headers": (("accept", "a\r\nHost: evil.example.org"),)},
        {"headers": (("accept", "*/*"),) * 17},
        {"body": "A" * 400_000},
    ],
)
def test_what_is_on_no_list_is_no_question(fields: Json) -> None:
    with pytest.raises(ValidationError):
        AskDevicePage(actor=SYSTEM, **question(**fields))


# --- What ends it -----------------------------------------------------------------------------------------------------


@pytest.mark.row("R-34")
async def test_it_ends_when_the_installer_says_so(region: Region, panel: Panel) -> None:
    await region.tell(CloseRemoteControl, panel.installer, device_id=panel.device_id)
    with pytest.raises(Refused, match="remote-control-unknown"):
        await panel.ask()
    assert not await panel.is_open()


@pytest.mark.row("R-34")
async def test_it_ends_with_the_connection_of_the_device(panel: Panel) -> None:
    panel.intercom.lose_power()
    await panel.until_closed()
    with pytest.raises(Refused, match="remote-control-unknown"):
        await panel.ask()


async def test_it_ends_with_the_device(region: Region, panel: Panel) -> None:
    await region.tell(UnbindDevice, panel.installer, device_id=panel.device_id)
    await panel.until_closed()


@pytest.mark.row("R-34")
@pytest.mark.parametrize("way", ["logged out", "password changed elsewhere"])
async def test_it_ends_with_the_session_that_opened_it(region: Region, way: str) -> None:
    distributor, account_id, email = await region.distributor(), str(uuid4()), f"{uuid4().hex[:8]}@bright.example.org"
    added = await region.tell(
        CreateInstaller, distributor, installer_id=account_id, name="Bright", email=email, time_zone="UTC"
    )
    password = added.extra.credential
    mine, other = await log_in(region, email, password), await log_in(region, email, password)
    async with a_panel(region, mine) as panel:
        assert await panel.is_open()
        if way == "logged out":
            await region.tell(CloseSession, mine, account_id=account_id, session_id=mine.session_id)
        else:
            passwords = {"current_password": password, "new_password": "another-horse-battery-42"}
            await region.tell(ChangePassword, other, account_id=account_id, **passwords)
        await panel.until_closed()


async def log_in(region: Region, email: str, password: str) -> Actor:
    session_id = uuid4().hex * 2
    await region.tell(OpenSession, VISITOR, identifier=email, password=password, session_id=session_id)
    held: SessionView = await region.see(GetSession, VISITOR, session_id=session_id)
    return Actor(
        account_id=held.account_id,
        role=held.role,
        distributor_id=held.distributor_id,
        installer_id=held.installer_id,
        session_id=held.session_id,
    )
