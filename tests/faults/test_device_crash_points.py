"""Devices is killed at every step of emptying and of forgetting a home; each ends complete, once, and erased."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient

from contracts.accounts.households import AddUser, GetUser, UserDetail
from contracts.accounts.leaving import DeleteUser, ResetUser
from contracts.accounts.partners import CreateDistributor, CreateInstaller
from contracts.devices.cameras import AddCamera, CameraPage, ListCameras
from contracts.devices.doors import DoorEventKind, DoorEventPage, ListDoorEvents, RecordDoorEvent
from contracts.devices.homes import (
    CredentialKind,
    CredentialList,
    GrantCredential,
    HomeEmptied,
    HomeForgotten,
    ListCredentials,
)
from contracts.devices.intercoms import BindDevice, DeviceKind, DevicePage, ListDevices
from contracts.devices.library import ListMacs, MacPage, MacUse, RegisterMac
from contracts.devices.relays import Relay, RelayRef
from contracts.message import ERASED, Accepted, Actor, Command, Event, PersonalMark, Recorded, Role, fields_marked
from contracts.modules import declared
from contracts.permissions import SYSTEM
from kernel.connecting.connection import connect
from kernel.connecting.stream import open_log
from kernel.deciding.codec import PART, Codec
from kernel.keeping.vault import MongoKeys
from kernel.log.promise import Unavailable
from kernel.reading.checkpoint import checkpoint_of
from kernel.reading.readmodel import fingerprint
from kernel.talking.caller import Caller
from services.devices.__main__ import SERVICE
from tests.asking import seen
from tests.faults.checks import Contents, nothing_twice, settings_of
from tests.faults.crashing import SOON_S, crash_at, pid_of, soon
from tests.faults.history import canary
from tests.house import House, house, system

WISHES: dict[str, type[ResetUser] | type[DeleteUser]] = {"reset": ResetUser, "delete": DeleteUser}
COMMON = (
    "projection.written",
    "projection.committed",
    "erase.before_keys",
    "erase.after_a_key",
    "reaction.committed",
    "reaction.committed:2",
)
STEPS = [
    *(
        pytest.param("reset", step, id=f"reset-{step}")
        for step in ("reaction.empty_home_when_user_is_reset", "EmptyHome.decided", "EmptyHome.appended", *COMMON)
    ),
    *(
        pytest.param("delete", step, id=f"delete-{step}")
        for step in (
            "reaction.forget_home_when_user_is_deleted",
            "ForgetHome.decided",
            "ForgetHome.appended",
            "forget.before_key",
            "forget.before_key:2",
            "erase.after_a_key:2",
            *COMMON,
        )
    ),
]
ROOT = Actor(account_id=str(uuid4()), role=Role.SUPER_MANAGER)


@dataclass
class Street:
    """An installer with households, and who asks for it."""

    world: House
    caller: Caller
    installer: Actor
    words: list[str] = field(default_factory=list)
    wished: Counter[str] = field(default_factory=Counter)

    async def tell(self, kind: type[Command], actor: Actor | None = None, /, **fields: Any) -> Accepted:
        """Insist until it is answered: a service that was killed is back in a moment."""
        command = kind(command_id=uuid4(), at=datetime.now(UTC), actor=actor or self.installer, **fields)
        async with asyncio.timeout(SOON_S):
            while True:
                with contextlib.suppress(Unavailable):
                    return await self.caller.command(command)

    async def home(self) -> Lived:
        """A household with a gate, a camera, a PIN and a visitor, everything personal in it marked."""
        user_id, device_id, camera_id = (str(uuid4()) for _ in range(3))
        mac = f"0C1105{uuid4().hex[:6]}".upper()
        words = [canary() for _ in range(3)]
        self.words += words
        form = {"name": "House 7", "address": "Elm Street 7", "premium": True}
        added = await self.tell(AddUser, user_id=user_id, **form)
        await seen(self.caller, GetUser(actor=self.installer, user_id=user_id, after=added.position), UserDetail)
        await self.tell(RegisterMac, mac=mac)
        gate = {"kind": DeviceKind.DOORPHONE_SINGLE, "name": "Gate", "relays": (Relay(number=1, name="Front door"),)}
        await self.tell(BindDevice, device_id=device_id, user_id=user_id, mac=mac, **gate)
        camera = {"name": "Drive", "rtsp_address": "rtsp://192.0.2.9/1", "user_name": "viewer", "password": words[2]}
        await self.tell(AddCamera, camera_id=camera_id, user_id=user_id, **camera)
        relays = (RelayRef(device_id=device_id, relay=1),)
        granted = {"kind": CredentialKind.QR, "secret": words[0], "holder": words[1], "relays": relays}
        await self.tell(GrantCredential, credential_id=str(uuid4()), user_id=user_id, **granted)
        happened = {"kind": DoorEventKind.OPENED, "happened_at": datetime.now(UTC), "who": words[1]}
        await self.tell(
            RecordDoorEvent, SYSTEM, door_event_id=str(uuid4()), device_id=device_id, user_id=user_id, **happened
        )
        return Lived(user_id, device_id, camera_id, mac)


@dataclass(frozen=True)
class Lived:
    """A household with what is in it."""

    user_id: str
    device_id: str
    camera_id: str
    mac: str


@pytest.fixture(scope="module")
async def street(servers_dir: Path) -> AsyncIterator[Street]:
    async with house(servers_dir / "device-crashes") as world, system(world) as caller:
        distributor_id, installer_id = str(uuid4()), str(uuid4())
        above = Actor(account_id=distributor_id, role=Role.DISTRIBUTOR, distributor_id=distributor_id)
        below = Actor(
            account_id=installer_id,
            role=Role.INSTALLER,
            distributor_id=distributor_id,
            installer_id=installer_id,
        )
        built = Street(world, caller, below)
        made = {"name": "North Doors", "email": f"{distributor_id[:8]}@example.org"}
        await built.tell(CreateDistributor, ROOT, distributor_id=distributor_id, **made)
        made = {"name": "Bright Intercoms", "email": f"{installer_id[:8]}@example.org", "time_zone": "UTC"}
        await built.tell(CreateInstaller, above, installer_id=installer_id, **made)
        yield built


async def until_destroyed(world: House, *names: str) -> None:
    """Returns when the vault holds a tombstone for each of these keys. Raises `TimeoutError`."""
    settings = settings_of(world)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.mongodb_uri)
    wanted = {"_id": {"$in": list(names)}, "wrapped": {"$exists": False}}
    async with client, asyncio.timeout(SOON_S):
        keys = client[settings.database("vault")]["keys"]
        while await keys.count_documents(wanted) < len(names):  # noqa: ASYNC110 (done by another process)
            await asyncio.sleep(0.1)


async def contents(world: House) -> Contents:
    """The whole log of devices, as a new process would read it."""
    settings = settings_of(world)
    nc = await connect(settings.nats_url, "checker")
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.mongodb_uri)
    try:
        log = await open_log(nc, "devices")
        codec = Codec(
            "devices", declared("devices", Event), MongoKeys(client, settings.wrappings()), settings.secrets()
        )
        last = await log.last_seq()
        messages = []
        async for batch in log.follow(0):
            messages.extend(batch)
            if batch[-1].seq >= last:
                break
        return Contents(messages, await codec.decode_many(messages), log.epoch)
    finally:
        await client.close()
        await nc.close()


async def at_rest(world: House) -> Contents:
    """The log, once its read models contain all of it. Raises `TimeoutError`."""
    settings = settings_of(world)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.mongodb_uri)
    async with client, asyncio.timeout(SOON_S):
        database = client[settings.database("devices")]
        while True:
            found = await contents(world)
            checkpoint = await checkpoint_of(database)
            if checkpoint is not None and checkpoint.places["DEVICES"].seq >= found.messages[-1].seq:
                return found
            await asyncio.sleep(0.1)


@pytest.mark.row("U-39", "U-41", "R-12")
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "step"), STEPS)
async def test_killed_at_a_step_it_still_ends_complete_and_once(street: Street, kind: str, step: str) -> None:
    lived = await street.home()
    doomed = await crash_at(street.world, "devices", step)
    await street.tell(WISHES[kind], user_id=lived.user_id)
    street.wished[kind] += 1
    await soon(lambda: pid_of(street.world, "devices") not in (doomed, None))
    await street.world.until_ready()
    things = [f"device.{lived.device_id}", f"camera.{lived.camera_id}"] if kind == "delete" else []
    await until_destroyed(street.world, f"home.{lived.user_id}.0", *things)

    after = {"actor": street.installer, "after": f"DEVICES.{(await at_rest(street.world)).messages[-1].seq}"}
    ask = partial(seen, street.caller)
    credentials = await ask(ListCredentials(**after, user_id=lived.user_id), CredentialList)
    door_events = await ask(ListDoorEvents(**after, user_id=lived.user_id), DoorEventPage)
    assert (credentials.rows, door_events.rows) == ((), ())
    devices = await ask(ListDevices(**after, user_id=lived.user_id), DevicePage)
    cameras = await ask(ListCameras(**after, user_id=lived.user_id), CameraPage)
    free = await ask(ListMacs(**after, q=lived.mac, use=MacUse.UNBOUND), MacPage)
    kept = (1, 1, 0) if kind == "reset" else (0, 0, 1)
    assert (devices.total, cameras.total, len(free.rows)) == kept


@pytest.mark.timeout(300)
async def test_after_all_the_crashes_every_invariant_holds(street: Street) -> None:
    found = await at_rest(street.world)
    nothing_twice(found)
    chains_whole(found)
    each_home_once(street, found)
    erased_stays_erased(found)
    await models_true(street.world)
    await nothing_kept(street)
    nothing_in_the_clear(street)


def chains_whole(found: Contents) -> None:
    """Sequences without a gap, every command's batch complete, every aggregate folds to the end."""
    assert [each.seq for each in found.messages] == list(range(1, len(found.messages) + 1))
    parts: dict[str, list[str]] = defaultdict(list)
    chains: dict[tuple[str, str], list[Recorded]] = defaultdict(list)
    for message, each in zip(found.messages, found.recorded, strict=True):
        parts[each.command_id].append(message.headers[PART])
        chains[each.aggregate, each.aggregate_id].append(each)
    for command, told in parts.items():
        assert told == [f"{number}/{len(told)}" for number in range(1, len(told) + 1)], f"{command}: {told}"
    kinds = {aggregate.name: aggregate for aggregate in SERVICE.aggregates}
    for (kind, _), chain in chains.items():
        kinds[kind].fold(each.event for each in chain)


