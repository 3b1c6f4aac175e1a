"""Keeps a set of child processes running, and leaves none behind.

They start in stages (all of one ready before the next), a crashed one comes back with growing pauses, and one that runs
but cannot work any more (a nats-server after a full disk) is restarted. An end (Ctrl-C, SIGTERM, the closed terminal, a
failed start) stops them one by one, the last first.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from ops.failures import ServerFailed
from ops.probe import ask, damage
from ops.processes import end, signal_group, spawn_piped

_READY_TIMEOUT_S = 180.0
_STOP_TIMEOUT_S = 20.0
_PROBE_EVERY_S = 0.05
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0
_STEADY_AFTER_S = 30.0
_LOOK_EVERY_S = 2.0
# A restart that did not help is not repeated at once: a disk may be broken, not full.
_CURED_WITHIN_S = 30.0

Say = Callable[[str, str], None]  # (who, line)


class Child(Protocol):
    """What can be supervised: the services here, the servers of `ops.servers`."""

    @property
    def name(self) -> str: ...

    async def start(self) -> None:
        """Returns when it is ready; ServerFailed when it cannot be."""

    async def stop(self) -> None:
        """Returns when it is gone."""

    async def wait(self) -> int:
        """The exit code, when it ended."""

    async def ailing(self) -> str | None:
        """Why it must be restarted although it runs, in words; None when it need not."""


class Program:
    """One of our own programs: its lines go to `say`; it is ready when `ready_url` answers 200, at once without one."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], ready_url: str, say: Say
    ) -> None:
        self.name = name
        self._command = command
        self.environment = dict(environment)
        self.ready_url = ready_url
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._relay: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._process, output = await spawn_piped(self._command, self.environment)
        self._relay = asyncio.create_task(relay(output, self.name, self._say))
        try:
            await self._until_ready(self._process)
        except BaseException:
            signal_group(self._process, signal.SIGKILL)
            await self.wait()
            raise

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while process.returncode is None:
            if not self.ready_url or await ask(self.ready_url):
                return
            if why := await damage(self.ready_url):
                # It waits for an operator, who needs the servers; the others go on as far as they can.
                self._say(self.name, f"is not ready: {why}")
                return
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} did not get ready within {_READY_TIMEOUT_S:.0f} s: {self.ready_url}")
            await asyncio.sleep(_PROBE_EVERY_S)
        raise ServerFailed(f"{self.name} ended at its start (exit code {process.returncode}); its lines above say why.")

    async def stop(self) -> None:
        if self._process is not None:
            await end(self._process, _STOP_TIMEOUT_S)
            await self.wait()

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def ailing(self) -> str | None:
        """Never: it comes back from whatever it says by itself, or ends."""
        return None

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            signal_group(self._process, signal.SIGKILL)

    async def wait(self) -> int:
        if self._process is None or self._relay is None:
            raise RuntimeError(f"{self.name} was not started")
        code = await self._process.wait()
        signal_group(self._process, signal.SIGKILL)  # what it started must not hold its port or its pipe
        await self._relay
        return code


async def relay(output: asyncio.StreamReader, name: str, say: Say) -> None:
    """Hand every line of a child's output to `say`, however long it is."""
    rest = b""
    while chunk := await output.read(65536):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            say(name, line.decode(errors="replace"))
    if rest:
        say(name, rest.decode(errors="replace"))


class Supervisor:
    """Runs stages of children until it is told to stop."""

    def __init__(
        self, stages: Sequence[Sequence[Child]], say: Say, *, longest_pause_s: float = _LONGEST_PAUSE_S
    ) -> None:
        self._stages = stages
        self._say = say
        self._longest_pause_s = longest_pause_s
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask `run` to end; it returns when every child is gone."""
        self._stopping.set()

    async def run(self, when_ready: Callable[[], Awaitable[None]]) -> None:
        """Start all, call `when_ready`, keep all running until `stop` or a signal; ServerFailed when a start fails."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for each in signals:
            loop.add_signal_handler(each, self.stop)
        try:
            work = asyncio.create_task(self._work(when_ready))
            asked = asyncio.create_task(self._stopping.wait())
            await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            if work.done():
                work.result()
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
        finally:
            await self._stop_all()
            for each in signals:
                loop.remove_signal_handler(each)

    async def _work(self, when_ready: Callable[[], Awaitable[None]]) -> None:
        keepers: list[asyncio.Task[None]] = []
        try:
            for stage in self._stages:
                await _start_together(stage)
                keepers += [
                    asyncio.create_task(work(child)) for child in stage for work in (self._keep, self._look_after)
                ]
            await when_ready()
            await asyncio.gather(*keepers)
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    async def _keep(self, child: Child) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            began = time.monotonic()
            code = await child.wait()
            if time.monotonic() - began > _STEADY_AFTER_S:
                pause_s = _FIRST_PAUSE_S
            while True:
                self._say(child.name, f"ended (exit code {code}); starting again in {pause_s:g} s")
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, self._longest_pause_s)
                try:
                    await child.start()
                except ServerFailed as failure:
                    self._say(child.name, str(failure))
                else:
                    self._say(child.name, "is ready again")
                    break

    async def _look_after(self, child: Child) -> None:
        """End a child that ails; `_keep` starts it again."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if why := await child.ailing():
                self._say(child.name, f"is restarted: {why}")
                await child.stop()
                await asyncio.sleep(_CURED_WITHIN_S)

    async def _stop_all(self) -> None:
        for child in reversed([child for stage in self._stages for child in stage]):
            await child.stop()


async def _start_together(stage: Sequence[Child]) -> None:
    outcomes = await asyncio.gather(*(child.start() for child in stage), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
