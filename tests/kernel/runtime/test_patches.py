"""Whatever a process imports of the kernel, what the drivers lack is put right before it waits or connects."""

import asyncio
import subprocess
import sys

import pymongo.lock
import pytest
from nats.aio.client import Client

from kernel.runtime import header_lines, late_pongs, patches, wait_for

# Whether importing the module leaves something as the drivers have it.
LOOK = """
import asyncio, sys, pymongo.lock
from nats.aio.client import Client

def present():
    ours = [Client._process_pong, Client._send_publish, Client._parse_header_lines]
    return ours + [asyncio.wait_for, pymongo.lock.wait_for] * (sys.version_info < (3, 12))

before = present()
import {module}
sys.exit(any(old is new for old, new in zip(before, present())))
"""
PROCESSES = ["services.accounts.__main__", "services.devices.__main__", "services.gateway.__main__", "ops.cli"]


@pytest.mark.parametrize("module", [*PROCESSES, "kernel.log.promise"])
def test_every_process_is_patched(module: str) -> None:
    assert subprocess.run([sys.executable, "-c", LOOK.format(module=module)], check=False).returncode == 0


def test_a_second_time_changes_nothing() -> None:
    patches.apply()
    assert Client._process_pong is late_pongs.process_pong
    assert late_pongs.original is not late_pongs.process_pong
    assert Client._send_publish is header_lines.send_publish
    assert header_lines.original_send is not header_lines.send_publish
    if sys.version_info < (3, 12):
        assert asyncio.wait_for is pymongo.lock.wait_for is wait_for.wait_for  # type: ignore[attr-defined]
