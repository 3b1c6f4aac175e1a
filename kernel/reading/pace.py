"""How long a projector lets events of a log come together, so that one transaction takes many of them.

The rule it protects: a first event never waits, and neither does an event that somebody is waiting for.
"""

from __future__ import annotations

import asyncio
import time

# How many times as long as a batch took until the next one for which somebody waits. One caller who looks at each thing
# he did never meets it; of many, several are served together.
_HURRIED_TIMES = 4
# Whoever waits for an event gives up after that long, and hurries nobody any more.
_HURRIED_FOR_S = 2.0


class Pace:
    """The pace of one log: the longer a batch takes, the busier the machine, and the longer the next one may collect.

    It collects `times` as long as the batch before it took, and `longest_s` at most.
    """

    def __init__(self, longest_s: float, times: float) -> None:
        self._longest_s = longest_s
        self._times = times
        self._took_s = 0.0
        self._awaited = 0
        self._awaited_until = 0.0
        self._hurried = asyncio.Event()

    def took(self, duration_s: float) -> None:
        """A batch was written in that time."""
        self._took_s = duration_s

    def hurry(self, seq: int) -> None:
        """Somebody waits for the event `seq`."""
        self._awaited = max(self._awaited, seq)
        self._awaited_until = time.monotonic() + _HURRIED_FOR_S
        self._hurried.set()

    async def rest(self, seq: int) -> None:
        """Returns when the batch after the event `seq` may be taken.

        Nearly at once while somebody waits for an event after it.
        """
        began_at = time.monotonic()
        self._hurried.clear()
        if not self._is_awaited_after(seq):
            try:
                async with asyncio.timeout(min(self._longest_s, self._times * self._took_s)):
                    await self._hurried.wait()
            except TimeoutError:
                return
        await asyncio.sleep(min(self._longest_s, _HURRIED_TIMES * self._took_s) - (time.monotonic() - began_at))

    def _is_awaited_after(self, seq: int) -> bool:
        return self._awaited > seq and time.monotonic() < self._awaited_until
