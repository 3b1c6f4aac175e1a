"""The kernel's rooms say what stands in them, pass nothing on, and are small enough to look through."""

import ast
from pathlib import Path

import pytest

KERNEL = Path(__file__).parents[2] / "kernel"
ROOMS = sorted(path.parent for path in KERNEL.glob("*/__init__.py"))
MOST_FILES = 14
MOST_LINES = 300


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_says_what_stands_in_it_and_passes_nothing_on(room: Path) -> None:
    page = ast.parse((room / "__init__.py").read_text())
    assert ast.get_docstring(page)
    assert len(page.body) == 1


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_and_its_files_are_small(room: Path) -> None:
    files = [path for path in room.iterdir() if path.suffix == ".py" and path.name != "__init__.py"]
    assert len(files) <= MOST_FILES
    assert {path.name for path in files if len(path.read_text().splitlines()) > MOST_LINES} == set()


def test_nothing_stands_outside_of_the_rooms() -> None:
    assert [path.name for path in KERNEL.glob("*.py")] == ["__init__.py"]
    assert {path.parent.relative_to(KERNEL).parts for path in KERNEL.rglob("*.py")} == {
        (),
        *((room.name,) for room in ROOMS),
    }
