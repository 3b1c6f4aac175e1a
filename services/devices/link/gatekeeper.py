"""The gatekeeper: which device may enter NATS, and with which subjects.

The rule it protects: a device is who has its key, whatever it calls itself; knowing a MAC opens nothing and tells
nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from kernel.deciding.decider import Ref
from kernel.talking.admission import Admitted, Login
from services.devices.intercoms import device
from services.devices.intercoms.device import Device
from services.devices.library import mac
from services.devices.library.mac import Mac
from services.devices.link.roster import Roster

ACCOUNT = "DEV"

QUARANTINE_S = 60.0

_MAC = re.compile(r"[0-9A-F]{12}")


class Gate:
    """Answers who is a device. Every replica has one; a quarantine is told to all of them."""

    def __init__(self, roster: Roster, load: Callable[[Ref], Awaitable[tuple[Any, int]]]) -> None:
        self._roster = roster
        self._load = load
        self._quarantined: dict[str, float] = {}

    async def decide(self, login: Login) -> Admitted | None:
        """What the device may do, or `None`: one and the same answer for every reason."""
        name = login.user
        if login.protocol != "mqtt" or login.client_id != name or not _MAC.fullmatch(name):
            return None
        given = hashlib.sha256(login.password.encode()).hexdigest()
        seat = self._roster.by_mac(name)
        is_its = hmac.compare_digest(given, seat.key_hash if seat else device.NO_KEY)
        # A device may call before the news of its binding, or of its new key, came here by the log.
        is_its = is_its or hmac.compare_digest(given, await self._newest_hash(name))
        if not is_its or self.is_quarantined(name):
            return None
        return Admitted(
            account=ACCOUNT,
            publish=tuple(f"d.{name}.{kind}" for kind in ("state", "ack", "event", "web")),
            subscribe=(f"d.{name}.cmd",),
        )

    def quarantine(self, name: str) -> None:
        """Let the device not in for a while."""
        self._quarantined[name] = time.monotonic() + QUARANTINE_S

    def is_quarantined(self, name: str) -> bool:
        until = self._quarantined.get(name)
        if until is None:
            return False
        if time.monotonic() < until:
            return True
        del self._quarantined[name]
        return False

    async def _newest_hash(self, name: str) -> str:
        """Asks the log, and as much of it for a MAC that nobody has as for one whose key is another."""
        owner: Mac = (await self._load(mac.ref(name)))[0]
        target: Device = (await self._load(device.ref(owner.device_id or name)))[0]
        return target.key_hash if not target.absent and target.key_hash else device.NO_KEY