def each_home_once(street: Street, found: Contents) -> None:
    """One fact for each wish: none lost, none twice."""
    emptied = Counter(each.event.user_id for each in found.recorded if isinstance(each.event, HomeEmptied))
    forgotten = Counter(each.event.user_id for each in found.recorded if isinstance(each.event, HomeForgotten))
    assert {*emptied.values(), *forgotten.values()} == {1}
    assert (len(emptied), len(forgotten)) == (street.wished["reset"], street.wished["delete"])


def erased_stays_erased(found: Contents) -> None:
    """Nothing sealed under the key of an emptied home reads, nor anything of a forgotten one."""
    keys: set[str] = set()
    for each in found.recorded:
        match each.event:
            case HomeEmptied(erased_key=key):
                keys.add(key)
            case HomeForgotten(erased_keys=erased):
                keys.update(erased)
    sealed = 0
    for message, each in zip(found.messages, found.recorded, strict=True):
        if message.headers.get("sp-key") in keys:
            for name in fields_marked(type(each.event), PersonalMark):
                value = getattr(each.event, name)
                told = value if isinstance(value, tuple) else (value,)
                assert all(one in (None, ERASED) for one in told), f"{type(each.event).__name__}.{name} still reads"
                sealed += 1
    assert sealed, "nothing was sealed under these keys: the check would check nothing"


