"""`smartplus log size` and `smartplus log resize`: how full the logs are, and letting one hold more."""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nats.aio.client import Client
from pydantic import ByteSize

from kernel.connecting.connection import connect
from kernel.guarding.room import filling, grow
from kernel.guarding.room import resize as resize_log
from kernel.log.promise import Unavailable
from kernel.process.settings import DEFAULT_LOG_MAX_BYTES, read_settings, room_of, size
from ops.events import SERVICES
from ops.failures import ServerFailed


async def show() -> None:
    """Print how full each log is. Raises `ServerFailed`."""
    async with _connected() as nc:
        for service in SERVICES:
            print(f"{service:<10} {(await filling(nc, service)).in_words()}")


async def resize(service: str, wanted: str) -> None:
    """Let the log of `service` hold that much (`4GiB`). Raises `ServerFailed`; then nothing has changed."""
    if service not in SERVICES:
        raise ServerFailed(f"There is no log of {service!r}. There are: {', '.join(SERVICES)}.")
    async with _connected() as nc:
        try:
            most = size(wanted)
            by = getpass.getuser()
            before = await resize_log(nc, service, most, by)
        except ValueError as refusal:
            raise ServerFailed(str(refusal)) from None
    sizes = " now; it could hold ".join(ByteSize(each).human_readable() for each in (most, before))
    print(f"The log of {service} can hold {sizes} (resized by {by}).")


async def grow_to_setting(nats_url: str, sizes: str | None) -> list[str]:
    """Let each log hold what its setting wants (`SMARTPLUS_LOG_MAX_BYTES`); what became of those that held less.

    `nats_url` is the operator's: services change no stream. Raises `Unavailable`.
    """
    nc, said = await connect(nats_url, "smartplus log"), []
    try:
        for service in SERVICES:
            most = room_of(sizes or DEFAULT_LOG_MAX_BYTES, service)
            try:
                if await grow(nc, service, most, "the setting of the service"):
                    said.append(f"the log of {service} can hold {ByteSize(most).human_readable()} now")
            except ValueError as refusal:
                said.append(f"the log of {service} stays as it is. {refusal}")
    finally:
        await nc.close()
    return said


@asynccontextmanager
async def _connected() -> AsyncIterator[Client]:
    try:
        nc = await connect(read_settings().nats_url, "smartplus log")
        try:
            yield nc
        finally:
            await nc.close()
    except Unavailable as error:
        raise ServerFailed(str(error)) from None
