"""Which devices listen, so that what is sent is heard."""

from __future__ import annotations

import time
from collections.abc import Iterable

_SPOKEN_BEFORE_S = 10.0
# Who is connected for so long listens, also when what it said came by another way than the news of its coming.
_LISTENS_AFTER_S = 10.0


class Listeners:
    """Which devices listen: those that have said their state, and those that have been there for a while."""

    def __init__(self) -> None:
        self._spoke_at: dict[str, float] = {}
        self._came_at: dict[str, float] = {}
        self._ready: set[str] = set()

    def spoke(self, device_id: str) -> None:
        """It has said its state, so it listens now."""
        self._spoke_at[device_id] = time.monotonic()
        self._ready.add(device_id)

    def were_there(self, device_ids: Iterable[str]) -> None:
        """They have said their state to somebody before."""
        self._ready.update(device_ids)

    def came(self, device_id: str) -> None:
        """It has a new connection, on which it has yet to speak, unless the news of it is the later one."""
        self._came_at[device_id] = time.monotonic()
        if time.monotonic() - self._spoke_at.get(device_id, 0.0) > _SPOKEN_BEFORE_S:
            self._ready.discard(device_id)

    def went(self, device_id: str) -> None:
        """It has no connection any more."""
        self._ready.discard(device_id)
        self._came_at.pop(device_id, None)

    def forget(self, device_id: str) -> None:
        """It is no device any more."""
        self.went(device_id)
        self._spoke_at.pop(device_id, None)

    def listens_in_s(self, device_id: str) -> float:
        """After how many seconds it listens; none when it listens now."""
        if device_id not in self._ready:
            left_s = self._came_at.get(device_id, 0.0) + _LISTENS_AFTER_S - time.monotonic()
            if left_s > 0:
                return left_s
            self._ready.add(device_id)
        return 0.0
