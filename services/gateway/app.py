"""The gateway: HTTP on one side, the bus on the other. Routes, guards and refusals are put together here."""

import json
from asyncio import Future, get_running_loop, timeout
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi import OpenAPIConfig
from litestar.routes import HTTPRoute
from pydantic import ValidationError

from contracts.message import Refused
from contracts.modules import MODULES
from kernel.log.promise import Unavailable
from kernel.process.health import Health, NotReady, Stage, Surface, serving
from kernel.process.telemetry import VERSION
from kernel.talking.broker import client_of, listen, make_broker
from kernel.talking.caller import Caller
from kernel.talking.modules import Modules
from services.gateway.asking.asking import provide_asking, provide_sending, tell_merged
from services.gateway.asking.positions import Positions
from services.gateway.devices.autop import ProvisioningController, RegularProfileController
from services.gateway.devices.cameras import CameraController, HouseholdCameraController
from services.gateway.devices.device_commands import DeviceCommandController, ToldDeviceController
from services.gateway.devices.devices import DeviceController, HouseholdDeviceController
from services.gateway.devices.doors import CredentialController, DoorEventController
from services.gateway.guards.browsers import Browsers
from services.gateway.guards.limits import SUBJECT as FAILURES_SUBJECT
from services.gateway.guards.limits import LoginLimits
from services.gateway.guards.sessions import Sessions, same_site
from services.gateway.guards.taken_logins import TakenLogins
from services.gateway.http import problems
from services.gateway.http.edge import Edge
from services.gateway.http.problems import Problem
from services.gateway.http.proxies import trusted_proxies
from services.gateway.http.receiving import BODY_LIMIT_BYTES
from services.gateway.http.requests import StrictRequest
from services.gateway.library.mac_upload import MacUploadController
from services.gateway.library.macs import MacController
from services.gateway.live import SUBJECT as LIVE_SUBJECT
from services.gateway.live import Live, LiveController
from services.gateway.pages import pages
from services.gateway.pages.openapi import document
from services.gateway.pages.security_txt import security_txt
from services.gateway.people.budgets import BudgetController
from services.gateway.people.own_account import AccountAccessController, AuditController, CustomerServiceController
from services.gateway.people.own_sessions import ImpersonationController, SessionController, SessionListController
from services.gateway.people.partners import DistributorController, InstallerController, PropertyManagerController
from services.gateway.people.users import MemberController, UserController
from services.gateway.reference import ReferenceController, RegionController
from services.gateway.remote_control.addresses import Addresses
from services.gateway.remote_control.remote_control import RemoteControlController
from services.gateway.remote_control.remote_origin import RemoteOrigin
from services.gateway.settings import GatewaySettings

CONNECT_TIMEOUT_S = 30.0
SERVICES = tuple(MODULES)
"""Who answers what the gateway is asked. Without one of them it serves on, and answers 503 for what is that one's."""

API_ROUTES = Router(
    path="/api/v1",
    guards=[same_site],
    dependencies={"asking": Provide(provide_asking), "sending": Provide(provide_sending)},
    route_handlers=[
        SessionController,
        SessionListController,
        ImpersonationController,
        UserController,
        MemberController,
        CustomerServiceController,
        AccountAccessController,
        InstallerController,
        DistributorController,
        PropertyManagerController,
        AuditController,
        BudgetController,
        MacController,
        MacUploadController,
        DeviceController,
        HouseholdDeviceController,
        ToldDeviceController,
        DeviceCommandController,
        ProvisioningController,
        RegularProfileController,
        RemoteControlController,
        CameraController,
        HouseholdCameraController,
        CredentialController,
        DoorEventController,
        LiveController,
        ReferenceController,
        RegionController,
    ],
)


