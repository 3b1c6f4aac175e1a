"""A page of a list, and how many there are in all, by one question to the database.

The rule it protects: what a page costs does not grow with the list. A total is kept by a projection or counted up to a
bound, and of a search that finds much the rows come in the order of their index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from kernel.keeping.mongo import Collection
from kernel.reading.readmodel import ReadModel, Row

NEWEST_FIRST: Mapping[str, int] = {"created_at": -1, "_id": -1}
COUNTED_MAX = 10_000
_SORTED_MAX = 1_000
_COUNTED = "counted"


class Paged(Protocol):
    """What asks for a page: the first is 1."""

    @property
    def page(self) -> int: ...
    @property
    def per_page(self) -> int: ...


class Listed(NamedTuple):
    """The rows of one page, and how many there are on all."""

    rows: Sequence[Row]
    total: int


@dataclass(frozen=True, slots=True)
class Tallied:
    """Where the total is kept: in documents of that read model, whose `count`s add up to it."""

    model: ReadModel
    ids: tuple[str, ...]


async def listed(
    collection: Collection,
    wanted: Mapping[str, Any],
    asked: Paged,
    *,
    tallied: Tallied | None = None,
    order: Mapping[str, int] = NEWEST_FIRST,
    without: Sequence[str] = ("tokens",),
) -> Listed:
    """The documents that are as `wanted`, in `order`, and their total: as tallied, or counted up to `COUNTED_MAX`."""
    if tallied:
        kept: list[Mapping[str, Any]] = [{"$match": {"_id": {"$in": tallied.ids}}}]
        counting = {"coll": tallied.model.name, "pipeline": [*kept, {"$project": {"_id": 0, _COUNTED: "$count"}}]}
    else:
        bounded: list[Mapping[str, Any]] = [{"$match": wanted}, {"$limit": COUNTED_MAX}, {"$count": _COUNTED}]
        counting = {"coll": collection.name, "pipeline": bounded}
    answer = await collection.aggregate([*_page(wanted, asked, order, without), {"$unionWith": counting}])
    documents = await answer.to_list()
    rows = [each for each in documents if _COUNTED not in each]
    return Listed(rows, sum(each[_COUNTED] for each in documents if _COUNTED in each))


async def search_page(
    collection: Collection, wanted: Mapping[str, Any], asked: Paged, *, order: Mapping[str, int] = NEWEST_FIRST
) -> Listed:
    """What a search finds, in `order`; of more than a thousand in the order of the index that found them."""
    total = await collection.count_documents(wanted, limit=COUNTED_MAX)
    answer = await collection.aggregate(_page(wanted, asked, order if total <= _SORTED_MAX else {}, ("tokens",)))
    return Listed(await answer.to_list(), total)


def _page(
    wanted: Mapping[str, Any], asked: Paged, order: Mapping[str, int], without: Sequence[str]
) -> list[Mapping[str, Any]]:
    sorting: list[Mapping[str, Any]] = [{"$sort": order}] if order else []
    skipped = (asked.page - 1) * asked.per_page
    return [{"$match": wanted}, *sorting, {"$skip": skipped}, {"$limit": asked.per_page}, {"$unset": [*without]}]
