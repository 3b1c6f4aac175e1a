"""A gateway on a real port, with a stand-in for the services behind it that speaks the bus's own wire format."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from nats.aio.client import Client

from contracts.accounts.access import (
    CloseSession,
    EndImpersonation,
    FindLoginOwner,
    GetSession,
    LoginAnswer,
    LoginOwner,
    OpenSession,
    SessionView,
    StartImpersonation,
)
from contracts.accounts.households import AddUser, NewUserAnswer
from contracts.devices.autop import AutopPreview, PreviewAutop
from contracts.devices.intercoms import BindDevice, NewDeviceAnswer
from contracts.live import Changed, live_subject
from contracts.message import Accepted, Actor, Answer, Command, Query, Refused, Role, View, accepted_of, answer_of
from contracts.modules import MODULES, declared
from contracts.refusals import REFUSALS
from contracts.text import folded
from kernel.talking.broker import client_of, make_broker
from kernel.talking.endpoints import Endpoints
from kernel.talking.wire import Asked
from services.gateway.app import Running, running
from services.gateway.asking.positions import Positions
from services.gateway.settings import GatewaySettings

PASSWORD = "correct-horse-battery-42"
# What the stand-in answers to these; to all others nothing that may be left out.
ANSWERS: dict[type[Command], Answer] = {
    OpenSession: LoginAnswer(role=Role.INSTALLER, must_change_password=False),
    AddUser: NewUserAnswer(uid="5100001001", family_sip="5100001000"),
    BindDevice: NewDeviceAnswer(sip="5200001000"),
}


def refused(code: str, field: str | None = None) -> Refused:
    return Refused(code, REFUSALS[code].sentence, field=field)


def session_of(role: Role, **changes: Any) -> SessionView:
    """A session as accounts shows it, before it has an id."""
    own = str(uuid4())
    above = {
        Role.SUPER_MANAGER: {},
        Role.DISTRIBUTOR: {"distributor_id": own},
        Role.INSTALLER: {"distributor_id": str(uuid4()), "installer_id": own},
        Role.PROPERTY_MANAGER: {"distributor_id": str(uuid4()), "installer_id": str(uuid4())},
        Role.FAMILY_MASTER: {"distributor_id": str(uuid4()), "installer_id": str(uuid4()), "household_id": own},
        Role.FAMILY_MEMBER: {
            "distributor_id": str(uuid4()),
            "installer_id": str(uuid4()),
            "household_id": str(uuid4()),
        },
    }[role]
    view = SessionView(
        session_id="",
        account_id=own,
        role=role,
        name="Somebody",
        distributor_id=None,
        installer_id=None,
        household_id=None,
        must_change_password=False,
        account_access_offered=True,
        permission_granted=True,
        offline_solution=False,
        time_zone="UTC",
        expires_at=datetime.now(UTC) + timedelta(hours=12),
        impersonator_id=None,
        impersonator_name=None,
        reason=None,
    )
    return view.model_copy(update={**above, **changes})


@dataclass
class Desk:
    """Answers for all services: remembers what it was asked, and says what a test told it to say."""

    client: Client
    positions: Positions
    people: dict[str, SessionView] = field(default_factory=dict)
    sessions: dict[str, SessionView] = field(default_factory=dict)
    sent: list[Command | Query] = field(default_factory=list)
    refuses: dict[type[Any], Refused] = field(default_factory=dict)
    views: dict[type[Any], View | bytes] = field(default_factory=dict)
    spellings: dict[str, str] = field(default_factory=dict)
    """Other logins of the same people."""

    def last(self, kind: type[Any]) -> Any:
        return [each for each in self.sent if type(each) is kind][-1]

    async def obey(self, command: Command, _: Asked) -> Accepted:
        self.sent.append(command)
        if refusal := self.refuses.get(type(command)):
            raise refusal
        match command:
            case OpenSession():
                person = self.people.get(self.spellings.get(command.identifier, command.identifier))
                if person is None or command.password != PASSWORD:
                    raise refused("login-failed")
                self.sessions[command.session_id] = person.model_copy(update={"session_id": command.session_id})
            case StartImpersonation():
                installer = session_of(Role.INSTALLER, account_id=command.installer_id)
                own = self.sessions[command.actor.session_id or ""]
                self.sessions[command.session_id] = installer.model_copy(
                    update={
                        "session_id": command.session_id,
                        "installer_id": command.installer_id,
                        "distributor_id": own.distributor_id,
                        "impersonator_id": own.account_id,
                        "reason": command.reason,
                    }
                )
            case CloseSession() | EndImpersonation():
                self.sessions.pop(command.session_id, None)
        answer = ANSWERS.get(type(command)) or answer_of(type(command))()
        return accepted_of(type(command))(id=str(command.command_id), position="ACCOUNTS.7", extra=answer)

    async def look(self, query: Query) -> View | bytes:
        self.sent.append(query)
        if refusal := self.refuses.get(type(query)):
            raise refusal
        if isinstance(query, GetSession):
            if query.session_id not in self.sessions:
                raise refused("session-unknown")
            return self.sessions[query.session_id]
        if isinstance(query, FindLoginOwner):
            owners = {folded(name): person.account_id for name, person in self.people.items()}
            meant = folded(self.spellings.get(query.identifier, query.identifier))
            # Somebody's address, number and UID are logins of different names.
            account_id, login = owners.get(meant), folded(query.identifier)
            return LoginOwner(account_id=account_id, login=login if account_id else meant)
        if isinstance(query, PreviewAutop):
            return self.views.get(PreviewAutop, AutopPreview(lines=(), dangerous=False, changes=()))
        return self.views[type(query)]

    async def tell(self, tenant: str, thing: str, *ids: str, position: str = "ACCOUNTS.8") -> None:
        """Say on the bus that something changed."""
        changed = Changed(ids=ids, position=position)
        await self.client.publish(live_subject(tenant, thing), changed.model_dump_json().encode())
        await self.client.flush()


@dataclass
class Browser:
    """A client that keeps cookies and repeats the CSRF token, as the console does."""

    http: httpx.AsyncClient

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        token = self.http.cookies.get("csrftoken")
        headers = {**({"X-CSRF-Token": token} if token else {}), **options.pop("headers", {})}
        return await self.http.request(method, f"/api/v1{path}", headers=headers, **options)

    async def log_in(self, identifier: str, password: str = PASSWORD) -> httpx.Response:
        return await self.ask("POST", "/session", json={"identifier": identifier, "password": password})


@pytest.fixture(scope="session")
def gateway_settings(nats_url: str) -> GatewaySettings:
    return GatewaySettings(
        nats_url=nats_url,
        mongodb_uri="mongodb://127.0.0.1:1",
        secret="ab" * 32,
        region="north",
        public_url="http://north.example.org",
        trusted_proxies="127.0.0.1",
        sales_email="sales@example.org",
        support_email="support@example.org",
        telephone="+49 30 123456",
        manuals_url="https://manuals.example.org",
        ticket_url="https://tickets.example.org",
        smart_home_url="https://home.example.org",
        stop_timeout_s=1,
    )


@pytest.fixture(scope="session")
async def desk(gateway_settings: GatewaySettings) -> AsyncIterator[Desk]:
    broker = make_broker(gateway_settings, "stand-in")
    await broker.connect()
    standing_in = Desk(client_of(broker), Positions(gateway_settings.secrets()))
    for service in MODULES:
        endpoints = Endpoints(broker, service, gateway_settings.secrets().actor)
        for command in declared(service, Command):
            endpoints.command(command, standing_in.obey)
        for query in declared(service, Query):
            endpoints.query(query, standing_in.look)
        await endpoints.open()
    yield standing_in
    await broker.stop()


@pytest.fixture(autouse=True)
def forgetful(desk: Desk) -> None:
    """What one test told the desk is nothing to the next."""
    for each in (desk.sent, desk.refuses, desk.views):
        each.clear()


@pytest.fixture(scope="session")
async def gateway(gateway_settings: GatewaySettings, desk: Desk) -> AsyncIterator[Running]:
    async with running(gateway_settings) as at_work:
        yield at_work


@asynccontextmanager
async def browser(url: str, **options: Any) -> AsyncIterator[Browser]:
    # Building a TLS context costs 30 ms a client, and these are plain HTTP on loopback.
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=20, verify=False, **options) as http:
        yield Browser(http)


@pytest.fixture
async def visitor(gateway: Running) -> AsyncIterator[Browser]:
    async with browser(gateway.url) as somebody:
        yield somebody


@pytest.fixture
async def operator(gateway: Running) -> AsyncIterator[httpx.AsyncClient]:
    """Who asks at the port that the public does not reach."""
    async with browser(gateway.operations_url) as somebody:
        yield somebody.http


async def somebody(desk: Desk, visitor: Browser, role: Role, **changes: Any) -> SessionView:
    """Log the visitor in as a new person of that role."""
    identifier = f"{uuid4().hex}@example.org"
    desk.people[identifier] = session_of(role, **changes)
    answer = await visitor.log_in(identifier)
    assert answer.status_code == 200, answer.text
    return SessionView.model_validate_json(answer.content)


def actor_of(view: SessionView) -> Actor:
    return Actor(
        account_id=view.account_id,
        role=view.role,
        distributor_id=view.distributor_id,
        installer_id=view.installer_id,
        household_id=view.household_id,
        impersonator_id=view.impersonator_id,
        session_id=view.session_id,
        address="127.0.0.1",
    )


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A built console, as small as it gets."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Console</title>")
    (tmp_path / "assets" / "console-abc123.js").write_text("// the console\n" * 200)
    return tmp_path
