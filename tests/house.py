"""The whole system for a test: real servers, every service as a process of its own, supervised as `smartplus up` does.

Used by the browser tests, the fault tests and the speed runs; each house has its own data, ports and people.
"""

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx

from contracts.accounts.partners import CreateSuperManager
from contracts.message import Position
from contracts.permissions import SYSTEM
from kernel.connecting.connection import connect
from kernel.keeping.secrets import Secrets
from kernel.keeping.wrapping import WrappingKeys, Wrappings
from kernel.talking.caller import Caller
from ops import locks
from ops.failures import ServerFailed
from ops.local import keys_folder
from ops.processes import free_port, spawn_piped
from ops.servers import LOOPBACK, MongoServer, NatsCluster, NatsServer
from ops.supervisor import Program, Supervisor
from ops.up import service_names
from services.gateway.asking.positions import Positions

PASSWORD = "correct-horse-battery-42"


@dataclass
class House:
    """A running system. `kill` ends a part of it as a crash would; the supervisor brings it back."""

    folder: Path
    environment: dict[str, str]
    nats: list[NatsServer]
    mongod: MongoServer
    programs: dict[str, Program]
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.environment["SMARTPLUS_PUBLIC_URL"]

    async def kill(self, part: str) -> None:
        """SIGKILL `nats` (the first server), `nats-all`, `mongod`, or a service by name."""
        if part == "nats":
            await self.nats[0].kill()
        elif part == "nats-all":
            await asyncio.gather(*(server.kill() for server in self.nats))
        elif part == "mongod":
            await self.mongod.kill()
        else:
            self.programs[part].kill()

    async def until_ready(self, timeout_s: float = 60.0) -> None:
        """Returns when every program says it is ready. Raises `TimeoutError`."""
        async with asyncio.timeout(timeout_s), httpx.AsyncClient(trust_env=False, timeout=2, verify=False) as client:
            for program in self.programs.values():
                while True:
                    with contextlib.suppress(httpx.HTTPError):
                        if (await client.get(program.ready_url)).status_code == 200:
                            break
                    await asyncio.sleep(0.1)

    async def smartplus(self, *arguments: str, stdin: str | None = None) -> str:
        """Run the `smartplus` command against this house; its output. Raises `AssertionError` when it fails."""
        process, output = await spawn_piped(
            [sys.executable, "-m", "ops", *arguments], {**os.environ, **self.environment}
        )
        said = (await output.read()).decode()
        assert await process.wait() == 0, said
        return said

    def browser(self, **options: object) -> httpx.AsyncClient:
        """A client that keeps cookies, as a browser does."""
        # Building a TLS context costs 30 ms a client, and these are plain HTTP on loopback.
        return httpx.AsyncClient(  # type: ignore[arg-type]
            base_url=self.url, trust_env=False, timeout=30, verify=False, **options
        )


