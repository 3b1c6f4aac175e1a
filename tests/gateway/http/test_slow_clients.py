"""Clients that send slowly, too much, or go away: real sockets against a real gateway, with shorter bounds."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from contracts.message import Role
from services.gateway.app import Running, running
from services.gateway.http.problems import Problem
from services.gateway.library import upload_turns
from services.gateway.library.upload_turns import UploadTurns
from services.gateway.settings import GatewaySettings
from tests.gateway.conftest import Browser, Desk, browser, somebody

SHORT_S = 0.4
PATIENCE_S = 15.0


class Raw:
    """One TCP connection to the gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.heard = b""

    async def drip(self, data: bytes, pause_s: float = 0.1) -> bytes:
        """Send byte by byte until the other side has enough of it; what it said."""
        answer = asyncio.create_task(self.rest())
        for byte in data:
            if self.heard or answer.done():
                break
            with suppress(ConnectionError):
                self.writer.write(bytes([byte]))
            await asyncio.wait({answer}, timeout=pause_s)
        return await answer

    async def rest(self) -> bytes:
        """Everything until the other side closes, or resets what it no longer reads."""
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE_S):
                while more := await self.reader.read(65536):
                    self.heard += more
        return self.heard


@asynccontextmanager
async def raw(gateway: Running) -> AsyncIterator[Raw]:
    place = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


def _head(visitor: Browser, method: str, path: str, *more: str) -> bytes:
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.http.cookies.items())
    token = visitor.http.cookies.get("csrftoken", "")
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Cookie: {cookies}", f"X-CSRF-Token: {token}", *more, "", ""]
    return "\r\n".join(lines).encode()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("kernel.process.slow_clients.HEADERS_S", "services.gateway.http.receiving.BODY_TIMEOUT_S"):
        monkeypatch.setattr(name, SHORT_S)
    monkeypatch.setattr("services.gateway.http.receiving.FILE_TIMEOUT_S", 2 * SHORT_S)
    monkeypatch.setattr("kernel.process.slow_clients.BODY_S", 3 * SHORT_S)
    monkeypatch.setattr("kernel.process.slow_clients.UNREAD_S", SHORT_S)


@pytest.mark.parametrize("said", [b"", b"G", b"GET /api/v1/about HTTP/1.1\r\nHost: x\r\n"])
async def test_a_client_that_falls_silent_before_its_headers_are_complete_is_cut(
    gateway: Running, impatient: None, said: bytes
) -> None:
    async with raw(gateway) as connection:
        began = time.monotonic()
        connection.writer.write(said)
        assert await connection.rest() == b""
    assert time.monotonic() - began < PATIENCE_S - 1


async def test_headers_that_drip_are_cut_also_on_a_connection_that_was_good(gateway: Running, impatient: None) -> None:
    async with raw(gateway) as connection:
        connection.writer.write(b"GET /api/v1/about HTTP/1.1\r\nHost: x\r\n\r\n")
        first = await connection.reader.readuntil(b"\r\n\r\n")
        assert first.startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        await connection.drip(b"GET /api/v1/about HTTP/1.1\r\nX-Slow: " + b"a" * 1000)
    assert time.monotonic() - began < PATIENCE_S - 1


async def test_headers_without_end_are_refused(gateway: Running) -> None:
    async with raw(gateway) as connection:
        connection.writer.write(b"GET / HTTP/1.1\r\nX-Long: ")
        for _ in range(40):
            connection.writer.write(b"a" * 4096)
            await asyncio.sleep(0)
        assert (await connection.rest()).startswith((b"HTTP/1.1 431", b""))
    async with browser(gateway.url) as visitor:
        assert (await visitor.http.get("/api/v1/about")).status_code == 200


async def test_what_is_no_http_is_refused_with_the_headers_of_every_answer(gateway: Running) -> None:
    async with raw(gateway) as connection:
        connection.writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        answer = (await connection.rest()).lower()
    assert answer.startswith(b"http/1.1 400")
    assert b"x-content-type-options: nosniff" in answer
    assert b"content-security-policy: default-src 'none'" in answer


@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/macs", "/api/v1/macs/imports"])
async def test_a_body_that_drips_is_answered_and_cut(
    desk: Desk, gateway: Running, visitor: Browser, impatient: None, path: str
) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    kind = "text/csv" if path.endswith("imports") else "application/json"
    async with raw(gateway) as connection:
        connection.writer.write(_head(visitor, "POST", path, f"Content-Type: {kind}", "Content-Length: 100000"))
        began = time.monotonic()
        answer = await connection.drip(b" " * 300)
    assert answer.startswith(b"HTTP/1.1 408"), answer
    assert b"too-slow" in answer
    assert time.monotonic() - began < PATIENCE_S - 1


