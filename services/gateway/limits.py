"""How many wrong passwords are let through: per account and per address, over all replicas of the gateway.

The rule it protects: guessing is slow however it is spread, and a right password is never counted.
"""

import json
import math
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

from contracts.text import folded
from kernel.decider import Refused
from services.gateway.problems import Problem

# (failures, seconds): five at once and twenty an hour for an account; fifty a minute from an address.
ACCOUNT_LIMITS = ((5, 60.0), (20, 3600.0))
ADDRESS_LIMITS = ((50, 60.0),)
KEPT_MAX = 50_000

SUBJECT = "gateway.failures"
Tell = Callable[[str, bytes], Awaitable[None]]


class Failures:
    """When somebody failed lately, by whom it was tried or from where."""

    def __init__(self, limits: tuple[tuple[int, float], ...]) -> None:
        self._limits = limits
        self._kept_s = max(seconds for _, seconds in limits)
        self._most = max(count for count, _ in limits)
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def add(self, key: str, now: float) -> None:
        """One more failure at `now`."""
        times = self._times.setdefault(key, deque(maxlen=self._most))
        times.append(now)
        self._times.move_to_end(key)
        while len(self._times) > KEPT_MAX:
            self._times.popitem(last=False)

    def take_back(self, key: str, now: float) -> None:
        """The failure added at `now` was none."""
        times = self._times.get(key)
        if times and now in times:
            times.remove(now)

    def wait_s(self, key: str, now: float) -> float:
        """Seconds until another attempt is let through; 0 for at once."""
        times = self._times.get(key, ())
        waits = [0.0]
        for count, seconds in self._limits:
            recent = [each for each in times if each > now - seconds]
            if len(recent) >= count:
                waits.append(recent[-count] + seconds - now)
        return max(waits)


class LoginLimits:
    """The failures that this replica saw and those that the others told of.

    Kept in memory and told on core NATS: a restarted replica begins anew, and a replica that is cut off counts alone.
    Argon2 behind it is bounded by itself, so what a limit must stop is a patient guesser, not a flood.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._replica = uuid4().hex
        self._accounts = Failures(ACCOUNT_LIMITS)
        self._addresses = Failures(ADDRESS_LIMITS)

    @asynccontextmanager
    async def attempt(self, identifier: str, address: str | None) -> AsyncIterator[None]:
        """Around one check of a password. Raises `Problem` 429 with `Retry-After` when there were too many failures.

        The attempt counts as failed from its beginning, so that many at once are not let through together.
        """
        now = time.monotonic()
        account, place = folded(identifier), address or ""
        wait_s = max(self._accounts.wait_s(account, now), self._addresses.wait_s(place, now))
        if wait_s > 0:
            raise Problem(
                429, "too-many", "Too many failed attempts. Wait.", headers={"Retry-After": str(math.ceil(wait_s))}
            )
        self._accounts.add(account, now)
        self._addresses.add(place, now)
        try:
            yield
        except Refused:
            told = {"replica": self._replica, "account": account, "address": place}
            await self._tell(SUBJECT, json.dumps(told).encode())
            raise
        except BaseException:
            self._take_back(account, place, now)
            raise
        self._take_back(account, place, now)

    def _take_back(self, account: str, place: str, now: float) -> None:
        self._accounts.take_back(account, now)
        self._addresses.take_back(place, now)

    def hear(self, _: str, message: bytes) -> None:
        """Another replica saw a failure."""
        told = json.loads(message)
        if told["replica"] == self._replica:
            return
        now = time.monotonic()
        self._accounts.add(told["account"], now)
        self._addresses.add(told["address"], now)
