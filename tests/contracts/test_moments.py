"""A moment is one that every log, database and timer can hold, and what stands in a log is read in any case."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import uuid4

import pytest
from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError

from contracts.devices.doors import DoorOpened
from contracts.devices.homes import GrantCredential
from contracts.message import Command, Query, Refused, View
from contracts.modules import declared
from contracts.moments import FIRST, LAST, Moment, RecordedMoment, clamped
from kernel.deciding.codec import TIME
from kernel.talking.wire import decode, invalid
from ops.contracts import example, published
from tests.contracts.test_published import PUBLISHED, codec_of, stored
from tests.devices.world import installer

OUTSIDE = [
    "0001-01-01T00:00:00+08:00",
    "0001-01-01T00:00:00Z",
    "1405-09-06T12:00:00+03:30",
    "1969-12-31T23:59:59.999999Z",
    "1970-01-01T00:00:00+00:01",
    "2199-12-31T23:59:59.999999-00:01",
    "2200-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999-12:00",
]
INSIDE = {
    "1970-01-01T00:00:00Z": FIRST,
    "1969-12-31T23:00:00-01:00": FIRST,
    "2199-12-31T23:59:59.999999Z": LAST,
    "2200-01-01T00:59:59.999999+01:00": LAST,
    "2026-11-22T12:30:00+03:30": datetime(2026, 11, 22, 9, tzinfo=UTC),
}
taken, read = TypeAdapter(Moment), TypeAdapter(RecordedMoment)


@pytest.mark.parametrize("text", OUTSIDE)
def test_a_moment_outside_is_refused_at_its_field_with_a_code_and_a_sentence(text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        taken.validate_json(json.dumps(text))
    (fault,) = invalid(refused.value).errors
    assert (fault.code, fault.detail) == (
        "moment-out-of-range",
        "This is not a time between the years 1970 and 2200.",
    )


@pytest.mark.parametrize(("text", "moment"), INSIDE.items())
def test_a_moment_inside_is_the_same_moment_in_utc(text: str, moment: datetime) -> None:
    for adapter in (taken, read):
        given = adapter.validate_json(json.dumps(text), strict=True)
        assert given == moment
        assert given.utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", OUTSIDE)
def test_what_stands_in_a_log_is_read_as_the_nearest_moment(text: str) -> None:
    assert read.validate_json(json.dumps(text)) == (FIRST if text < "2" else LAST)


def test_a_moment_without_a_zone_in_a_log_is_read_as_utc() -> None:
    assert clamped(datetime(2026, 1, 1)) == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_field_of_a_command_says_what_is_wrong_with_it() -> None:
    body = {"command_id": str(uuid4()), "at": OUTSIDE[0], "valid_from": OUTSIDE[1], "valid_to": OUTSIDE[7]}
    with pytest.raises(Refused) as refused:
        decode(GrantCredential, json.dumps(body).encode(), installer)
    codes = {fault.field: fault.code for fault in refused.value.refusal().errors}
    assert {codes[name] for name in ("at", "valid_from", "valid_to")} == {"moment-out-of-range"}


def moments(kind: type[BaseModel]) -> list[tuple[str, object]]:
    """The fields of a message that carry a moment, each with what it is declared as."""
    found = []
    for name, field in kind.model_fields.items():
        parts = (field.annotation, *get_args(field.annotation))
        if any(part is AwareDatetime or part is datetime for part in map(_bare, parts)):
            found.append((name, field.rebuild_annotation()))
    return found


def _bare(annotation: object) -> object:
    return get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation


@pytest.mark.parametrize("contract", PUBLISHED)
def test_every_field_of_every_message_that_carries_a_moment_is_of_one_of_the_two_types(contract: str) -> None:
    seen = 0
    for kinds, adapter in (((Command, Query), Moment), ((View,), RecordedMoment)):
        for kind in kinds:
            for message in declared(contract, kind):
                seen += len(moments(message))
                for name, annotation in moments(message):
                    assert annotation in (adapter, adapter | None), f"{message.__name__}.{name}"
    for event in next(each for each in published() if each.service == contract).events:
        seen += len(moments(event))
        for name, annotation in moments(event):
            assert annotation in (RecordedMoment, RecordedMoment | None), f"{event.__name__}.{name}"
    assert seen > 20


@pytest.mark.parametrize("text", OUTSIDE)
async def test_an_event_of_before_that_says_such_a_time_decodes(text: str) -> None:
    codec = codec_of(PUBLISHED["devices"])
    body = {**example(DoorOpened), "happened_at": text, "who": None}
    (recorded,) = await codec.decode_many([stored(DoorOpened.type_name(), body, **{TIME: text.replace("Z", "+00:00")})])
    for moment in (recorded.at, recorded.event.happened_at):
        assert FIRST <= moment <= LAST
