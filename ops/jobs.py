"""`smartplus jobs`: which jobs are parked because their last try failed, having them done after all, dropping them."""

from __future__ import annotations

import getpass

from kernel.jobs.memory import Memory
from kernel.keeping.mongo import mongo_client
from kernel.process.settings import read_settings
from ops.events import SERVICES
from ops.failures import ServerFailed

_SHOWN = 20


async def show() -> None:
    """Print what is parked in each service. Raises what ails MongoDB."""
    settings = read_settings()
    lines = []
    async with mongo_client(settings.mongodb_uri, "jobs") as mongo:
        for service in SERVICES:
            memory = Memory(mongo.get_database(settings.database(service)))
            lines += await _lines(service, memory)
    print("\n".join(lines or ["No job is parked."]))


async def retry(service: str, job: str, id: str | None, everything: bool) -> None:
    """Have what is parked of `job` put on the list again by its service. Raises `ServerFailed` when nothing such is."""
    _check(service, id, everything)
    settings = read_settings()
    async with mongo_client(settings.mongodb_uri, "jobs") as mongo:
        wished = await Memory(mongo.get_database(settings.database(service))).wish(getpass.getuser(), job, id)
    if not wished:
        raise ServerFailed(f"Nothing such is parked in {service}. See: smartplus jobs")
    print(f"{service} puts {wished} on its list again, as soon as it runs. What fails is parked anew: smartplus jobs")


async def drop(service: str, job: str, id: str | None, everything: bool) -> None:
    """Have nobody do what is parked of `job`. Raises `ServerFailed` when nothing such is."""
    _check(service, id, everything)
    settings = read_settings()
    async with mongo_client(settings.mongodb_uri, "jobs") as mongo:
        dropped = await Memory(mongo.get_database(settings.database(service))).drop(job, id)
    if not dropped:
        raise ServerFailed(f"Nothing such is parked in {service}. See: smartplus jobs")
    print(f"{dropped} will not be done.")


def _check(service: str, id: str | None, everything: bool) -> None:
    if service not in SERVICES:
        raise ServerFailed(f"There is no service called {service}. There are: {', '.join(SERVICES)}.")
    if (id is None) != everything:
        raise ServerFailed("Name one job by the id that smartplus jobs shows, or --all.")


async def _lines(service: str, memory: Memory) -> list[str]:
    parked = await memory.listed(_SHOWN)
    lines = []
    for each in parked:
        again = f", to be tried again for {each['again']['by']}" if "again" in each else ""
        lines.append(
            f"{service}  {each['job']}  {each['_id']}\n"
            f"  since {each['at']:%Y-%m-%d %H:%M} UTC, after {each['begun']} tries{again}: {each['reason']}"
        )
    if lines:
        others = sum((await memory.parked()).values()) - len(lines)
        lines += [f"{service}: {others} more"] if others > 0 else []
        lines.append(f"Once the cause is mended: smartplus jobs retry {service} JOB ID, or --all. To give up: drop")
    return lines
