"""What a tenant and a device may have recorded in a day, as the operator sees and changes it (decision 27)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from contracts.message import Query, View
from contracts.moments import RecordedMoment

EVENTS_A_DAY_MAX = 100_000_000
BUDGETS_LISTED_MAX = 100


class PayerKind(StrEnum):
    """For whom events are counted: an installer or a distributor, or a device."""

    TENANT = "tenant"
    DEVICE = "device"


class BudgetService(StrEnum):
    """Where events are counted: each of these services has a log of its own, and counts for itself."""

    ACCOUNTS = "accounts"
    DEVICES = "devices"


EventsADay = Annotated[int, Field(ge=0, le=EVENTS_A_DAY_MAX)]


class BudgetRow(View):
    """What one of them had recorded today (UTC), and how much it may have.

    `name` is that of a tenant and `mac` that of a device; None where it is gone. `is_own`: it differs from the setting.
    """

    kind: PayerKind
    payer_id: str
    name: str | None
    mac: str | None
    used: int
    limit: int
    is_own: bool


class LogRoom(View):
    """How full the log of the service is; `days_left` at the growth of the last day, None when that is not known."""

    used_bytes: int
    max_bytes: int
    days_left: float | None


class BudgetList(View):
    """Who used most of a day's budget in one service: at most 100 of them, and all whose budget is its own.

    `tenant_limit` and `device_limit` are the settings, for everybody else; without devices the latter is None.
    Counts are saved every few seconds.
    """

    rows: tuple[BudgetRow, ...]
    tenant_limit: int
    device_limit: int | None
    starts_again_at: RecordedMoment
    room: LogRoom


class BudgetQuery(Query):
    """Who used most today. With `q` those alone whose name has a word that begins so, used or not."""

    q: Annotated[str, Field(max_length=128)] = ""
