"""What `make` hands to everything that it starts, and how the tests are shared out among processes."""

import os
import subprocess
from pathlib import Path

from tests import durations

ROOT = Path(__file__).parents[2]


def test_python_keeps_what_it_compiled_also_where_the_environment_forbids_it() -> None:
    shown = subprocess.run(
        # Quietly, since the one that runs this test may have told it to say where it is.
        ["make", "--no-print-directory", "--eval", "kept: ; @echo [$${PYTHONDONTWRITEBYTECODE-}]", "kept"],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == "[]"


def test_what_shares_a_house_takes_as_long_in_each_of_the_processes() -> None:
    files = [each for each in durations.known() if each.startswith("tests/console/")]
    shares = durations.shared_out([*files, "tests/console/test_new.py"], 2)
    assert shares.keys() == {*files, "tests/console/test_new.py"}
    spent = [sum(durations.known().get(path, 0) for path in files if shares[path] == share) for share in (0, 1)]
    assert abs(spent[0] - spent[1]) <= min(durations.known()[path] for path in files)
