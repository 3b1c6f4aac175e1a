"""Real servers for every test, one set per test process on free ports; and `--rows`, what proves each acceptance row.

A test that kills or fills a server starts its own: the ones here are shared.
"""

import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from xdist.scheduler import LoadFileScheduling

from ops.nats_accounts import NatsAccounts
from ops.servers import MONGO_IMAGE, NATS_IMAGE, MongoServer, NatsCluster, NatsServer
from tests import durations

# A hundred tests make a stream or two each, and each reserves a gigabyte of what the server has; none fills it.
ROOM = "1TB"
ROWS_FILE = Path(__file__).parent / "rows.txt"
_CONSOLE = Path(__file__).parent / "console"
_HOUSES = durations.shared_out((f"tests/console/{each.name}" for each in _CONSOLE.glob("test_*.py")), among=2)
IN_DOCKER = os.environ.get("SMARTPLUS_TEST_INFRA") == "docker"


# Lines as a service writes them. Unasked, structlog draws every failure with a frame around each local variable, which
# took a service at work in a test seconds of processor.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rows",
        action="store_true",
        help="run nothing: print each acceptance row with the tests that prove it, fail when a row has none",
    )


def _together(nodeid: str) -> str:
    """What runs in one process: a file's tests, and half of the files that use a browser, for these share a house."""
    path = nodeid.partition("::")[0]
    return f"tests/console/{_HOUSES[path]}" if path in _HOUSES else path


class Together(LoadFileScheduling):
    """As `loadfile`, by `_together`."""

    def _split_scope(self, nodeid: str) -> str:
        return _together(nodeid)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: a long file that begins last would run alone."""
    spent: Counter[str] = Counter()
    for path, seconds in durations.known().items():
        spent[_together(path)] += seconds
    items.sort(key=lambda item: -spent[_together(item.nodeid)])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together | None:
    return Together(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    if not session.config.getoption("--rows") or session.testsfailed:
        return None
    proofs: dict[str, set[str]] = defaultdict(set)
    for item in session.items:
        for mark in item.iter_markers("row"):
            for row in mark.args:
                proofs[row].add(item.nodeid.partition("[")[0])
    wanted = [line for line in ROWS_FILE.read_text().split("\n") if line and not line.startswith("#")]
    print()
    for row in wanted + sorted(proofs.keys() - set(wanted)):
        print(row, *(sorted(proofs[row]) or ["NO TEST"]), sep="\n    " if len(proofs[row]) > 1 else "  ")
    unproved = [row for row in wanted if not proofs[row]]
    print(f"\n{len(wanted) - len(unproved)} of {len(wanted)} rows are proved by a test.", *unproved)
    session.testsfailed = len(unproved)
    return True


@dataclass(frozen=True)
class Contained:
    """A server in a container, as far as shared fixtures need it."""

    url: str
    monitor_url: str = ""


@pytest.fixture(scope="session")
def servers_dir() -> Iterator[Path]:
    # Not pytest's tmp_path: it keeps the last three, and each mongod here is 300 MB of journal.
    with tempfile.TemporaryDirectory(prefix="smartplus-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
async def nats_server(servers_dir: Path) -> AsyncIterator[NatsServer | Contained]:
    """One nats-server shared by the tests of this process; each test uses its own subjects and ids."""
    async with _nats_in_docker(servers_dir) if IN_DOCKER else NatsServer(servers_dir / "nats", room=ROOM) as server:
        yield server


@pytest.fixture(scope="session")
async def nats_cluster(servers_dir: Path) -> AsyncIterator[NatsCluster]:
    """Three nats-servers with routes, for what must hold at R3 as well."""
    async with NatsCluster(servers_dir / "cluster") as cluster:
        yield cluster


@pytest.fixture(scope="session")
async def mongo_server(servers_dir: Path) -> AsyncIterator[MongoServer | Contained]:
    """One mongod replica set shared by the tests of this process; each test uses its own databases."""
    async with _mongo_in_docker() if IN_DOCKER else MongoServer(servers_dir / "mongod", cache_gb=0.25) as server:
        yield server


@pytest.fixture(scope="session")
def nats_url(nats_server: NatsServer | Contained) -> str:
    return nats_server.url


@pytest.fixture(scope="session")
def nats_monitor_url(nats_server: NatsServer | Contained) -> str:
    """Base URL of the shared nats-server's HTTP monitoring (`/varz`, `/healthz`)."""
    return nats_server.monitor_url


@pytest.fixture(scope="session")
def mongodb_uri(mongo_server: MongoServer | Contained) -> str:
    return mongo_server.url


@asynccontextmanager
async def _nats_in_docker(folder: Path) -> AsyncIterator[Contained]:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    accounts = NatsAccounts.kept_in(folder)
    settings = folder / "nats.conf"
    own = (
        "server_name: nats",
        f'jetstream {{ store_dir: "/data", sync_interval: always, max_file_store: {ROOM} }}',
        "http: 8222",
        "mqtt { port: 1883 }",
    )
    settings.write_text("\n".join([*own, accounts.configuration()]))
    container = (
        DockerContainer(NATS_IMAGE)
        .with_volume_mapping(str(settings), "/etc/nats.conf")
        .with_command("-c /etc/nats.conf")
        .with_exposed_ports(4222, 8222)
        .waiting_for(LogMessageWaitStrategy("Server is ready"))
    )
    with container:
        host = container.get_container_host_ip()
        monitor = f"http://{host}:{container.get_exposed_port(8222)}"
        url = accounts.environment(f"{host}:{container.get_exposed_port(4222)}")["NATS_URL"]
        yield Contained(url, monitor)


@asynccontextmanager
async def _mongo_in_docker() -> AsyncIterator[Contained]:
    from pymongo import AsyncMongoClient
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    container = (
        DockerContainer(MONGO_IMAGE)
        .with_command("mongod --bind_ip_all --replSet rs0")
        .with_exposed_ports(27017)
        .waiting_for(LogMessageWaitStrategy("Waiting for connections"))
    )
    with container:
        address = f"{container.get_container_host_ip()}:{container.get_exposed_port(27017)}"
        # The set's own member address is the container's, so clients must not follow it.
        url = f"mongodb://{address}/?directConnection=true"
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url)
        async with client:
            await client.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": "localhost"}]})
            while not (await client.admin.command("hello"))["isWritablePrimary"]:
                pass
        yield Contained(url)
