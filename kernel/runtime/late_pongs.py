"""Lets a NATS client live through an answer that comes after its patience ended.

nats-py hands each PONG to whoever waits in `flush`. When that one gave up before, it raises in the task that reads from
the server and ends it: the client hears nothing more, of anybody, until its own pings find the connection dead some
25 seconds later. So a server that stood still for three seconds, under a readiness that asks it with two seconds of
patience, was lost for half a minute. `kernel.runtime.patches` has nats-py pass over who gave up.
"""

from nats.aio.client import Client


async def process_pong(self: Client) -> None:
    """Take a PONG; whom it is for may have given up."""
    if self._pongs and self._pongs[0].done():
        self._pongs.pop(0)
        self._pongs_received += 1
        self._pings_outstanding = 0
        return
    await original(self)


original = Client._process_pong
