"""Reading the event log: who did what, when, and why it cannot be changed. What was erased shows as erased."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pymongo import AsyncMongoClient
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contracts.message import Event, PersonalMark, Recorded, fields_marked
from contracts.modules import MODULES, declared, upcasts_of
from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.deciding.codec import Codec
from kernel.deciding.decider import Ref
from kernel.keeping.vault import MongoKeys
from kernel.log.jetstream import JetStreamLog
from kernel.process.settings import read_settings
from ops.failures import ServerFailed

SERVICES = tuple(MODULES)


@dataclass(frozen=True)
class Archive:
    """The log of one service and what reads it."""

    log: JetStreamLog
    codec: Codec

    async def history(self, aggregate: str, id: str) -> list[Recorded]:
        """All events of one aggregate; a personal id (of a hashed aggregate) may be given in the clear."""
        messages = await self.log.read_subject(f"event.{self.codec.service}.{aggregate}.{id}")
        if not messages:
            messages = await self.log.read_subject(self.codec.subject(Ref(aggregate, id), hashed=True))
        return await self.codec.decode_many(messages)


@asynccontextmanager
async def archives(services: Sequence[str]) -> AsyncIterator[list[Archive]]:
    """The logs of these services, on the system that the environment names."""
    settings = read_settings()
    nc = await connect(settings.nats_url, "smartplus events")
    try:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.vault_uri)
        async with client:
            secrets = settings.secrets()
            keys = MongoKeys(client, settings.wrappings(), settings.database("vault"))
            yield [
                Archive(
                    await open_log(nc, service, settings.replicas, settings.room_of(service)),
                    Codec(service, declared(service, Event), keys, secrets, upcasts_of(service)),
                )
                for service in services
            ]
    finally:
        await nc.close()


def shown_fields(event: Event, personal: bool) -> dict[str, object]:
    """What an event says; its personal fields only when they are asked for, or erased."""
    body = event.model_dump(mode="json")
    hidden = fields_marked(type(event), PersonalMark)
    return {
        name: value if personal or name not in hidden or value in (None, "erased", ["erased"]) else "·····"
        for name, value in body.items()
    }


async def show(address: str, *, personal: bool = False) -> None:
    """Print one aggregate's history; `address` is service.aggregate.id. Raises `ServerFailed` when there is none."""
    service, _, rest = address.replace("/", ".", 2).partition(".")
    aggregate, _, id = rest.partition(".")
    if service not in SERVICES or not aggregate or not id:
        known = ", ".join(SERVICES)
        raise ServerFailed(
            f"{address!r} is not service.aggregate.id, such as accounts.household.0191…; services: {known}"
        )
    async with archives([service]) as (archive,):
        history = await archive.history(aggregate, id)
    if not history:
        raise ServerFailed(f"there is no {aggregate} {id} in {service}")
    table = Table("When (UTC)", "Position", "What", "Who", "Under", "From", "Says", title=address, title_justify="left")
    for each in history:
        table.add_row(*_cells(each, personal))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


async def tail(*, personal: bool = False) -> None:
    """Print the events of all services as they are recorded, until Ctrl-C."""
    console = Console(width=None if sys.stdout.isatty() else 200, soft_wrap=True)
    async with archives(list(SERVICES)) as found, asyncio.TaskGroup() as group:
        for archive in found:
            start = await archive.log.last_seq()
            console.print(f"[dim]following {archive.log.stream} after {start}; Ctrl-C ends[/dim]")
            group.create_task(_follow(archive, start, console, personal))


async def _follow(archive: Archive, after: int, console: Console, personal: bool) -> None:
    async for messages in archive.log.follow(after):
        for each in await archive.codec.decode_many(messages):
            when, position, what, who, under, _, words = _cells(each, personal)
            console.print(
                f"{when}  {position:<14} [bold]{what}[/bold]  {who}{' under ' + under if under else ''}  {words}"
            )


def _cells(each: Recorded, personal: bool) -> list[str]:
    return [
        each.at.strftime("%Y-%m-%d %H:%M:%S"),
        f"{each.stream}.{each.seq}",
        type(each.event).__name__,
        f"{each.actor.role.value} {each.actor.account_id}",
        each.actor.impersonator_id or "",
        each.actor.address or "",
        escape(json.dumps(shown_fields(each.event, personal), ensure_ascii=False)),
    ]
