"""How much disk a machine with everything on it needs, once its logs are full."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ByteSize

from kernel.process.settings import DEFAULT_LOG_MAX_BYTES, room_of
from ops.events import SERVICES
from ops.failures import ServerFailed

# mongod's journal and oplog, timers, what waits for devices, and files of logs.
_BESIDE = 2 * 2**30
# Read models are the newest state of what the log tells, with indexes: seldom more than the log itself.
_READ_MODELS = 1.0


@dataclass(frozen=True)
class DiskNeed:
    """Bytes that each log may hold, by service."""

    logs: Mapping[str, int]

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> DiskNeed:
        """What the settings of this environment ask for. Raises `ServerFailed` when they are no sizes."""
        sizes = environment.get("SMARTPLUS_LOG_MAX_BYTES") or DEFAULT_LOG_MAX_BYTES
        try:
            return cls({service: room_of(sizes, service) for service in SERVICES})
        except ValueError as error:
            raise ServerFailed(f"SMARTPLUS_LOG_MAX_BYTES: {error}") from None

    @property
    def total(self) -> int:
        """With read models and what stands beside them."""
        return int(sum(self.logs.values()) * (1 + _READ_MODELS)) + _BESIDE

    def in_words(self) -> str:
        """For an operator."""
        logs = ", ".join(f"{service} {_words(most)}" for service, most in self.logs.items())
        return f"up to {_words(self.total)} are needed when the logs are full ({logs})"

    def warning(self, folder: Path) -> str | None:
        """What to say at the start when the disk under `folder` may not suffice."""
        usage = shutil.disk_usage(folder)
        used = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
        if usage.free + used >= self.total:
            return None
        return f"{_words(usage.free)} are free at {folder}, and {self.in_words()}: SMARTPLUS_LOG_MAX_BYTES bounds them"


def _words(size: int) -> str:
    return ByteSize(size).human_readable()
