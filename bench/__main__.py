"""Every question in turn, each in a process of its own, and in the end all verdicts as a table for `bench/README.md`.

python -m bench                      some ten minutes on a quiet machine
python -m bench --quick              rough, three minutes
python -m bench --million            with 1,000,000 events and households: half an hour, 10 GB of disk
python -m bench --only gateway       one question
python -m bench --only gateway --against HEAD~1      beside the tree of another commit, in turns
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import pairs
from bench.report import VERDICTS, Verdict, load_average

QUESTIONS = ("log", "command", "projection", "search", "gateway", "imports", "link", "memory")
WITH_A_MILLION = {
    "command": ["--million"],
    "projection": ["--events", "1000000"],
    "search": ["--million"],
    "gateway": ["--million"],
}


def ask(name: str, arguments: Sequence[str], verdicts: Path, tree: Path = pairs.ROOT) -> bool:
    """Whether the question was answered to its end."""
    print(f"\n{'=' * 30} {name} {'=' * (88 - len(name))}", flush=True)
    environment = {**pairs.environment_of(tree), VERDICTS: str(verdicts), "PYTHONUNBUFFERED": "1"}
    began = time.monotonic()
    command = [sys.executable, "-m", f"bench.{name}", *arguments]
    done = subprocess.run(command, env=environment, cwd=tree, check=False)
    print(f"\n{name}: {time.monotonic() - began:.0f} s", flush=True)
    return done.returncode == 0


def read(verdicts: Path) -> list[Verdict]:
    return [Verdict(**json.loads(line)) for line in verdicts.read_text().splitlines()] if verdicts.exists() else []


def table(verdicts: Sequence[Verdict]) -> str:
    head = ["| Goal | What | Ours | Floor | Found | Wanted | |", "|---|---|---|---|---|---|---|"]
    lines = []
    for each in verdicts:
        outcome = "**not met**" if not each.is_met else each.outcome
        cells = (each.goal, each.what, each.ours, each.floor, each.told, each.wanted, outcome)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(head + lines)


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    model = models[0] if models else "unknown processor"
    return f"{os.cpu_count()} x {model}, {memory:.0f} GB, Python {sys.version.split()[0]}"


def arguments_of(wish: argparse.Namespace, name: str) -> list[str]:
    return [*(["--quick"] if wish.quick else []), *(WITH_A_MILLION.get(name, []) if wish.million else [])]


def compare(wish: argparse.Namespace) -> int:
    """Ask both trees in turns and print the pairs. Returns 1 when a question was not answered to its end."""
    rounds: list[tuple[list[Verdict], list[Verdict]]] = []
    is_whole = True
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, pairs.tree_of(wish.against) as former:
        for number in range(wish.rounds):
            found = []
            for label, tree in (("before", former), ("now", pairs.ROOT)):
                print(f"\nround {number + 1} of {wish.rounds}, {label}", flush=True)
                verdicts = Path(folder) / f"{number}-{label}"
                for name in wish.only or QUESTIONS:
                    is_whole &= ask(name, arguments_of(wish, name), verdicts, tree)
                found.append(read(verdicts))
            rounds.append((found[0], found[1]))
    print(f"\nAgainst {wish.against}, {wish.rounds} rounds, {load_average()} at the end.\n")
    print(pairs.table(pairs.paired(rounds)))
    return 0 if is_whole else 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Each figure beside its floor and its goal.")
    parser.add_argument("--only", choices=QUESTIONS, action="append", help="one question; may be repeated")
    parser.add_argument("--quick", action="store_true", help="rough, minutes")
    parser.add_argument("--million", action="store_true", help="with 1,000,000 events and households")
    parser.add_argument("--against", metavar="COMMIT", help="ask the tree of that commit too, in turns, and compare")
    parser.add_argument("--rounds", type=int, default=pairs.ROUNDS, help="how often each tree is asked with --against")
    wish = parser.parse_args()
    at, load = datetime.now(UTC), load_average()
    print(f"{at:%Y-%m-%d %H:%M} UTC, {machine()}, {load}")
    if wish.against:
        raise SystemExit(compare(wish))
    unanswered = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        verdicts = Path(folder) / "verdicts"
        for name in wish.only or QUESTIONS:
            if not ask(name, arguments_of(wish, name), verdicts):
                unanswered.append(name)
        found = read(verdicts)
    print(f"\n{'=' * 30} summary {'=' * 81}\n")
    print(f"{at:%Y-%m-%d %H:%M} UTC{', quick' if wish.quick else ''}, {machine()}, {load} at the start.\n")
    print(table(found))
    judged = [each for each in found if each.bound is not None]
    print(
        f"\n{sum(each.is_met for each in judged)} of {len(judged)} goals are met.",
        *(f"{each} did not end." for each in unanswered),
    )
    raise SystemExit(1 if unanswered else 0)


if __name__ == "__main__":
    main()
