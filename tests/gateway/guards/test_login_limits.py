"""Wrong passwords: slow for whoever guesses, however it is spelt and spread; nobody else is locked out."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from contracts.message import Role
from services.gateway.app import Running, running
from services.gateway.guards.failures import Addresses, Failures, place_of
from services.gateway.guards.limits import LIMITS
from services.gateway.settings import GatewaySettings
from tests.gateway.conftest import PASSWORD, Browser, Desk, browser, session_of


@pytest.fixture
async def fresh(desk: Desk, gateway_settings: GatewaySettings) -> AsyncIterator[Running]:
    """A gateway that has seen no wrong password yet."""
    async with running(gateway_settings) as at_work:
        yield at_work


def _somebody(desk: Desk) -> str:
    identifier = f"{uuid4().hex}@example.org"
    desk.people[identifier] = session_of(Role.INSTALLER)
    return identifier


async def _from(address: str, running: Running, identifier: str, password: str = "wrong") -> int:
    async with browser(running.url, headers={"X-Forwarded-For": address}) as visitor:
        return (await visitor.log_in(identifier, password)).status_code


async def test_too_many_wrong_passwords_for_an_account_are_refused_with_the_time_to_wait(
    desk: Desk, visitor: Browser
) -> None:
    identifier = _somebody(desk)
    for _ in range(5):
        assert (await visitor.log_in(identifier, "wrong")).status_code == 401
    answer = await visitor.log_in(identifier.upper())
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


async def test_all_logins_of_an_account_and_all_their_spellings_are_one_count(desk: Desk, fresh: Running) -> None:
    identifier = _somebody(desk)
    others = [f"{identifier}/{n}" for n in range(30)]
    desk.spellings.update(dict.fromkeys(others, identifier))
    statuses = [await _from(f"198.51.100.{n}", fresh, each) for n, each in enumerate(others)]
    assert statuses == [401] * 5 + [429] * 25


async def test_right_passwords_are_never_limited(desk: Desk, visitor: Browser) -> None:
    identifier = _somebody(desk)
    for _ in range(12):
        assert (await visitor.log_in(identifier)).status_code == 200


async def test_with_the_right_password_one_account_logs_in_so_often_and_no_more(desk: Desk, fresh: Running) -> None:
    """Each login is recorded, in nobody's budget: one resident alone could fill the log of a region."""
    identifier, another = _somebody(desk), _somebody(desk)
    async with browser(fresh.url) as own:
        statuses = [(await own.log_in(identifier)).status_code for _ in range(60)]
    statuses += [await _from(f"198.51.100.{n}", fresh, identifier, PASSWORD) for n in range(62)]
    assert (statuses[:120], statuses[120:]) == ([200] * 120, [429] * 2)
    async with browser(fresh.url) as visitor:
        answer = await visitor.log_in(identifier)
        assert answer.json()["detail"] == "Too many logins. Wait."
        assert 3000 < int(answer.headers["retry-after"]) <= 3600
        assert (await visitor.log_in(another)).status_code == 200


async def test_a_browser_that_was_good_before_is_not_locked_out_by_others(desk: Desk, fresh: Running) -> None:
    identifier = _somebody(desk)
    async with browser(fresh.url) as own:
        assert (await own.log_in(identifier)).status_code == 200
        own.http.cookies.delete("session")
        own.http.cookies.delete("csrftoken")
        for n in range(6):
            await _from(f"198.51.100.{n}", fresh, identifier)
        assert await _from("198.51.100.9", fresh, identifier, PASSWORD) == 429
        assert (await own.log_in(identifier)).status_code == 200


