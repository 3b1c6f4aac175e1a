"""The roster: every device that may connect, by its MAC, as the link to devices knows it.

A read model that a process reads once and then keeps up with the log by itself: a login must not wait for a database,
and a key that was changed opens nothing from that event on. What devices open doors with is not in it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace

from contracts.devices.configuration import (
    ConfigurationApplied,
    ConfigurationIssued,
    ConfigurationRefused,
    DeviceReported,
)
from contracts.devices.intercoms import DeviceBound, DeviceKeyIssued, DeviceUnbound
from contracts.devices.presence import DeviceWentOffline, DeviceWentOnline
from contracts.message import Recorded
from kernel.keeping.mongo import Database
from kernel.reading.checkpoint import places_of
from kernel.reading.readmodel import ReadModel, Row

RosterEvent = (
    DeviceBound
    | DeviceKeyIssued
    | DeviceReported
    | ConfigurationIssued
    | ConfigurationApplied
    | ConfigurationRefused
    | DeviceWentOnline
    | DeviceWentOffline
    | DeviceUnbound
)


@dataclass(frozen=True, slots=True)
class Seat:
    """A device. `connection` is the one by which it is online, if it is."""

    device_id: str
    mac: str
    user_id: str
    installer_id: str
    key_hash: str
    model: str | None = None
    firmware: str | None = None
    issued: str | None = None
    applied: str | None = None
    refused: str | None = None
    connection: str | None = None

    @property
    def is_configured(self) -> bool:
        """Whether there is nothing to tell it of its configuration: it has it, or has refused it."""
        return self.issued is None or self.issued in (self.applied, self.refused)


def seated(seat: Seat | None, recorded: Recorded) -> Seat | None:
    """The device after that event."""
    match recorded.event:
        case DeviceBound() as event:
            return Seat(event.device_id, event.mac, event.user_id, event.installer_id, event.key_hash)
        case _ if seat is None:
            return None
        case DeviceKeyIssued() as event:
            return replace(seat, key_hash=event.key_hash)
        case DeviceReported() as event:
            return replace(seat, model=event.model, firmware=event.firmware)
        case ConfigurationIssued() as event:
            return replace(seat, issued=event.configuration, refused=None)
        case ConfigurationApplied() as event:
            return replace(seat, applied=event.configuration, refused=None)
        case ConfigurationRefused() as event:
            return replace(seat, refused=event.configuration)
        case DeviceWentOnline() as event:
            return replace(seat, connection=event.connection)
        case DeviceWentOffline():
            return replace(seat, connection=None)
        case DeviceUnbound():
            return None
        case _:
            return seat


def keys(recorded: Recorded) -> Iterable[str]:
    return (recorded.event.device_id,) if isinstance(recorded.event, RosterEvent) else ()


def fold(row: Row | None, recorded: Recorded) -> Row | None:
    seat = seated(_seat(row) if row else None, recorded)
    return asdict(seat) if seat else None


def _seat(row: Row) -> Seat:
    return Seat(**{name: value for name, value in row.items() if name != "_id"})


ROSTER = ReadModel(name="roster", keys=keys, fold=fold)


class Roster:
    """The roster in memory. `seq` is the last event of the service's log that it contains."""

    def __init__(self) -> None:
        self.seq = 0
        self._by_device: dict[str, Seat] = {}
        self._by_mac: dict[str, Seat] = {}
        self._listeners: list[Callable[[Recorded], None]] = []
        self._awaited: list[tuple[int, asyncio.Future[None]]] = []

    async def load(self, database: Database, stream: str, epoch: str) -> None:
        """Take what the read model holds. The read model must have been built."""
        place = (await places_of(database)).get(stream)
        # Documents may be newer than the place that was read before them; the log tells those events once more.
        self.seq = place.seq if place and place.epoch == epoch else 0
        async for row in database[ROSTER.name].find({}):
            self._put(_seat(row))

    def take(self, recorded: Recorded) -> None:
        """Keep up with the log, and tell those who listen."""
        event = recorded.event
        if isinstance(event, RosterEvent):
            before = self._by_device.get(event.device_id)
            after = seated(before, recorded)
            if after is not None:
                self._put(after)
            elif before is not None:
                del self._by_device[before.device_id]
                # Another device may have the MAC by now.
                if self._by_mac.get(before.mac) is before:
                    del self._by_mac[before.mac]
        for listener in self._listeners:
            listener(recorded)
        self.pass_by(recorded.seq)

    def pass_by(self, seq: int) -> None:
        """Everything up to there was taken or does not matter here."""
        self.seq = seq
        if self._awaited:
            arrived = [future for awaited, future in self._awaited if awaited <= seq]
            self._awaited = [(awaited, future) for awaited, future in self._awaited if awaited > seq]
            for future in arrived:
                if not future.done():
                    future.set_result(None)

    async def reached(self, seq: int) -> None:
        """Returns when it contains that event."""
        if self.seq < seq:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._awaited.append((seq, future))
            await future

    @contextlib.contextmanager
    def heard_by(self, listener: Callable[[Recorded], None]) -> Iterator[None]:
        """Tell `listener` each event, after it was taken, while this lasts."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def by_mac(self, mac: str) -> Seat | None:
        return self._by_mac.get(mac)

    def by_device(self, device_id: str) -> Seat | None:
        return self._by_device.get(device_id)

    def online(self) -> list[Seat]:
        """Everybody who is said to be connected."""
        return [seat for seat in self._by_device.values() if seat.connection is not None]

    def _put(self, seat: Seat) -> None:
        self._by_device[seat.device_id] = seat
        self._by_mac[seat.mac] = seat
