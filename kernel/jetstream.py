"""The log on NATS JetStream: one stream per service, every acknowledged message on the disk of a majority.

The rule it protects: an append ends as stored, as refused or as unknown, and is never reported as one when it is
another. What decides is the first message on the subject above the expectation: it is ours, or it is somebody else's.
"""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.request
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import uuid4

from nats import errors
from nats.aio.client import Client
from nats.aio.msg import Msg

import kernel.header_lines
import kernel.late_pongs  # noqa: F401 (nats-py goes deaf without it)
from kernel.asks import Asks
from kernel.group_commit import MOST_IN_A_GROUP, Doubt, GroupCommit, Outcome, Unsettled
from kernel.integrity import Chain, Damaged, Loss, Span, before, joined, losses_of
from kernel.leader import Leader
from kernel.log import Conflict, LogFull, NewMessage, StoredMessage, Unavailable
from kernel.message_rules import refuse_malformed
from kernel.nats_address import NatsAddress
from kernel.reader import expected_of, plain_headers
from kernel.tail import Tail

OLDEST_SERVER = (2, 15, 1)

_DEFAULT_MAX_BYTES = 2**30
_DUPLICATE_WINDOW_S = 120.0
_NANOSECONDS = 1_000_000_000
_CONNECT_WITHIN_S = 30.0
_ATTEMPT_S = 2.0
_SHORTEST_LOOK_S = 0.25
_PAUSE_S = 0.01
_MOST_PAUSE_S = 0.5
_PAGE = 1000
_READ_WITHIN_S = 10.0
_SUBJECTS_REMEMBERED = 20_000

