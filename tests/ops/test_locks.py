"""What a process is told, and what it is not."""

from __future__ import annotations

import pytest

from ops import locks
from ops.nats_rights import PARTS

REGION = {"SMARTPLUS_KEYS_DIR": "/keys", "SMARTPLUS_SECRET_FILE": "/secret", "MONGODB_URI": "mongodb://operator@h"}


@pytest.mark.parametrize("name", PARTS)
def test_only_who_keeps_data_is_told_where_the_wrapping_keys_are(name: str) -> None:
    told = locks.environment_for(name, REGION, {})
    assert ("SMARTPLUS_KEYS_DIR" in told) == PARTS[name].keeps_log
    assert told["SMARTPLUS_SECRET_FILE"] == "/secret"
    # What it is told for itself alone does not bring it back.
    assert told == locks.environment_for(name, REGION, {"SMARTPLUS_SECRET_FILE": "/secret"})


def test_who_has_a_user_of_its_own_is_told_none_of_the_others() -> None:
    told = locks.environment_for(
        "gateway", {**REGION, "MONGODB_VAULT_URI": "mongodb://vault@h"}, {"MONGODB_URI": "mongodb://h"}
    )
    assert told == {"SMARTPLUS_SECRET_FILE": "/secret", "MONGODB_URI": "mongodb://h"}
