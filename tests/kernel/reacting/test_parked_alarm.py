"""Whoever reads the log of a process hears at once, and by name, of events that wait."""

from __future__ import annotations

from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.kernel.projecting import BAD, World, world
from tests.kernel.reacting.test_reaction import SECRET, Desk, desk, running
from tests.kernel.reading.test_projection import projected


@pytest.fixture
async def here(nats_url: str, mongodb_uri: str) -> AsyncIterator[World]:
    async with world(nats_url, mongodb_uri) as made:
        yield made
        await made.client.drop_database(made.service)


@pytest.fixture
async def two(nats_url: str, mongodb_uri: str) -> AsyncIterator[Desk]:
    async with desk(nats_url, mongodb_uri, None, None, SECRET) as made:
        yield made
        await made.here.client.drop_database(made.here.service)


def alarms(lines: list[MutableMapping[str, Any]], reader: str) -> list[tuple[str, str]]:
    """The first event at fault of each alarm, and the first word of its reason."""
    said = [line for line in lines if (line["event"], line.get("reader")) == ("events parked", reader)]
    assert all(line["log_level"] == "error" for line in said)
    return [(line["first"], line["reason"].split()[0]) for line in said]


async def test_a_projection_that_parks_events_says_so(here: World) -> None:
    await projected(here, await here.tally("b", 1))  # there are read models; those that follow are not made anew
    await here.append("a", BAD)
    with capture_logs() as lines:
        await projected(here, await here.tally("b", 1))
        assert alarms(lines, "projection") == [(f"{here.log.stream}.2", "JSONDecodeError")]
        # What waits for it is no news.
        await projected(here, await here.tally("a", 1))
        assert len(alarms(lines, "projection")) == 1


async def test_a_rebuild_that_parks_events_says_so(here: World) -> None:
    await here.append("a", BAD)
    with capture_logs() as lines:
        await here.projector().rebuild()
    assert alarms(lines, "projection") == [(f"{here.log.stream}.1", "JSONDecodeError")]


async def test_a_reaction_that_parks_events_says_so(two: Desk) -> None:
    await two.there.append("a", BAD)
    with capture_logs() as lines:
        async with running(two.reactions()):
            await two.reached(await two.there.tally("b", 1))
            await two.reached(await two.there.tally("b", 2))  # the first was committed, and said
    assert alarms(lines, "note_what_is_tallied") == [(f"{two.there.log.stream}.1", "JSONDecodeError")]
