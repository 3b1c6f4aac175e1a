"""The memory of wrong passwords: by whom they were tried, and for how many accounts from one address.

The rule it protects: whatever arrives, the memory stays bounded.
"""

from collections import OrderedDict, deque
from ipaddress import IPv6Address, ip_address


class Failures:
    """When somebody failed lately; of at most `kept_max` keys, the longest silent ones are forgotten."""

    def __init__(self, limits: tuple[tuple[int, float], ...], kept_max: int) -> None:
        self._limits = limits
        self._kept_max = kept_max
        self._most = max(count for count, _ in limits)
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def add(self, key: str, now: float) -> None:
        """One more failure at `now`."""
        times = self._times.setdefault(key, deque(maxlen=self._most))
        times.append(now)
        self._times.move_to_end(key)
        while len(self._times) > self._kept_max:
            self._times.popitem(last=False)

    def take_back(self, key: str, now: float) -> None:
        """The failure added at `now` was none."""
        times = self._times.get(key)
        if times and now in times:
            times.remove(now)
            if not times:
                del self._times[key]

    def wait_s(self, key: str, now: float) -> float:
        """Seconds until another attempt is let through; 0 for at once."""
        times = self._times.get(key, ())
        waits = [0.0]
        for count, seconds in self._limits:
            recent = [each for each in times if each > now - seconds]
            if len(recent) >= count:
                waits.append(recent[-count] + seconds - now)
        return max(waits)


class Addresses:
    """For how many accounts a wrong password came from one address lately. An address is slowed and never closed.

    Behind one address there may be an office, or a city: what tells a guesser is the number of accounts.
    """

    ACCOUNTS = 30
    WITHIN_S = 600.0
    GAP_S = 1.0
    LONGEST_PAUSE_S = 10.0
    KEPT_MAX = 10_000

    def __init__(self) -> None:
        self._failed: OrderedDict[str, OrderedDict[str, float]] = OrderedDict()
        self._next_turn: dict[str, float] = {}

    def add(self, place: str, account: str, now: float) -> None:
        """A wrong password for that account."""
        accounts = self._failed.setdefault(place, OrderedDict())
        accounts[account] = now
        accounts.move_to_end(account)
        if len(accounts) > self.ACCOUNTS:
            accounts.popitem(last=False)
        self._failed.move_to_end(place)
        while len(self._failed) > self.KEPT_MAX:
            forgotten, _ = self._failed.popitem(last=False)
            self._next_turn.pop(forgotten, None)

    def turn_s(self, place: str, now: float) -> float | None:
        """Seconds until the next attempt from there has its turn; None when too many wait already."""
        accounts = self._failed.get(place) or OrderedDict[str, float]()
        if sum(at > now - self.WITHIN_S for at in accounts.values()) < self.ACCOUNTS:
            return 0.0
        turn = max(now, self._next_turn.get(place, 0.0))
        if turn - now > self.LONGEST_PAUSE_S:
            return None
        self._next_turn[place] = turn + self.GAP_S
        return turn - now


def place_of(address: str | None) -> str:
    """The address as one place: an IPv6 subscriber has a whole /64, and an IPv4 address may be written as IPv6."""
    try:
        parsed = ip_address((address or "").partition("%")[0])
    except ValueError:
        return address or ""
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)
