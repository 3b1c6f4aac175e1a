"""The checks find what they look for: one that finds nothing would pass for ever."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.faults.checks import no_secret_in_the_clear
from tests.faults.history import History, Operation, canaries_in, canary


@pytest.fixture
def word() -> str:
    return canary()


@pytest.fixture
def history(word: str) -> History:
    return History([Operation("add", "key", "account", 0, (canary(), word))])


@pytest.fixture
def house(tmp_path: Path) -> Any:
    (tmp_path / "jetstream" / "ACCOUNTS").mkdir(parents=True)
    (tmp_path / "jetstream" / "ACCOUNTS" / "1.blk").write_bytes(b"\x00sealed\x00")
    return SimpleNamespace(folder=tmp_path, nats=[SimpleNamespace(data_dir=tmp_path)], lines=["all is well"])


def test_a_canary_is_found_however_it_is_written(word: str) -> None:
    assert canaries_in(f'{{"name":"{word}","email":"{word.upper()}@example.org"}}') == {word.lower()}
    assert canaries_in("canary in a coal mine") == set()


def test_nothing_in_the_clear_is_well(house: Any, history: History) -> None:
    no_secret_in_the_clear(house, history)


def test_a_word_in_a_log_line_is_a_leak(house: Any, history: History, word: str) -> None:
    house.lines.append(f'{{"event":"decided","name":"{word.lower()}"}}')
    with pytest.raises(AssertionError, match="in a log line"):
        no_secret_in_the_clear(house, history)


def test_a_word_in_the_middle_of_a_block_of_the_log_is_a_leak(house: Any, history: History, word: str) -> None:
    (house.folder / "jetstream" / "ACCOUNTS" / "2.blk").write_bytes(b"\x00\x01" + word.encode() + b"\xff\x00")
    with pytest.raises(AssertionError, match="on NATS's disk"):
        no_secret_in_the_clear(house, history)
