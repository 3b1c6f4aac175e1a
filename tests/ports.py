"""Who reaches a port of this machine."""

import asyncio

ANOTHER_ADDRESS = "127.0.0.2"
"""An address of this machine, where only what listens everywhere listens."""


async def is_reached(host: str, port: int) -> bool:
    """Whether something answers there."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


async def is_reached_from_here_alone(port: int) -> bool:
    """Whether a port answers on 127.0.0.1 and nowhere else."""
    return await is_reached("127.0.0.1", port) and not await is_reached(ANOTHER_ADDRESS, port)
