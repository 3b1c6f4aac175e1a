"""The public port: nothing but the product, and the headers of every answer. The operators' port: all the rest."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from httpx import URL, AsyncClient, Response
from uvicorn.middleware.proxy_headers import _TrustedHosts

from contracts.message import Role
from services.gateway.app import Running, running
from services.gateway.http.proxies import trusted_proxies
from services.gateway.settings import GatewaySettings
from tests.gateway.conftest import Browser, Desk, browser, somebody
from tests.ports import is_reached_from_here_alone

OPERATIONS = ("/health/live", "/health/ready", "/metrics", "/version")
HTML = {"Accept": "text/html"}


@pytest.mark.parametrize("path", OPERATIONS)
async def test_what_operators_ask_answers_at_their_port_alone(
    visitor: Browser, operator: AsyncClient, path: str
) -> None:
    assert (await operator.get(path)).status_code == 200
    for method in ("GET", "HEAD", "POST"):
        answer = await visitor.http.request(method, path)
        assert answer.status_code in (404, 405), (method, answer.text)
        assert "smartplus_" not in answer.text
    assert (await operator.get("/api/v1/about")).status_code == 404


async def test_the_operators_port_tells_and_is_told_nothing(operator: AsyncClient) -> None:
    for path in OPERATIONS:
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            assert (await operator.request(method, path)).status_code == 404, (method, path)
        head = await operator.head(path)
        assert (head.status_code, head.content) == (200, b"")
    for path in ("/", "/health", "/health/", "/health/ready/", "/metrics/x", "/debug", "/openapi.json", "//version"):
        assert (await operator.get(path)).json() == {"detail": "There is nothing here."}


async def test_only_this_machine_reaches_a_port_unless_an_operator_says_otherwise(gateway: Running) -> None:
    for url in (gateway.url, gateway.operations_url):
        assert await is_reached_from_here_alone(URL(url).port or 0), url


@pytest.mark.parametrize("below", ["/schema", "/api/litestar", "/api/schema", "/api/docs/litestar"])
@pytest.mark.parametrize("page", ["", "/openapi.json", "/openapi.yaml", "/swagger", "/redoc", "/elements", "/rapidoc"])
async def test_litestars_own_documents_are_nowhere(visitor: Browser, below: str, page: str) -> None:
    answer = await visitor.http.get(below + page)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def _protected(answer: Response) -> None:
    headers = answer.headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert "server" not in headers


async def test_every_answer_carries_the_headers(desk: Desk, gateway_settings: GatewaySettings, built: Path) -> None:
    https = gateway_settings.model_copy(update={"public_url": "https://north.example.org"})
    async with running(https, built) as gateway, browser(gateway.url) as visitor:
        for method, path, options in (
            ("GET", "/", {"headers": HTML}),
            ("GET", "/assets/console-abc123.js", {}),
            ("GET", "/assets/none.js", {}),
            ("GET", "/api/docs", {}),
            ("GET", "/api/docs/swagger-ui.css", {}),
            ("GET", "/api/openapi.json", {}),
            ("GET", "/.well-known/security.txt", {}),
            ("GET", "/api/v1/about", {}),
            ("GET", "/api/v1/users", {}),
            ("PATCH", "/api/v1/users", {}),
            ("OPTIONS", "/api/v1/users", {}),
            ("POST", "/api/v1/session", {"content": b"{"}),
            ("POST", "/api/v1/session", {"content": b"x" * 2**20 + b"xx"}),
            ("POST", "/api/v1/session", {"content": b"<x/>", "headers": {"Content-Type": "text/xml"}}),
            ("TRACE", "/", {}),
        ):
            answer = await visitor.http.request(method, path, **options)
            _protected(answer)
            assert answer.headers["strict-transport-security"].startswith("max-age="), path
        desk.views.clear()  # whatever is asked of it now breaks the stand-in, and the gateway says 5xx
        async with browser(gateway.url, headers={"Host": f"{'a' * 32}.rc.north.example.org"}) as elsewhere:
            answer = await elsewhere.http.get("/")
            assert answer.status_code in (404, 503)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["strict-transport-security"].startswith("max-age=")
            assert answer.headers["referrer-policy"] == "no-referrer"


async def test_a_live_stream_carries_the_headers(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    async with visitor.http.stream("GET", "/api/v1/live") as answer:
        _protected(answer)


async def test_over_http_nobody_is_told_to_use_https_alone(visitor: Browser) -> None:
    answer = await visitor.http.get("/", headers={"X-Forwarded-Proto": "https"})
    assert "strict-transport-security" not in answer.headers


async def test_security_txt_says_where_weaknesses_are_reported(
    desk: Desk, gateway_settings: GatewaySettings, visitor: Browser
) -> None:
    answer = await visitor.http.get("/.well-known/security.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert fields["Contact"] == "mailto:support@example.org"
    assert fields["Canonical"] == "http://north.example.org/.well-known/security.txt"
    expires = datetime.fromisoformat(fields["Expires"])
    assert timedelta(days=30) < expires - datetime.now(UTC) < timedelta(days=365)

    for change, contact in (
        ({"security_contact": "https://example.org/report"}, "https://example.org/report"),
        ({"support_email": ""}, None),
    ):
        async with running(gateway_settings.model_copy(update=change)) as other, browser(other.url) as reader:
            answer = await reader.http.get("/.well-known/security.txt")
            assert (answer.status_code == 404) if contact is None else (f"Contact: {contact}\n" in answer.text)


@pytest.mark.parametrize(
    ("public_url", "said", "trusted"),
    [
        ("http://localhost:8080", "", ""),
        ("https://example.org", "none", ""),
        ("https://example.org", "10.0.0.0/8, 192.0.2.7", "10.0.0.0/8,192.0.2.7/32"),
        ("https://example.org", "10.1.2.3/8", "10.0.0.0/8"),
        ("https://example.org", "2001:db8::/32", "2001:db8::/32"),
    ],
)
def test_the_operator_says_which_proxies_are_trusted(
    gateway_settings: GatewaySettings, public_url: str, said: str, trusted: str
) -> None:
    settings = gateway_settings.model_copy(update={"public_url": public_url, "trusted_proxies": said})
    assert trusted_proxies(settings) == trusted
    if trusted:
        # As uvicorn reads it: the proxy is believed, and whoever it names before it is not.
        proxy = said.partition("/")[0].partition(",")[0]
        assert proxy in _TrustedHosts(trusted)
        assert "203.0.113.9" not in _TrustedHosts(trusted)


@pytest.mark.parametrize("said", ["", "  ", "*", "proxy.example.org", "10.0.0.0/40"])
def test_a_start_behind_https_without_known_proxies_is_refused_in_one_line(
    gateway_settings: GatewaySettings, said: str
) -> None:
    environment = {
        "NATS_URL": gateway_settings.nats_url,
        "MONGODB_URI": "mongodb://127.0.0.1:1",
        "SMARTPLUS_SECRET": "ab" * 32,
        "SMARTPLUS_PUBLIC_URL": "https://example.org",
        "SMARTPLUS_TRUSTED_PROXIES": said,
    }
    command = [sys.executable, "-m", "services.gateway"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("smartplus: SMARTPLUS_TRUSTED_PROXIES")
    assert len(ended.stderr.splitlines()) == 1