async def models_true(world: House) -> None:
    """The read models, as they are, equal a rebuild from nothing."""
    settings = settings_of(world)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.mongodb_uri)
    async with client:
        database = client[settings.database("devices")]
        before = await fingerprint(database, SERVICE.read_models)
        await world.smartplus("rebuild", "devices")
        after = await fingerprint(database, SERVICE.read_models)
    assert before == after, f"not a fold of the log: {[name for name in after if before[name] != after[name]]}"


def nothing_in_the_clear(street: Street) -> None:
    """No personal word on NATS's disk or in a log line."""
    patterns = street.world.folder / "canaries"
    patterns.write_text("\n".join(street.words))
    for server in street.world.nats:
        search = ["grep", "-r", "-F", "-l", "-f", str(patterns), str(server.data_dir / "jetstream")]
        found = subprocess.run(search, capture_output=True, text=True, check=False)
        assert found.returncode == 1, f"in the clear on NATS's disk: {found.stdout or found.stderr}"
    for line in street.world.lines:
        assert not any(word in line for word in street.words), f"in a log line: {line}"


async def nothing_kept(street: Street) -> None:
    """No personal word in any document that devices keeps."""
    settings = settings_of(street.world)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(settings.mongodb_uri)
    async with client:
        database = client[settings.database("devices")]
        for name in await database.list_collection_names():
            async for document in database[name].find({}):
                text = json.dumps(document, default=str)
                assert not any(word in text for word in street.words), f"{name} still holds it"