def _litestar(state: State, *, described: bool = False) -> Litestar:
    """The application; only one that is `described` has Litestar's own document, and pages that load from elsewhere."""
    return Litestar(
        [API_ROUTES, pages.openapi, pages.docs, pages.docs_file, security_txt, pages.console],
        state=state,
        request_class=StrictRequest,
        before_send=[tell_merged],
        request_max_body_size=BODY_LIMIT_BYTES,
        openapi_config=OpenAPIConfig(title="SmartPlus", version=VERSION) if described else None,
        exception_handlers={
            Problem: problems.when_problem,
            Refused: problems.when_refused,
            Unavailable: problems.when_unavailable,
            ValidationError: problems.when_invalid,
            ValidationException: problems.when_parameters_invalid,
            HTTPException: problems.when_http,
            Exception: problems.when_broken,
        },
    )


def _methods(litestar: Litestar) -> dict[str, str]:
    return {
        each.path_format: ", ".join(sorted(each.methods)) for each in litestar.routes if isinstance(each, HTTPRoute)
    }


def described() -> dict[str, Any]:
    """The OpenAPI document of the API, without anything running."""
    return document(_litestar(State(), described=True), VERSION)


@dataclass(frozen=True)
class Running:
    """The gateway at work in this process."""

    url: str
    operations_url: str
    """Where health and metrics are."""
    caller: Caller
    broken: Future[None]
    """Fails with what makes it impossible to go on: end the process then."""


@asynccontextmanager
async def running(settings: GatewaySettings, console: Path = pages.CONSOLE) -> AsyncIterator[Running]:
    """The gateway at work while this lasts; leaving ends live streams and finishes the requests in hand.

    Raises `Unavailable` when NATS does not answer and `OSError` when the port is taken.
    """
    broken: Future[None] = get_running_loop().create_future()
    async with AsyncExitStack() as stack:
        streams: list[Live] = []

        async def closed() -> None:
            if not broken.done() and health.stage is not Stage.STOPPING:
                broken.set_exception(Unavailable("the NATS client has given up"))

        def back() -> None:
            for stream in streams:
                stream.missed()

        health = Health("gateway", settings.region)
        broker = make_broker(settings, "gateway", closed=closed, back=back)
        try:
            async with timeout(CONNECT_TIMEOUT_S):
                await broker.connect()
        except TimeoutError:
            raise Unavailable(f"no NATS server answers within {CONNECT_TIMEOUT_S:.0f} s") from None
        stack.push_async_callback(broker.stop)
        client = client_of(broker)
        health.is_alive = lambda: not client.is_closed

        async def answers() -> None:
            if not client.is_connected:
                raise NotReady("not connected")
            await client.flush(1)

        health.probes["nats"] = answers
        modules = Modules(client, SERVICES)
        health.modules = modules.states
        stack.push_async_callback(modules.stop)
        modules.start()

        caller = Caller(client, settings.secrets().actor)
        sessions = Sessions(caller)
        stack.push_async_callback(sessions.close)
        positions = Positions(settings.secrets())
        live = Live(sessions, positions)
        streams.append(live)
        failures = LoginLimits(client.publish)
        await listen(client, LIVE_SUBJECT, live.hear)
        await listen(client, FAILURES_SUBJECT, failures.hear)

        addresses = Addresses(settings)
        pages_of_devices = RemoteOrigin(addresses, caller, sessions)
        stack.push_async_callback(pages_of_devices.close)
        litestar = _litestar(
            State(
                {
                    "addresses": addresses,
                    "settings": settings,
                    "caller": caller,
                    "sessions": sessions,
                    "limits": failures,
                    "browsers": Browsers(settings),
                    "taken_logins": TakenLogins(),
                    "live": live,
                    "positions": positions,
                    "console": console,
                    "openapi": cache(lambda: json.dumps(described()).encode()),  # half a second, and seldom asked for
                }
            )
        )
        port = await stack.enter_async_context(
            serving(
                Edge(litestar, _methods(litestar), settings.public_url, pages_of_devices.of),  # type: ignore[arg-type]
                settings.host,
                settings.port,
                stop_timeout_s=settings.stop_timeout_s,
                trusted_proxies=trusted_proxies(settings),
            )
        )
        operations = await stack.enter_async_context(serving(Surface(health), settings.host, settings.operations_port))
        health.stage = Stage.RUNNING
        try:
            yield Running(f"http://{settings.host}:{port}", f"http://{settings.host}:{operations}", caller, broken)
        finally:
            health.stage = Stage.STOPPING
            live.close()