# The client is not connected, or its server did not answer: whatever was sent may have arrived.
_UNREACHED = (
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
_NO_MESSAGE = 10037
_NO_STREAM = 10059
_STREAM_TAKEN = 10058

_logger = logging.getLogger(__name__)


class UnfitServer(Exception):
    """The NATS server must not be used: it would lose acknowledged events, or cannot do what the log needs."""


class Connection(Client):
    """A client that reconnects for ever. When `closed` is set it gave up all the same, and the process must end."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = asyncio.Event()


async def connect(url: str, name: str, back: Callable[[], None] = lambda: None) -> Connection:
    """Connect to the servers of `url` (comma-separated). Raises `Unavailable` when none answers within 30 s.

    `back` is called after each reconnection: what was told meanwhile on core NATS was not heard.
    Publishing while disconnected fails at once instead of being buffered: what is sent late is a surprise.
    """
    connection = Connection()
    address = NatsAddress.parse(url)

    async def closed() -> None:
        connection.closed.set()

    async def disconnected() -> None:
        if not connection.is_closed:
            _logger.warning("NATS connection lost")

    async def reconnected() -> None:
        _logger.info("NATS connection restored")
        back()

    async def failed(error: Exception) -> None:
        _logger.info("NATS connection: %r", error)

    try:
        async with asyncio.timeout(_CONNECT_WITHIN_S):
            await connection.connect(
                list(address.servers),
                **address.credentials,
                name=name,
                closed_cb=closed,
                disconnected_cb=disconnected,
                reconnected_cb=reconnected,
                error_cb=failed,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.25,  # type: ignore[arg-type]
                ping_interval=10,
                max_outstanding_pings=2,
                pending_size=0,
            )
    except TimeoutError as error:
        raise Unavailable(f"no NATS server answers at {address} within {_CONNECT_WITHIN_S:.0f} s") from error
    return connection


async def check_server(nc: Client, monitor_url: str | None = None) -> None:
    """Raises `UnfitServer` when the server is too old or, as its monitoring (if given) shows, does not flush writes."""
    version = nc.connected_server_version
    if (version.major, version.minor, version.patch) < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        found = f"{version.major}.{version.minor}.{version.patch}"
        raise UnfitServer(f"nats-server {found} is too old: batches with several expectations need {oldest} or later.")
    if monitor_url is None:
        return
    settings = (await asyncio.to_thread(_varz, monitor_url)).get("jetstream", {}).get("config")
    if not settings:
        raise UnfitServer(f"JetStream is off at {monitor_url}: start nats-server with a jetstream block.")
    if settings.get("sync_always") is not True:
        raise UnfitServer(
            f"The nats-server at {monitor_url} does not flush every write, so a power cut would lose acknowledged "
            "events: set jetstream.sync_interval to always."
        )


def _varz(monitor_url: str) -> dict[str, Any]:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{monitor_url.rstrip('/')}/varz", timeout=5) as answer:
            return dict(json.load(answer))
    except (OSError, ValueError) as error:
        raise UnfitServer(f"The monitoring of nats-server does not answer at {monitor_url}: {error}") from error


async def open_log(
    nc: Client,
    service: str,
    replicas: int = 1,
    max_bytes: int = _DEFAULT_MAX_BYTES,
    duplicate_window_s: float = _DUPLICATE_WINDOW_S,
    timeout_s: float = 30.0,
) -> JetStreamLog:
    """The log of a service; its stream is created when there is none, and left as it is when there is one.

    `duplicate_window_s` is how long the server itself knows ids; the log knows them for ever.
    Raises `UnfitServer` when the existing stream was made otherwise, `Unavailable` after `timeout_s`.
    """
    stream = service.upper()
    subjects = f"event.{service}.>"
    wanted = {
        "subjects": [subjects],
        "retention": "limits",
        "storage": "file",
        "discard": "new",
        "max_age": 0,
        "max_msgs": -1,
        "max_msgs_per_subject": -1,
        "allow_atomic": True,
        "allow_direct": True,
        "deny_delete": True,
        "deny_purge": True,
        "allow_rollup_hdrs": False,
    }
    new = {
        **wanted,
        "name": stream,
        "num_replicas": replicas,
        "max_bytes": max_bytes,
        "duplicate_window": int(duplicate_window_s * _NANOSECONDS),
        "metadata": {"epoch": uuid4().hex},
    }
    asks = Asks(nc)
    await asks.open()
    deadline = _now() + timeout_s
    while True:
        answer = await _found_or_made(asks, stream, new)
        if "error" not in answer:
            break
        trouble = answer["error"]
        if trouble["code"] != 503:
            raise UnfitServer(f"The stream {stream} cannot be made: {trouble['description']}.{_way_out(trouble)}")
        if _now() > deadline:
            await asks.close()
            raise Unavailable(f"the stream {stream} is not available: {trouble['description']}")
        await asyncio.sleep(_MOST_PAUSE_S)
    found = answer["config"]
    differing = [name for name, value in wanted.items() if found.get(name, False) != value]
    if found.get("allow_msg_schedules"):
        differing.append("allow_msg_schedules")
    metadata = found.get("metadata", {})
    epoch = metadata.get("epoch")
    if differing or not epoch:
        what = ", ".join(differing) or "an epoch in its metadata"
        raise UnfitServer(f"The stream {stream} was not made by this program: it differs in {what}.")
    losses = losses_of(metadata)
    return JetStreamLog(nc, stream, subjects[:-1], epoch, asks, losses, replicated=found["num_replicas"] > 1)


async def _found_or_made(asks: Asks, stream: str, new: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found = await asks.api(f"STREAM.INFO.{stream}", {}, _ATTEMPT_S)
        if _code(found) != _NO_STREAM:
            return found
        made = await asks.api(f"STREAM.CREATE.{stream}", new, 10.0)
    except _UNREACHED as error:
        return {"error": {"code": 503, "description": repr(error)}}
    # Somebody who follows this log makes it in this moment, with another epoch: that one counts, once it can be seen.
    return {"error": {**made["error"], "code": 503}} if _code(made) == _STREAM_TAKEN else made


def _code(answer: Mapping[str, Any]) -> int:
    return int(answer.get("error", {}).get("err_code", 0))


def _way_out(trouble: Mapping[str, Any]) -> str:
    if trouble.get("err_code") != _NO_STORAGE:
        return ""
    return " Free the disk of nats-server and restart it, or have the log hold less with SMARTPLUS_LOG_MAX_BYTES."


def _now() -> float:
    return asyncio.get_running_loop().time()


class JetStreamLog:
    """Keeps the promise of `kernel.log.Log` on one stream."""

    def __init__(
        self,
        nc: Client,
        stream: str,
        prefix: str,
        epoch: str,
        asks: Asks,
        losses: Sequence[Loss] = (),
        *,
        replicated: bool,
    ) -> None:
        self.stream = stream
        self.epoch = epoch
        self.losses = tuple(losses)
        self.leader = Leader(asks, stream, joined(span for loss in losses for span in loss.holes))
        self.is_replicated = replicated
        self.newest = 0
        """The newest sequence that was appended here."""
        self.before_append: Callable[[], Awaitable[None]] | None = None
        """Raises `Unavailable` when nothing may be appended now."""
        self._nc = nc
        self._prefix = prefix
        self._asks = asks
        self._group = GroupCommit(self._publish)
        self._tail = Tail(nc, self.leader)
        # A replica that lags behind answers reads too, so on a cluster remember what must be in the answer.
        self._newest: dict[str, int] | None = {} if replicated else None

    async def close(self) -> None:
        """Ask the server nothing more; the log must not be used afterwards."""
        await self._asks.close()

    async def append(self, messages: Sequence[NewMessage], timeout_s: float = 10.0) -> tuple[int, ...]:
        if not messages:
            return ()
        refuse_malformed(messages, self._prefix, self._nc.max_payload)
        deadline = _now() + timeout_s
        await self._be_allowed(deadline)
        publish = self._group.publish if len(messages) <= MOST_IN_A_GROUP else self._publish
        outcome = await publish(messages, deadline)
        seqs = outcome if isinstance(outcome, tuple) else await self._clear_up(messages, outcome, deadline)
        self.newest = max(self.newest, seqs[-1])
        if self._newest is not None:
            for message, seq in zip(messages, seqs, strict=True):
                self._remember(self._newest, message.subject, seq)
        return seqs

    async def _be_allowed(self, deadline: float) -> None:
        while self.before_append is not None:
            try:
                async with asyncio.timeout_at(deadline):
                    await self.before_append()
                break
            except Damaged:
                raise
            except (Unavailable, TimeoutError) as error:
                if self._nc.is_closed or _now() + _MOST_PAUSE_S >= deadline:
                    raise Unavailable(f"{self.stream} was not seen whole: {error}") from error
            await asyncio.sleep(_MOST_PAUSE_S)

    @staticmethod
    def _remember(newest: dict[str, int], subject: str, seq: int) -> None:
        newest[subject] = max(seq, newest.pop(subject, 0))
        if len(newest) > _SUBJECTS_REMEMBERED:
            del newest[next(iter(newest))]

    async def _clear_up(self, messages: Sequence[NewMessage], doubt: Unsettled, deadline: float) -> tuple[int, ...]:
        """Find out what became of an append, and try the same ids again while the log holds neither yes nor no."""
        unsure = False
        pause = _PAUSE_S
        while True:
            if doubt.doubt is Doubt.WRONG:
                raise RuntimeError(f"{self.stream} refuses a message for good: {doubt.words}")
            unsure = unsure or doubt.doubt is Doubt.UNSURE
            found = await self._look_for(messages, doubt.doubt, deadline)
            if found is not None:
                return found
            if doubt.doubt is Doubt.FULL and not unsure:
                raise LogFull(f"{self.stream} has no room: {doubt.words}")
            if self._nc.is_closed or doubt.doubt is Doubt.FULL or _now() + pause >= deadline:
                raise Unavailable(f"{self.stream} did not say whether the messages are stored: {doubt.words}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _MOST_PAUSE_S)
            await self._be_allowed(deadline)
            outcome = await self._publish(messages, deadline)
            if isinstance(outcome, tuple):
                return outcome
            doubt = outcome

    async def _publish(self, messages: Sequence[NewMessage], deadline: float) -> Outcome:
        """One attempt, as one message or one atomic batch."""
        timeout_s = min(max(deadline - _now(), 0.0), _ATTEMPT_S)
        try:
            answer = await (
                self._asks.one(messages[0].subject, messages[0].body, _steered(messages[0]), timeout_s)
                if len(messages) == 1
                else self._publish_batch(messages, timeout_s)
            )
        except _UNREACHED as error:
            return Unsettled(Doubt.UNSURE, f"{type(error).__name__} {error}".strip())
        if answer.headers is not None and "Status" in answer.headers:
            return Unsettled(Doubt.UNSURE, "nobody answers for the stream")
        ack = json.loads(answer.data)
        if "error" in ack:
            return _doubt(ack["error"])
        if ack.get("duplicate"):
            return Unsettled(Doubt.KNOWN, "the id is known already")
        last: int = ack["seq"]
        return (last,) if len(messages) == 1 else tuple(range(last - len(messages) + 1, last + 1))

    async def _publish_batch(self, messages: Sequence[NewMessage], timeout_s: float) -> Msg:
        batch_id = uuid4().hex
        expected: set[str] = set()
        for number, message in enumerate(messages[:-1], 1):
            headers = _steered(message, message.subject not in expected)
            headers["Nats-Batch-Id"] = batch_id
            headers["Nats-Batch-Sequence"] = str(number)
            expected.add(message.subject)
            await self._nc.publish(message.subject, message.body, headers=headers)
        message = messages[-1]
        headers = _steered(message, message.subject not in expected)
        headers["Nats-Batch-Id"] = batch_id
        headers["Nats-Batch-Sequence"] = str(len(messages))
        headers["Nats-Batch-Commit"] = "1"
        return await self._asks.one(message.subject, message.body, headers, timeout_s)

    async def _look_for(self, messages: Sequence[NewMessage], doubt: Doubt, deadline: float) -> tuple[int, ...] | None:
        """The sequences of the messages when they are stored, None while that is open.

        Raises `Conflict` when they never can be.
        """
        chains: dict[str, list[NewMessage]] = {}
        for message in messages:
            chains.setdefault(message.subject, []).append(message)
        timeout_s = max(min(deadline - _now(), _ATTEMPT_S), _SHORTEST_LOOK_S)
        try:
            async with asyncio.timeout(timeout_s):
                if stored := await self._stored_together(messages):
                    return stored
                found = await asyncio.gather(*(self._find_chain(chain, doubt) for chain in chains.values()))
                places = {id: seq for places in found for id, seq in places.items()}
                if places and len(places) < len(messages):
                    return await self._seen_whole(messages, places)
        except _UNREACHED:
            return None
        return tuple(places[message.id] for message in messages) if places else None

    async def _stored_together(self, messages: Sequence[NewMessage]) -> tuple[int, ...] | None:
        """A quick yes for a batch that is stored as it was sent."""
        if len(messages) == 1:
            return None
        first, _ = await self._page(messages[0].expected + 1, messages[0].subject, 1, _ATTEMPT_S)
        if not first or _id(first[0]) != messages[0].id:
            return None
        page, _ = await self._page(first[0].seq, None, len(messages), _ATTEMPT_S)
        if [_id(stored) for stored in page] != [message.id for message in messages]:
            return None
        return tuple(stored.seq for stored in page)

    async def _seen_whole(self, messages: Sequence[NewMessage], places: Mapping[str, int]) -> tuple[int, ...]:
        """The sequences of an append of which only some messages were found, as a replica shows it that lags behind.

        What was appended together stands together. Raises `Conflict` if it was not, `TimeoutError` while that is open.
        """
        found = {number: places[message.id] for number, message in enumerate(messages) if message.id in places}
        starts = {seq - number for number, seq in found.items()}
        if len(starts) == 1 and (start := starts.pop()) > 0:
            page, _ = await self._page(start, None, len(messages), _ATTEMPT_S)
            wanted = [(start + number, message.id) for number, message in enumerate(messages)]
            seen = [(stored.seq, _id(stored)) for stored in page]
            if seen == wanted:
                return tuple(seq for seq, _ in wanted)
            newest = max(found)
            ended = newest < len(messages) - 1 and await self._ends_an_append(found[newest])
            if seen == wanted[: len(seen)] and not ended:
                raise TimeoutError("a replica answered that lags behind")
        raise Conflict("some of the messages are stored and others are not: they were never appended together")

    async def _ends_an_append(self, seq: int) -> bool:
        """Whether nothing was appended together with that message that stands after it."""
        request = json.dumps({"seq": seq}).encode()
        msg = await self._asks.one(f"$JS.API.DIRECT.GET.{self.stream}", request, None, _ATTEMPT_S)
        headers = msg.headers or {}
        if "Nats-Sequence" not in headers:
            raise TimeoutError(f"direct get answered {headers.get('Status')}")
        return "Nats-Batch-Id" not in headers or "Nats-Batch-Commit" in headers

    async def _find_chain(self, chain: Sequence[NewMessage], doubt: Doubt) -> dict[str, int]:
        """Where the messages of one subject stand; empty while the place they want is free.

        What follows the expectation never changes, so any replica may tell it; that nothing follows only the leader
        may say, and even then a copy of ours may be under way.
        """
        subject, expected = chain[0].subject, chain[0].expected
        seen = await self._read_all(subject, 0 if doubt is Doubt.KNOWN else expected)
        ids = {message.id for message in chain}
        places = {own_id: stored.seq for stored in seen if (own_id := _id(stored)) in ids}
        if places:
            return places
        if seen and seen[-1].seq > expected:
            if self._newest is not None:
                self._remember(self._newest, subject, seen[-1].seq)
            raise Conflict(f"somebody else appended to {subject} after {expected}")
        if doubt is Doubt.CONTENDED and expected and not await self._leader_holds(expected, subject):
            raise Conflict(f"the newest message of {subject} is not {expected}")
        return {}

    async def _leader_holds(self, seq: int, subject: str) -> bool:
        answer = await self._asks.api(f"STREAM.MSG.GET.{self.stream}", {"seq": seq}, _ATTEMPT_S)
        if "error" not in answer:
            return bool(answer["message"]["subject"] == subject)
        if answer["error"].get("err_code") == _NO_MESSAGE:
            return False
        raise TimeoutError(answer["error"]["description"])

    async def read_subject(self, subject: str, after: int = 0) -> list[StoredMessage]:
        deadline = _now() + _READ_WITHIN_S
        pause = _PAUSE_S
        while True:
            try:
                return await self._read_all(subject, after)
            except _UNREACHED as error:
                if self._nc.is_closed or _now() + pause >= deadline:
                    raise Unavailable(f"{self.stream} cannot be read: {error!r}") from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, _MOST_PAUSE_S)

    async def _read_all(self, subject: str, after: int) -> list[StoredMessage]:
        messages = await self._read_newest(subject, after) if after else None
        if messages is None:
            messages, more = await self._page(after + 1, subject, _PAGE, _ATTEMPT_S)
            while more:
                page, more = await self._page(messages[-1].seq + 1, subject, _PAGE, _ATTEMPT_S)
                messages += page
        chain = Chain(after, self.leader.accepted)
        for message in messages:
            if (lost := chain.lacks(message)) is not None and not await self.leader.look_for(Span(lost, lost)):
                raise TimeoutError("a replica answered that lacks a message")
        newest = self._newest.get(subject, 0) if self._newest else 0
        if newest > after and (not messages or messages[-1].seq < newest):
            raise TimeoutError("a replica answered that lags behind")
        return messages

    async def _read_newest(self, subject: str, after: int) -> list[StoredMessage] | None:
        """What is above `after` if that is one message at most; None when it may be more.

        The server knows the newest message of each subject. To look for those above an old position, it reads a whole
        block of the log from the disk.
        """
        msg = await self._asks.one(f"$JS.API.DIRECT.GET.{self.stream}.{subject}", b"", None, _ATTEMPT_S)
        headers = dict(msg.headers or {})
        if headers.get("Status") == "404":
            if await self._leader_holds(after, subject):
                raise TimeoutError(f"the newest message of {subject} cannot be read")
            return []
        if "Nats-Sequence" not in headers:
            raise TimeoutError(f"direct get answered {headers.get('Status')}")
        seq = int(headers["Nats-Sequence"])
        if seq <= after:
            return []
        if headers.get("Nats-Expected-Last-Subject-Sequence") != str(after):
            return None
        expected = expected_of(headers)
        plain = plain_headers(headers)
        for name in ("Nats-Stream", "Nats-Time-Stamp", "Nats-Subject", "Nats-Sequence"):
            del plain[name]
        return [StoredMessage(seq, subject, plain, msg.data, expected)]

    async def _page(
        self, start: int, subject: str | None, count: int, timeout_s: float
    ) -> tuple[list[StoredMessage], bool]:
        """Up to `count` messages from `start` on, and whether more follow. `TimeoutError` when one is missing."""
        request: dict[str, Any] = {"seq": start, "batch": count}
        if subject is not None:
            request["next_by_subj"] = subject
        received, end = await self._asks.many(
            f"$JS.API.DIRECT.GET.{self.stream}", json.dumps(request).encode(), timeout_s
        )
        status = (end.headers or {}).get("Status")
        if status == "404":
            return [], False
        if status != "204":
            raise TimeoutError(f"direct get answered {status}")
        page: list[StoredMessage] = []
        last = 0
        for msg in received:
            expected = expected_of(msg.headers)
            headers = plain_headers(msg.headers)
            del headers["Nats-Stream"], headers["Nats-Time-Stamp"], headers["Nats-Num-Pending"]
            seq = int(headers.pop("Nats-Sequence"))
            if int(headers.pop("Nats-Last-Sequence")) != last:
                raise TimeoutError("a message of the answer is missing")
            last = seq
            page.append(StoredMessage(seq, headers.pop("Nats-Subject"), headers, msg.data, expected))
        if end.headers is None or int(end.headers["Nats-Last-Sequence"]) != last:
            raise TimeoutError("the end of the answer is missing")
        # Only the last line counts: the numbers before it are of the moment when the request came in.
        return page, int(end.headers["Nats-Num-Pending"]) > 0

    async def some(self, start: int, count: int) -> list[StoredMessage]:
        """Up to `count` messages from `start` on, as one replica has them, gaps or not. Raises `Unavailable`."""
        try:
            return (await self._page(start, None, count, _READ_WITHIN_S))[0]
        except _UNREACHED as error:
            raise Unavailable(f"{self.stream} cannot be read: {error!r}") from error

    def follow(
        self, after: int, batch: int = 500, aggregates: Collection[str] = ()
    ) -> AsyncGenerator[list[StoredMessage], None]:
        return self._tail.follow(after, batch, [f"{self._prefix}{each}.*" for each in sorted(aggregates)])

    async def last_seq(self) -> int:
        deadline = _now() + _READ_WITHIN_S
        pause = _PAUSE_S
        while True:
            try:
                answer = await self._asks.api(f"STREAM.INFO.{self.stream}", {}, _ATTEMPT_S)
                words = answer.get("error", {}).get("description")
            except _UNREACHED as error:
                words = repr(error)
            if words is None:
                return before(int(answer["state"]["last_seq"]), self.leader.accepted)
            if self._nc.is_closed or _now() + pause >= deadline:
                raise Unavailable(f"{self.stream} does not tell its newest position: {words}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _MOST_PAUSE_S)


def _id(message: StoredMessage) -> str | None:
    return message.headers.get("Nats-Msg-Id")


def _steered(message: NewMessage, expects: bool = True) -> dict[str, str]:
    headers = {**message.headers, "Nats-Msg-Id": message.id}
    if expects:
        headers["Nats-Expected-Last-Subject-Sequence"] = str(message.expected)
    return headers


def _doubt(error: Mapping[str, Any]) -> Unsettled:
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