async def test_a_good_browser_guesses_no_faster_than_others(desk: Desk, fresh: Running) -> None:
    identifier = _somebody(desk)
    async with browser(fresh.url) as own:
        await own.log_in(identifier)
        statuses = [(await own.log_in(identifier, "wrong")).status_code for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2


@pytest.mark.parametrize("forgery", ["another account", "another browser", "no signature"])
async def test_a_browser_is_good_for_the_accounts_that_it_logged_in_to(
    desk: Desk, fresh: Running, forgery: str
) -> None:
    victim, own = _somebody(desk), _somebody(desk)
    async with browser(fresh.url) as attacker:
        await attacker.log_in(own)
        shown = attacker.http.cookies["browser"]
        name, _, marks = shown.partition(".")
        forged = {
            "another account": shown,
            "another browser": f"{'A' * 22}.{marks}",
            "no signature": f"{name}.{marks.partition('-')[0]}-{'A' * 22}",
        }[forgery]
        statuses = []
        for _ in range(7):
            attacker.http.cookies.clear()
            attacker.http.cookies.set("browser", forged, domain="127.0.0.1", path="/")
            statuses.append((await attacker.log_in(victim, "wrong")).status_code)
    assert statuses == [401] * 5 + [429] * 2
    assert await _from("203.0.113.5", fresh, victim, PASSWORD) == 429


async def test_a_browser_that_several_people_use_is_good_for_each(desk: Desk, fresh: Running) -> None:
    people = [_somebody(desk) for _ in range(3)]
    async with browser(fresh.url) as shared:
        for each in people:
            assert (await shared.log_in(each)).status_code == 200
        cookie = shared.http.cookies["browser"]
    for each in people:
        for n in range(6):
            await _from(f"198.51.100.{n}", fresh, each)
        async with browser(fresh.url, headers={"Cookie": f"browser={cookie}"}) as again:
            assert (await again.log_in(each)).status_code == 200


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """How long each attempt had to wait for its turn."""
    heard: list[float | None] = []
    turn_s = Addresses.turn_s

    def hear(self: Addresses, place: str, now: float) -> float | None:
        heard.append(turn_s(self, place, now))
        return heard[-1]

    monkeypatch.setattr(Addresses, "turn_s", hear)
    return heard


async def test_an_address_from_which_many_failed_is_slowed_and_never_closed(
    desk: Desk, fresh: Running, pauses: list[float | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Addresses, "GAP_S", 4.0)
    statuses = [await _from("203.0.113.7", fresh, f"nobody-{n}@example.org") for n in range(Addresses.ACCOUNTS)]
    assert statuses == [401] * Addresses.ACCOUNTS
    # The next has its turn at once; then one after the other.
    assert await _from("203.0.113.7", fresh, "nobody-31@example.org") == 401
    began = time.monotonic()
    assert await _from("203.0.113.7", fresh, _somebody(desk), PASSWORD) == 200
    assert pauses[-1] is not None
    assert 0 < pauses[-1] <= time.monotonic() - began
    assert await _from("203.0.113.8", fresh, _somebody(desk), PASSWORD) == 200
    assert pauses[-1] == 0


async def test_fifty_one_wrong_passwords_for_one_account_do_not_slow_its_address(
    desk: Desk, fresh: Running, pauses: list[float | None]
) -> None:
    identifier = _somebody(desk)
    for _ in range(51):
        await _from("203.0.113.7", fresh, identifier)
    assert await _from("203.0.113.7", fresh, _somebody(desk), PASSWORD) == 200
    assert set(pauses) == {0}


async def test_failures_at_another_replica_count_here(
    desk: Desk, gateway: Running, gateway_settings: GatewaySettings, visitor: Browser
) -> None:
    identifier = _somebody(desk)
    async with running(gateway_settings) as other, browser(other.url) as elsewhere:
        for _ in range(5):
            assert (await elsewhere.log_in(identifier, "wrong")).status_code == 401
        await other.caller._client.flush()
        await gateway.caller._client.flush()
        answer = await visitor.log_in(identifier)
    assert answer.status_code == 429


async def test_what_replicas_tell_each_other_names_nobody(desk: Desk, fresh: Running) -> None:
    heard: list[bytes] = []

    async def hear(message: object) -> None:
        heard.append(message.data)  # type: ignore[attr-defined]

    subscription = await desk.client.subscribe("gateway.failures", cb=hear)
    await desk.client.flush()
    await _from("203.0.113.7", fresh, "canary-7f3a@example.org")
    await fresh.caller._client.flush()
    await desk.client.flush()
    await subscription.unsubscribe()
    assert heard
    assert all(b"canary-7f3a" not in each for each in heard)


async def test_many_attempts_at_once_are_not_let_through_together(desk: Desk, fresh: Running) -> None:
    identifier = _somebody(desk)
    statuses = await asyncio.gather(*(_from("203.0.113.7", fresh, identifier) for _ in range(20)))
    assert sorted(statuses) == [401] * 5 + [429] * 15


def test_the_memory_of_failures_is_bounded_and_forgets_the_longest_silent_first() -> None:
    failures = Failures(LIMITS, 100)
    for n in range(1_000):
        failures.add(f"k{n}", float(n))
    assert len(failures._times) == 100
    assert failures.wait_s("k0", 1_000.0) == 0
    addresses = Addresses()
    for n in range(addresses.KEPT_MAX + 50):
        for account in range(2):
            addresses.add(f"p{n}", f"a{account}", float(n))
    for n in range(100):
        addresses.add("one", f"a{n}", 0.0)
    assert len(addresses._failed) == addresses.KEPT_MAX
    assert len(addresses._failed["one"]) == addresses.ACCOUNTS


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        (None, ""),
    ],
)
def test_an_ipv6_subscriber_is_one_place(address: str | None, place: str) -> None:
    assert place_of(address) == place
