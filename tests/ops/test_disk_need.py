"""How much disk a machine needs is said at its start, before it is full."""

from pathlib import Path

import pytest

from ops.disk_need import DiskNeed
from ops.failures import ServerFailed

GIB = 2**30


def test_the_need_is_the_logs_twice_and_what_stands_beside_them() -> None:
    need = DiskNeed.of({"SMARTPLUS_LOG_MAX_BYTES": "1GiB,devices=3GiB"})
    assert need.logs == {"accounts": GIB, "devices": 3 * GIB}
    assert need.total == 10 * GIB
    assert need.in_words() == ("up to 10.0GiB are needed when the logs are full (accounts 1.0GiB, devices 3.0GiB)")


def test_a_disk_that_will_not_suffice_is_said(tmp_path: Path) -> None:
    assert DiskNeed({"toy": 1}).warning(tmp_path) is None
    warning = DiskNeed({"toy": 2**60}).warning(tmp_path)
    assert warning
    assert "SMARTPLUS_LOG_MAX_BYTES bounds them" in warning


def test_a_setting_that_is_no_size_is_refused_with_its_name() -> None:
    with pytest.raises(ServerFailed, match="SMARTPLUS_LOG_MAX_BYTES: 'much' is no size, such as 4GiB"):
        DiskNeed.of({"SMARTPLUS_LOG_MAX_BYTES": "much"})
