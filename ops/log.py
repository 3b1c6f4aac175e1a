"""`smartplus log`: whether a log is whole, and going on without what is lost."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.guarding.log_memory import LogMemory
from kernel.guarding.survey import Survey, survey
from kernel.keeping.mongo import BSON, Mongo, mongo_client
from kernel.keeping.vault import vault_keys
from kernel.log.integrity import Memory
from kernel.log.jetstream import JetStreamLog
from kernel.log.promise import Unavailable
from kernel.process.settings import Settings, read_settings
from ops.events import SERVICES
from ops.failures import ServerFailed

_SHOWN = 20


@dataclass(frozen=True)
class Examined:
    """A log that was read whole, what it lacks, and which aggregates that is known to concern."""

    log: JetStreamLog
    survey: Survey
    aggregates: tuple[str, ...]

    def lines(self) -> list[str]:
        """For an operator."""
        state = self.survey.state
        words = self.survey.words()
        verdict = f"{state.stream}: {'DAMAGED' if words else 'whole'}, {state.last_seq} events"
        concerned = [f"  concerns {each}" for each in self.aggregates[:_SHOWN]]
        if len(self.aggregates) > _SHOWN:
            concerned.append(f"  concerns {len(self.aggregates) - _SHOWN} more")
        accepted = [f"  accepted: {loss.words()}" for loss in state.losses]
        way_out = f"Restore a backup, or give it up: smartplus log accept-loss {state.stream.lower()} --reason ..."
        return [
            verdict,
            *(f"  {each}" for each in words),
            *concerned,
            *([f"  → {way_out}"] if words else []),
            *accepted,
        ]

    @property
    def typed(self) -> str:
        """What an operator types who accepts the loss."""
        return f"{self.survey.state.stream} {self.survey.events}"


async def check(services: list[str]) -> bool:
    """Read the logs of these services (none: of all) whole, print what is missing; whether all are whole."""
    whole = True
    for name in services or list(SERVICES):
        async with examined(name) as found:
            print("\n".join(found.lines()))
            whole &= found.survey.is_whole
    return whole


async def accept_loss(service: str, reason: str, typed: str | None) -> None:
    """Go on without what the log of `service` lost, after the operator typed its name and how many events that is.

    Raises `ServerFailed` when nothing is missing or something else was typed; then nothing has changed.
    """
    async with examined(service) as found:
        print("\n".join(found.lines()))
        if found.survey.is_whole:
            raise ServerFailed(f"Nothing is missing in the log of {service}: there is nothing to accept.")
        if typed is None:
            print(
                f"\nWhat is missing is gone for ever once this is accepted. Restore a backup if there is one.\n"
                f"To accept it, type: {found.typed}"
            )
            typed = await asyncio.to_thread(_typed)
        if typed.strip() != found.typed:
            raise ServerFailed(f"That was not {found.typed!r}; nothing has changed.")
        loss = found.survey.accepted(datetime.now(UTC).isoformat(timespec="seconds"), getpass.getuser(), reason)
        await found.log.leader.accept(loss)
    print(
        f"\n{found.survey.state.stream} goes on without {loss.events} events. Read models are built anew; services "
        "begin again by themselves within seconds."
    )


def _typed() -> str:
    """What the operator types; nothing when nobody is there to type."""
    try:
        return input("> ")
    except EOFError:
        return ""


@asynccontextmanager
async def examined(service: str) -> AsyncIterator[Examined]:
    """The log of `service`, read whole. Raises `ServerFailed`."""
    if service not in SERVICES:
        raise ServerFailed(f"There is no log of {service!r}. There are: {', '.join(SERVICES)}.")
    settings = read_settings()
    try:
        nc = await connect(settings.nats_url, "smartplus log")
        try:
            async with (
                mongo_client(settings.mongodb_uri, "log") as mongo,
                mongo_client(settings.vault_uri, "log-vault") as vault,
            ):
                log = await open_log(nc, service, settings.replicas, settings.room_of(service))
                keys = vault_keys(vault, settings.database("vault"))
                found = await survey(log, await _memories(mongo, settings, log.stream), keys)
                yield Examined(log, found, await _concerned(mongo, settings, found))
        finally:
            await nc.close()
    except Unavailable as error:
        raise ServerFailed(str(error)) from None


async def _memories(mongo: Mongo, settings: Settings, stream: str) -> list[Memory]:
    """What any service remembers of the stream: whoever follows it may have seen more than its own."""
    databases = [mongo.get_database(settings.database(name), BSON) for name in SERVICES]
    return [memory for each in databases for memory in await LogMemory(each, stream).recall()]


async def _concerned(mongo: Mongo, settings: Settings, found: Survey) -> tuple[str, ...]:
    """Aggregates that lost events: those whose later events stand there, and those that the audit trail names."""
    named = dict.fromkeys(subject.removeprefix("event.") for subject in found.torn)
    gone = [{"seq": {"$gte": span.first, "$lte": span.last}} for span in (*found.holes, *found.end)]
    if gone:
        audit = mongo[settings.database("accounts")]["audit"]
        async for row in audit.find({"stream": found.state.stream, "$or": gone}).limit(10 * _SHOWN):
            named[f"{found.state.stream.lower()}.{row['kind']}.{next(iter(row['about']), '')}".rstrip(".")] = None
    return tuple(named)
