"""Whatever a program writes and opens itself is read, to the right MACs."""

from collections.abc import Callable

import pytest

from contracts.notations import mac_address
from services.gateway.library.mac_upload import read_apart
from tests.gateway.library.origins import MACS, ORIGINS
from tests.gateway.library.targets import TARGETS

FILES = [
    pytest.param(make, id=f"{origin}: {name}")
    for origin, files in {**ORIGINS, "targets": TARGETS}.items()
    for name, make in files.items()
]


@pytest.mark.row("M-03")
@pytest.mark.parametrize("make", FILES)
async def test_a_list_is_read_whoever_wrote_it(make: Callable[[], bytes]) -> None:
    rows = await read_apart(make())
    assert [(row.fault, mac_address(row.text)) for row in rows] == [(None, mac) for mac in MACS]


def test_there_are_ten_of_each_origin() -> None:
    assert {origin: len(files) for origin, files in ORIGINS.items()} == dict.fromkeys(ORIGINS, 10)
    assert len({make() for files in ORIGINS.values() for make in files.values()}) >= 38
