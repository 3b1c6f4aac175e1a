"""Answers a subject with ten rows' worth of bytes, in a process of its own: the floor of a request between services."""

import asyncio
import sys

import uvloop
from nats.aio.msg import Msg

from kernel.connecting.connection import connect

SUBJECT = "bench.echo"
ANSWER = b"x" * 4000


async def _run(url: str) -> None:
    nc = await connect(url, "echo")

    async def answer(message: Msg) -> None:
        await message.respond(ANSWER)

    await nc.subscribe(SUBJECT, cb=answer)
    await nc.flush()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_run(sys.argv[1]))
