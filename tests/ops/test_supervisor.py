"""The supervisor starts in order, brings back what crashed, and leaves no process however it ends."""

import asyncio
import os
import signal
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.failures import ServerFailed
from ops.probe import ask
from ops.processes import free_port
from ops.supervisor import Program, Supervisor
from tests.ops.watching import alive, gone

# A stand-in for a service: ready over HTTP, and with a child of its own that ignores SIGTERM.
STAND_IN = textwrap.dedent(
    """
    import http.server, os, signal, subprocess, sys
    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200); self.end_headers(); self.wfile.write(str(os.getpid()).encode())
        def log_message(self, *_): pass
    signal.signal(signal.SIGTERM, lambda *_: (print("stopping", flush=True), sys.exit(0)))
    stubborn = subprocess.Popen(["sh", "-c", "trap '' TERM; while :; do sleep 60; done"])
    print("pids", os.getpid(), stubborn.pid, flush=True)
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
    """
)


class Told:
    """What the supervisor said, in order, and a way to wait for a line."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self._more = asyncio.Condition()
        self._notices: set[asyncio.Task[None]] = set()

    def say(self, who: str, line: str) -> None:
        self.lines.append((who, line))
        notice = asyncio.create_task(self._notify())
        self._notices.add(notice)
        notice.add_done_callback(self._notices.discard)

    async def _notify(self) -> None:
        async with self._more:
            self._more.notify_all()

    async def until(self, found: Callable[[list[tuple[str, str]]], bool]) -> None:
        async with asyncio.timeout(30), self._more:
            await self._more.wait_for(lambda: found(self.lines))

    def pids(self) -> list[int]:
        return [int(pid) for _, line in self.lines if line.startswith("pids") for pid in line.split()[1:]]


def program(name: str, told: Told, script: str = STAND_IN) -> tuple[Program, str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/health/ready"
    return Program(name, [sys.executable, "-c", script, str(port)], os.environ, url, told.say), url


async def test_stages_start_in_order_and_stop_in_reverse_with_all_that_they_started() -> None:
    told = Told()
    (first, first_url), (second, second_url) = program("first", told), program("second", told)
    supervisor = Supervisor([[first], [second]], told.say)

    async def when_ready() -> None:
        assert await ask(first_url)
        assert await ask(second_url)
        os.kill(os.getpid(), signal.SIGTERM)

    await supervisor.run(when_ready)
    assert [(who, line.split()[0]) for who, line in told.lines] == [
        ("first", "pids"),
        ("second", "pids"),
        ("second", "stopping"),
        ("first", "stopping"),
    ]
    assert len(told.pids()) == 4
    await gone(told.pids())


async def test_a_crashed_program_comes_back() -> None:
    told = Told()
    one, url = program("one", told)
    supervisor = Supervisor([[one]], told.say)

    async def crash_it() -> None:
        answer = await ask(url)
        assert answer
        os.kill(int(answer.text), signal.SIGKILL)
        await told.until(lambda lines: ("one", "is ready again") in lines)
        assert await ask(url)
        supervisor.stop()

    await supervisor.run(crash_it)
    assert ("one", "ended (exit code -9); starting again in 0.5 s") in told.lines
    await gone(told.pids())


async def test_a_program_that_cannot_start_ends_the_others_and_says_so() -> None:
    told = Told()
    good, _ = program("good", told)
    bad, _ = program("bad", told, "print('no settings'); raise SystemExit(3)")

    async def never() -> None:
        raise AssertionError("not ready")

    with pytest.raises(ServerFailed, match="bad ended at its start \\(exit code 3\\)"):
        await Supervisor([[good], [bad]], told.say).run(never)
    assert ("bad", "no settings") in told.lines
    await gone(told.pids())


async def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    script = tmp_path / "supervise.py"
    script.write_text(
        "import asyncio, os, sys\n"
        "from ops.supervisor import Program, Supervisor\n"
        "say = lambda who, line: print(line, flush=True)\n"
        "async def ready(): print('ready', flush=True)\n"
        f"command = [sys.executable, '-c', {STAND_IN.replace('subprocess.Popen', 'list')!r}, '{free_port()}']\n"
        "command[2] = command[2].replace('stubborn.pid', 'os.getpid()')\n"
        "url = f'http://127.0.0.1:{command[3]}/'\n"
        "one = Program('one', command, os.environ, url, say)\n"
        "asyncio.run(Supervisor([[one]], say).run(ready))\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, str(script), stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    pids = [int(pid) for pid in (await process.stdout.readline()).split()[1:]]
    assert await process.stdout.readline() == b"ready\n"
    assert alive(pids[0])
    process.kill()
    await process.wait()
    await gone(pids)


async def test_a_very_long_line_arrives_whole() -> None:
    told = Told()
    one, _ = program("one", told, "print('x' * 300_000); raise SystemExit(1)")
    with pytest.raises(ServerFailed):
        await one.start()
    assert told.lines == [("one", "x" * 300_000)]
