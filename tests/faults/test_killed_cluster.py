"""One, then all of three nats-servers are killed while 50 clients write; then everything promised must hold."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.firing import TIMEOUT_S, Range, firing_range, kill_and_check

pytestmark = pytest.mark.timeout(TIMEOUT_S)


@pytest.fixture(scope="module")
async def cluster(servers_dir: Path) -> AsyncIterator[Range]:
    async with firing_range(servers_dir / "faults-of-three", nats_servers=3) as built:
        yield built


@pytest.mark.parametrize("part", ["nats", "nats-all"])
async def test_killed_servers_of_a_cluster_cost_nothing_that_was_acknowledged(cluster: Range, part: str) -> None:
    await kill_and_check(cluster, part)
