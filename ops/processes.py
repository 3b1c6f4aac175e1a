"""Child processes that never outlive us: own session, killed with their parent, stopped as a group.

The rule it protects: whatever ends us (Ctrl-C, SIGTERM, SIGKILL), no process stays behind.
"""

import asyncio
import contextlib
import ctypes
import functools
import itertools
import os
import random
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO

_PR_SET_PDEATHSIG = 1

# Below the kernel's ephemeral range (32768 and up): a client that redials a port there while its server is down
# can be given that very port, connect to itself, and hold it against the server's return.
_LOCAL_PORTS = range(20000, 32000)
_SHARES = 8


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on host:port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A loopback port that nobody listens on now; it is not reserved, so use it soon.

    It is another one each time, for some time, and hardly one that a process beside this one is given: between here and
    a server that listens nobody would notice.
    """
    return next(port for port in _own_ports() if port_is_free(port))


@functools.cache
def _own_ports() -> Iterator[int]:
    """This process's share of the ports, in any order, over and over."""
    share = [port for port in _LOCAL_PORTS if port % _SHARES == os.getpid() % _SHARES]
    random.shuffle(share)
    return itertools.cycle(share)


def _dies_with(parent: int, sign: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def in_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, sign)
        if os.getppid() != parent:  # the parent died before the line above
            os._exit(1)

    return in_child


async def spawn(
    command: Sequence[str],
    *,
    output: IO[bytes] | int,
    environment: Mapping[str, str] | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
) -> asyncio.subprocess.Process:
    """Start `command` in a session of its own; the kernel sends it `death_signal` when the calling thread ends."""
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
        start_new_session=True,
        preexec_fn=_dies_with(os.getpid(), death_signal),
    )


async def spawn_piped(
    command: Sequence[str], environment: Mapping[str, str]
) -> tuple[asyncio.subprocess.Process, asyncio.StreamReader]:
    """`spawn`, with the output to be read from the second value."""
    # Not asyncio's own pipe: with it, `wait` also waits for grandchildren that still hold the pipe.
    reading, writing = os.pipe()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", buffering=0)
    )
    try:
        return await spawn(command, output=writing, environment=environment), reader
    finally:
        os.close(writing)


def signal_group(process: asyncio.subprocess.Process, sign: signal.Signals) -> None:
    """Signal the process and all that it started; nothing happens when they are gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, sign)


async def end(process: asyncio.subprocess.Process, grace_s: float) -> None:
    """SIGTERM, then SIGKILL after `grace_s` seconds; returns when the process is gone and its group killed."""
    if process.returncode is None:
        signal_group(process, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), grace_s)
    signal_group(process, signal.SIGKILL)
    await process.wait()
