"""`smartplus log size` and `smartplus log resize`: how full the logs are, and letting one hold more."""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nats.aio.client import Client
from pydantic import ByteSize

from kernel.jetstream import connect
from kernel.log import Unavailable
from kernel.room import filling
from kernel.room import resize as resize_log
from kernel.settings import read_settings, size
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
