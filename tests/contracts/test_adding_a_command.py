"""The page that teaches how to add a command shows code as it is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-command.md").read_text()
NAMED = re.compile(r"^`([a-z_/]+\.py)`$|^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    """Every block of code with the file that was named last before it."""
    shown: list[tuple[str, str]] = []
    name = ""
    for found in NAMED.finditer(PAGE):
        name = found[1] or name
        if found[2]:
            shown.append((name, found[2]))
    return shown


def test_the_page_shows_code_of_each_file_in_which_the_command_stands() -> None:
    word = re.compile(r"\b(ChangeCustomerService|CustomerServiceChanged)\b")
    backend = [path for room in ("contracts", "kernel", "services") for path in (ROOT / room).rglob("*.py")]
    standing = {str(path.relative_to(ROOT)) for path in backend if word.search(path.read_text())}
    assert standing == {name for name, _ in blocks() if not name.startswith("tests/")}


@pytest.mark.parametrize(("name", "code"), blocks())
def test_every_block_is_in_the_file_it_names(name: str, code: str) -> None:
    assert code in (ROOT / name).read_text()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:contracts|kernel|services|tests)/[\w/.]+)`", PAGE))))
def test_every_file_the_page_names_exists(path: str) -> None:
    assert (ROOT / path).exists()
