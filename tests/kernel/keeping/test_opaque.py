"""What is handed out comes back only from where it was handed out, and tells nobody else anything."""

import pytest

from kernel.keeping.opaque import Opaque
from kernel.keeping.secrets import Secrets

REGION = Secrets(bytes(32))
PLACES = Opaque(REGION, "places")
HERE = PLACES.sealed("7", "one")


def test_what_is_bound_to_the_same_words_is_sealed_alike_by_every_replica() -> None:
    assert Opaque(Secrets(bytes(32)), "places").sealed("7", "one") == HERE
    assert PLACES.opened(HERE, "one") == "7"


@pytest.mark.parametrize("bound", [("two",), (), ("one", "two"), ("o", "ne")], ids=str)
def test_bound_to_other_words_it_is_another_and_does_not_open(bound: tuple[str, ...]) -> None:
    assert PLACES.sealed("7", *bound) != HERE
    assert PLACES.opened(HERE, *bound) is None


@pytest.mark.parametrize("other", [Opaque(REGION, "others"), Opaque(Secrets(b"1" * 32), "places")])
def test_for_another_purpose_or_region_it_is_another_and_does_not_open(other: Opaque) -> None:
    assert other.sealed("7", "one") != HERE
    assert other.opened(HERE, "one") is None


@pytest.mark.parametrize("shown", ["", "7", "²", "=", HERE[:-2], HERE + "AAAA", HERE.swapcase(), "A" * 10_000])
def test_what_was_not_sealed_here_does_not_open(shown: str) -> None:
    assert PLACES.opened(shown, "one") is None
