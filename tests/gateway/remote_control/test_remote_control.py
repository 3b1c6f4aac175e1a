"""A device's own page in an installer's browser, and nothing else (A-13, R-34, threat 10).

Everything is real: services, gateway, broker, and an intercom that is connected by MQTT and serves a hostile page.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import async_playwright

from contracts.accounts.partners import CreateInstaller
from contracts.devices.audit import ListDeviceAudit
from contracts.devices.intercoms import GetDevice
from contracts.message import Actor, Role
from kernel.service.running import running as service_running
from ops.processes import free_port
from ops.servers import NatsServer
from services.accounts.__main__ import SERVICE as ACCOUNTS
from services.devices.__main__ import SERVICE as DEVICES
from services.devices.remote_control import remote_session
from services.gateway.app import Running, running
from services.gateway.remote_control.addresses import Addresses
from services.gateway.settings import GatewaySettings
from tests.console.browsing import CHROMIUM, FLAGS
from tests.devices.conftest import Region, settings_for
from tests.devices.remote_control.test_tunnel import Json, PageIntercom, _text, connected
from tests.gateway.conftest import Browser, browser

OVER = "This remote control is over, or it was opened in another browser."


def page(request: Json, body: bytes) -> Iterable[Json]:
    """A device that tells what it was asked, and tries to set and send what it may not."""
    headers = [
        ["Content-Type", "application/json"],
        ["Set-Cookie", "sid=device-1; Path=/; HttpOnly; Domain=localhost"],
        ["Set-Cookie", "session=stolen; Path=/"],
        ["Set-Cookie", "__Host-rc=stolen; Path=/"],
        ["Content-Security-Policy", "default-src *"],
        ["Access-Control-Allow-Origin", "*"],
        ["Service-Worker-Allowed", "/"],
        ["Clear-Site-Data", '"cookies"'],
        ["Refresh", "0; url=http://evil.example.org/"],
        ["X-Anything", "1"],
    ]
    status = 200
    if request["path"].startswith("/redirect?"):
        status, to = 302, request["path"].partition("?")[2]
        headers.append(["Location", to])
    asked = {key: request[key] for key in ("method", "path", "headers")} | {"body": body.decode("latin-1")}
    yield {"part": 0, "last": True, "status": status, "headers": headers, "body": _text(json.dumps(asked).encode())}


@dataclass
class Town:
    """Everything at work, and an installer with a device in it."""

    region: Region
    gateway: Running
    settings: GatewaySettings
    stack: AsyncExitStack
    passwords: dict[str, str] = field(default_factory=dict)
    owner: tuple[Actor, str, Browser] | None = None

    async def installer(self) -> tuple[Actor, str, str]:
        """An installer, with e-mail address and password."""
        above, account_id, email = (
            await self.region.distributor(),
            str(uuid4()),
            f"{uuid4().hex[:8]}@bright.example.org",
        )
        told = {"installer_id": account_id, "name": "Bright", "email": email, "time_zone": "UTC"}
        made = await self.region.tell(CreateInstaller, above, **told)
        installer = Actor(
            account_id=account_id, role=Role.INSTALLER, distributor_id=above.account_id, installer_id=account_id
        )
        return installer, email, made.extra.credential

    async def browser(self) -> Browser:
        return await self.stack.enter_async_context(browser(self.gateway.url))

    async def logged_in(self, email: str, password: str) -> Browser:
        """A browser in which the installer has logged in, with a password of their own."""
        visitor = await self.browser()
        if email not in self.passwords:
            async with asyncio.timeout(30):
                while (answer := await visitor.log_in(email, password)).status_code == 503:  # noqa: ASYNC110
                    await asyncio.sleep(0.5)  # the services have only just begun
            assert answer.status_code == 200, answer.text
            self.passwords[email] = "another-horse-battery-42"
            change = {"current_password": password, "new_password": self.passwords[email]}
            assert (await visitor.ask("POST", "/session/password", json=change)).status_code < 300
            return visitor
        assert (await visitor.log_in(email, self.passwords[email])).status_code == 200
        return visitor


@dataclass
class Control:
    """An installer's browser, a device that is connected, and its page's address once it is open."""

    town: Town
    installer: Actor
    email: str
    console: Browser
    intercom: PageIntercom
    url: str = ""

    @property
    def device_id(self) -> str:
        return self.intercom.device_id

    @property
    def path(self) -> str:
        return f"/devices/{self.device_id}/remote-control"

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    async def open(self) -> httpx.Response:
        answer = await self.console.ask("POST", self.path)
        if answer.status_code == 201:
            self.url = answer.json()["url"]
        return answer

    async def ask(self, client: Browser, path: str = "/", method: str = "GET", **options: Any) -> httpx.Response:
        """As a browser asks that goes to the address."""
        headers = {"Host": self.host, **options.pop("headers", {})}
        return await client.http.request(method, path, headers=headers, **options)

    async def go(self, client: Browser) -> httpx.Response:
        """The first visit, with the ticket."""
        parts = urlsplit(self.url)
        return await self.ask(client, f"{parts.path}?{parts.query}")

    async def until_over(self, client: Browser) -> None:
        async with asyncio.timeout(60):
            while True:
                if (await self.ask(client)).status_code == 404:
                    return
                await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
async def town(servers_dir: Path, mongodb_uri: str) -> AsyncIterator[Town]:
    prefix = f"town_{uuid4().hex[:8]}_"
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(NatsServer(servers_dir / "town"))
        port = free_port()
        settings = settings_for(nats, mongodb_uri, prefix)
        public = GatewaySettings(
            nats_url=nats.url, secret=settings.secret, public_url=f"http://localhost:{port}", port=port
        )
        accounts = await stack.enter_async_context(service_running(ACCOUNTS, settings))
        devices = await stack.enter_async_context(service_running(DEVICES, settings))
        gateway = await stack.enter_async_context(running(public))
        yield Town(Region(accounts, devices, {}, nats.mqtt_port), gateway, public, stack)


@pytest.fixture
async def control(town: Town) -> AsyncIterator[Control]:
    if not town.owner:
        installer, email, password = await town.installer()
        town.owner = (installer, email, await town.logged_in(email, password))
    installer, email, console = town.owner
    async with connected(town.region, installer, page) as intercom:
        yield Control(town, installer, email, console, intercom)


@asynccontextmanager
async def opened(control: Control) -> AsyncIterator[tuple[Browser, list[Json]]]:
    """A browser that has the device's page, and what the device is asked."""
    assert (await control.open()).status_code == 201
    client = await control.town.browser()
    assert (await control.go(client)).status_code == 303
    yield client, control.intercom.asked


