"""The devices service beside accounts on real servers, and people who ask them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from contracts.accounts.households import AddUser, GetUser
from contracts.accounts.partners import CreateDistributor, CreateInstaller
from contracts.devices.cameras import AddCamera
from contracts.devices.intercoms import BindDevice, DeviceKind
from contracts.devices.library import RegisterMac
from contracts.message import Accepted, Actor, Command, Query, Role, View
from contracts.modules import views_of
from kernel.service.running import Running, running
from ops.servers import NatsCluster, NatsServer
from services.accounts.__main__ import SERVICE as ACCOUNTS
from services.devices.__main__ import SERVICE as DEVICES
from services.devices.settings import DevicesSettings
from tests.asking import newer, seen

Q = TypeVar("Q", bound=Query)

VIEWS: Mapping[type[Query], type[View]] = {**views_of("accounts"), **views_of("devices")}

root = Actor(account_id=str(uuid4()), role=Role.SUPER_MANAGER)


def a_mac() -> str:
    """One that no other test has."""
    return f"0C1105{uuid4().hex[:6]}".upper()


@dataclass
class Region:
    """Accounts and devices at work, and how one speaks to them."""

    accounts: Running
    devices: Running
    positions: dict[str, str]
    mqtt_port: int = 0

    async def tell(self, kind: type[Command], actor: Actor, /, **fields: Any) -> Accepted:
        """Send a command; what is asked afterwards contains what it recorded."""
        stamps = {"command_id": uuid4(), "at": datetime.now(UTC), "actor": actor}
        accepted = await self.devices.caller.command(kind(**{**stamps, **fields}))
        stream = accepted.position.partition(".")[0]
        self.positions[stream] = newer(self.positions.get(stream), accepted.position)
        return accepted

    async def see(self, kind: type[Query], actor: Actor, /, **fields: Any) -> Any:
        """The view that answers a query, as new as everything that was told here."""
        own = self.positions.get("ACCOUNTS") if kind in views_of("accounts") else ",".join(self.positions.values())
        query = kind(**{"actor": actor, "after": own or None, **fields})
        return await seen(self.devices.caller, query, VIEWS[kind])

    async def distributor(self, name: str = "North Doors") -> Actor:
        account_id = str(uuid4())
        email = f"{account_id[:8]}@north.example.org"
        await self.tell(CreateDistributor, root, distributor_id=account_id, name=name, email=email)
        return Actor(account_id=account_id, role=Role.DISTRIBUTOR, distributor_id=account_id)

    async def installer(self, above: Actor | None = None, name: str = "Bright Intercoms") -> Actor:
        above = above or await self.distributor()
        account_id = str(uuid4())
        email = f"{account_id[:8]}@bright.example.org"
        await self.tell(CreateInstaller, above, installer_id=account_id, name=name, email=email, time_zone="UTC")
        return Actor(
            account_id=account_id,
            role=Role.INSTALLER,
            distributor_id=above.distributor_id,
            installer_id=account_id,
            address="192.0.2.1",
        )

    async def user(self, installer: Actor, **fields: Any) -> str:
        user_id = str(uuid4())
        form = {"user_id": user_id, "name": "Li Wei", "address": "100 Century Avenue, Shanghai", "premium": False}
        await self.tell(AddUser, installer, **{**form, **fields})
        # What asks accounts for the household finds it from now on.
        await self.see(GetUser, installer, user_id=user_id)
        return user_id

    async def device(self, installer: Actor, user_id: str, **fields: Any) -> tuple[str, Accepted]:
        """A device of the household, whose MAC is registered for it."""
        device_id, mac = str(uuid4()), fields.pop("mac", None) or a_mac()
        await self.tell(RegisterMac, installer, mac=mac)
        form = {"kind": DeviceKind.DOORPHONE_SINGLE, "name": "Gate", "mac": mac}
        accepted = await self.tell(BindDevice, installer, device_id=device_id, user_id=user_id, **{**form, **fields})
        return device_id, accepted

    async def camera(self, installer: Actor, user_id: str, **fields: Any) -> str:
        camera_id = str(uuid4())
        form = {
            "name": "Driveway",
            "rtsp_address": "rtsp://192.168.1.20:554/stream1?channel=1",
            "user_name": "viewer",
            "password": "correct horse battery",
        }
        await self.tell(AddCamera, installer, camera_id=camera_id, user_id=user_id, **{**form, **fields})
        return camera_id


def settings_for(nats: NatsServer | NatsCluster, mongodb_uri: str, prefix: str, **more: Any) -> DevicesSettings:
    link = {
        "nats_auth_url": nats.environment["NATS_AUTH_URL"],
        "nats_system_url": nats.environment["NATS_SYSTEM_URL"],
        "nats_issuer_seed": nats.environment["SMARTPLUS_NATS_ISSUER_SEED"],
    }
    names = {"mongodb_uri": mongodb_uri, "secret": "5a" * 32, "database_prefix": prefix}
    return DevicesSettings(nats_url=nats.url, **{**names, **link, **more})


@pytest.fixture(scope="session")
async def region(servers_dir: Path, mongodb_uri: str) -> AsyncIterator[Region]:
    prefix = f"devices_{uuid4().hex[:8]}_"
    # A nats-server of its own: on the shared one others stand in for these services.
    async with (
        NatsServer(servers_dir / "devices-region") as nats,
        running(ACCOUNTS, settings_for(nats, mongodb_uri, prefix)) as accounts_service,
        running(DEVICES, settings_for(nats, mongodb_uri, prefix)) as devices_service,
    ):
        yield Region(accounts_service, devices_service, {}, nats.mqtt_port)
