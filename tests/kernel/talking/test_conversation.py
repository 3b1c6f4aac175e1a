"""Speaking on one subject and listening on another, within bounds."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from kernel.connecting.connection import connect
from kernel.log.promise import Unavailable
from kernel.talking.conversation import Overrun, conversation


async def test_it_hears_what_is_said_while_it_lasts(nats_url: str) -> None:
    client, subject = await connect(nats_url, "talking"), f"talk.{uuid4().hex}"
    await client.publish(subject, b"too early")
    async with conversation(client, subject) as told:
        await told.say(subject, b"1")
        await client.publish(subject, b"2")
        assert [await asyncio.wait_for(told.hear(), 5) for _ in range(2)] == [b"1", b"2"]
    await client.close()


async def test_who_does_not_listen_is_told_that_something_was_lost(nats_url: str) -> None:
    client, subject = await connect(nats_url, "talking"), f"talk.{uuid4().hex}"
    async with conversation(client, subject) as told:
        for _ in range(1000):
            await client.publish(subject, b"much")
        await client.flush()
        heard = 0
        try:
            async with asyncio.timeout(5):
                while heard < 1000:
                    await told.hear()
                    heard += 1
        except Overrun:
            pass
    assert heard < 1000
    await client.close()


async def test_without_a_server_nothing_is_said(nats_url: str) -> None:
    client = await connect(nats_url, "talking")
    async with conversation(client, "talk") as told:
        await client.close()
        with pytest.raises(Unavailable):
            await told.say("talk", b"1")
    with pytest.raises(Unavailable):
        async with conversation(client, "talk"):
            pass
