"""Many households in a running house, quickly: straight into the log, in batches of 1,000, by the service's own codec.

Each is one UserAdded with every personal field sealed; no logins and SIP numbers are claimed for them, so their people
cannot log in. The projector sees no difference.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from nats.aio.client import Client

from contracts.accounts.households import AddUser, CallType, UserAdded
from contracts.accounts.words import MailLanguage
from contracts.message import Actor, Position, Role
from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.deciding.codec import COMMAND, TIME, Codec
from kernel.deciding.decider import Ref
from kernel.keeping.mongo import BSON, Database, mongo_client
from kernel.keeping.vault import MongoKeys
from kernel.log.jetstream import JetStreamLog
from kernel.log.promise import NewMessage
from kernel.reading.watermark import Watermark
from services.accounts.__main__ import SERVICE
from tests.house import House, Person, secrets_of, wrappings_of

BATCH = 1000
_FIRST = (
    "Anna",
    "Иван",
    "王",
    "김",
    "Nguyễn",
    "Mehmet",
    "علی",
    "דוד",
    "José",
    "Zofia",
    "Amélie",
    "Søren",
    "Siti",
    "राजेश",
)
_LAST = ("Schäfer", "Петров", "小明", "민준", "Hùng", "Yılmaz", "رضایی", "כהן", "Muñoz", "Wiśniewska", "Dubois", "Faiz")
_STREETS = (
    "Kastanienallee",
    "Невский проспект",
    "世纪大道",
    "테헤란로",
    "Lê Thánh Tôn",
    "İstiklal Caddesi",
    "خیابان ولیعصر",
)


@dataclass(frozen=True)
class Household:
    """One that was added: what its form shows."""

    number: int
    user_id: str
    owner: int

    def form(self, address: str | None = None) -> dict[str, Any]:
        number = self.number
        return {
            "name": f"{_FIRST[number % len(_FIRST)]} {_LAST[number // 7 % len(_LAST)]} {number}",
            "room": f"{number % 40}",
            "address": address or f"{_STREETS[number % len(_STREETS)]} {number % 200}",
            "email": f"home-{self.user_id[:13]}@example.org",
            "country": "DE",
            "mobile": f"+49151{number + 10_000_000}",
            "premium": number % 5 == 0,
        }

    def added(self, owner: Actor) -> UserAdded:
        """The event by which it exists, of that installer."""
        form = self.form()
        return UserAdded(
            user_id=self.user_id,
            installer_id=owner.installer_id or "",
            distributor_id=owner.distributor_id or "",
            **form,
            landlines=(None, None, None),
            call_type=CallType.IP_CALL,
            time_zone=None,
            language=MailLanguage.ENGLISH,
            home_automation=False,
            landline_service=form["premium"],
            with_indoor_monitor=False,
            family_sip=f"59{self.number:08}",
            personal_sip=f"3{self.number:09}",
        )


@dataclass
class Seeding:
    """Adds households to the installers in turns."""

    nc: Client
    log: JetStreamLog
    codec: Codec
    keys: MongoKeys
    database: Database
    watermark: Watermark
    installers: list[Actor]
    households: list[Household] = field(default_factory=list)
    _shared: dict[int, dict[str, str]] = field(default_factory=dict)

    async def batches(self, count: int, *, to_a_key: int = 1) -> AsyncIterator[list[NewMessage]]:
        """So many more households, each batch to be appended at once.

        `to_a_key` of them share a data key: in life each has its own, and making a million takes its time.
        """
        began = datetime.now(UTC)
        for start in range(len(self.households), len(self.households) + count, BATCH):
            some = [
                Household(number, str(uuid4()), number % len(self.installers)) for number in range(start, start + BATCH)
            ]
            names = [f"{some[place - place % to_a_key].user_id}.0" for place in range(BATCH)]
            await asyncio.gather(*(self.keys.key(name) for name in dict.fromkeys(names)))
            self.households += some
            yield [
                await self._message(household, name, began + timedelta(milliseconds=household.number - start))
                for household, name in zip(some, names, strict=True)
            ]

    async def append(self, messages: list[NewMessage]) -> None:
        await self.log.append(messages, 60)

    async def add(self, count: int, *, to_a_key: int = 1) -> None:
        """So many more households, in the log."""
        async for messages in self.batches(count, to_a_key=to_a_key):
            await self.append(messages)

    async def _message(self, household: Household, key_name: str, at: datetime) -> NewMessage:
        return await self.codec.encode(
            household.added(self.installers[household.owner]),
            subject=self.codec.subject(Ref("household", household.user_id)),
            expected=0,
            key_name=key_name,
            because={**self._because(household.owner), TIME: at.isoformat(), COMMAND: str(uuid4())},
        )

    def _because(self, owner: int) -> dict[str, str]:
        if owner not in self._shared:
            wish = AddUser(
                command_id=uuid4(),
                at=datetime.now(UTC),
                actor=self.installers[owner],
                user_id=str(uuid4()),
                name="x",
                address="x",
                premium=False,
            )
            self._shared[owner] = self.codec.because(wish, None, None)
        return self._shared[owner]

    async def until_visible(self) -> None:
        """Returns when the read models contain all that is in the log."""
        newest = Position(stream=self.log.stream, seq=await self.log.last_seq())
        while not await self.watermark.reached(newest, 10):
            pass


@asynccontextmanager
async def seeding(house: House, installers: list[Person], max_bytes: int = 2**30) -> AsyncIterator[Seeding]:
    """What adds households to this house; its log may grow to `max_bytes`."""
    nc = await connect(house.environment["NATS_URL"], "seeding")
    try:
        log = await open_log(nc, SERVICE.name)
        await _allow(nc, log.stream, max_bytes)
        async with mongo_client(house.environment["MONGODB_URI"], "seeding") as mongo:
            secrets = secrets_of(house)
            keys = MongoKeys(mongo, wrappings_of(house))
            codec = Codec(SERVICE.name, SERVICE.events, keys, secrets, SERVICE.upcast)
            database = mongo.get_database(SERVICE.name, BSON)
            watermark = Watermark(nc, SERVICE.name, database)
            await watermark.start()
            actors = [await _actor(person) for person in installers]
            yield Seeding(nc, log, codec, keys, database, watermark, actors)
            await watermark.stop()
    finally:
        await nc.close()


async def _actor(person: Person) -> Actor:
    told = await person.do("GET", "/session")
    return Actor(
        account_id=person.account_id,
        role=Role.INSTALLER,
        distributor_id=str(told["distributor_id"]),
        installer_id=str(told["installer_id"]),
    )


async def _allow(nc: Client, stream: str, max_bytes: int) -> None:
    found = json.loads((await nc.request(f"$JS.API.STREAM.INFO.{stream}", b"{}")).data)["config"]
    if found["max_bytes"] < max_bytes:
        wanted = json.dumps({**found, "max_bytes": max_bytes}).encode()
        answer = json.loads((await nc.request(f"$JS.API.STREAM.UPDATE.{stream}", wanted)).data)
        assert "error" not in answer, answer