async def until_offline(control: Control) -> None:
    """The device loses its power; returns when that is known."""
    control.intercom.lose_power()
    async with asyncio.timeout(60):
        while True:
            seen = await control.town.region.see(GetDevice, control.installer, device_id=control.device_id)
            if not seen.online:
                return
            await asyncio.sleep(0.05)


# --- It works ---------------------------------------------------------------------------------------------------------


@pytest.mark.row("A-13", "R-34")
async def test_an_installer_reaches_the_page_of_a_device(control: Control) -> None:
    answer = await control.open()
    assert answer.status_code == 201
    assert "." not in answer.headers["Smartplus-Position"]
    parts = urlsplit(control.url)
    assert parts.hostname is not None
    assert parts.hostname.endswith(".rc.localhost")
    assert len(parts.hostname.partition(".")[0]) == 32
    client = await control.town.browser()
    first = await control.go(client)
    assert (first.status_code, first.headers["location"], first.content) == (303, "/", b"")
    cookie = first.headers["set-cookie"]
    assert cookie.startswith("rc=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Domain" not in cookie
    assert not control.intercom.asked, "the ticket is nothing to the device"
    shown = await control.ask(client, "/settings.html?tab=2", headers={"Accept": "text/html"})
    assert shown.status_code == 200
    assert shown.json() == {
        "method": "GET",
        "path": "/settings.html?tab=2",
        "headers": [["accept", "text/html"]],
        "body": "",
    }


async def test_a_form_is_sent_to_the_device(control: Control) -> None:
    async with opened(control) as (client, asked):
        shown = await control.ask(client, "/save", "POST", data={"name": "Gate"})
        assert (shown.json()["body"], shown.json()["method"]) == ("name=Gate", "POST")
        assert ["content-type", "application/x-www-form-urlencoded"] in shown.json()["headers"]
        assert (await control.ask(client, "/", "HEAD")).content == b""
        assert asked[-1]["method"] == "HEAD"


async def test_the_same_wish_is_told_the_same_address(control: Control) -> None:
    key = {"Idempotency-Key": "once"}
    answers = [await control.console.ask("POST", control.path, headers=key) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert (await control.open()).json()["url"] != answers[0].json()["url"]


# --- Nobody else ------------------------------------------------------------------------------------------------------


@pytest.mark.row("R-34")
async def test_knowing_the_address_is_not_enough(control: Control) -> None:
    async with opened(control) as (client, asked):
        other = await control.town.browser()
        for answer in (await control.go(other), await control.ask(other), await control.go(control.console)):
            assert (answer.status_code, answer.text) == (404, OVER)
        guess = await control.ask(other, headers={"Cookie": f"rc={'A' * 43}"})
        assert (guess.status_code, guess.text) == (404, OVER)
        assert not asked
        assert (await control.ask(client)).status_code == 200
        # The browser that has it may come by the same link again.
        assert (await control.go(client)).status_code == 303
        assert (await control.ask(client)).status_code == 200


async def test_a_ticket_of_another_remote_control_lets_nobody_in(town: Town, control: Control) -> None:
    await control.open()
    first = urlsplit(control.url)
    await control.open()
    client = await town.browser()
    answer = await control.ask(client, f"/?{first.query}")
    assert (answer.status_code, answer.text) == (404, OVER)


async def test_an_address_that_never_was_tells_the_same(control: Control) -> None:
    await control.open()
    client = await control.town.browser()
    for label in ("a" * 32, "a" * 31, "x.y", "www", "A" * 32, "%20"):
        answer = await client.http.get("/", headers={"Host": f"{label}.rc.localhost"})
        assert (answer.status_code, answer.text) == (404, OVER)


@pytest.mark.row("R-34")
async def test_only_the_devices_own_installer_opens_it(town: Town, control: Control) -> None:
    _, email, password = await town.installer()
    stranger = await town.logged_in(email, password)
    for method in ("POST", "DELETE"):
        answer = await stranger.ask(method, control.path)
        assert (answer.status_code, answer.json()["code"]) == (404, "device-unknown")
    nobody = await town.browser()
    assert (await nobody.ask("POST", control.path)).status_code == 401


async def test_a_second_session_waits_until_the_first_is_through(town: Town, control: Control) -> None:
    await control.open()
    second = await town.logged_in(control.email, "")
    answer = await second.ask("POST", control.path)
    assert (answer.status_code, answer.json()["code"]) == (409, "remote-control-taken")
    assert (await second.ask("DELETE", control.path)).status_code == 200
    assert (await second.ask("POST", control.path)).status_code == 201


@pytest.mark.row("R-34")
async def test_a_device_that_is_off_is_not_reached(control: Control) -> None:
    await until_offline(control)
    answer = await control.open()
    assert (answer.status_code, answer.json()["code"]) == (409, "device-offline")


# --- It ends ----------------------------------------------------------------------------------------------------------


@pytest.mark.row("R-34")
async def test_it_ends_at_once_when_the_installer_says_so(control: Control) -> None:
    async with opened(control) as (client, _):
        assert (await control.ask(client)).status_code == 200
        assert (await control.console.ask("DELETE", control.path)).status_code == 200
        await control.until_over(client)
        again = await control.console.ask("DELETE", control.path)
        assert again.status_code == 200


@pytest.mark.row("R-34")
async def test_it_ends_at_once_with_the_session(control: Control) -> None:
    control.console = await control.town.logged_in(control.email, "")
    async with opened(control) as (client, asked):
        assert (await control.console.ask("DELETE", "/session")).status_code < 300
        before = len(asked)
        answer = await control.ask(client)
        assert (answer.status_code, answer.text) == (404, OVER)
        assert len(asked) == before


@pytest.mark.row("R-34")
async def test_it_ends_with_the_connection_of_the_device(control: Control) -> None:
    async with opened(control) as (client, _):
        await until_offline(control)
        assert (await control.ask(client)).status_code in (404, 502)
        await control.until_over(client)


@pytest.mark.row("R-34")
async def test_it_ends_by_itself(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_session, "_LASTS", timedelta(seconds=4))
    async with opened(control) as (client, _):
        await control.until_over(client)
    trail = await until_told(control, "RemoteControlClosed")
    assert trail.count("RemoteControlClosed") == 1


async def until_told(control: Control, type: str) -> list[str]:
    """The types of events in the device's audit trail, once there is one of this type."""
    async with asyncio.timeout(60):
        while True:
            seen = await control.town.region.see(ListDeviceAudit, control.installer, subject_id=control.device_id)
            types = [row.type for row in seen.rows]
            if type in types:
                return types
            await asyncio.sleep(0.05)


@pytest.mark.row("R-34")
async def test_who_opened_it_and_how_much_was_asked_is_in_the_audit_trail(control: Control) -> None:
    async with opened(control) as (client, _):
        for n in range(5):
            await control.ask(client, f"/{n}")
    trail = await until_told(control, "RemoteControlUsed")
    assert {"RemoteControlOpened", "RemoteControlClaimed"} <= set(trail)


# --- Nothing else -----------------------------------------------------------------------------------------------------


async def test_no_cookie_of_the_console_reaches_the_device_and_none_of_its_reaches_the_console(
    control: Control,
) -> None:
    async with opened(control) as (client, _):
        mine = client.http.cookies["rc"]
        sent = f"session=s1; __Host-session=s2; csrftoken=s3; impersonation=s4; rc={mine}; sid=device-1; lang=en"
        shown = await control.ask(
            client, headers={"Cookie": sent, "X-CSRF-Token": "s5", "X-Forwarded-For": "203.0.113.9"}
        )
        headers = dict(shown.json()["headers"])
        assert headers["cookie"] == "sid=device-1; lang=en"
        assert not {"x-csrf-token", "x-forwarded-for", "host", "user-agent", "referer"} & set(headers)
        assert mine not in shown.text
        assert shown.headers.get_list("set-cookie") == ["sid=device-1; SameSite=Lax; Path=/; HttpOnly"]


async def test_the_page_stands_in_a_sandbox_whatever_the_device_says(control: Control) -> None:
    async with opened(control) as (client, _):
        shown = await control.ask(client)
    policy = shown.headers.get_list("content-security-policy")
    assert len(policy) == 1
    assert policy[0].startswith("sandbox ")
    assert "worker-src 'none'" in policy[0]
    assert "form-action 'self'" in policy[0]
    assert "allow-top-navigation" not in policy[0]
    assert shown.headers["cache-control"] == "no-store"
    assert shown.headers["referrer-policy"] == "no-referrer"
    gone = {"access-control-allow-origin", "service-worker-allowed", "clear-site-data", "refresh", "x-anything"}
    assert not gone & set(shown.headers)


async def test_a_redirection_leads_nowhere_but_to_the_page(control: Control) -> None:
    led = {
        "/login": "/login",
        "login?x=1": "login?x=1",
        "http://192.168.1.20/login?x=1": "/login?x=1",
        "//evil.example.org/x": "/x",
        "https://evil.example.org": "/",
        "javascript:alert(1)": None,
        "/%2e%2e/x": None,
        "/../x": None,
    }
    wanted = list(led)

    def redirects(request: Json, body: bytes) -> Iterable[Json]:
        yield {"part": 0, "last": True, "status": 302, "headers": [["Location", wanted.pop(0)]], "body": ""}

    control.intercom.answers = redirects
    async with opened(control) as (client, _):
        for leads in led.values():
            answer = await control.ask(client)
            assert (answer.status_code, answer.headers.get("location")) == (302, leads)


async def test_nothing_of_the_gateway_answers_at_the_address_of_a_device(control: Control) -> None:
    async with opened(control) as (client, asked):
        for path in ("/api/v1/session", "/health/live", "/metrics", "/version", "/api/docs", "/openapi.json"):
            shown = await control.ask(client, path)
            assert shown.json()["path"] == path
        other = await control.town.browser()
        before = len(asked)
        for path in ("/api/v1/session", "/health/live", "/metrics"):
            assert (await control.ask(other, path)).status_code == 404
        assert len(asked) == before


async def test_only_three_methods_are_passed_on(control: Control) -> None:
    async with opened(control) as (client, asked):
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"):
            status = await raw(control, f"{method} / HTTP/1.1", f"Cookie: rc={client.http.cookies['rc']}")
            assert status in (400, 405), method
        assert not asked


async def test_a_path_that_is_more_than_a_path_is_refused(control: Control) -> None:
    targets = (
        "//evil.example.org/",
        "/../../etc/passwd",
        "/a/../../b",
        "/%2e%2e/b",
        "/%252e%252e/b",
        "/%2f%2fevil.example.org/",
        "/\\\\evil.example.org",
        "/%5cevil",
        "/%00",
        "/%zz",
        "/%ff",
        "/a%0d%0aHost:%20evil",
    )
    async with opened(control) as (client, asked):
        for target in targets:
            status = await raw(control, f"GET {target} HTTP/1.1", f"Cookie: rc={client.http.cookies['rc']}")
            assert status == 400, target
        assert not asked


async def test_an_absolute_address_is_a_path_of_the_device_and_a_second_host_nothing(control: Control) -> None:
    async with opened(control) as (client, asked):
        cookie = f"Cookie: rc={client.http.cookies['rc']}"
        assert await raw(control, "GET http://127.0.0.1:4222/x HTTP/1.1", cookie) in (200, 400)
        assert {each["path"] for each in asked} <= {"/x"}
        before = len(asked)
        assert await raw(control, "GET / HTTP/1.1", cookie, "Host: evil.example.org") in (400, 404)
        assert await raw(control, "GET / HTTP/1.1", cookie, f"Host: {'a' * 32}.rc.localhost") in (400, 404)
        assert len(asked) == before


HOSTILE = """<!doctype html><title>waiting</title><script>
const told = {};
const attempt = async (name, what) => {
  try { told[name] = String(await what()); } catch (e) { told[name] = "refused"; }
};
(async () => {
  await attempt("cookies", () => document.cookie);
  await attempt("storage", () => localStorage.getItem("secret"));
  await attempt("console", () => fetch("CONSOLE/api/v1/session", {credentials: "include", mode: "no-cors"}));
  await attempt("elsewhere", () => fetch("http://127.0.0.1:1/", {mode: "no-cors"}));
  await attempt("image", () => new Promise((ok, no) => { const i = new Image(); i.onload = ok; i.onerror = no;
    i.src = "CONSOLE/favicon.ico"; }));
  await attempt("popup", () => { if (!window.open("CONSOLE/")) throw 0; return "opened"; });
  await attempt("worker", () => navigator.serviceWorker.register("/worker.js"));
  await attempt("frame", () => new Promise((ok, no) => { const f = document.createElement("iframe");
    document.addEventListener("securitypolicyviolation", no); f.onload = () => setTimeout(ok, 500);
    f.src = "CONSOLE/"; document.body.append(f); }));
  document.cookie = "session=stolen; path=/; domain=localhost";
  document.cookie = "session=stolen; path=/; domain=rc.localhost";
  await attempt("own", async () => (await fetch("/own")).status);
  document.title = JSON.stringify(told);
})();
</script><body></body>"""


@pytest.mark.row("R-34")
async def test_a_hostile_page_reaches_nothing_of_the_console(control: Control) -> None:
    console = control.town.settings.public_url

    def hostile(request: Json, body: bytes) -> Iterable[Json]:
        page = HOSTILE.replace("CONSOLE", console).encode()
        headers = [["Content-Type", "text/html"], ["Content-Security-Policy", "default-src *"]]
        yield {"part": 0, "last": True, "status": 200, "headers": headers, "body": _text(page)}

    control.intercom.answers = hostile
    await control.open()
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await chromium.new_context()
        await context.add_cookies([{"name": "session", "value": "canary", "url": console, "sameSite": "Lax"}])
        at_home = await context.new_page()
        await at_home.goto(f"{console}/health/live")
        await at_home.evaluate("localStorage.setItem('secret', 'canary')")
        there = await context.new_page()
        await there.goto(control.url)
        await there.wait_for_function("document.title.startsWith('{')", timeout=15_000)
        told = json.loads(await there.title())
        kept = {each["value"] for each in await context.cookies(console) if each["name"] == "session"}
        shown = urlsplit(there.url)
        await chromium.close()
    assert told == {
        "cookies": "",
        "storage": "null",
        "console": "refused",
        "elsewhere": "refused",
        "image": "refused",
        "popup": "refused",
        "worker": "refused",
        "frame": "refused",
        "own": "200",
    }
    assert kept == {"canary"}
    assert (shown.netloc, shown.query) == (control.host, "")
    assert {each["path"] for each in control.intercom.asked} <= {"/", "/own", "/favicon.ico"}


async def raw(control: Control, *lines: str) -> int:
    """The status of an answer to these very bytes."""
    parts = urlsplit(control.town.gateway.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    first, *more = lines
    head = "\r\n".join([first, f"Host: {control.host}", *more, "Connection: close", "", ""])
    writer.write(head.encode("latin-1"))
    status = await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    return int(status.split()[1]) if status else 400


async def test_too_much_at_once_is_refused(control: Control) -> None:
    async with opened(control) as (client, asked):
        answer = await control.ask(client, "/", "POST", content=b"x" * (256 * 1024 + 1))
        assert answer.status_code == 413
        assert not asked


def test_addresses_are_those_of_the_region() -> None:
    def host(public_url: str, **more: Any) -> str:
        settings = GatewaySettings(nats_url="n", mongodb_uri="m", secret="5a" * 32, public_url=public_url, **more)
        return urlsplit(Addresses(settings).url(uuid4())).netloc.partition(".")[2]

    assert host("https://north.example.org") == "rc.north.example.org"
    assert host("http://127.0.0.1:8080") == "rc.localhost:8080"
    assert host("http://[::1]:8080") == "rc.localhost:8080"
    assert host("https://north.example.org", remote_control_host="pages.example.net") == "pages.example.net"
