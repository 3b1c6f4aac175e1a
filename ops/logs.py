"""Log files of a bounded size, for programs that write to the end of one file as long as they live.

The rule it protects: what is written at the end of a file, and its last copies, never fill the disk.
"""

import asyncio
import contextlib
import os
import shutil
from pathlib import Path

LARGEST_BYTES = 16 * 2**20
COPIES = 3

_LOOK_EVERY_S = 5.0


def rotate(path: Path, largest: int | None = None) -> bool:
    """Make `path.1` of the file when it is larger than `largest` bytes, `path.2` of that, and so on; the last one goes.

    The file itself is emptied in place, so that whoever has it open for appending goes on in it. A line that is written
    in that moment may be lost.
    """
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > (LARGEST_BYTES if largest is None else largest):
            for number in range(COPIES - 1, 0, -1):
                with contextlib.suppress(FileNotFoundError):
                    _copy(path, number).replace(_copy(path, number + 1))
            shutil.copy(path, _copy(path, 1))  # with its mode: who may not read the file may not read the copy
            os.truncate(path, 0)
            return True
    return False


async def keep_small(path: Path, writer: asyncio.subprocess.Process) -> None:
    """Look at the file every few seconds, as long as the process lives that writes it."""
    while writer.returncode is None:
        with contextlib.suppress(OSError):  # a full disk: the next look may find room
            await asyncio.to_thread(rotate, path)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(writer.wait(), _LOOK_EVERY_S)


def files(path: Path) -> list[Path]:
    """The file and its copies, those that are there."""
    return [each for each in (path, *(_copy(path, number) for number in range(1, COPIES + 1))) if each.exists()]


def _copy(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
