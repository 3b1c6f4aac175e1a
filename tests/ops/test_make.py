"""What `make` hands to everything that it starts."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_python_keeps_what_it_compiled_also_where_the_environment_forbids_it() -> None:
    shown = subprocess.run(
        ["make", "--eval", "kept: ; @echo [$${PYTHONDONTWRITEBYTECODE-}]", "kept"],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == "[]"
