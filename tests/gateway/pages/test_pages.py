"""The console, the API's own page, reference data, and the headers that every answer carries."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from httpx import AsyncClient

from contracts.accounts.words import MailLanguage
from kernel.connecting.connection import connect
from kernel.process.health import Health, Stage
from kernel.talking.modules import answer_for
from services.gateway.app import Running, running
from services.gateway.reference import countries, mail_languages, time_zones
from services.gateway.settings import GatewaySettings
from tests.gateway.conftest import Browser, Desk, browser

WINTER = datetime(2026, 1, 15, tzinfo=UTC)
HTML = {"Accept": "text/html"}


@pytest.mark.row("L-02")
@pytest.mark.parametrize("path", ["/", "/users", "/users/abc/edit", "/a.b/c"])
async def test_every_address_of_the_console_opens_the_console(
    desk: Desk, gateway_settings: GatewaySettings, built: Path, path: str
) -> None:
    async with running(gateway_settings, built) as gateway, browser(gateway.url) as visitor:
        answer = await visitor.http.get(path, headers=HTML)
        assert (answer.status_code, answer.text) == (200, "<!doctype html><title>Console</title>")
        assert answer.headers["cache-control"] == "no-cache"
        assert (await visitor.http.head(path, headers=HTML)).status_code == 200


async def test_files_with_a_hash_in_their_name_are_kept_for_ever_and_compressed(
    desk: Desk, gateway_settings: GatewaySettings, built: Path
) -> None:
    async with running(gateway_settings, built) as gateway, browser(gateway.url) as visitor:
        answer = await visitor.http.get("/assets/console-abc123.js")
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["content-type"].startswith(("text/javascript", "application/javascript"))
        again = await visitor.http.get("/assets/console-abc123.js", headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        plain = await visitor.http.get("/assets/console-abc123.js", headers={"Accept-Encoding": "identity"})
        assert (plain.content, "content-encoding" in plain.headers) == (answer.content, False)
        assert (await visitor.http.get("/assets/gone.js", headers=HTML)).status_code == 404


@pytest.mark.parametrize(
    "path", ["/%2e%2e/secret", "/..%2fsecret", "/%00", "/assets/%2e%2e/%2e%2e/secret", "/" + "a" * 5000]
)
async def test_nothing_outside_of_the_console_is_served(
    desk: Desk, gateway_settings: GatewaySettings, built: Path, path: str
) -> None:
    (built / "inside").mkdir()
    (built / "secret").write_text("secret")
    async with running(gateway_settings, built / "inside") as gateway, browser(gateway.url) as visitor:
        answer = await visitor.http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_without_a_built_console_a_page_says_so(
    desk: Desk, gateway_settings: GatewaySettings, tmp_path: Path
) -> None:
    async with running(gateway_settings, tmp_path / "none") as gateway, browser(gateway.url) as visitor:
        answer = await visitor.http.get("/", headers=HTML)
        assert answer.status_code == 200
        assert "make up" in answer.text


async def test_every_answer_forbids_foreign_scripts_and_frames(gateway: Running, visitor: Browser) -> None:
    for path in ("/", "/api/v1/about", "/api/v1/nothing", "/api/v1/session", "/api/docs"):
        headers = (await visitor.http.get(path, headers=HTML)).headers
        policy = dict(each.split(" ", 1) for each in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["script-src"] == "'self'", path
        assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
        assert headers["x-content-type-options"] == "nosniff"


async def test_the_apis_own_page_needs_nothing_from_elsewhere(visitor: Browser) -> None:
    page = (await visitor.http.get("/api/docs")).text
    assert "http" not in page.replace("<!doctype html>", "")
    assert "<script>" not in page
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
        assert f"/api/docs/{name}" in page
        assert (await visitor.http.get(f"/api/docs/{name}")).status_code == 200
    assert (await visitor.http.get("/api/openapi.json")).json()["info"]["version"] == "6.7.0"
    assert (await visitor.http.get("/api/docs/..%2fapp.py")).status_code == 404


@pytest.mark.row("G-16")
@pytest.mark.row("G-17")
@pytest.mark.row("G-18")
@pytest.mark.row("G-19")
async def test_about_tells_version_scope_and_whom_to_ask(visitor: Browser) -> None:
    about = (await visitor.ask("GET", "/about")).json()
    assert about == {
        "product": "SmartPlus",
        "version": "6.7.0",
        "region": "north",
        "scope": ["single_family_houses", "single_tenant_residents", "devices", "remote_maintenance"],
        "sales_email": "sales@example.org",
        "support_email": "support@example.org",
        "telephone": "+49 30 123456",
        "manuals_url": "https://manuals.example.org",
        "ticket_url": "https://tickets.example.org",
        "smart_home_url": "https://home.example.org",
        "payment_notice": "",
        "erased_within_hours": 24,
    }


@pytest.mark.row("L-02")
async def test_the_server_list_names_this_region(visitor: Browser) -> None:
    servers = (await visitor.ask("GET", "/servers")).json()
    assert servers == [{"region": "north", "url": "http://north.example.org", "current": True}]


@pytest.mark.row("U-12")
async def test_countries_have_names_in_the_readers_language_and_area_codes(visitor: Browser) -> None:
    for language, name in (
        ("en", "Germany"),
        ("fa", "آلمان"),
        ("he", "גרמניה"),
        ("zh-Hans", "德国"),
        ("xx", "Germany"),
    ):
        answer = await visitor.ask("GET", f"/reference/countries?language={language}")
        germany = next(each for each in answer.json() if each["code"] == "DE")
        assert germany == {"code": "DE", "name": name, "area_code": "+49"}
    assert len(countries("en")) > 200
    assert (await visitor.ask("GET", "/reference/countries?language=$ne")).status_code == 400


@pytest.mark.row("U-18")
async def test_time_zones_read_as_the_guide_writes_them(visitor: Browser) -> None:
    zones = {each.id: each.label for each in time_zones(WINTER)}
    assert zones["Asia/Shanghai"] == "GMT+8:00 Shanghai"
    assert zones["America/New_York"] == "GMT-5:00 New York"
    assert zones["Asia/Kathmandu"] == "GMT+5:45 Kathmandu"
    assert zones["Europe/London"] == "GMT+0:00 London"
    assert zones["America/St_Johns"] == "GMT-3:30 St Johns"
    assert zones["UTC"] == "GMT+0:00 UTC"
    assert "Asia/Calcutta" not in zones
    listed = (await visitor.ask("GET", "/reference/time-zones")).json()
    assert "Asia/Calcutta" in next(each for each in listed if each["id"] == "Asia/Kolkata")["former"]


@pytest.mark.row("U-20")
async def test_mails_are_written_in_twelve_languages(visitor: Browser) -> None:
    languages = (await visitor.ask("GET", "/reference/languages")).json()
    assert [each["name"] for each in languages] == [
        *("English", "Simplified Chinese", "Korean", "Japanese", "Turkish", "Polish"),
        *("Russian", "Spanish", "Bosnian", "Danish", "Vietnamese", "French"),
    ]
    assert {each.code for each in mail_languages("de")} == set(MailLanguage)


async def test_the_gateway_says_whether_it_can_work(operator: AsyncClient) -> None:
    assert (await operator.get("/health/live")).status_code == 200
    ready = (await operator.get("/health/ready")).json()
    assert ready["ready"] is True
    assert ready["dependencies"]["nats"]["ok"] is True
    assert (await operator.get("/version")).json()["version"] == "6.7.0"


async def test_the_gateway_says_which_services_are_away_and_serves_on(
    operator: AsyncClient, gateway_settings: GatewaySettings
) -> None:
    async def until(expected: dict[str, str]) -> None:
        async with asyncio.timeout(30):
            while (await operator.get("/health/ready")).json()["modules"] != expected:  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    await until({"accounts": "away", "devices": "away"})
    assert (await operator.get("/health/ready")).status_code == 200
    service = await connect(gateway_settings.nats_url, "devices")
    await answer_for(service, Health("devices", "north", stage=Stage.RUNNING))
    await until({"accounts": "away", "devices": "ready"})
    await service.close()
    await until({"accounts": "away", "devices": "away"})


async def test_measures_name_routes_and_never_paths(visitor: Browser, operator: AsyncClient) -> None:
    await visitor.ask("GET", "/users/3f2c8a6e-0000-7000-8000-000000000001")
    await visitor.http.get("/no/such/page/3f2c8a6e")
    metrics = (await operator.get("/metrics")).text
    assert 'route="/api/v1/users/{user_id}"' in metrics
    assert "3f2c8a6e" not in metrics
