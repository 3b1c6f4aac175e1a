"""`smartplus log budgets`: who had most recorded today, and how much of a day's budget that is."""

from __future__ import annotations

from datetime import UTC, datetime

from kernel.budgets import COLLECTION, DEVICE, TENANT
from kernel.log import Unavailable
from kernel.mongo import mongo_client
from kernel.settings import read_settings
from ops.events import SERVICES
from ops.failures import ServerFailed

_SHOWN = 10


async def show() -> None:
    """Print the ten who had most recorded today (UTC) in each service. Raises `ServerFailed`."""
    settings = read_settings()
    limits = {TENANT: settings.tenant_events_per_day, DEVICE: settings.device_events_per_day}
    today = datetime.now(UTC).date().isoformat()
    try:
        async with mongo_client(settings.mongodb_uri, "log") as mongo:
            for service in SERVICES:
                counts = mongo[settings.database(service)][COLLECTION]
                async for row in counts.find({"_id": {"$regex": f"^{today} "}}).sort("used", -1).limit(_SHOWN):
                    _, kind, id = row["_id"].split(" ", 2)
                    print(f"{service:<10} {kind:<7} {id}  {row['used']:>8,} events, {row['used'] / limits[kind]:.0%}")
    except Unavailable as error:
        raise ServerFailed(str(error)) from None
