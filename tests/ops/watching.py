"""Whether processes live, for tests that must leave none, and how one is frozen for certain."""

import asyncio
import os
import signal
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    return _state(pid) not in ("", "Z")


async def gone(pids: list[int]) -> None:
    """Returns when none of them runs; TimeoutError after ten seconds."""
    async with asyncio.timeout(10):
        while any(alive(pid) for pid in pids):  # noqa: ASYNC110 (the kernel has no event for it)
            await asyncio.sleep(0.01)


async def freeze(pid: int) -> None:
    """SIGSTOP, which ends with SIGCONT. Returns when no thread runs: for some milliseconds one may, and answer."""
    os.kill(pid, signal.SIGSTOP)
    async with asyncio.timeout(10):
        while _is_running(pid):  # noqa: ASYNC110 (the kernel has no event for it)
            await asyncio.sleep(0)


def descendants(pid: int) -> list[int]:
    """The living children of a process, theirs too."""
    children = [int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if _parent(stat) == pid]
    return [each for child in children for each in [child, *descendants(child)]]


def command_line(pid: int) -> bytes:
    """Its program and arguments, separated by zero bytes."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _is_running(pid: int) -> bool:
    return any(_fields(thread)[:1] != ["T"] for thread in Path(f"/proc/{pid}/task").glob("*/stat"))


def _fields(stat: Path) -> list[str]:
    try:
        return stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _state(pid: int) -> str:
    return next(iter(_fields(Path(f"/proc/{pid}/stat"))), "")


def _parent(stat: Path) -> int:
    fields = _fields(stat)
    return int(fields[1]) if fields else 0
