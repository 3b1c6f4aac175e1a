"""Whether a reader of a log gets on, or meets the same trouble again and again.

The rule it protects: what is tried again for ever is seen. A reader that nothing stops must say since when it has
taken nothing, and why.
"""

from __future__ import annotations

import time
from collections.abc import Callable

GRACE_S = 5.0
"""So long trouble may be passing, and nobody is told."""


class Progress:
    """Begins well. Trouble before anything was taken is over once its place is known; else once a batch is through."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None
        self._reason = ""
        self._is_taking = False

    def opened(self) -> None:
        """Its place is known, and it waits for events."""
        if not self._is_taking:
            self._since = None

    def takes(self) -> None:
        """It has events in hand."""
        self._is_taking = True

    def stepped(self) -> None:
        """What it had in hand is done, or is in the hands of another replica."""
        self._is_taking, self._since = False, None

    def failed(self, reason: str) -> None:
        """It begins again from where it was."""
        self._since = self._clock() if self._since is None else self._since
        self._reason = reason

    @property
    def trouble(self) -> str | None:
        """Since when it has not got on, and why; None while it does, and for the first seconds."""
        if self._since is None or (lasted := self._clock() - self._since) < GRACE_S:
            return None
        return f"has not got on for {lasted:.0f} s: {self._reason}"
