"""Every part is killed with SIGKILL while 50 clients write; then everything that was promised must hold."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.firing import TIMEOUT_S, Range, firing_range, kill_and_check

pytestmark = pytest.mark.timeout(TIMEOUT_S)


@pytest.fixture(scope="module")
async def alone(servers_dir: Path) -> AsyncIterator[Range]:
    async with firing_range(servers_dir / "faults") as built:
        yield built


@pytest.mark.parametrize("part", ["nats", "mongod", "accounts", "gateway"])
async def test_a_killed_part_costs_nothing_that_was_acknowledged(alone: Range, part: str) -> None:
    await kill_and_check(alone, part)
