"""How long each file of tests takes, so that the longest begin first and no processor waits for a last one.

`make test ARGS=--junitxml=FILE`, then `python -m tests.durations FILE`, writes them anew. A file that is not named
counts as short: nothing depends on these figures but how long a whole run lasts.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

FILE = Path(__file__).with_name("durations.txt")
_LEAST_S = 5


def known() -> dict[str, int]:
    """Seconds by the path of the file, from the folder above this one."""
    lines = (line.split() for line in FILE.read_text().splitlines())
    return {path: int(seconds) for seconds, path in lines}


def shared_out(paths: Iterable[str], among: int) -> dict[str, int]:
    """Which of so many processes runs each of these files, so that all of them take about as long."""
    spent, seconds = [0] * among, known()
    shares = {}
    for path in sorted(paths, key=lambda path: (-seconds.get(path, _LEAST_S), path)):
        shares[path] = spent.index(min(spent))
        spent[shares[path]] += seconds.get(path, _LEAST_S)
    return shares


def measured(report: Path) -> dict[str, int]:
    """The same, out of what pytest wrote with `--junitxml`."""
    spent: defaultdict[str, float] = defaultdict(float)
    for case in ElementTree.parse(report).iter("testcase"):
        spent[f"{case.attrib['classname'].replace('.', '/')}.py"] += float(case.attrib["time"])
    return {path: round(seconds) for path, seconds in spent.items() if seconds >= _LEAST_S}


if __name__ == "__main__":
    found = sorted(measured(Path(sys.argv[1])).items(), key=lambda item: (-item[1], item[0]))
    FILE.write_text("".join(f"{seconds} {path}\n" for path, seconds in found))
