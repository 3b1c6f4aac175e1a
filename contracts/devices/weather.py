"""The weather that indoor monitors show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from contracts.message import Command, Event, FilledMark, Query
from contracts.words import Filled, Id


class IssueWeather(Command):
    """Show the weather at a home on its monitors that are connected and can show it (U-14, U-15).

    With a device: on that one, which connected just now and shows nothing yet. Without: where the weather changed.
    The service sends it to itself. `device_ids` are those that can show it, `code` is of WMO 4677.
    """

    user_id: Id
    device_id: Id | None = None
    installer_id: Filled = None
    device_ids: Annotated[tuple[str, ...], FilledMark()] = ()
    celsius: Annotated[int | None, FilledMark()] = None
    code: Annotated[int | None, FilledMark()] = None


class WeatherIssued(Event):
    """The device is to show this weather, that of its home; `code` is of WMO 4677."""

    device_id: str
    user_id: str
    installer_id: str
    celsius: int
    code: int


# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    IssueWeather: ". . . . . . .",
}
# fmt: on
