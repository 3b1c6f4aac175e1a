"""Who gets in at a household's doors by what, and what happened at them."""

from uuid import UUID

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from contracts.devices.doors import DoorEventPage, ListDoorEvents
from contracts.devices.homes import CredentialList, GrantAnswer, GrantCredential, ListCredentials, WithdrawCredential
from contracts.message import Accepted
from services.gateway.asking.asking import Asking, Passed, Sending
from services.gateway.asking.bodies import Body
from services.gateway.asking.parameters import After, Cursor, PerPage
from services.gateway.guards.sessions import in_person, settled, signed_in


class CredentialController(Controller):
    path = "/users/{user_id:uuid}/credentials"
    tags = ["doors"]
    guards = [signed_in, settled]

    @get(operation_id="ListCredentials", summary="Who gets in by what; never what opens")
    async def list_credentials(
        self, user_id: FromPath[UUID], asking: NamedDependency[Asking], after: After = ""
    ) -> Passed[CredentialList]:
        return await asking.page(ListCredentials(actor=asking.actor, after=asking.opened(after), user_id=str(user_id)))

    @post(operation_id="GrantCredential", guards=[in_person], summary="Let somebody in by a PIN, a card, a face …")
    async def grant_credential(
        self, user_id: FromPath[UUID], data: JSONBody[Body[GrantCredential]], sending: NamedDependency[Sending]
    ) -> Response[Accepted[GrantAnswer]]:
        return await sending.create(GrantCredential, data, "credential_id", user_id=str(user_id))

    @delete(
        "/{credential_id:uuid}",
        operation_id="WithdrawCredential",
        status_code=200,
        summary="Let it open nothing any more",
    )
    async def withdraw_credential(
        self, user_id: FromPath[UUID], credential_id: FromPath[UUID], sending: NamedDependency[Sending]
    ) -> Response[Accepted]:
        return await sending.command(WithdrawCredential, user_id=str(user_id), credential_id=str(credential_id))


class DoorEventController(Controller):
    path = "/"
    tags = ["doors"]
    guards = [signed_in, settled]

    @get("/users/{user_id:uuid}/door-events", operation_id="ListDoorEvents", summary="A household's access log")
    async def list_of_household(
        self,
        user_id: FromPath[UUID],
        asking: NamedDependency[Asking],
        cursor: Cursor = "",
        limit: PerPage = 50,
        after: After = "",
    ) -> Passed[DoorEventPage]:
        return await asking.page(
            ListDoorEvents(
                actor=asking.actor, after=asking.opened(after), user_id=str(user_id), cursor=cursor or None, limit=limit
            )
        )

    @get("/devices/{device_id:uuid}/door-events", operation_id="ListDeviceDoorEvents", summary="A device's access log")
    async def list_of_device(
        self,
        device_id: FromPath[UUID],
        asking: NamedDependency[Asking],
        cursor: Cursor = "",
        limit: PerPage = 50,
        after: After = "",
    ) -> Passed[DoorEventPage]:
        return await asking.page(
            ListDoorEvents(
                actor=asking.actor,
                after=asking.opened(after),
                device_id=str(device_id),
                cursor=cursor or None,
                limit=limit,
            )
        )
