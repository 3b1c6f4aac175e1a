"""A time zone is known by every name it ever had, and called by its present one."""

from zoneinfo import available_timezones

import pytest
from pydantic import TypeAdapter

from contracts.zones import ZoneName, country_of, former_names, inhabited_zones, is_zone, present_zone


@pytest.mark.parametrize(
    ("name", "present"),
    [
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("Europe/Kiev", "Europe/Kyiv"),
        ("Asia/Saigon", "Asia/Ho_Chi_Minh"),
        ("Asia/Katmandu", "Asia/Kathmandu"),
        ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("US/Pacific", "America/Los_Angeles"),
        ("PRC", "Asia/Shanghai"),
        ("UTC", "UTC"),
        ("Etc/UTC", "UTC"),
        ("Etc/UCT", "UTC"),
        ("GMT", "UTC"),
        ("Zulu", "UTC"),
        ("Europe/Berlin", "Europe/Berlin"),
        # The database follows them to a neighbour; they are the present names of their countries all the same.
        ("Europe/Copenhagen", "Europe/Copenhagen"),
        ("Asia/Kuwait", "Asia/Kuwait"),
        ("Etc/GMT+3", "Etc/GMT+3"),
    ],
)
def test_a_former_name_becomes_the_present_one(name: str, present: str) -> None:
    assert is_zone(name)
    assert present_zone(name) == present
    assert present_zone(present) == present


def test_whatever_a_system_reports_has_a_present_name_that_is_a_zone() -> None:
    for name in available_timezones() - {"Factory", "localtime", "posixrules"}:
        assert is_zone(present_zone(name)), name
        assert present_zone(present_zone(name)) == present_zone(name), name


def test_what_is_no_zone_stays_what_it_is() -> None:
    assert not is_zone("Mars/Base")
    assert present_zone("Mars/Base") == "Mars/Base"


def test_a_present_name_lists_its_former_ones_and_has_its_country() -> None:
    assert "Asia/Calcutta" in former_names("Asia/Kolkata")
    assert "Etc/UTC" in former_names("UTC")
    assert country_of("Asia/Calcutta") == country_of("Asia/Kolkata") == "IN"
    assert country_of("UTC") is None
    assert "Asia/Calcutta" not in inhabited_zones()


def test_what_was_stored_under_a_former_name_is_shown_under_the_present_one() -> None:
    shown = TypeAdapter(ZoneName)
    assert shown.validate_python("Europe/Kiev") == "Europe/Kyiv"
