"""What a change is worth: each question asked of two trees in turns, so that a slow minute of the machine meets both.

    python -m bench --only gateway --against HEAD~1      four rounds: before, now, before, now ...
    python -m bench --only gateway --against HEAD~1 --rounds 6 --quick

The tree before is checked out beside this one and asked with its own `bench/`; what both judge by the same name is
compared, and by the libraries installed here. A figure is a median of all rounds, its ratio the median of the ratios
within a round, with the least and the greatest beside it. Better or worse is said where all of four rounds agree.
"""

import os
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from statistics import median

from bench.report import Verdict

ROOT = Path(__file__).parents[1]
ROUNDS = 4
"""How many rounds must agree before a change is called better or worse: fewer agree by chance."""


@dataclass(frozen=True)
class Pair:
    """A figure of both trees, round by round."""

    what: str
    unit: str
    at_most: bool
    before: tuple[float, ...]
    now: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """Now by before, of each round."""
        return tuple(now / before for now, before in zip(self.now, self.before, strict=True))

    @property
    def outcome(self) -> str:
        """In words, for whoever judges the change."""
        if len(self.ratios) < ROUNDS or min(self.ratios) <= 1 <= max(self.ratios):
            return ""
        return "better" if (max(self.ratios) < 1) is self.at_most else "**worse**"


@contextmanager
def tree_of(commit: str) -> Iterator[Path]:
    """The tree of a commit in a folder of its own, while this lasts."""
    with tempfile.TemporaryDirectory(prefix="bench-before-", ignore_cleanup_errors=True) as folder:
        tree = Path(folder) / "tree"
        _git("worktree", "add", "--detach", "--quiet", str(tree), commit)
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def paired(rounds: Sequence[tuple[Sequence[Verdict], Sequence[Verdict]]]) -> list[Pair]:
    """What every round judged in both trees: (before, now) for each round. What failed anywhere is left out."""
    before: dict[str, list[float]] = defaultdict(list)
    now: dict[str, list[float]] = defaultdict(list)
    last: dict[str, Verdict] = {}
    for former, present in rounds:
        for each in former:
            before[each.what].append(each.value)
        for each in present:
            now[each.what].append(each.value)
            last[each.what] = each
    return [
        Pair(what, verdict.unit, verdict.at_most, tuple(before[what]), tuple(now[what]))
        for what, verdict in last.items()
        if len(before[what]) == len(now[what]) == len(rounds)
        and all(isfinite(value) and value > 0 for value in (*before[what], *now[what]))
    ]


def table(pairs: Sequence[Pair]) -> str:
    """For `bench/README.md`."""
    lines = ["| What | Before | Now | Now / before | Least to greatest | |", "|---|---|---|---|---|---|"]
    for each in pairs:
        cells = (
            each.what,
            f"{median(each.before):.2f}{each.unit}",
            f"{median(each.now):.2f}{each.unit}",
            f"{median(each.ratios):.2f}",
            f"{min(each.ratios):.2f} to {max(each.ratios):.2f}",
            each.outcome,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def environment_of(tree: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """So that Python takes the packages of that tree, whatever is installed."""
    return {**environment, "PYTHONPATH": str(tree)}


def _git(*arguments: str) -> None:
    subprocess.run(["git", "-C", str(ROOT), *arguments], check=True)
