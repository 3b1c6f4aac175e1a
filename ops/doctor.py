"""What this machine has and lacks: one line per dependency, with its version, whether it answers, and what to do."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import nats
import nats.errors
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from kernel.connecting.address import NatsAddress
from kernel.guarding.writing import ailment
from kernel.jobs.memory import ARE_PARKED
from kernel.reading.parking import CANNOT_BE_TAKEN as PARKED
from kernel.talking.modules import AWAY, READY, how_is
from ops import local
from ops.disk_need import DiskNeed
from ops.failures import ServerFailed
from ops.probe import ask
from ops.servers import LOOPBACK, Executable, find_mongod, find_nats_server, require_disk_space
from ops.up import service_names

_WEB = Path(__file__).parent.parent / "web"
_OLDEST_NATS = (2, 15, 1)
_ANSWER_WITHIN_S = 3


@dataclass(frozen=True)
class Finding:
    """One dependency: fine or not, what was seen, and the way out when it is not fine."""

    name: str
    fine: bool
    seen: str
    way_out: str = ""
    needed: bool = True


async def examine(data: Path) -> AsyncIterator[Finding]:
    """Every dependency in turn; a finding that is needed and not fine is a failed check."""
    environment = {**local.environment(data), **_secrets(), **os.environ}
    yield Finding("Python", sys.version_info >= (3, 11), sys.version.split()[0], "install Python 3.11 or later")
    yield _disk(data, environment)
    if "NATS_URL" not in environment:
        yield _program("nats-server", find_nats_server)
    if "MONGODB_URI" not in environment:
        yield _program("mongod", find_mongod)
    nats_server = await _nats(environment.get("NATS_URL"))
    yield nats_server
    if monitor_url := environment.get("NATS_MONITOR_URL"):
        yield await _writes(monitor_url)
    yield await _mongodb(environment.get("MONGODB_URI"))
    operations_port = environment.get("SMARTPLUS_OPERATIONS_PORT")
    if nats_server.fine and "NATS_URL" in environment:
        for finding in await _services(environment["NATS_URL"], needed=operations_port is not None):
            yield finding
    yield await _gateway(operations_port)
    yield _console()
    yield _optional("node", "only to build the console; make installs it into .venv when it is absent")
    yield _optional("chromium", "only for the browser tests; make test installs it")


def _secrets() -> dict[str, str]:
    """What a container is told by files, each called like the variable that it lacks."""
    folder = Path(os.environ.get("SMARTPLUS_SECRETS_DIR") or os.devnull)
    named = [folder / name for name in ("NATS_URL", "MONGODB_URI", "SMARTPLUS_OPERATIONS_PORT")]
    return {file.name: file.read_text().strip() for file in named if file.is_file()}


def _disk(data: Path, environment: Mapping[str, str]) -> Finding:
    folder = next(parent for parent in [data.resolve(), *data.resolve().parents] if parent.exists())
    try:
        require_disk_space(folder)
        need = DiskNeed.of(environment)
    except ServerFailed as failure:
        return Finding("disk", False, str(folder), str(failure))
    free = f"{shutil.disk_usage(folder).free // 2**30} GiB free at {folder}"
    return Finding("disk", True, f"{free}; {need.in_words()}")


def _program(name: str, find: Callable[[], Executable]) -> Finding:
    try:
        executable = find()
        return Finding(name, True, f"{executable.version()} ({executable.origin})")
    except ServerFailed as failure:
        return Finding(name, False, "cannot run", str(failure))


async def _nats(url: str | None) -> Finding:
    if not url:
        return Finding("NATS", True, "not running; smartplus up starts it", needed=False)
    address = NatsAddress.parse(url)
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            client = await nats.connect(
                list(address.servers), **address.credentials, allow_reconnect=False, error_cb=_quiet
            )
    except (nats.errors.Error, OSError, TimeoutError):
        return Finding("NATS", False, f"{address} does not answer", "start it, or correct or unset NATS_URL")
    found = client.connected_server_version
    await client.close()
    seen = f"{found.major}.{found.minor}.{found.patch} at {address}"
    wanted = ".".join(map(str, _OLDEST_NATS))
    recent = (found.major, found.minor, found.patch) >= _OLDEST_NATS
    return Finding("NATS", recent, seen, f"upgrade nats-server to {wanted} or later")


async def _writes(monitor_url: str) -> Finding:
    """Whether each stream can be written: nats-server alone knows it."""
    name = "writing"
    try:
        trouble = await asyncio.to_thread(ailment, monitor_url)
    except OSError:
        return Finding(name, False, f"{monitor_url} does not answer", "correct or unset NATS_MONITOR_URL")
    way_out = "free the disk, then restart that nats-server (smartplus up does it by itself)"
    return Finding(name, trouble is None, trouble or "every stream can be written", way_out)


async def _services(url: str, needed: bool) -> list[Finding]:
    """How each service says that it is, its log's room included; without a gateway none need be there."""
    address = NatsAddress.parse(url)
    names = [name for name in service_names() if name != "gateway"]
    client = await nats.connect(list(address.servers), **address.credentials, allow_reconnect=False, error_cb=_quiet)
    try:
        states = await asyncio.gather(*(how_is(client, name) for name in names))
    finally:
        await client.close()
    return [_service(name, state, needed) for name, state in zip(names, states, strict=True)]


def _service(name: str, state: str, needed: bool) -> Finding:
    if state == AWAY and not needed:
        return Finding(name, True, "not running; smartplus up starts it", needed=False)
    if "smartplus log resize" in state:
        return Finding(name, False, state, "there is still room, and not for long: resize the log")
    if PARKED in state or ARE_PARKED in state:
        return Finding(name, False, state, "mend why they wait, then have them tried again: the command stands there")
    return Finding(name, state.startswith(READY), state, "its log says more")


async def _quiet(_error: Exception) -> None:
    """nats-py would log what the finding says."""


async def _mongodb(uri: str | None) -> Finding:
    if not uri:
        return Finding("MongoDB", True, "not running; smartplus up starts it", needed=False)
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(
        uri, serverSelectionTimeoutMS=_ANSWER_WITHIN_S * 1000
    )
    async with client:
        try:
            hello = await client.admin.command("hello")
            found = (await client.server_info())["version"]
        except PyMongoError as error:
            cause = str(error).partition(",")[0]
            return Finding("MongoDB", False, f"does not answer: {cause}", "start it, or correct or unset MONGODB_URI")
    replica_set = hello.get("setName")
    seen = f"{found}, replica set {replica_set}" if replica_set else f"{found}, standalone"
    return Finding("MongoDB", replica_set is not None, seen, "transactions need a replica set: mongod --replSet rs0")


async def _gateway(port: str | None) -> Finding:
    if not port:
        return Finding("gateway", True, "not running; smartplus up starts it", needed=False)
    url = f"http://{LOOPBACK}:{port}/health/ready"
    return Finding("gateway", await ask(url) is not None, url, "it is not ready; its log says why")


def _console() -> Finding:
    built = (_WEB / "dist" / "index.html").is_file()
    return Finding("console", built, "built" if built else "not built", "make web", needed=False)


def _optional(name: str, way_out: str) -> Finding:
    if not (path := shutil.which(name)):
        return Finding(name, False, "absent", way_out, needed=False)
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)
    return Finding(name, True, answer.stdout.strip() or path)
