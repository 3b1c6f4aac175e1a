"""Who had most recorded today, and whose budget differs from the setting: what an operator sees of budgets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contracts.budgets import BUDGETS_LISTED_MAX, BudgetList, BudgetRow, LogRoom, PayerKind
from contracts.message import Event, Recorded
from kernel.guarding.budgets import COLLECTION, OWN_LIMITS, counts_of, next_day
from kernel.guarding.room import filling
from kernel.keeping.mongo import Database
from kernel.reading.readmodel import ReadModel, Row
from kernel.service.declaration import Tools

Payer = tuple[PayerKind, str]


@dataclass(frozen=True)
class Spending:
    """How much of its budget one of them used today."""

    kind: PayerKind
    payer_id: str
    used: int
    limit: int
    is_own: bool

    @property
    def payer(self) -> Payer:
        return self.kind, self.payer_id

    @property
    def part(self) -> float:
        """How much of it is used: 1 is all, and a budget of nothing is always used up."""
        return self.used / self.limit if self.limit else float("inf")


def own_limits(service: str, changed: type[Event], follows: str | None = None) -> ReadModel:
    """The read model of the budgets of `service` that differ from the setting, folded from the events `changed`.

    They have the fields of `accounts.BudgetSet`. `follows` names the service that records them, when it is another one.
    """

    def keys(recorded: Recorded) -> Iterable[str]:
        event: Any = recorded.event
        is_ours = isinstance(recorded.event, changed) and event.service == service
        return (f"{event.kind} {event.payer_id}",) if is_ours else ()

    def fold(_: Row | None, recorded: Recorded) -> Row | None:
        event: Any = recorded.event
        if event.events_per_day is None:
            return None
        return {"kind": str(event.kind), "payer_id": event.payer_id, "limit": event.events_per_day}

    return ReadModel(name=OWN_LIMITS, keys=keys, fold=fold, follows={follows: (changed,)} if follows else {})


async def most_spent(
    database: Database, limits: Mapping[PayerKind, int], *, only: Collection[Payer] | None = None, most: int = 100
) -> list[Spending]:
    """The `most` who used the largest part of today's budget, and all whose budget is its own; the largest part first.

    `limits` are the settings. With `only` it is these, whether they used anything or not.
    """
    today = datetime.now(UTC).date()
    wanted = [{"kind": kind, "payer_id": id} for kind, id in only] if only is not None else []
    if only is not None and not wanted:
        return []
    found = database[OWN_LIMITS].find({"$or": wanted} if wanted else {})
    own = {(PayerKind(each["kind"]), str(each["payer_id"])): int(each["limit"]) async for each in found}
    counts = database[COLLECTION]
    names = [counts_of(today, kind, id) for kind, id in (own if only is None else only)]
    used = {each["_id"]: each["used"] async for each in counts.find({"_id": {"$in": names}})}
    if only is None:
        for kind in limits:
            begin = counts_of(today, kind)
            # Of those without a budget of their own, whoever used most used the largest part.
            rows = counts.find({"_id": {"$gte": begin, "$lt": begin + "\U0010ffff"}}).sort("used", -1)
            used |= {each["_id"]: each["used"] async for each in rows.limit(most + len(own))}
    counted = {_payer_in(name): events for name, events in used.items()}
    payers = dict.fromkeys([*own, *counted, *(only or ())])
    spent = [
        Spending(kind, id, counted.get((kind, id), 0), own.get((kind, id), limits[kind]), (kind, id) in own)
        for kind, id in payers
        if kind in limits
    ]
    spent.sort(key=lambda each: (-each.part, -each.used, each.payer_id))
    others = [each for each in spent if not each.is_own][:most]
    return [each for each in spent if each.is_own or each in others]


def _payer_in(name: str) -> Payer:
    _, kind, id = name.split(" ", 2)
    return PayerKind(kind), id


async def listed(
    service: str,
    tools: Tools,
    kinds: Iterable[PayerKind],
    only: Collection[Payer] | None,
    shown: Callable[[Collection[Spending]], Awaitable[Mapping[Payer, str]]],
) -> BudgetList:
    """What the operator sees of one service. `shown` says, by payer, the name of a tenant and the MAC of a device."""
    settings = tools.settings
    set_for = {PayerKind.TENANT: settings.tenant_events_per_day, PayerKind.DEVICE: settings.device_events_per_day}
    limits = {kind: set_for[kind] for kind in kinds}
    spent = await most_spent(tools.database, limits, only=only, most=BUDGETS_LISTED_MAX)
    names = await shown(spent)
    now = datetime.now(UTC)
    full = await filling(tools.client, service, now)
    return BudgetList(
        rows=tuple(_row(each, names.get(each.payer)) for each in spent),
        tenant_limit=limits[PayerKind.TENANT],
        device_limit=limits.get(PayerKind.DEVICE),
        starts_again_at=next_day(now),
        room=LogRoom(
            used_bytes=full.used, max_bytes=full.most, days_left=round(full.days_left, 1) if full.daily else None
        ),
    )


def _row(spending: Spending, name: str | None) -> BudgetRow:
    is_tenant = spending.kind is PayerKind.TENANT
    return BudgetRow(
        kind=spending.kind,
        payer_id=spending.payer_id,
        name=name if is_tenant else None,
        mac=None if is_tenant else name,
        used=spending.used,
        limit=spending.limit,
        is_own=spending.is_own,
    )
