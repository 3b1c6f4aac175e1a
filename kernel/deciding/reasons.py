"""What may be said of a failure: what failed and where, and no value that may be somebody's."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

from pydantic import ValidationError
from pymongo.errors import OperationFailure

from kernel.deciding.codec import Undecodable

_REASON_MAX = 300
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}|[0-9]{1,6}")


def reason_of(failure: BaseException) -> str:
    """What failed and where, without the values at fault, which may be personal: 300 characters at the most."""
    if isinstance(failure, Undecodable):
        reason = failure.reason
    elif isinstance(failure, ValidationError):
        faults = failure.errors(include_input=False, include_url=False, include_context=False)
        reason = "; ".join(f"{'.'.join(map(_name, fault['loc']))}: {fault['type']}" for fault in faults)
    else:
        frames = traceback.extract_tb(failure.__traceback__)
        place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        reason = f"{type(failure).__name__}{_codes(failure)}{place}"
    return reason.encode(errors="replace").decode()[:_REASON_MAX]


def _codes(failure: BaseException) -> str:
    if not isinstance(failure, OperationFailure):
        return ""
    each = (failure.details or {}).get("writeErrors") or [{"code": failure.code}]
    return "".join(f" {error.get('code')}" for error in each[:3])


def _name(part: object) -> str:
    """A part of the way to a fault; keys that somebody chose are not repeated."""
    return str(part) if _NAME.fullmatch(str(part)) else "?"
