"""How much a log may hold, how much it holds, and for how long that lasts at the growth of the last day.

The rule it protects: a log never fills in silence, and its last part is kept for what must always be possible.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from prometheus_client import Gauge
from pydantic import ByteSize

from kernel.log.promise import LogFull, NewMessage, Unavailable
from kernel.process.health import NotReady
from kernel.process.telemetry import REGISTRY

REMARK_FROM = 0.8
"""Of what a log may hold: from there on readiness and `smartplus doctor` speak of it."""

RESERVE = 0.05
"""The last part of what a log may hold, for revocation and erasure alone."""

_DAY_S = 86_400.0
# Of a log that is younger, nobody knows the growth of a day.
_YOUNGEST_S = 3600.0
_LOOK_EVERY_S = 2.0
_GROWTH_EVERY = 30
_ANSWER_WITHIN_S = 2.0
_RESIZED = "resized"
# What the log and nats-server add to the subject, the headers and the body of a message on the disk, at the most:
# the headers of its id, its expectation and its batch, and the frame of the record.
_BESIDE_BYTES = 250
_BESIDE_HEADER_BYTES = 4

_may_use_reserve: ContextVar[bool] = ContextVar("may_use_reserve", default=False)

_log = structlog.get_logger()

LOG_BYTES = Gauge("smartplus_log_bytes", "Bytes that the log holds.", ("service",), registry=REGISTRY)
LOG_MAX_BYTES = Gauge("smartplus_log_max_bytes", "Bytes that the log may hold.", ("service",), registry=REGISTRY)
LOG_DAYS_LEFT = Gauge(
    "smartplus_log_days_left",
    "Days until only its reserve is left at the growth of the last day; infinite when it does not grow.",
    ("service",),
    registry=REGISTRY,
)


@dataclass(frozen=True)
class Filling:
    """How full a log is. `daily` is by how many bytes it grew within the last day; None when that is not known."""

    used: int
    most: int
    daily: float | None = None

    @property
    def part(self) -> float:
        """How much of it is used, from 0 to 1."""
        return self.used / self.most if self.most > 0 else 0.0

    @property
    def free(self) -> float:
        """Bytes until only the reserve is left."""
        return max(0.0, self.most * (1 - RESERVE) - self.used) if self.most > 0 else float("inf")

    @property
    def days_left(self) -> float:
        """Until only the reserve is left at the growth of the last day."""
        return self.free / self.daily if self.daily else float("inf")

    def in_words(self) -> str:
        """For an operator."""
        used, most = (ByteSize(each).human_readable() for each in (self.used, self.most))
        words = f"{self.part:.0%} used ({used} of {most})"
        if self.daily and self.days_left < 1000:
            words += f", {self.days_left:.1f} days left at the growth of the last day"
        return words


def _config_and_state(answer: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    if "error" in answer:
        raise Unavailable(str(answer["error"].get("description")))
    return dict(answer["config"]), dict(answer["state"])


async def _asked(nc: Client, subject: str, request: Mapping[str, Any] | None = None) -> dict[str, Any]:
    body = json.dumps(request).encode() if request else b""
    try:
        return dict(json.loads((await nc.request(subject, body, timeout=_ANSWER_WITHIN_S)).data))
    except (NatsError, OSError, TimeoutError) as error:
        raise Unavailable(f"{subject}: {type(error).__name__}") from error


async def filling(nc: Client, service: str, now: datetime | None = None) -> Filling:
    """How full the log of a service is, with its growth in the day before `now`. Raises `Unavailable`."""
    config, state = _config_and_state(await _asked(nc, f"$JS.API.STREAM.INFO.{service.upper()}"))
    daily = await _growth(nc, service.upper(), state, now or datetime.now(UTC))
    return Filling(state["bytes"], config["max_bytes"], daily)


async def resize(nc: Client, service: str, most: int, by: str) -> int:
    """Let the log of a service hold `most` bytes; how many it could hold before. The stream keeps `by` whom and when.

    Raises `ValueError` with a sentence when that is less than it holds already or more than the server has, and
    `Unavailable`.
    """
    config, state = _config_and_state(await _asked(nc, f"$JS.API.STREAM.INFO.{service.upper()}"))
    used = ByteSize(state["bytes"]).human_readable()
    if most <= state["bytes"]:
        raise ValueError(f"The log of {service} holds {used} already. A log never shrinks below what it holds.")
    note = f"by {by} at {datetime.now(UTC).isoformat(timespec='seconds')}"
    resized = {**config, "max_bytes": most, "metadata": {**config.get("metadata", {}), _RESIZED: note}}
    answer = await _asked(nc, f"$JS.API.STREAM.UPDATE.{service.upper()}", resized)
    if "error" in answer:
        raise ValueError(f"nats-server refuses it: {answer['error'].get('description')}.")
    return int(config["max_bytes"])


async def grow(nc: Client, service: str, most: int, by: str) -> bool:
    """Let the log of a service hold `most` bytes if it may hold less; a smaller setting is no wish.

    Whether it was made larger. Raises `ValueError` and `Unavailable` as `resize` does.
    """
    config, _ = _config_and_state(await _asked(nc, f"$JS.API.STREAM.INFO.{service.upper()}"))
    if not 0 < config["max_bytes"] < most:
        return False
    await resize(nc, service, most, by)
    return True


async def _growth(nc: Client, stream: str, state: Mapping[str, Any], now: datetime) -> float | None:
    """By how many bytes it grows in a day; of a log younger than that, what its age so far makes of a day."""
    if not state["messages"]:
        return None
    first = datetime.fromisoformat(state["first_ts"][:19] + "+00:00")
    age_s = min(_DAY_S, (now - first).total_seconds())
    if age_s < _YOUNGEST_S:
        return None
    since = (now - timedelta(seconds=age_s)).isoformat()
    try:
        answer = await nc.request(
            f"$JS.API.DIRECT.GET.{stream}", json.dumps({"start_time": since}).encode(), timeout=_ANSWER_WITHIN_S
        )
    except (NatsError, OSError, TimeoutError) as error:
        raise Unavailable(f"the log does not say how it grew: {type(error).__name__}") from error
    seq = (answer.headers or {}).get("Nats-Sequence")
    grown = int(state["last_seq"]) - int(seq) + 1 if seq else 0
    return grown * float(state["bytes"]) / int(state["messages"]) * _DAY_S / age_s


@contextmanager
def reserve(open: bool) -> Iterator[None]:
    """What is appended in here, and in what is awaited in here, may use the reserve of a log if it is `open`."""
    before = _may_use_reserve.set(open)
    try:
        yield
    finally:
        _may_use_reserve.reset(before)


def uses_reserve() -> bool:
    """Whether what is appended here may use the reserve: it ends a right or erases."""
    return _may_use_reserve.get()


class Room:
    """Keeps an eye on the log of one service: the gauges, what readiness says of it, and who may use its reserve."""

    def __init__(self, nc: Client, service: str) -> None:
        self._nc = nc
        self._service = service
        # Of what the last look does not know: all that was admitted, and how much of it has come to its end.
        self._since = self._settled = 0
        self._refuses = self._is_full = False
        self.filling: Filling | None = None

    async def compare(self, wanted: int) -> None:
        """Say so when the log may hold less than the setting wants. Only the operator changes a stream."""
        found = await self.look()
        if 0 < found.most < wanted:
            how = f"smartplus log resize {self._service} {wanted}"
            _log.warning("log-smaller-than-set", stream=self._service.upper(), most=found.most, wanted=wanted, how=how)

    async def watch(self) -> None:
        """Look every two seconds, and once a minute at its growth, for ever."""
        turn = 0
        while True:
            try:
                await self.look(anew=turn % _GROWTH_EVERY == 0)
                turn += 1
            except Unavailable:
                pass  # the probe of the log says it; the gauges keep what was true last
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self, *, anew: bool = True) -> Filling:
        """How full it is now; its growth only `anew`. Raises `Unavailable`."""
        settled = self._settled
        config, state = _config_and_state(await _asked(self._nc, f"$JS.API.STREAM.INFO.{self._service.upper()}"))
        daily = self.filling.daily if self.filling else None
        if anew:
            daily = await _growth(self._nc, self._service.upper(), state, datetime.now(UTC))
        before, found = self.filling, Filling(state["bytes"], config["max_bytes"], daily)
        # What was under way when the server was asked, or came since, may not be in its answer.
        settled = min(settled, self._settled)
        self.filling, self._since, self._settled = found, self._since - settled, self._settled - settled
        if before and before.most != found.most:
            self._is_full = self._is_full and found.most < before.most
            how = config.get("metadata", {}).get(_RESIZED)
            _log.info("log-resized", stream=self._service.upper(), before=before.most, now=found.most, how=how)
        LOG_BYTES.labels(self._service).set(found.used)
        LOG_MAX_BYTES.labels(self._service).set(found.most)
        LOG_DAYS_LEFT.labels(self._service).set(found.days_left)
        return found

    @contextmanager
    def admitted(self, messages: Sequence[NewMessage]) -> Iterator[None]:
        """An append lasts as long as this. Raises `LogFull` for what would go into the reserve and may not.

        The server is not asked.
        """
        size = sum(map(_bytes_of, messages))
        if self.filling is not None and not _may_use_reserve.get():
            self._refuses = self._since + size > self.filling.free
            if self._refuses:
                raise LogFull(f"{self._service.upper()} has only its reserve left: {self.filling.in_words()}")
        self._since += size
        try:
            yield
            self._is_full = False
        except LogFull:
            # What is left of it holds no event any more, though it is never used to the last byte.
            self._is_full = self._is_full or _may_use_reserve.get()
            raise
        finally:
            self._settled += size

    async def probe(self) -> str | None:
        """For readiness: nothing below 80 %, then a remark. Raises `NotReady` when nothing at all can be recorded."""
        found = self.filling if self.filling and not self._is_full else await self.look(anew=False)
        if found.part < REMARK_FROM:
            return None
        words = f"{found.in_words()}. Make it larger: smartplus log resize {self._service} SIZE"
        if self._is_full or found.used >= found.most:
            raise NotReady(words)
        return words if not self._refuses else f"{words}. Only revocation and erasure are recorded"


def _bytes_of(message: NewMessage) -> int:
    headers = sum(len(name) + len(value) + _BESIDE_HEADER_BYTES for name, value in message.headers.items())
    return len(message.subject) + len(message.id) + headers + len(message.body) + _BESIDE_BYTES
