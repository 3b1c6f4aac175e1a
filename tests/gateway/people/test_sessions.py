"""Logging in and out, cookies, CSRF, account access."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from contracts.accounts.access import ChangePassword, CloseSession, EndImpersonation, OpenSession, SessionView
from contracts.accounts.households import ListUsers, UserPage
from contracts.accounts.leaving import ResetUser
from contracts.accounts.partners import InstallerPage, ListInstallers
from contracts.message import Role
from services.gateway.app import Running, running
from services.gateway.settings import GatewaySettings
from tests.gateway.conftest import Browser, Desk, actor_of, browser, session_of, somebody


@pytest.mark.row("L-03")
async def test_logging_in_with_an_email_shaped_name_opens_a_session(desk: Desk, visitor: Browser) -> None:
    view = await somebody(desk, visitor, Role.INSTALLER)
    answer = await visitor.ask("GET", "/session")
    assert answer.status_code == 200
    assert answer.json()["account_id"] == view.account_id
    assert answer.headers["cache-control"] == "no-store"


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_is_not_the_sessions_id(
    desk: Desk, visitor: Browser
) -> None:
    desk.people["cookie@example.org"] = session_of(Role.INSTALLER)
    answer = await visitor.log_in("cookie@example.org")
    cookies = {each.partition("=")[0]: each for each in answer.headers.get_list("set-cookie")}
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookies["session"].split("; "))
    assert "HttpOnly" not in cookies["csrftoken"]
    token = visitor.http.cookies["session"]
    assert len(token) == 43
    assert token not in answer.text
    assert answer.json()["session_id"] not in cookies["session"]


@pytest.mark.parametrize("claimed", ["http", "https"])
async def test_where_the_public_url_is_https_cookies_belong_to_this_host_alone(
    desk: Desk, gateway_settings: GatewaySettings, claimed: str
) -> None:
    desk.people["secure@example.org"] = session_of(Role.INSTALLER)
    https = gateway_settings.model_copy(update={"public_url": "https://north.example.org"})
    async with running(https) as other, browser(other.url, headers={"X-Forwarded-Proto": claimed}) as secure:
        answer = await secure.log_in("secure@example.org")
        assert answer.status_code == 200
    cookies = {each.partition("=")[0]: each for each in answer.headers.get_list("set-cookie")}
    for name in ("__Host-session", "__Host-browser"):
        assert {"HttpOnly", "Secure", "Path=/"} <= set(cookies[name].split("; "))
        assert "Domain" not in cookies[name]
    assert "Secure" in cookies["csrftoken"]


@pytest.mark.row("L-04")
async def test_logging_out_ends_the_session_and_removes_the_cookies(desk: Desk, visitor: Browser) -> None:
    view = await somebody(desk, visitor, Role.INSTALLER)
    stolen = visitor.http.cookies["session"]
    answer = await visitor.ask("DELETE", "/session")
    assert answer.status_code == 204
    assert desk.last(CloseSession).session_id == view.session_id
    assert "session" not in visitor.http.cookies
    again = await visitor.ask("GET", "/session", headers={"Cookie": f"session={stolen}"})
    assert (again.status_code, again.json()["code"]) == (401, "signed-out")


async def test_wrong_credentials_are_refused_without_saying_which_part_was_wrong(desk: Desk, visitor: Browser) -> None:
    desk.people["there@example.org"] = session_of(Role.INSTALLER)
    there = await visitor.log_in("there@example.org", "wrong-password")
    nobody = await visitor.log_in("nobody@example.org", "wrong-password")
    assert there.status_code == nobody.status_code == 401
    assert {**there.json(), "trace_id": ""} == {**nobody.json(), "trace_id": ""}
    assert "set-cookie" not in there.headers


async def test_a_forwarded_address_is_believed_from_a_trusted_proxy(desk: Desk, gateway: Running) -> None:
    desk.people["far@example.org"] = session_of(Role.INSTALLER)
    async with browser(gateway.url, headers={"X-Forwarded-For": "203.0.113.9, 127.0.0.1"}) as far:
        await far.log_in("far@example.org")
    assert desk.last(OpenSession).actor.address == "203.0.113.9"


async def test_a_forwarded_address_is_not_believed_from_anybody_else(
    desk: Desk, gateway_settings: GatewaySettings
) -> None:
    untrusting = gateway_settings.model_copy(update={"trusted_proxies": ""})
    desk.people["liar@example.org"] = session_of(Role.INSTALLER)
    async with running(untrusting) as other, browser(other.url, headers={"X-Forwarded-For": "203.0.113.9"}) as liar:
        await liar.log_in("liar@example.org")
    assert desk.last(OpenSession).actor.address == "127.0.0.1"


@pytest.mark.parametrize("header", [{}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}])
async def test_a_change_without_the_token_of_this_session_is_refused(
    desk: Desk, visitor: Browser, header: dict[str, str]
) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    answer = await visitor.http.delete("/api/v1/session", headers=header)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


async def test_a_foreign_page_cannot_log_its_visitors_in(desk: Desk, visitor: Browser) -> None:
    desk.people["mine@example.org"] = session_of(Role.INSTALLER)
    answer = await visitor.ask(
        "POST",
        "/session",
        json={"identifier": "mine@example.org", "password": "x"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


async def test_who_holds_an_initial_password_may_only_replace_it(desk: Desk, visitor: Browser) -> None:
    view = await somebody(desk, visitor, Role.INSTALLER, must_change_password=True)
    for path in ("/users", "/sessions", "/installers", "/audit", "/live", "/customer-service"):
        answer = await visitor.ask("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (403, "password-change-required"), path
    for path in ("/session", "/about", "/reference/countries", "/reference/time-zones", "/reference/languages"):
        assert (await visitor.ask("GET", path)).status_code == 200, path
    chosen = {"current_password": "x", "new_password": "long-enough-1"}
    answer = await visitor.ask("POST", "/session/password", json=chosen)
    assert answer.status_code == 200
    assert desk.last(ChangePassword).account_id == view.account_id


async def _heard(gateway: Running) -> None:
    """Returns when the gateway has what was told before: its own question to NATS is answered behind it."""
    await gateway.caller._client.flush()


async def test_a_session_that_ended_elsewhere_is_over_here_at_once(
    desk: Desk, gateway: Running, visitor: Browser
) -> None:
    view = await somebody(desk, visitor, Role.INSTALLER)
    assert (await visitor.ask("GET", "/session")).status_code == 200
    del desk.sessions[view.session_id]
    await desk.tell(view.installer_id or "", "session", view.account_id)
    await _heard(gateway)
    assert (await visitor.ask("GET", "/session")).status_code == 401


async def test_an_expired_session_is_over_even_while_it_is_remembered(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert (await visitor.ask("GET", "/session")).status_code == 401


async def test_a_request_carries_who_acts_and_from_where(desk: Desk, visitor: Browser) -> None:
    view = await somebody(desk, visitor, Role.DISTRIBUTOR)
    desk.views[ListInstallers] = InstallerPage(rows=(), total=0, page=1, per_page=10)
    await visitor.ask("GET", "/installers")
    assert desk.last(ListInstallers).actor == actor_of(view)


async def _switched(desk: Desk, visitor: Browser) -> tuple[SessionView, str]:
    own = await somebody(desk, visitor, Role.DISTRIBUTOR)
    installer_id = str(uuid4())
    answer = await visitor.ask(
        "POST", "/impersonation", json={"installer_id": installer_id, "reason": "asked for help with a reset"}
    )
    assert answer.status_code == 201, answer.text
    return own, installer_id


@pytest.mark.row("X-03")
async def test_a_distributor_switches_in_and_acts_as_the_installer_under_both_names(
    desk: Desk, visitor: Browser
) -> None:
    own, installer_id = await _switched(desk, visitor)
    shown = (await visitor.ask("GET", "/session")).json()
    assert (shown["account_id"], shown["impersonator_id"]) == (installer_id, own.account_id)
    desk.views[ListUsers] = UserPage(rows=(), total=0, page=1, per_page=10)
    assert (await visitor.ask("GET", "/users")).status_code == 200
    actor = desk.last(ListUsers).actor
    assert (actor.account_id, actor.impersonator_id) == (installer_id, own.account_id)


async def test_going_back_returns_the_distributors_own_session(desk: Desk, visitor: Browser) -> None:
    own, installer_id = await _switched(desk, visitor)
    answer = await visitor.ask("DELETE", "/impersonation")
    assert answer.status_code == 200
    assert answer.json()["account_id"] == own.account_id
    assert desk.last(EndImpersonation).installer_id == installer_id
    assert (await visitor.ask("GET", "/session")).json()["account_id"] == own.account_id
    assert (await visitor.ask("DELETE", "/session")).status_code == 204


@pytest.mark.row("X-04")
async def test_when_the_permission_goes_the_next_request_is_refused_and_never_done_as_the_distributor(
    desk: Desk, gateway: Running, visitor: Browser
) -> None:
    own, installer_id = await _switched(desk, visitor)
    taken = next(each for each in desk.sessions.values() if each.account_id == installer_id)
    del desk.sessions[taken.session_id]
    await desk.tell(installer_id, "session", taken.session_id)
    await _heard(gateway)
    answer = await visitor.ask("POST", f"/users/{uuid4()}/reset")
    assert (answer.status_code, answer.json()["code"]) == (401, "impersonation-ended")
    assert not [each for each in desk.sent if isinstance(each, ResetUser)]
    back = await visitor.ask("GET", "/session")
    assert back.json()["account_id"] == own.account_id
    desk.views[ListInstallers] = InstallerPage(rows=(), total=0, page=1, per_page=10)
    assert (await visitor.ask("GET", "/installers")).status_code == 200


async def test_account_access_ends_with_the_distributors_own_session(
    desk: Desk, gateway: Running, visitor: Browser
) -> None:
    own, _ = await _switched(desk, visitor)
    del desk.sessions[own.session_id]
    await desk.tell(own.distributor_id or "", "session", own.session_id)
    await _heard(gateway)
    assert (await visitor.ask("GET", "/users")).status_code == 401


async def test_logging_out_under_account_access_ends_both_sessions(desk: Desk, visitor: Browser) -> None:
    own, _ = await _switched(desk, visitor)
    assert (await visitor.ask("DELETE", "/session")).status_code == 204
    assert own.session_id not in desk.sessions
    assert not [each for each in desk.sessions.values() if each.impersonator_id == own.account_id]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/session/password", {"current_password": "x", "new_password": "long-enough-1"}),
        ("PUT", "/account-access", {"granted": True}),
        ("POST", "/impersonation", {"installer_id": str(uuid4()), "reason": "nested"}),
        ("DELETE", f"/sessions/{'0' * 64}", None),
    ],
)
async def test_what_is_the_holders_own_is_refused_under_account_access(
    desk: Desk, visitor: Browser, method: str, path: str, body: dict[str, object] | None
) -> None:
    await _switched(desk, visitor)
    answer = await visitor.ask(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden-while-impersonating")


async def test_a_sessions_agent_holds_no_control_characters(desk: Desk, gateway: Running) -> None:
    desk.people["agent@example.org"] = session_of(Role.INSTALLER)
    async with browser(gateway.url, headers={"User-Agent": b"Fire\x85fox " + b"x" * 1000}) as client:
        await client.log_in("agent@example.org")
    agent = desk.last(OpenSession).agent
    assert re.fullmatch(r"Firefox x+", agent)
    assert len(agent) == 256
