"""`smartplus log budgets`: who had most recorded today, and how much of a day's budget that is."""

from __future__ import annotations

from contracts.budgets import PayerKind
from kernel.keeping.mongo import BSON, mongo_client
from kernel.log.promise import Unavailable
from kernel.process.settings import read_settings
from kernel.service.spending import most_spent
from ops.events import SERVICES
from ops.failures import ServerFailed

_SHOWN = 10


async def show() -> None:
    """Print the ten who used the largest part of a day's budget in each service, and all with a budget of their own.

    Raises `ServerFailed`.
    """
    settings = read_settings()
    limits = {PayerKind.TENANT: settings.tenant_events_per_day, PayerKind.DEVICE: settings.device_events_per_day}
    try:
        async with mongo_client(settings.mongodb_uri, "log") as mongo:
            for service in SERVICES:
                database = mongo.get_database(settings.database(service), BSON)
                for each in await most_spent(database, limits, most=_SHOWN):
                    part = f"{each.used / each.limit:.0%}" if each.limit else "all"
                    own = ", a budget of its own" if each.is_own else ""
                    used = f"{each.used:>8,} events, {part} of {each.limit:,}{own}"
                    print(f"{service:<10} {each.kind:<7} {each.payer_id}  {used}")
    except Unavailable as error:
        raise ServerFailed(str(error)) from None
