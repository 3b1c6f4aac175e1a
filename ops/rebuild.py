"""`smartplus rebuild <service>`: its read models made anew from the log, beside the live ones, while all runs on."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from nats.aio.client import Client
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

import services
from kernel.connecting.connection import UnfitServer, connect
from kernel.connecting.stream import open_log
from kernel.deciding.codec import Codec
from kernel.deciding.reasons import reason_of
from kernel.guarding.guard import Guard
from kernel.keeping.mongo import BSON, Collection, Database, mongo_client
from kernel.keeping.vault import MongoKeys, WrongSecret, vault_keys
from kernel.log.integrity import Damaged
from kernel.log.jetstream import JetStreamLog
from kernel.log.promise import Unavailable
from kernel.process.settings import Settings, read_settings
from kernel.reading.checkpoint import Checkpoint
from kernel.reading.lease import Held
from kernel.reading.projection import Projector
from kernel.reading.rebuilding import Progress as Step
from kernel.reading.source import Source
from kernel.service.declaration import Service
from ops.failures import ServerFailed

_IN_WORDS = (Unavailable, UnfitServer, WrongSecret, OSError)
_WORDS = {"fold": "Folding events", "insert": "Writing documents", "catch up": "Catching up"}


async def rebuild(name: str) -> None:
    """Rebuild the read models of the service called `name`, on the system that the environment names.

    Raises `ServerFailed` when there is no such service, a rebuild is already running, or the log or MongoDB cannot do
    it; then nothing has changed.
    """
    console = Console()
    service = _service(name)
    try:
        async with _projector(service) as projector:
            checkpoint = await _shown(projector, console)
            waiting = await projector.remark()
    except Held:
        raise ServerFailed(
            f"A rebuild of {name} is already running. If it was killed, try again in a few seconds."
        ) from None
    except Damaged as damage:
        raise ServerFailed(f"{damage}. Nothing has changed.") from None
    except Exception as failure:
        words = str(failure) if isinstance(failure, _IN_WORDS) else reason_of(failure)
        raise ServerFailed(
            f"The read models of {name} cannot be built anew now: {words}. Those that there are stay as they were."
        ) from failure
    models = ", ".join(sorted(checkpoint.models))
    places = ", ".join(f"{stream}.{place.seq}" for stream, place in sorted(checkpoint.places.items()))
    console.print(f"Rebuilt {models} of {name} up to {places}.", highlight=False)
    if waiting:
        console.print(f"{waiting}.", highlight=False)


async def _shown(projector: Projector, console: Console) -> Checkpoint:
    with _bar(console) as bar:
        steps: dict[str, TaskID] = {}

        def show(step: Step) -> None:
            if step.step not in steps:
                steps[step.step] = bar.add_task(_WORDS[step.step], total=step.total)
            bar.update(steps[step.step], completed=step.done, total=step.total)

        return await projector.rebuild(show)


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description:18}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)


def _service(name: str) -> Service:
    folder = Path(services.__path__[0])
    known = sorted(main.parent.name for main in folder.glob("*/__main__.py") if main.parent.name != "gateway")
    if name not in known:
        raise ServerFailed(f"There is no service called {name}. There are: {', '.join(known)}.")
    service = importlib.import_module(f"services.{name}.__main__").SERVICE
    assert isinstance(service, Service)
    return service


async def _whole_logs(
    nc: Client, database: Database, vault: Collection, settings: Settings, services: Iterable[str]
) -> list[JetStreamLog]:
    """Raises `Damaged` when one is: what a rebuild left out would be lost from the read models too."""

    async def opened(name: str) -> JetStreamLog:
        return await open_log(nc, name, settings.replicas, settings.room_of(name))

    return await Guard(nc, database, vault, opened).open_now(list(services))


@asynccontextmanager
async def _projector(service: Service) -> AsyncIterator[Projector]:
    settings = read_settings()
    nc = await connect(settings.nats_url, f"smartplus rebuild {service.name}")
    try:
        async with (
            mongo_client(settings.mongodb_uri, "rebuild") as mongo,
            mongo_client(settings.vault_uri, "rebuild-vault") as vault,
        ):
            keys = MongoKeys(vault, settings.wrappings(), settings.database("vault"))
            await keys.check()
            followed = {name for model in service.read_models for name in model.follows}
            events = {service.name: service.events} | {name: service.followed[name] for name in followed}
            database = mongo.get_database(settings.database(service.name), BSON)
            logs = await _whole_logs(nc, database, vault_keys(vault, settings.database("vault")), settings, events)
            sources = []
            for (name, kinds), log in zip(events.items(), logs, strict=True):
                upcast = service.upcast if name == service.name else None
                sources.append(Source(name, log, Codec(name, kinds, keys, settings.secrets(), upcast)))
            yield Projector(service.name, sources, service.read_models, database, announce=nc.publish)
    finally:
        await nc.close()
