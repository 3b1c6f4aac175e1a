"""The comparison of two trees: what both judged in every round, and never a change that the rounds do not agree on."""

from __future__ import annotations

from math import inf

from bench.pairs import Pair, paired, table
from bench.report import Verdict


def judged(what: str, value: float, *, at_most: bool = True) -> Verdict:
    return Verdict("", what, "", "", value, " ms", None, at_most)


def test_a_ratio_is_taken_within_a_round() -> None:
    rounds = [([judged("edit", 8)], [judged("edit", 4)]), ([judged("edit", 16)], [judged("edit", 12)])]
    (pair,) = paired(rounds * 2)

    assert pair.ratios == (0.5, 0.75, 0.5, 0.75)
    assert "| edit | 12.00 ms | 8.00 ms | 0.62 | 0.50 to 0.75 | better |" in table([pair])


def test_rounds_that_do_not_agree_show_nothing() -> None:
    assert Pair("edit", " ms", True, before=(8, 8, 8, 8), now=(7, 7, 7, 9)).outcome == ""


def test_few_rounds_show_nothing() -> None:
    assert Pair("edit", " ms", True, before=(8, 8, 8), now=(7, 7, 7)).outcome == ""


def test_more_is_better_where_a_figure_is_a_rate() -> None:
    assert Pair("catch up", "/s", False, before=(10, 10, 20, 20), now=(20, 30, 30, 40)).outcome == "better"
    assert Pair("catch up", "/s", False, before=(20, 30, 30, 40), now=(10, 10, 20, 20)).outcome == "**worse**"


def test_what_one_tree_does_not_judge_or_failed_at_is_left_out() -> None:
    new, failed = judged("search", 3), judged("edit", inf)
    rounds = [([judged("edit", 8)], [judged("edit", 4), new]), ([judged("edit", 8)], [failed, new])]

    assert paired(rounds) == []
