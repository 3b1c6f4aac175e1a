"""The table of models."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.devices.intercoms import DeviceKind
from contracts.message import Command, Query, View


class ModelRow(View):
    """A model that is known here: its product code, kind and relays, and what it can from which firmware on."""

    model: str
    product_code: int | None
    kind: DeviceKind
    max_relays: int
    pin_digits: tuple[int, int]
    methods_from: str | None
    weather_from: str | None


class ModelList(View):
    """The table of models."""

    rows: tuple[ModelRow, ...]


class ListModels(Query):
    """The table of models, which an operator may extend."""


QUERIES: Mapping[type[Query], type[View]] = {
    ListModels: ModelList,
}

# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    ListModels: "S D I P M F +",
}
# fmt: on
