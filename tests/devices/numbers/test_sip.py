"""A number belongs to one device at a time and rests before it belongs to another."""

from datetime import timedelta
from uuid import uuid4

import pytest

from contracts.devices.numbers import DeviceSipAllocated, DeviceSipReleased
from services.devices.numbers import sip
from services.devices.numbers.sip import SIP
from tests.devices.world import DEVICE, NOW


@pytest.mark.row("D-19")
def test_candidates_are_ten_digits_and_always_the_same() -> None:
    for device_id in (DEVICE, *(str(uuid4()) for _ in range(200))):
        numbers = sip.candidates(device_id)
        assert numbers == sip.candidates(device_id)
        assert all(len(each) == 10 and each.isdecimal() and each.startswith("58") for each in numbers)


def test_a_released_number_is_free_after_its_quarantine() -> None:
    number = sip.candidates(DEVICE)[0]
    allocated = DeviceSipAllocated(number=number, device_id=DEVICE)
    assert not SIP.fold([allocated]).is_free(NOW)
    released = DeviceSipReleased(number=number, quarantined_until=NOW + timedelta(days=90))
    resting = SIP.fold([allocated, released])
    assert not resting.is_free(NOW + timedelta(days=89))
    assert resting.is_free(NOW + timedelta(days=90))
    assert SIP.fold([]).is_free(NOW)
