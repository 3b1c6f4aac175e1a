"""What the processes of a running house use: resident memory and processor time, as the kernel counts them."""

import os
from pathlib import Path

from tests.house import House

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def pids(house: House) -> dict[str, int]:
    """Every process of the house by name."""
    found = {"nats": house.nats[0].pid, "mongod": house.mongod.pid}
    found |= {name: program.pid for name, program in house.programs.items()}
    return {name: pid for name, pid in found.items() if pid is not None}


def memory_mb(pid: int | str = "self") -> float:
    """Resident memory now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def cpu_s(pid: int | str = "self") -> float:
    """Processor time so far, in user and kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


class Spent:
    """Processor time of each process of the house since this was made."""

    def __init__(self, house: House) -> None:
        self._pids = pids(house)
        self._before = {name: cpu_s(pid) for name, pid in self._pids.items()}

    def each_us(self, operations: int) -> dict[str, float]:
        """Microseconds for each of so many operations."""
        return {name: (cpu_s(pid) - self._before[name]) / operations * 1e6 for name, pid in self._pids.items()}

    def told(self, operations: int) -> str:
        spent = self.each_us(operations)
        parts = "  ".join(f"{name} {microseconds:,.0f}" for name, microseconds in spent.items())
        return f"{parts}  together {sum(spent.values()):,.0f} us"
