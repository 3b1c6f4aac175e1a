"""What counts as damage of a log, and what does not."""

from __future__ import annotations

from kernel.log.integrity import (
    Chain,
    Loss,
    Memory,
    Span,
    StreamState,
    before,
    count_of,
    damage_of,
    in_words,
    joined,
    losses_of,
    losses_text,
    spans_of,
    without,
)
from kernel.log.promise import StoredMessage

LOSS = Loss("2026-01-02T03:04:05+00:00", "ops", "the disk died", 8, (Span(3, 3), Span(7, 13)), 20, ("old",), 0)


def state(last_seq: int = 20, *gaps: Span, losses: tuple[Loss, ...] = ()) -> StreamState:
    return StreamState("TOY", "now", last_seq, gaps, losses)


def message(seq: int, subject: str, expected: int | None) -> StoredMessage:
    return StoredMessage(seq, subject, {}, b"", expected)


def test_a_whole_stream_is_whole_to_whoever_saw_less_of_it() -> None:
    assert damage_of(state(), []) is None
    assert damage_of(state(), [Memory("now", 20), Memory("now", 3)]) is None
    assert damage_of(state(0), [Memory("now", 0)]) is None


def test_a_gap_is_damage_and_says_which_events_and_the_way_out() -> None:
    damage = damage_of(state(20, Span(3, 3), Span(7, 13)), [])
    assert damage is not None
    assert damage.spans == (Span(3, 3), Span(7, 13))
    assert "8 events (3, 7 to 13) missing" in str(damage)
    assert "smartplus log accept-loss toy" in str(damage)


def test_an_end_that_was_seen_before_is_missed() -> None:
    assert "its end is missing, 5 events (21 to 25)" in str(damage_of(state(20), [Memory("now", 25)]))


def test_a_stream_that_was_made_anew_is_missed() -> None:
    assert "made anew" in str(damage_of(state(0), [Memory("old", 1756)]))
    assert "1756 events" in str(damage_of(state(0), [Memory("old", 1756)]))


def test_what_was_accepted_is_no_damage_and_what_goes_beyond_it_is() -> None:
    gone = (Span(3, 3), Span(7, 13))
    assert damage_of(state(20, *gone, losses=(LOSS,)), [Memory("old", 99)]) is None
    more = damage_of(state(20, *gone, Span(15, 15), losses=(LOSS,)), [])
    assert more is not None
    assert more.spans == (Span(15, 15),)
    assert damage_of(state(20, losses=(LOSS,)), [Memory("older", 1)]) is not None


def test_losses_come_back_as_they_were_stored() -> None:
    assert losses_of({"losses": losses_text([LOSS, LOSS])}) == (LOSS, LOSS)
    assert losses_of({}) == ()


def test_spans_are_sets_of_sequences() -> None:
    assert spans_of([9, 1, 2, 3, 5]) == (Span(1, 3), Span(5, 5), Span(9, 9))
    assert joined([Span(4, 9), Span(1, 3), Span(20, 21)]) == (Span(1, 9), Span(20, 21))
    assert without([Span(1, 10)], (Span(3, 4), Span(9, 30))) == (Span(1, 2), Span(5, 8))
    assert without([Span(3, 4)], (Span(1, 9),)) == ()
    assert [before(seq, (Span(3, 4), Span(5, 9))) for seq in (2, 3, 9, 10)] == [2, 2, 2, 10]
    assert count_of((Span(1, 2), Span(5, 8))) == 6
    assert in_words(spans_of([7])) == "1 event (7)"
    assert in_words(spans_of(range(1, 41, 2))).endswith("and 10 more gaps)")


def test_a_chain_breaks_where_a_message_follows_one_that_did_not_come() -> None:
    chain = Chain(0)
    assert chain.lacks(message(1, "a", 0)) is None
    assert chain.lacks(message(2, "a", None)) is None  # appended together with the one before
    assert chain.lacks(message(5, "a", 2)) is None
    assert chain.lacks(message(9, "a", 7)) == 7
    assert chain.lacks(message(9, "a", 7)) == 7  # it comes again, and still lacks it


def test_a_chain_goes_on_behind_what_is_known_to_be_gone() -> None:
    chain = Chain(0, (Span(2, 3),))
    assert chain.lacks(message(1, "a", 0)) is None
    assert chain.lacks(message(4, "a", 3)) is None
    assert chain.lacks(message(9, "a", 4)) is None
    assert chain.lacks(message(20, "a", 12)) == 12


def test_a_chain_says_nothing_of_what_was_before_it_began_or_was_forgotten() -> None:
    chain = Chain(100, most=2)
    assert chain.lacks(message(101, "a", 40)) is None
    for seq, subject in enumerate("bcd", 102):
        assert chain.lacks(message(seq, subject, 0)) is None
    assert chain.lacks(message(110, "a", 101)) is None  # "a" was forgotten
    assert chain.lacks(message(111, "d", 107)) == 107
