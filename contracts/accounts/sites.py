"""Several households of one person."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.message import Command, Event, Query
from contracts.reasons import Kind, Reason
from contracts.words import Id


class LinkSite(Command):
    """Record that the same person also holds another household, at whatever installer (R-11)."""

    user_id: Id
    site_id: Id


class UnlinkSite(Command):
    """Take a link between two households back."""

    user_id: Id
    site_id: Id


class SiteLinked(Event):
    """The same person also holds that household."""

    user_id: str
    installer_id: str
    site_id: str


class SiteUnlinked(Event):
    """The link to that household is gone."""

    user_id: str
    installer_id: str
    site_id: str


# fmt: off
WHO: Mapping[type[Command | Query], str] = {
    LinkSite:   "S . . . . . .",
    UnlinkSite: "S . . . . . .",
}
# fmt: on

REFUSALS: Mapping[str, Reason] = {
    "site-unknown": Reason(Kind.UNKNOWN, "There is no such site."),
}
