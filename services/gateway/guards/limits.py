"""How many wrong passwords and wrong codes of labels are let through, over all replicas of the gateway.

The rules it protects: guessing is slow however it is spread and however a login is spelt; a right password is never
taken for a wrong one; and nobody locks another person out, who comes with a browser that was good before, nor an
address for all. Right passwords have a count of their own: each login is recorded, in no tenant's budget.
"""

import asyncio
import hashlib
import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from contracts.message import Actor, Refused
from services.gateway.guards.failures import Addresses, Failures, place_of
from services.gateway.http.problems import Problem

# (failures, seconds): five at once and twenty an hour, for an account and for each browser that it was used with.
LIMITS = ((5, 60.0), (20, 3600.0))
# Logins and new passwords of one account: what a person with the right password may have recorded.
RIGHT_LIMITS = ((120, 3600.0),)
# Wrong codes of labels, by who acts: a code is read off a label, and never found by trying.
CLAIM_LIMITS = ((30, 3600.0),)
# What leads to nobody, of which there is any number, must not push accounts out of the memory.
ACCOUNTS_MAX = 50_000
BROWSERS_MAX = 20_000
NOBODIES_MAX = 20_000

SUBJECT = "gateway.failures"
_RIGHT, _CLAIM = "right", "claim"
_WRONG_CLAIM = "mac-claim-refused"
Tell = Callable[[str, bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """Whose password is tried, from where. Without an account `login` is the login's name in every spelling.

    `browser` names a browser with which somebody has logged in to that account before.
    """

    account_id: str | None
    login: str
    address: str | None
    browser: str | None = None


class LoginLimits:
    """The failures that this replica saw and those that the others told of.

    Kept in memory and told on core NATS: a restarted replica begins anew, and a replica that is cut off counts alone.
    Argon2 behind it is bounded by itself, so what a limit must stop is a patient guesser, not a flood.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._replica = uuid4().hex
        self._counts = {
            "account": Failures(LIMITS, ACCOUNTS_MAX),
            "browser": Failures(LIMITS, BROWSERS_MAX),
            "nobody": Failures(LIMITS, NOBODIES_MAX),
            _RIGHT: Failures(RIGHT_LIMITS, ACCOUNTS_MAX),
            _CLAIM: Failures(CLAIM_LIMITS, ACCOUNTS_MAX),
        }
        self._addresses = Addresses()

    @asynccontextmanager
    async def attempt(self, attempt: Attempt) -> AsyncIterator[None]:
        """Around one check of a password. Raises `Problem` 429 with `Retry-After` when there were too many failures.

        The attempt counts as failed from its beginning, so that many at once are not let through together. From an
        address that failed for many accounts it begins some seconds later, unless the browser was good before.
        """
        kind, key = _counted_by(attempt)
        place = None if attempt.browser else place_of(attempt.address)
        now = time.monotonic()
        counts, right = self._counts[kind], self._counts[_RIGHT]
        if (wait_s := counts.wait_s(key, now)) > 0:
            raise too_many(wait_s)
        person = _short(attempt.account_id) if attempt.account_id else None
        if person and (wait_s := right.wait_s(person, now)) > 0:
            raise too_many(wait_s, "Too many logins. Wait.")
        counts.add(key, now)
        try:
            if place is not None:
                await self._slowed(place)
            yield
        except Refused:
            if place is not None:
                self._addresses.add(place, key, now)
            await self._tell_others(kind, key, place)
            raise
        except Exception:
            counts.take_back(key, now)
            raise
        counts.take_back(key, now)
        if person:
            right.add(person, now)
            await self._tell_others(_RIGHT, person, None)

    @asynccontextmanager
    async def claim(self, actor: Actor) -> AsyncIterator[None]:
        """Around one claim of a MAC. Raises `Problem` 429 after 30 wrong codes in an hour, whatever this code is.

        Under account access it is the person behind it who counts, in every account that they enter.
        """
        key, now = _short(actor.impersonator_id or actor.account_id), time.monotonic()
        counts = self._counts[_CLAIM]
        if (wait_s := counts.wait_s(key, now)) > 0:
            raise too_many(wait_s, "Too many wrong codes. Wait.")
        counts.add(key, now)
        try:
            yield
        except Exception as failure:
            if isinstance(failure, Refused) and failure.code == _WRONG_CLAIM:
                await self._tell_others(_CLAIM, key, None)
            else:
                counts.take_back(key, now)
            raise
        counts.take_back(key, now)

    async def _tell_others(self, kind: str, key: str, place: str | None) -> None:
        told = {"replica": self._replica, "kind": kind, "key": key, "place": place}
        await self._tell(SUBJECT, json.dumps(told).encode())

    async def _slowed(self, place: str) -> None:
        pause_s = self._addresses.turn_s(place, time.monotonic())
        if pause_s is None:
            raise too_many(self._addresses.LONGEST_PAUSE_S)
        if pause_s > 0:
            await asyncio.sleep(pause_s)

    def hear(self, _: str, message: bytes) -> None:
        """Another replica saw a failure, or a login."""
        told = json.loads(message)
        if told["replica"] == self._replica or told.get("kind") not in self._counts:
            return
        now = time.monotonic()
        self._counts[told["kind"]].add(told["key"], now)
        if told["place"] is not None:
            self._addresses.add(told["place"], told["key"], now)


def _counted_by(attempt: Attempt) -> tuple[str, str]:
    """The kind of count and the key in it: of one length, and telling nothing to whoever reads it."""
    if attempt.account_id is None:
        return "nobody", _short(attempt.login)
    if attempt.browser is not None:
        return "browser", _short(f"{attempt.browser}/{attempt.account_id}")
    return "account", _short(attempt.account_id)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def too_many(wait_s: float, sentence: str = "Too many failed attempts. Wait.") -> Problem:
    """The refusal of whoever must wait that many seconds."""
    return Problem(429, "too-many", sentence, headers={"Retry-After": str(math.ceil(wait_s))})