def _secret(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "secret"
    secret.write_text(secrets.token_hex(32))
    secret.chmod(0o600)
    return secret


@asynccontextmanager
async def house(
    folder: Path, *, nats_servers: int = 1, mongod_options: Sequence[str] = (), more: Mapping[str, str] | None = None
) -> AsyncIterator[House]:
    """Start everything in a new folder below `folder`, on free ports; stop it all in the end."""
    folder = folder / uuid4().hex[:8]
    cluster = NatsCluster(folder / "nats", nats_servers) if nats_servers > 1 else None
    nats = cluster.nodes if cluster else [NatsServer(folder / "nats")]
    mongod = MongoServer(folder / "mongod", cache_gb=0.25, options=mongod_options)
    secret = _secret(folder)
    gateway_port, operations_port = free_port(), free_port()
    environment = {
        **(cluster or nats[0]).environment,
        **mongod.environment,
        "SMARTPLUS_SECRET_FILE": str(secret),
        "SMARTPLUS_KEYS_DIR": str(keys_folder(folder)),
        "SMARTPLUS_PUBLIC_URL": f"http://{LOOPBACK}:{gateway_port}",
        "SMARTPLUS_OPERATIONS_PORT": str(operations_port),
        "SMARTPLUS_REPLICAS": str(min(nats_servers, 3)),
        **(more or {}),
    }
    built = House(folder, environment, nats, mongod, {})

    def say(who: str, line: str) -> None:
        built.lines.append(f"{who} {line}")

    for name in service_names():
        port = gateway_port if name == "gateway" else free_port()
        built.programs[name] = Program(
            name,
            [sys.executable, "-m", f"services.{name}"],
            {
                **os.environ,
                **locks.environment_for(
                    name, environment, (cluster or nats[0]).environment_of(name) | mongod.environment_of(name)
                ),
                "SMARTPLUS_PORT": str(port),
            },
            f"http://{LOOPBACK}:{operations_port if name == 'gateway' else port}/health/ready",
            say,
        )
    services = [program for name, program in built.programs.items() if name != "gateway"]
    supervisor = Supervisor([[*nats, mongod], services, [built.programs["gateway"]]], say, longest_pause_s=0.5)
    ready = asyncio.Event()

    async def when_ready() -> None:
        ready.set()

    run = asyncio.create_task(supervisor.run(when_ready))
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({run, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if run.done():
            last = "\n".join(built.lines[-20:])
            raise ServerFailed(f"{run.exception()}\n{last}")
        yield built
    finally:
        waiting.cancel()
        supervisor.stop()
        await asyncio.wait({run})
        (folder / "house.log").write_text("\n".join(built.lines))
    run.result()
    lacking = [line for line in built.lines if "nats-forbidden" in line]
    assert not lacking, lacking[:5]


@dataclass
class Person:
    """Somebody who is logged in over HTTP. Every command carries an idempotency key and the CSRF token."""

    http: httpx.AsyncClient
    account_id: str
    email: str
    password: str

    async def ask(self, method: str, path: str, *, key: str | None = None, **options: object) -> httpx.Response:
        headers = {"Idempotency-Key": key or str(uuid4()), "X-CSRF-Token": self.http.cookies.get("csrftoken", "")}
        return await self.http.request(method, f"/api/v1{path}", headers=headers, **options)  # type: ignore[arg-type]

    async def do(self, method: str, path: str, *, key: str | None = None, **options: object) -> dict[str, object]:
        """The answer of a request that must succeed."""
        answer = await self.ask(method, path, key=key, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        told: dict[str, object] = answer.json() if answer.content else {}
        return told


async def log_in(house: House, email: str, password: str, *, new_password: str | None = None) -> Person:
    """Log in; when the password is an initial one, choose `new_password` instead of it."""
    http = house.browser()
    answer = await http.post("/api/v1/session", json={"identifier": email, "password": password})
    assert answer.is_success, f"{email}: {answer.status_code} {answer.text}"
    person = Person(http, answer.json()["account_id"], email, password)
    if new_password:
        await person.do("POST", "/session/password", json={"current_password": password, "new_password": new_password})
        person.password = new_password
    return person


def secrets_of(house: House) -> Secrets:
    """What the house's services derive their keys from."""
    return Secrets.parse(Path(house.environment["SMARTPLUS_SECRET_FILE"]).read_text())


def position_of(house: House, token: str, account_id: str) -> Position:
    """The place in a log that a position names which was given to that account."""
    return Position.parse(Positions(secrets_of(house)).opened(token, account_id))


def wrappings_of(house: House) -> Wrappings:
    """The keys under which the house's data keys are wrapped."""
    return WrappingKeys(Path(house.environment["SMARTPLUS_KEYS_DIR"]), secrets_of(house))


@asynccontextmanager
async def system(house: House) -> AsyncIterator[Caller]:
    """What sends commands as the region itself."""
    nc = await connect(house.environment["NATS_URL"], "test")
    try:
        yield Caller(nc, secrets_of(house).actor)
    finally:
        await nc.close()


async def super_manager(house: House) -> Person:
    """The first account of the house."""
    email, first = f"root-{uuid4().hex[:8]}@example.org", PASSWORD + "-first"
    command_id = uuid4()
    wish = CreateSuperManager(
        command_id=command_id,
        at=datetime.now(UTC),
        actor=SYSTEM,
        account_id=str(command_id),
        name="Root",
        email=email,
        initial_password=first,
    )
    async with system(house) as caller:
        await caller.command(wish)
    return await log_in(house, email, first, new_password=PASSWORD)


async def distributor(house: House, root: Person, name: str = "North Doors") -> Person:
    """A distributor that the super manager created."""
    email = f"d-{uuid4().hex[:8]}@example.org"
    made = await root.do("POST", "/distributors", json={"name": name, "email": email, "time_zone": "Europe/Berlin"})
    return await log_in(house, email, _credential(made), new_password=PASSWORD)


async def installer(house: House, above: Person, name: str = "Bright Intercoms") -> Person:
    """An installer that the distributor created."""
    email = f"i-{uuid4().hex[:8]}@example.org"
    made = await above.do("POST", "/installers", json={"name": name, "email": email, "time_zone": "Asia/Shanghai"})
    return await log_in(house, email, _credential(made), new_password=PASSWORD)


def _credential(made: Mapping[str, object]) -> str:
    extra = made["extra"]
    assert isinstance(extra, dict)
    return str(extra["credential"])
