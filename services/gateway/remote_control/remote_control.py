"""Opening and ending remote control of a device (A-13)."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath
from pydantic import BaseModel

from contracts.devices.remote_control import CloseRemoteControl, GetRemoteControl, OpenRemoteControl, RemoteControlView
from contracts.message import Accepted
from contracts.moments import RecordedMoment
from contracts.permissions import SYSTEM
from services.gateway.asking.asking import Sending
from services.gateway.guards.sessions import settled, signed_in
from services.gateway.remote_control.addresses import Addresses, sha256


class RemoteControlOffer(BaseModel):
    """Where the device's page is. The address lets the first browser in that goes there, until it expires."""

    url: str
    expires_at: RecordedMoment


class RemoteControlController(Controller):
    path = "/devices/{device_id:uuid}/remote-control"
    tags = ["devices"]
    guards = [signed_in, settled]

    @post(operation_id="OpenRemoteControl", summary="Reach the device's own page for 15 minutes")
    async def open(
        self, request: Request[Any, Any, State], device_id: FromPath[UUID], sending: NamedDependency[Sending]
    ) -> Response[RemoteControlOffer]:
        addresses: Addresses = request.app.state.addresses
        remote_session_id = sending.id_of(OpenRemoteControl, device_id=str(device_id))
        token_hash = sha256(addresses.token(remote_session_id))
        accepted = await sending.send(
            OpenRemoteControl,
            remote_session_id,
            remote_session_id=str(remote_session_id),
            device_id=str(device_id),
            token_hash=token_hash,
            ticket_hash=sha256(addresses.ticket(remote_session_id)),
        )
        query = GetRemoteControl(actor=SYSTEM, token_hash=token_hash, after=accepted.position)
        opened = await request.app.state.caller.view(query, RemoteControlView)
        offer = RemoteControlOffer(url=addresses.url(remote_session_id), expires_at=opened.expires_at)
        return Response(offer, status_code=201, headers=sending.position_header(accepted.position))

    @delete(operation_id="CloseRemoteControl", status_code=200, summary="End it")
    async def close(self, device_id: FromPath[UUID], sending: NamedDependency[Sending]) -> Response[Accepted]:
        return await sending.command(CloseRemoteControl, device_id=str(device_id))
