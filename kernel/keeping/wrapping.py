"""The keys that wrap data keys, as files outside of every database, so that a former one can really be destroyed.

A file is called `<id>.key` and holds 32 bytes in hexadecimal. Ids begin with the time at which the key was made, so
that the newest comes last; that one wraps, and every one that is there opens.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol

from kernel.runtime.crash import crash_here

KEY_BYTES = 32
_FILE = re.compile(r"(k[0-9]{8}T[0-9]{12}Z-[0-9a-f]{8})\.key")
_TIME = "k%Y%m%dT%H%M%S%fZ"
_UNFINISHED = ".unfinished-"
_LOCK = ".lock"
_LOOKS_EVERY_S = 1.0


class Wrapping(NamedTuple):
    """A key that wraps data keys, and the name under which what it wrapped says so."""

    id: str
    key: bytes


class Wrappings(Protocol):
    """Where the wrapping keys are found: in a secret, or in a folder."""

    def present(self) -> Wrapping:
        """The one under which new data keys are wrapped."""
        ...

    def opening(self, id: str) -> bytes | None:
        """The one called `id`; None when it is not here, or not any more."""
        ...

    def reread(self) -> None:
        """Learn of keys that came, and forget those that went."""
        ...


def mark_of(wrapping: bytes) -> str:
    """How a wrapping key that comes from a secret is called: 16 hex digits, which come before every id of a file."""
    return hashlib.sha256(b"smartplus wrapping" + wrapping).hexdigest()[:16]


def is_of_a_folder(id: str) -> bool:
    """Whether a wrapping key of this name is a file, and no secret's."""
    return id.startswith("k")


class WrappingKeys:
    """The wrapping keys of a folder. What was wrapped before there was a folder opens under `former`."""

    def __init__(self, folder: Path, former: Wrappings) -> None:
        self.folder = folder
        self._former = former
        self._keys: dict[str, bytes] = {}
        self._looked_at = 0.0
        self.reread()

    def present(self) -> Wrapping:
        """The newest; that of the secret while the folder has never had one."""
        if time.monotonic() - self._looked_at > _LOOKS_EVERY_S:
            self.reread()
        return Wrapping(*max(self._keys.items())) if self._keys else self._former.present()

    def opening(self, id: str) -> bytes | None:
        return self._keys.get(id) or self._former.opening(id)

    def reread(self) -> None:
        """Keeps what it has when the folder is away or empty: a mount that is missing is no news of keys."""
        self._looked_at = time.monotonic()
        read = {id: key for id in ids_in(self.folder) if (key := self._keys.get(id) or self._key_in(id))}
        self._keys = read or self._keys

    def make(self) -> str:
        """Add a key that comes after all others, on the disk when this returns; its name. Raises `OSError`."""
        id = make_key(self.folder)
        self.reread()
        return id

    def destroy_before(self, id: str) -> int:
        """Overwrite and unlink every key that is older than the one called `id`; how many. Raises `OSError`.

        What the disk below keeps of blocks that were overwritten is out of reach: see docs/operating/erasure.md.
        """
        former = [_file(self.folder, each) for each in ids_in(self.folder) if each < id]
        for file in (*former, *self.folder.glob(f"{_UNFINISHED}*")):
            _shred(file)
        _sync(self.folder)
        self.reread()
        return len(former)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Be the only one who makes and destroys keys here. Raises `BlockingIOError` when somebody else is."""
        with (self.folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield

    def _key_in(self, id: str) -> bytes | None:
        try:
            key = bytes.fromhex(_file(self.folder, id).read_text("ascii"))
        except (OSError, ValueError):
            return None  # being destroyed
        return key if len(key) == KEY_BYTES else None


def ids_in(folder: Path) -> list[str]:
    """The names of the keys that the folder has, the oldest first, those with spoiled files too."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError:
        return []
    return [found[1] for name in names if (found := _FILE.fullmatch(name))]


def make_key(folder: Path) -> str:
    """Add a key that comes after all others there, on the disk when this returns; its name. Raises `OSError`."""
    newest = max((_made_at(id) for id in ids_in(folder)), default=datetime.min.replace(tzinfo=UTC))
    at = max(datetime.now(UTC), newest + timedelta(microseconds=1))
    id = f"{at.strftime(_TIME)}-{os.urandom(4).hex()}"
    unfinished = folder / f"{_UNFINISHED}{id}"
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(os.urandom(KEY_BYTES).hex())
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(_file(folder, id))
    _sync(folder)
    return id


def _file(folder: Path, id: str) -> Path:
    return folder / f"{id}.key"


def _made_at(id: str) -> datetime:
    return datetime.strptime(id.partition("-")[0], _TIME).replace(tzinfo=UTC)


def _shred(file: Path) -> None:
    with file.open("r+b") as old:
        old.write(os.urandom(file.stat().st_size))
        old.flush()
        os.fsync(old.fileno())
    crash_here("rotation.overwritten")
    file.unlink()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
