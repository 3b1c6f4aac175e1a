"""What one machine's SmartPlus keeps under its data folder: the servers' data, a secret, and where it runs now.

The rule it protects: one `up` per data folder, and nothing outside these names is ever deleted.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from kernel.keeping.wrapping import ids_in, make_key
from ops.failures import ServerFailed

_SECRET_BITS = 256
_RUNNING = "running.json"
_OWNED = ("nats", "mongod", "secret", "keys", "intercoms", _RUNNING)


@contextlib.contextmanager
def held(data: Path) -> Iterator[None]:
    """Hold the data folder for this process; ServerFailed when another one holds it."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServerFailed(
                f"SmartPlus already runs on {data}. Stop it (Ctrl-C there), or choose another folder with --data."
            ) from None
        yield


def wipe(data: Path) -> None:
    """Delete all that SmartPlus keeps in this folder, and only that."""
    for name in _OWNED:
        path = data / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def has_data(data: Path) -> bool:
    """Whether an earlier run left something here."""
    return any((data / name).exists() for name in _OWNED)


def secret_file(data: Path) -> Path:
    """The file with this machine's secret (64 hex digits, readable by its owner alone), made on the first call."""
    path = data / "secret"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(_SECRET_BITS // 8))
    return path


def keys_folder(data: Path) -> Path:
    """The folder with the keys that wrap this machine's data keys, with a first one."""
    folder = data / "keys"
    folder.mkdir(mode=0o700, exist_ok=True)
    if not ids_in(folder):
        make_key(folder)
    return folder


@contextlib.contextmanager
def announced(data: Path, environment: dict[str, str]) -> Iterator[None]:
    """While this lasts, other `smartplus` commands find the running system through the data folder."""
    path = data / _RUNNING
    path.write_text(json.dumps({"pid": os.getpid(), "environment": environment}, indent=2))
    path.chmod(0o600)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def environment(data: Path) -> dict[str, str]:
    """How to reach the system that runs on this folder (NATS_URL, MONGODB_URI, …); empty when none does."""
    path = data / _RUNNING
    if not path.exists():
        return {}
    running = json.loads(path.read_text())
    try:
        os.kill(running["pid"], 0)
    except ProcessLookupError:  # a killed `up` leaves its announcement behind
        return {}
    return dict(running["environment"])
