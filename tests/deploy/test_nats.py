"""Three nats-servers with the region's own configuration: they find each other and know each user."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from kernel.connecting.connection import check_server, connect
from kernel.connecting.stream import open_log
from kernel.log.promise import NewMessage
from ops.probe import ask
from ops.processes import end, free_port, spawn
from ops.servers import find_nats_server
from tests.deploy.manifests import BASE, Manifest, Workload, named, rendered, workload
from tests.deploy.policies import SERVES
from tests.deploy.region import Secrets, lay_out, make_secrets, told
from tests.waiting import eventually

_LISTENS = (4222, 6222, 8222, 1883)
_WITHIN_S = 60


@dataclass(frozen=True)
class Node:
    """One server of the three on this machine, which has one address for all: each has ports of its own."""

    name: str
    root: Path
    ports: dict[int, int]

    @property
    def monitor_url(self) -> str:
        return f"http://127.0.0.1:{self.ports[8222]}"


def _configuration(objects: list[Manifest]) -> str:
    """What a pod finds at /etc/nats/nats.conf."""
    (volume,) = [each for each in workload(objects, "nats").volumes if "configMap" in each]
    return str(named(objects, "ConfigMap", volume["configMap"]["name"])["data"]["nats.conf"])


def _here(text: str, nodes: list[Node], own: Node) -> str:
    """The same for this machine: each address becomes the one that stands for it here."""
    for node in nodes:
        for port in (6222, 4222):
            text = text.replace(f"{node.name}.nats-nodes:{port}", f"127.0.0.1:{node.ports[port]}")
    for port, here in own.ports.items():
        text = text.replace(f"0.0.0.0:{port}", f"127.0.0.1:{here}")
    return text.replace('"/data"', f'"{own.root}/data"')


def _named(of: Workload, pod: str) -> dict[str, str]:
    """The variables that say which pod it is."""
    fields = {each["name"]: each.get("valueFrom", {}).get("fieldRef", {}) for each in of.container["env"]}
    return {name: pod for name, field in fields.items() if field.get("fieldPath") == "metadata.name"}


@asynccontextmanager
async def _cluster(root: Path, objects: list[Manifest], secrets: Secrets) -> AsyncIterator[list[Node]]:
    nats = workload(objects, "nats")
    names = [f"nats-{index}" for index in range(nats.replicas)]
    nodes = [Node(name, root / name, {port: free_port() for port in _LISTENS}) for name in names]
    async with AsyncExitStack() as stack:
        for node in nodes:
            _, flag, path = nats.container["command"]
            configuration = node.root / path.lstrip("/")
            lay_out(nats, secrets, node.root)
            configuration.write_text(_here(_configuration(objects), nodes, node))
            output = stack.enter_context((node.root / "log").open("wb"))
            command = [find_nats_server().path, flag, str(configuration)]
            process = await spawn(command, output=output, environment=told(nats, objects) | _named(nats, node.name))
            stack.push_async_callback(end, process, 10)
        for node in nodes:
            await _until_healthy(node, nats.container["startupProbe"]["httpGet"]["path"])
        yield nodes


async def _until_healthy(node: Node, path: str) -> None:
    async def is_healthy() -> bool:
        return await ask(node.monitor_url + path) is not None

    try:
        await eventually(is_healthy, _WITHIN_S)
    except TimeoutError:
        pytest.fail(f"{node.name} is not healthy: {(node.root / 'log').read_text()[-2000:]}")


async def test_three_servers_form_a_cluster_that_each_service_enters_and_whose_log_is_kept_three_times(
    tmp_path: Path,
) -> None:
    objects, secrets = rendered(BASE), make_secrets(tmp_path / "kept")
    async with _cluster(tmp_path, objects, secrets) as nodes:
        for path in ("readinessProbe", "livenessProbe"):
            asked = workload(objects, "nats").container[path]["httpGet"]["path"]
            assert await ask(nodes[0].monitor_url + asked) is not None
        for node in nodes:
            state = await ask(f"{node.monitor_url}/varz")
            assert state is not None
            assert (state.json()["server_name"], state.json()["mqtt"]["port"]) == (node.name, node.ports[1883])
        for name in SERVES:
            client = await connect(_here(secrets[name]["NATS_URL"], nodes, nodes[0]), name)
            await check_server(client, nodes[0].monitor_url)
            if name == "accounts":
                log = await open_log(client, name, replicas=3)
                message = NewMessage("event.accounts.login.1", str(uuid4()), {}, b"{}", 0)
                assert await log.append([message]) == (1,)
                assert log.is_replicated
            await client.close()
