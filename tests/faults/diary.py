"""A small service whose events are personal and as large as a test wants them: diaries, to be damaged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID, uuid4

from contracts.message import Answer, Command, Event, PersonalMark, Query, Recorded, View
from kernel.deciding.decider import Aggregate, Decision
from kernel.deciding.handling import Handled
from kernel.reacting.reaction import Context, Reaction
from kernel.reading.readmodel import ReadModel, Row
from kernel.service.declaration import Service, Tools
from kernel.service.running import run


class WriteAnswer(Answer):
    """How many pages the diary has now."""

    pages: int


class Write(Command[WriteAnswer]):
    """Write a page of a diary; of one called `copied-…`, a reaction writes it into another too."""

    diary_id: str
    text: str


class Written(Event):
    """A page was written."""

    diary_id: str
    text: Annotated[str, PersonalMark()]


class CountPages(Query):
    """How many pages a diary has."""

    diary_id: str


class Pages(View):
    """How many pages a diary has."""

    pages: int


@dataclass(frozen=True)
class Diary:
    """The state of a diary."""

    id: str = ""
    pages: int = 0


def evolve(diary: Diary, event: Written) -> Diary:
    return Diary(event.diary_id, diary.pages + 1)


def write(command: Write, diary: Diary, neighbours: object) -> list[Event]:
    return [Written(diary_id=command.diary_id, text=command.text)]


def answer(command: Write, handled: Handled, tools: Tools) -> WriteAnswer:
    return WriteAnswer(pages=handled.state.pages)


def project(row: Row | None, recorded: Recorded) -> Row | None:
    return {"pages": (row["pages"] if row else 0) + 1}


async def count_pages(query: CountPages, tools: Tools) -> View:
    row = await tools.database["diaries"].find_one({"_id": query.diary_id})
    return Pages(pages=row["pages"] if row else 0)


async def copy(recorded: Recorded, context: Context) -> Iterable[Command]:
    if not recorded.aggregate_id.startswith("copied-"):
        return []
    return [Write(**context.stamp(), diary_id="copies", text="x")]


DIARIES = Service(
    name="diaries",
    aggregates=(
        Aggregate(
            name="diary",
            initial=Diary(),
            evolve=evolve,
            events=(Written,),
            decisions={Write: Decision("diary_id", write)},
            key=lambda diary: f"diary.{diary.id}",
        ),
    ),
    read_models=(ReadModel("diaries", keys=lambda recorded: (recorded.aggregate_id,), fold=project),),
    queries={CountPages: count_pages},
    answers={Write: answer},
    reactions=(Reaction("copy_pages", follows="diaries", on={Written: copy}),),
)


def command_id() -> UUID:
    return uuid4()


if __name__ == "__main__":
    from tests.faults import diary

    run(diary.DIARIES)
