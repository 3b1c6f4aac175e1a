"""A small world behind the real accounts service: two distributors, three installers, their households and people.

root
├── north ── bright ── dubois (master, member), caretaker
│         └─ clear ─── petrov
└── south ── far ───── kim
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from contracts.accounts.partners import CreateSuperManager
from contracts.accounts.terms import ActivateUser
from contracts.permissions import SYSTEM
from kernel.keeping.secrets import Secrets
from kernel.service.running import running as service_running
from kernel.talking.caller import Caller
from ops.servers import NatsServer
from services.accounts.__main__ import SERVICE as ACCOUNTS
from services.devices.__main__ import SERVICE as DEVICES
from services.devices.settings import DevicesSettings
from services.gateway.app import running as gateway_running
from services.gateway.settings import GatewaySettings
from tests.asking import SOON_S
from tests.gateway.api import a_mac, right_body
from tests.gateway.conftest import Browser, browser

PASSWORD = "correct-horse-battery-42"


def system(**fields: Any) -> dict[str, Any]:
    """What the system's own commands carry."""
    return {"command_id": uuid4(), "at": datetime.now(UTC), "actor": SYSTEM, **fields}


@dataclass
class Person:
    """Somebody who is logged in."""

    browser: Browser
    account_id: str
    email: str

    async def do(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The answer to a request that must succeed."""
        answer = await self.browser.ask(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        told: dict[str, Any] = answer.json() if answer.content else {}
        return told

    async def see(self, path: str) -> dict[str, Any]:
        """The answer to a question, asked again while the read models are behind, as the refusal says."""
        async with asyncio.timeout(SOON_S):
            while (answer := await self.browser.ask("GET", path)).status_code != 200:
                assert answer.json()["code"] == "behind", f"{path}: {answer.status_code} {answer.text}"
        told: dict[str, Any] = answer.json()
        return told


@dataclass
class World:
    """Everybody by name, and everything by name: the ids of households, members, installers, distributors."""

    url: str
    caller: Caller
    stack: AsyncExitStack
    secrets: Secrets
    mqtt_port: int = 0
    people: dict[str, Person] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    async def log_in(self, name: str, identifier: str, password: str, *, initial: bool = True) -> Person:
        """Log in, choosing a password of one's own where the one given is an initial one."""
        client = await self.stack.enter_async_context(browser(self.url))
        answer = await client.log_in(identifier, password)
        assert answer.is_success, f"{name}: {answer.text}"
        person = Person(client, answer.json()["account_id"], identifier)
        if initial:
            await person.do("POST", "/session/password", {"current_password": password, "new_password": PASSWORD})
        self.people[name] = person
        return person

    async def partner(self, name: str, above: str, path: str) -> None:
        """Somebody with an e-mail address, created by `above`, logged in."""
        email = f"{name}-{uuid4().hex[:8]}@example.org"
        made = await self.people[above].do("POST", path, {"name": name.title(), "email": email})
        self.ids[name] = made["id"]
        await self.log_in(name, email, made["extra"]["credential"])

    async def household(self, name: str, installer: str, *, activated: bool = True) -> str:
        """A household of that installer; its initial credential is `<name>.credential`."""
        email = f"{name}-{uuid4().hex[:8]}@example.org"
        form = {"name": name.title(), "address": "5 rue des Lilas", "premium": True, "email": email}
        made = await self.people[installer].do("POST", "/users", form)
        self.ids[name] = made["id"]
        self.ids[f"{name}.email"] = email
        self.ids[f"{name}.credential"] = made["extra"]["credential"]
        if activated:
            await self.caller.command(ActivateUser(**system(user_id=made["id"])))
        # What asks accounts for the household finds it from now on.
        await self.people[installer].see(f"/users/{made['id']}?after={made['position']}")
        return str(made["id"])

    async def member(self, name: str, household: str, installer: str) -> str:
        """A family account in that household."""
        email = f"{name}-{uuid4().hex[:8]}@example.org"
        path = f"/users/{self.ids[household]}/members"
        made = await self.people[installer].do("POST", path, {"name": name.title(), "email": email})
        self.ids[name] = made["id"]
        self.ids[f"{name}.email"] = email
        self.ids[f"{name}.credential"] = made["extra"]["credential"]
        return str(made["id"])

    async def furnish(self, household: str, installer: str, *parts: str) -> None:
        """These `parts` of what devices know of a household, each as `<household>/<part>`; a `mac` is a free one."""
        person, home = self.people[installer], f"/users/{self.ids[household]}"

        async def made(part: str, path: str, body: Any = None) -> str:
            self.ids[f"{household}/{part}"] = answered = str((await person.do("POST", path, body))["id"])
            return answered

        async def registered() -> str:
            mac = a_mac()
            await person.do("POST", "/macs", {"mac": mac})
            return mac

        device = ""
        if {"device_id", "credential_id", "device_command_id", "provisioning_id"} & set(parts):
            relays = [{"number": 1, "name": "Gate"}]
            form = {**right_body("BindDevice"), "mac": await registered(), "relays": relays}
            device = await made("device_id", f"{home}/devices", form)
        for part in parts:
            match part:
                case "camera_id":
                    await made(part, f"{home}/cameras", right_body("AddCamera"))
                case "credential_id":
                    granted = {**right_body("GrantCredential"), "relays": [{"device_id": device, "relay": 1}]}
                    await made(part, f"{home}/credentials", granted)
                case "device_command_id":
                    await made(part, f"/devices/{device}/reboot")
                case "provisioning_id":
                    batch = {**right_body("SubmitAutop"), "kind": "one_time", "device_ids": [device]}
                    await made(part, "/provisionings", batch)
                case "mac":
                    self.ids[f"{household}/mac"] = await registered()
                case "import_id":
                    self.ids[f"{household}/import_id"] = await self._imported(person)

    async def _imported(self, person: Person) -> str:
        answer = await person.browser.ask(
            "POST",
            "/macs/imports",
            content=f"MAC\n{a_mac()}\n".encode(),
            headers={"Content-Type": "text/csv", "Smartplus-File-Name": "list.csv"},
        )
        assert answer.is_success, answer.text
        return str(answer.json()["id"])

    async def enter(self, name: str, distributor: str, installer: str) -> None:
        """The distributor, once more, switched into the installer's account."""
        await self.people[distributor].do("PUT", f"/installers/{self.ids[installer]}/account-access", {"enabled": True})
        await self.people[installer].do("PUT", "/account-access", {"granted": True})
        entered = await self.log_in(name, self.people[distributor].email, PASSWORD, initial=False)
        await entered.do("POST", "/impersonation", {"installer_id": self.ids[installer], "reason": "asked for help"})


@asynccontextmanager
async def world(folder: Path, mongodb_uri: str) -> AsyncIterator[World]:
    """The world, on a nats-server of its own: the shared one has stand-ins on it."""
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(NatsServer(folder / f"nats-{uuid4().hex[:6]}"))
        settings = DevicesSettings(
            nats_url=nats.url,
            nats_monitor_url=nats.monitor_url,
            nats_auth_url=nats.auth_url,
            nats_system_url=nats.system_url,
            nats_issuer_seed=nats.issuer_seed,
            mongodb_uri=mongodb_uri,
            secret="cd" * 32,
            database_prefix=f"w{uuid4().hex[:6]}-",
            stop_timeout_s=1,
        )
        public = GatewaySettings(nats_url=nats.url, secret=settings.secret, stop_timeout_s=1)
        accounts = await stack.enter_async_context(service_running(ACCOUNTS, settings))
        await stack.enter_async_context(service_running(DEVICES, settings))
        gateway = await stack.enter_async_context(gateway_running(public))
        built = World(gateway.url, accounts.caller, stack, settings.secrets(), nats.mqtt_port)
        email = "root@example.org"
        first = CreateSuperManager(
            **system(account_id=str(uuid4()), name="Root", email=email, initial_password=PASSWORD + "-first")
        )
        await built.caller.command(first)
        await built.log_in("root", email, PASSWORD + "-first")
        for name in ("north", "south"):
            await built.partner(name, "root", "/distributors")
        for name, above in (("bright", "north"), ("clear", "north"), ("far", "south")):
            await built.partner(name, above, "/installers")
        await built.partner("caretaker", "bright", "/property-managers")
        for name, installer in (("dubois", "bright"), ("petrov", "clear"), ("kim", "far")):
            await built.household(name, installer)
            await built.member(f"{name}-child", name, installer)
        yield built
