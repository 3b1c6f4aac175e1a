"""What errors of nats-server mean for a log, and how long one waits before the same is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from nats import errors

from kernel.log.group_commit import Doubt, Unsettled

ATTEMPT_S = 2.0
PAUSE_S = 0.01
MOST_PAUSE_S = 0.5

# The client is not connected, or its server did not answer: whatever was sent may have arrived.
UNREACHED = (
    TimeoutError,
    OSError,
    errors.ConnectionClosedError,
    errors.ConnectionDrainingError,
    errors.ConnectionReconnectingError,
    errors.OutboundBufferLimitError,
)

# Error codes of the server (`errors.json` of nats-server) by what they mean for an append.
_CONTENDED_CODES = {10071, 10164}
_KNOWN_CODES = {10158, 10201}
_FULL_CODES = {10002, 10023, 10028, 10047}
_NO_STORAGE = 10047
_STORE_FAILED = 10077
# No leader yet, expectation not ready, batch torn by a lost connection, too many batches: the same may be tried again.
_PASSING_CODES = {10008, 10009, 10163, 10176, 10210, 10118}
NO_MESSAGE = 10037
NO_STREAM = 10059
STREAM_TAKEN = 10058


def code_of(answer: Mapping[str, Any]) -> int:
    """The server's own number of the error; 0 when there is none."""
    return int(answer.get("error", {}).get("err_code", 0))


def way_out(trouble: Mapping[str, Any]) -> str:
    """What an operator can do about it, as a sentence; empty when that is not known."""
    if trouble.get("err_code") != _NO_STORAGE:
        return ""
    return " Free the disk of nats-server and restart it, or have the log hold less with SMARTPLUS_LOG_MAX_BYTES."


def now() -> float:
    """Seconds, on the clock of the running loop."""
    return asyncio.get_running_loop().time()


def doubt_of(error: Mapping[str, Any]) -> Unsettled:
    """What is not known of an append after this answer."""
    code, words = error.get("err_code"), f"{error.get('err_code')} {error.get('description')}"
    if code in _CONTENDED_CODES:
        return Unsettled(Doubt.CONTENDED, words)
    if code in _KNOWN_CODES:
        return Unsettled(Doubt.KNOWN, words)
    if code in _FULL_CODES or (code == _STORE_FAILED and "maximum" in words):
        return Unsettled(Doubt.FULL, words)
    if code in _PASSING_CODES or code == _STORE_FAILED or error.get("code") == 503:
        return Unsettled(Doubt.UNSURE, words)
    return Unsettled(Doubt.WRONG, words)
