"""Ports for servers: what was handed out a moment ago is not handed out again, here or beside."""

import subprocess
import sys
from itertools import combinations

from ops.processes import free_port

_MANY = "from ops.processes import free_port; print(*[free_port() for _ in range(200)])"


def test_a_port_is_handed_out_once() -> None:
    ports = [free_port() for _ in range(1000)]
    assert len(set(ports)) == len(ports)


def test_processes_that_were_started_one_after_the_other_share_no_port() -> None:
    started = [subprocess.Popen([sys.executable, "-c", _MANY], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    handed_out = [each.communicate()[0].split() for each in started]
    for one, other in combinations(handed_out, 2):
        if int(one[0]) % 8 != int(other[0]) % 8:
            assert set(one).isdisjoint(other)
