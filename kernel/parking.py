"""Where an event waits that its reader cannot take: with its reason, and the later events of its aggregate behind it.

The rule it protects: nothing is skipped in silence, and nothing of one aggregate is taken out of order.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kernel.codec import Undecodable

POISONED_IN_A_ROW = 5
WAITING = "waits for an earlier event of its aggregate"


class Poisoned(Exception):
    """Several events in a row failed, so the reader itself must be wrong: it stops instead of parking the whole log."""


class StillPoisoned(Exception):
    """What was to be unparked cannot be taken yet; nothing has changed."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A message that waits: why, or that only an earlier one of its subject is at fault."""

    stream: str
    seq: int
    subject: str
    reason: str

    def document(self) -> dict[str, Any]:
        return {
            "_id": f"{self.stream}.{self.seq}",
            "stream": self.stream,
            "seq": self.seq,
            "subject": self.subject,
            "reason": self.reason,
        }


def reason_of(failure: Exception) -> str:
    """What failed and where, without the values at fault: they may be personal."""
    if isinstance(failure, Undecodable):
        return failure.reason
    if isinstance(failure, ValidationError):
        faults = failure.errors(include_input=False, include_url=False, include_context=False)
        return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['type']}" for fault in faults)
    frames = traceback.extract_tb(failure.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(failure).__name__}{place}"
