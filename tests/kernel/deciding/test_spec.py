"""Given, when, then: says what was decided, and fails when something else was."""

from dataclasses import dataclass, replace
from typing import assert_never
from uuid import uuid4

import pytest

from contracts.message import Actor, Command, Event, Refused, Role
from kernel.deciding.decider import Aggregate, Decision, Elsewhere, Neighbours, Ref
from kernel.deciding.spec import Spec


class Lend(Command):
    """Lend a book to a reader."""

    book_id: str
    reader_id: str


class GiveBack(Command):
    """Give a book back."""

    book_id: str


class Lent(Event):
    """A reader has the book."""

    reader_id: str


class GivenBack(Event):
    """The book is here."""


class Borrowed(Event):
    """The reader has one book more."""


class Burnt(Event):
    """No aggregate lists this."""


@dataclass(frozen=True)
class Book:
    """Who has it."""

    reader_id: str | None = None


def evolve(book: Book, event: Lent | GivenBack) -> Book:
    match event:
        case Lent():
            return replace(book, reader_id=event.reader_id)
        case GivenBack():
            return replace(book, reader_id=None)
        case _:
            assert_never(event)


def lend(command: Lend, book: Book, neighbours: Neighbours) -> list[Event | Elsewhere]:
    if book.reader_id == command.reader_id:
        return []
    if book.reader_id:
        raise Refused("book-is-out", field="book_id")
    if neighbours[READER.ref(command.reader_id)] == 3:
        raise Refused("too-many-books")
    return [Lent(reader_id=command.reader_id), Elsewhere(READER.ref(command.reader_id), Borrowed())]


READER = Aggregate("reader", 0, lambda books, event: books + 1, (Borrowed,))
BOOK = Aggregate(
    "book",
    Book(),
    evolve,
    (Lent, GivenBack),
    {
        Lend: Decision("book_id", lend, lambda command, book: [READER.ref(command.reader_id)]),
        GiveBack: Decision("book_id", lambda command, book, neighbours: [GivenBack()]),
    },
)
STAMPS = {"command_id": uuid4(), "at": "2026-11-22T09:30:00Z", "actor": Actor(account_id="a", role=Role.INSTALLER)}
lend_to_ana = Lend(**STAMPS, book_id="b", reader_id="ana")
give_back = GiveBack(**STAMPS, book_id="b")
lent_to_ana, lent_to_bo = Lent(reader_id="ana"), Lent(reader_id="bo")
borrowed = Elsewhere(Ref("reader", "ana"), Borrowed())
book = Spec(BOOK, READER)


def test_what_was_decided_is_compared_whole_and_in_order() -> None:
    book.given().when(lend_to_ana).then(lent_to_ana, borrowed)
    book.given(lent_to_bo, GivenBack()).when(lend_to_ana).then(lent_to_ana, borrowed)
    for wrong in ((), (lent_to_ana,), (borrowed, lent_to_ana), (lent_to_bo, borrowed), (lent_to_ana, Borrowed())):
        with pytest.raises(AssertionError):
            book.given().when(lend_to_ana).then(*wrong)


def test_a_refusal_is_told_by_its_code_and_field() -> None:
    book.given(lent_to_bo).when(lend_to_ana).then_refused("book-is-out")
    book.given(lent_to_bo).when(lend_to_ana).then_refused("book-is-out", field="book_id")
    for code, field in (("other", None), ("book-is-out", "reader_id")):
        with pytest.raises(AssertionError):
            book.given(lent_to_bo).when(lend_to_ana).then_refused(code, field)


def test_a_refusal_is_not_nothing_and_nothing_is_not_a_refusal() -> None:
    with pytest.raises(AssertionError, match="book-is-out"):
        book.given(lent_to_bo).when(lend_to_ana).then()
    with pytest.raises(AssertionError, match="not refused"):
        book.given(lent_to_ana).when(lend_to_ana).then_refused("book-is-out")


def test_what_stands_beside_is_looked_at() -> None:
    three = [Borrowed()] * 3
    book.given().beside("reader", "ana", *three).when(lend_to_ana).then_refused("too-many-books")
    book.given().beside("reader", "bo", *three).when(lend_to_ana).then(lent_to_ana, borrowed)


def test_a_command_given_again_sees_what_it_did() -> None:
    book.given().when(lend_to_ana).again().then()
    book.given(lent_to_ana).when(give_back).again().then(GivenBack())
    with pytest.raises(AssertionError, match="book-is-out"):
        book.given(lent_to_bo).when(lend_to_ana).again()


def test_a_decision_about_an_unnamed_neighbour_fails() -> None:
    careless = replace(BOOK, decisions={Lend: replace(BOOK.decisions[Lend], neighbours=lambda *_: [])})
    with pytest.raises(KeyError):
        Spec(careless, READER).given().when(lend_to_ana)
    blind = replace(BOOK, decisions={GiveBack: Decision("book_id", lambda *_: [borrowed])})
    with pytest.raises(AssertionError, match="not named as a neighbour"):
        Spec(blind, READER).given().when(give_back)


def test_an_event_that_its_aggregate_does_not_list_fails() -> None:
    burning = replace(BOOK, decisions={GiveBack: Decision("book_id", lambda *_: [Burnt()])})
    with pytest.raises(AssertionError, match="does not list Burnt"):
        Spec(burning).given().when(give_back)


def test_a_kind_the_spec_was_not_told_about_fails() -> None:
    with pytest.raises(AssertionError, match="not told about the aggregate reader"):
        Spec(BOOK).given().when(lend_to_ana)


def test_a_command_that_is_not_decided_here_fails() -> None:
    with pytest.raises(AssertionError, match="does not decide"):
        Spec(READER).given().when(give_back)
