"""Devices of the browser tests: bound over the API, and virtual ones that connect over MQTT as real ones do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from ops.virtual_intercom import VirtualIntercom
from tests.console.town import Town
from tests.house import Person

ALL_METHODS = ["homepage", "talking_page", "pin", "face", "rf_card", "bluetooth", "nfc"]


_numbers = count(1)
_lists = count(0x800000, 0x8000)


def a_mac() -> str:
    """A MAC of the expected maker that no other test has: they share one house."""
    return f"0C1105{next(_numbers):06X}"


def macs(count: int) -> list[str]:
    """So many of them in a row, 32,768 at the most."""
    first = next(_lists)
    return [f"0C1105{first + number:06X}" for number in range(count)]


def a_relay(number: int = 1, name: str = "Gate", **fields: Any) -> dict[str, Any]:
    return {"number": number, "enabled": True, "name": name, "dtmf": None, "methods": ALL_METHODS, **fields}


@dataclass
class Bound:
    """A device as it was bound, with the key that was told once."""

    device_id: str
    name: str
    mac: str
    key: str


async def in_library(owner: Person, mac: str | None = None) -> str:
    """A MAC of that installer's library."""
    mac = mac or a_mac()
    await owner.do("POST", "/macs", json={"mac": mac})
    return mac


async def bound(owner: Person, home: str, name: str = "Front Door", **fields: Any) -> Bound:
    """A device of that household, with one relay unless told otherwise."""
    mac = await in_library(owner)
    form = {"mac": mac, "kind": "doorphone_single", "name": name, "relays": [a_relay()], **fields}
    made: dict[str, Any] = await owner.do("POST", f"/users/{home}/devices", json=form)
    # Pages that were not there when it was bound must find it.
    await owner.do("GET", f"/devices/{made['id']}", params={"after": made["position"]})
    return Bound(str(made["id"]), name, mac, str(made["extra"]["device_key"]))


@asynccontextmanager
async def powered(
    place: Town, device: Bound, *, model: str = "R29", firmware: str = "29.30.10.17", **more: Any
) -> AsyncIterator[VirtualIntercom]:
    """The device, connected and heard."""
    port = place.house.nats[0].mqtt_port
    intercom = VirtualIntercom("127.0.0.1", port, device.mac, device.key, model=model, firmware=firmware, **more)
    running = asyncio.create_task(intercom.run())
    try:
        await intercom.until_connected()
        yield intercom
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
