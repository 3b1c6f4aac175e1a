"""The page that teaches how to add a service, and the tree with the service that it teaches."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adding-a-service.md"

_BLOCK = re.compile(r"^`([\w./-]+)`(?:, after `([^\n]+)`)?\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^```\w", re.MULTILINE)
# The toy needs no devices: what runs without them is quicker to start.
_COPIED = ("contracts", "kernel", "ops", "services/accounts", "services/gateway", "deploy", "tests")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules", "dist")


class Block(NamedTuple):
    """Lines of a file: a new one, or below the line of an existing one that begins with `after`."""

    file: str
    after: str
    lines: str


def blocks(page: Path = PAGE) -> list[Block]:
    """Every block of the page. Raises `AssertionError` when one says nothing of where it stands."""
    text = page.read_text()
    found = [Block(*each.groups(default="")) for each in _BLOCK.finditer(text)]
    assert len(found) == len(_FENCE.findall(text)), "a block does not say in which file it stands"
    return found


def make_tree(folder: Path, page: Path = PAGE) -> Path:
    """A copy of the tree in `folder`, with what the page adds to it."""
    for name in _COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=_LEFT_OUT)
    for name in ("services/__init__.py", "pyproject.toml", "compose.yaml"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "web", folder / "web", ignore=_LEFT_OUT)
    (folder / "web" / "node_modules").symlink_to(ROOT / "web" / "node_modules")
    for block in blocks(page):
        _write(folder / block.file, block)
    return folder


def _write(path: Path, block: Block) -> None:
    if not block.after:
        assert not path.exists(), f"{block.file} is there already"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.lines)
        return
    lines = path.read_text().splitlines(keepends=True)
    found = [number for number, line in enumerate(lines) if line.strip().startswith(block.after)]
    assert found, f"no line of {block.file} begins with {block.after}"
    at = found[0]
    path.write_text("".join([*lines[: at + 1], block.lines, *lines[at + 1 :]]))


def counted(found: list[Block], *rooms: str) -> str:
    """How much that is, as the page says it: of the blocks whose files are in these rooms."""
    own = [block for block in found if block.file.startswith(rooms)]
    new = {block.file for block in own if not block.after}
    touched = {block.file for block in own} - new
    lines = sum(len(block.lines.splitlines()) for block in own)
    more = sum(len(block.lines.splitlines()) for block in own if block.after)
    files = "1 new file" if len(new) == 1 else f"{len(new)} new files"
    return f"{lines} lines: {files}, and {more} lines more in {len(touched)} files that are there"
