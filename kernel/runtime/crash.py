"""Places where a test may kill the process: nothing acknowledged may be lost, everything unfinished must resume."""

import os
import signal
from collections import Counter
from pathlib import Path

_passed: Counter[str] = Counter()
# Whether a test may ask for it at all: every command comes past several places.
_armed = not os.environ.keys().isdisjoint(("CRASH_AT", "CRASH_FILE"))


def crash_here(point: str) -> None:
    """SIGKILL to this process when CRASH_AT is `point`, or `point:3` for the third time; otherwise nothing.

    CRASH_FILE names a file that may tell the same of a process that runs; it is gone once it was obeyed. A process that
    was started with neither is never killed.
    """
    if not _armed or not (wanted := os.environ.get("CRASH_AT") or _told()):
        return
    name, _, times = wanted.partition(":")
    if name == point:
        _passed[point] += 1
        if _passed[point] == int(times or 1):
            if file := os.environ.get("CRASH_FILE"):
                Path(file).unlink(missing_ok=True)
            os.kill(os.getpid(), signal.SIGKILL)


def _told() -> str:
    if not (file := os.environ.get("CRASH_FILE")):
        return ""
    try:
        return Path(file).read_text()
    except FileNotFoundError:
        return ""
