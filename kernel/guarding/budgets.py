"""How many events each tenant and each device may have recorded within a day, so that none fills the log for all.

The rule it protects: what one of them records in a day is bounded, and a bound of its own is kept for whoever ends a
right or erases, however small the budget.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import pymongo
import structlog
from prometheus_client import Counter
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, PyMongoError

from contracts.message import Refused
from kernel.guarding.room import uses_reserve
from kernel.keeping.mongo import Database
from kernel.log.promise import NewMessage
from kernel.process.telemetry import REGISTRY

SPENT = "budget-spent"
COLLECTION = "budgets"
OWN_LIMITS = "budget_limits"
"""The read model of the budgets that differ from the setting (`kernel.service.spending`)."""
TENANT, DEVICE = "tenant", "device"

_SAVED_EVERY_S = 5.0
_SAVED_AT_ONCE = 1000
_LEARNED_WITHIN_S = 4.0
_KEPT = timedelta(days=8)

BUDGETS_SPENT = Counter(
    "smartplus_budgets_spent",
    "Tenants and devices that had as many events recorded as a day allows, each once a day.",
    ("service", "kind"),
    registry=REGISTRY,
)
_log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class _Account:
    """What somebody had recorded today, in this process and others; `unsaved` of it the others do not know of."""

    kind: str
    id: str
    used: int = 0
    unsaved: int = 0
    is_spent: bool = False


class _Payer(NamedTuple):
    account: _Account
    further: int
    outlasts: bool


_payer: ContextVar[_Payer | None] = ContextVar("payer", default=None)


def counts_of(day: date, kind: str, id: str = "") -> str:
    """How the document of a count is named; without an id, how those of a kind begin."""
    return f"{day.isoformat()} {kind} {id}"


def next_day(now: datetime) -> datetime:
    """When budgets start again: at midnight UTC."""
    return datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)


class Budgets:
    """The budgets of one service. They are kept in its database, for all its replicas and over a restart.

    Counted in this process and added up every few seconds: a replica may let through what these bring beyond a budget.
    """

    def __init__(
        self,
        service: str,
        limits: Mapping[str, int],
        database: Database,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`limits` are events a day, by kind of who pays (`TENANT`, `DEVICE`)."""
        self._service = service
        self._limits = limits
        self._counts = database[COLLECTION]
        self._own_limits = database[OWN_LIMITS]
        self._own: dict[tuple[str, str], int] = {}
        self._clock = clock
        self._day = clock().date()
        self._accounts: dict[tuple[str, str], _Account] = {}

    @contextmanager
    def charged(self, kind: str, id: str | None, further: int = 0, *, outlasts: bool = False) -> Iterator[None]:
        """What is appended in here counts for that tenant or device; for nobody without an id.

        `further` events, which it brings about later, count with it. What `outlasts` the budget may have as much again,
        like what ends a right.
        """
        before = _payer.set(_Payer(self._account(kind, id), further, outlasts) if id else None)
        try:
            yield
        finally:
            _payer.reset(before)

    def admit(self, messages: Sequence[NewMessage]) -> None:
        """Count an append. Raises `Refused` (`budget-spent`) when it is beyond what its payer may have today.

        What may use the reserve of a log, or outlasts the budget, may use as much again as the rest, and never less
        than the setting allows: a budget of nothing keeps nobody from ending a right.
        """
        payer = _payer.get()
        if payer is None:
            return
        account, events = payer.account, len(messages) + payer.further
        most = self._limit(account)
        if payer.outlasts or uses_reserve():
            most += max(most, self._limits[account.kind])
        if account.used + events > most:
            self._note_spent(account)
            again = next_day(self._clock()).isoformat(timespec="minutes")
            raise Refused(SPENT, f"As much was recorded today as a day allows. It goes on at {again}.")
        account.used += events
        account.unsaved += events

    async def keep(self) -> None:
        """Save the counts and learn the budgets that were changed every few seconds, for ever."""
        with suppress(PyMongoError):
            await self._counts.create_index("until", expireAfterSeconds=0)
        while True:
            await asyncio.sleep(_SAVED_EVERY_S)
            await self.save()
            await self.learn()

    async def learn(self) -> None:
        """Learn which budgets differ from the setting, and how much of these is used already.

        While nobody can say, what was true last holds.
        """
        with suppress(PyMongoError), pymongo.timeout(_LEARNED_WITHIN_S):
            self._own = {(each["kind"], each["payer_id"]): each["limit"] async for each in self._own_limits.find({})}
            accounts = [self._account(kind, id) for kind, id in self._own]
            if accounts:
                await self._add_up({counts_of(self._day, each.kind, each.id): each for each in accounts})

    async def save(self) -> None:
        """Add what was counted here to what others counted, and learn the sum. What cannot be saved is saved later."""
        day, accounts = self._day, [each for each in self._accounts.values() if each.unsaved]
        with suppress(PyMongoError):
            for start in range(0, len(accounts), _SAVED_AT_ONCE):
                some = accounts[start : start + _SAVED_AT_ONCE]
                await self._save({counts_of(day, each.kind, each.id): each for each in some})

    async def _save(self, accounts: Mapping[str, _Account]) -> None:
        until = next_day(self._clock()) + _KEPT
        unsaved = {name: account.unsaved for name, account in accounts.items()}
        changes = [
            UpdateOne({"_id": name}, {"$inc": {"used": events}, "$setOnInsert": {"until": until}}, upsert=True)
            for name, events in unsaved.items()
        ]
        try:
            await self._counts.bulk_write(changes, ordered=False)
        except BulkWriteError as error:
            # The others were added: to add them again would have them pay twice.
            names = list(unsaved)
            for each in (error.details or {}).get("writeErrors", ()):
                del unsaved[names[each["index"]]]
        for name, events in unsaved.items():
            accounts[name].unsaved -= events
        await self._add_up(accounts)

    async def _add_up(self, accounts: Mapping[str, _Account]) -> None:
        """What all replicas counted, and what this one has not saved yet."""
        async for found in self._counts.find({"_id": {"$in": list(accounts)}}):
            account = accounts[found["_id"]]
            account.used = found["used"] + account.unsaved

    def _limit(self, account: _Account) -> int:
        return self._own.get((account.kind, account.id), self._limits[account.kind])

    def _account(self, kind: str, id: str) -> _Account:
        if (today := self._clock().date()) != self._day:
            # What was not saved of yesterday is nothing to today.
            self._day, self._accounts = today, {}
        return self._accounts.setdefault((kind, id), _Account(kind, id))

    def _note_spent(self, account: _Account) -> None:
        if not account.is_spent:
            account.is_spent = True
            BUDGETS_SPENT.labels(self._service, account.kind).inc()
            _log.warning("budget-spent", payer=account.kind, id=account.id, events=account.used)