@pytest.mark.parametrize("path", ["/api/v1/about", "/api/v1/users", "/nothing"])
async def test_a_body_that_nobody_reads_does_not_hold_the_connection(
    gateway: Running, visitor: Browser, impatient: None, path: str
) -> None:
    async with raw(gateway) as connection:
        connection.writer.write(_head(visitor, "GET", path, "Content-Length: 100000"))
        began = time.monotonic()
        await connection.drip(b" " * 300)
    assert time.monotonic() - began < PATIENCE_S - 1


async def test_a_body_that_is_too_large_is_refused_while_it_arrives(
    desk: Desk, gateway: Running, visitor: Browser
) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    chunked = _head(visitor, "POST", "/api/v1/macs", "Content-Type: application/json", "Transfer-Encoding: chunked")
    async with raw(gateway) as connection:
        connection.writer.write(chunked)
        for _ in range(20):
            connection.writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
        assert b"413" in (await connection.reader.readline())


@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/macs", "/api/v1/macs/imports"])
async def test_a_client_that_goes_away_is_no_fault_of_ours(
    desk: Desk,
    gateway: Running,
    visitor: Browser,
    path: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    kind = "text/csv" if path.endswith("imports") else "application/json"
    with capture_logs() as lines, caplog.at_level(logging.WARNING):
        async with raw(gateway) as connection:
            head = _head(visitor, "POST", path, f"Content-Type: {kind}", "Content-Length: 1000")
            connection.writer.write(head + b'{"identifier": ')
            await connection.writer.drain()
        async with asyncio.timeout(PATIENCE_S):
            while not (answered := [each for each in lines if each["event"] == "answered"]):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert [each["status"] for each in answered] == [400]
    assert not [each for each in lines if each["log_level"] in ("error", "critical")]
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


async def test_a_stream_whose_reader_goes_away_ends_without_a_word(
    desk: Desk, gateway: Running, visitor: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    with capture_logs() as lines, caplog.at_level(logging.WARNING):
        for _ in range(7):  # more than a session may have open
            async with raw(gateway) as connection:
                connection.writer.write(_head(visitor, "GET", "/api/v1/live"))
                assert b"200" in await connection.reader.readline()
                await connection.reader.readuntil(b"ping")
        async with asyncio.timeout(PATIENCE_S):
            while (await visitor.ask("GET", "/session")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert not [each for each in lines if each["log_level"] in ("error", "critical")]
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


async def test_an_answer_that_nobody_reads_is_cut(
    desk: Desk, gateway_settings: GatewaySettings, built: Path, impatient: None
) -> None:
    (built / "assets" / "large.bin").write_bytes(b"\0" * 64 * 2**20)
    async with running(gateway_settings, built) as gateway:
        place = urlsplit(gateway.url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=1024)
        writer.write(b"GET /assets/large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" in await reader.readline()
        with capture_logs() as lines:
            async with asyncio.timeout(PATIENCE_S):
                while not [each for each in lines if each["event"] == "slow-client-cut"]:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        writer.close()


async def test_files_of_one_tenant_are_in_nobody_elses_way() -> None:
    turns = UploadTurns()
    async with turns.upload("one"), turns.upload("one"):
        with pytest.raises(Problem) as refusal:
            async with turns.upload("one"):
                pass
        assert (refusal.value.status, refusal.value.headers["Retry-After"]) == (429, "5")
        async with turns.upload("two"), turns.reading("one"), asyncio.timeout(1), turns.reading("two"):
            pass
    async with turns.upload("one"):
        pass


async def test_slow_uploads_of_one_installer_let_another_import(desk: Desk, gateway: Running, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    head = _head(visitor, "POST", "/api/v1/macs/imports", "Content-Type: text/csv", "Content-Length: 1000")
    async with raw(gateway) as first, raw(gateway) as second, raw(gateway) as third:
        for connection in (first, second):
            connection.writer.write(head + b"MAC\n")
            await connection.writer.drain()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                third.writer.write(head.replace(b"1000", b"4") + b"MAC\n")
                status = await third.reader.readline()
                if b"429" in status:
                    break
                await third.reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(0.05)
        async with browser(gateway.url) as other:
            await somebody(desk, other, Role.INSTALLER)
            answer = await other.ask(
                "POST", "/macs/imports", content=b"MAC\n0C1105000001\n", headers={"Content-Type": "text/csv"}
            )
    assert answer.status_code == 201, answer.text
    assert upload_turns.UPLOADS_OF_A_TENANT == 2
