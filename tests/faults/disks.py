"""A disk that can be filled and freed: a small one of its own, or, where none can be mounted, a limit on files."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ops.servers import NatsServer

SIZE_MIB = 64
LEAST_FREE = 8 * 2**20


class Disk(Protocol):
    """Where a nats-server keeps its streams."""

    folder: Path

    def fill(self, server: NatsServer) -> None:
        """No write of the server succeeds any more."""

    def free(self, server: NatsServer) -> None:
        """There is room again."""


class SmallDisk:
    """A disk of 64 MiB: what is written to it when it is full fails with ENOSPC."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, server: NatsServer) -> None:
        with self._ballast.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))

    def free(self, server: NatsServer) -> None:
        self._ballast.unlink()


class LimitedFiles:
    """The disk of this machine, on which the server may not make a file longer: its writes fail with EFBIG.

    The supervisor sees room by the server's own bound, which stands for it here.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, server: NatsServer) -> None:
        assert server.pid is not None
        server.least_free_bytes = 2**60
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    def free(self, server: NatsServer) -> None:
        assert server.pid is not None
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        server.least_free_bytes = LEAST_FREE


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """A disk below `folder`, for as long as this lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "smartplus-test", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield LimitedFiles(folder)
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
