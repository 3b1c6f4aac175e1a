"""How often a tenant may hear that a login is taken.

Logins are unique in a region, so whoever adds a person must hear it. The rule it protects: nobody finds out by trying
who has an account with other companies.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from contracts.message import Actor, Refused
from services.gateway.guards.failures import Failures
from services.gateway.guards.limits import too_many

LIMITS = ((30, 3600.0),)
TENANTS_MAX = 20_000
_CODE = "login-taken"


class TakenLogins:
    """The answers of this replica, by tenant."""

    def __init__(self) -> None:
        self._heard = Failures(LIMITS, TENANTS_MAX)

    @contextmanager
    def around(self, actor: Actor, names_login: bool) -> Iterator[None]:
        """Around a command; `names_login` when it claims one. Raises `Problem` 429 after 30 such answers in an hour."""
        tenant = actor.installer_id or actor.distributor_id or actor.account_id
        now = time.monotonic()
        if names_login and (wait_s := self._heard.wait_s(tenant, now)) > 0:
            raise too_many(wait_s, "Too many logins were taken already. Wait.")
        try:
            yield
        except Refused as refused:
            if _CODE in {refused.code, *(each.code for each in refused.refusal().errors)}:
                self._heard.add(tenant, now)
            raise
