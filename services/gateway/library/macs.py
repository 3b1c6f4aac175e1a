"""The MAC Library module: the list, single MACs, and how far an import is. Files come in at `mac_upload`."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from contracts.devices.imports import (
    AbandonMacImport,
    GetMacImport,
    ListMacImports,
    ListRefusedRows,
    MacImportList,
    MacImportView,
    RefusedRows,
    StartMacImport,
)
from contracts.devices.library import (
    ClaimMac,
    FindMac,
    ListMacs,
    MacPage,
    MacPlace,
    MacUse,
    MoveMac,
    RegisterMac,
    RemoveMac,
)
from contracts.message import Accepted
from services.gateway.asking.asking import Asking, Passed, Sending
from services.gateway.asking.bodies import Body
from services.gateway.asking.parameters import After, Cursor, MacInPath, MacSearch, MacUsed, PageNumber, PerPage
from services.gateway.guards.limits import LoginLimits
from services.gateway.guards.sessions import settled, signed_in


class MacController(Controller):
    path = "/macs"
    tags = ["macs"]
    guards = [signed_in, settled]

    @get(operation_id="ListMacs", summary="A page of one's MAC library, newest first")
    async def list_macs(
        self,
        asking: NamedDependency[Asking],
        page: PageNumber = 1,
        per_page: PerPage = 10,
        q: MacSearch = "",
        use: MacUsed = MacUse.ALL.value,
        after: After = "",
    ) -> Passed[MacPage]:
        return await asking.page(
            ListMacs(actor=asking.actor, after=asking.opened(after), page=page, per_page=per_page, q=q, use=MacUse(use))
        )

    @post(operation_id="RegisterMac", status_code=200, summary="Put a MAC into the library")
    async def register_mac(
        self, data: JSONBody[Body[RegisterMac]], sending: NamedDependency[Sending]
    ) -> Response[Accepted]:
        return await sending.command(RegisterMac, data)

    @post(
        "/{mac:str}/claim",
        status_code=200,
        operation_id="ClaimMac",
        summary="Take an unbound MAC into one's library by the code on its label; 30 wrong codes an hour are heard",
    )
    async def claim_mac(
        self,
        mac: MacInPath,
        data: JSONBody[Body[ClaimMac]],
        request: Request[Any, Any, State],
        sending: NamedDependency[Sending],
    ) -> Response[Accepted]:
        limits: LoginLimits = request.app.state.limits
        async with limits.claim(sending.actor):
            return await sending.command(ClaimMac, data, mac=mac)

    @get("/{mac:str}", operation_id="FindMac", summary="Where a MAC stands, in whichever library it is")
    async def find_mac(self, mac: MacInPath, asking: NamedDependency[Asking], after: After = "") -> Passed[MacPlace]:
        return await asking.page(FindMac(actor=asking.actor, after=asking.opened(after), mac=mac))

    @delete("/{mac:str}", status_code=200, operation_id="RemoveMac", summary="Take a MAC out of the library")
    async def remove_mac(self, mac: MacInPath, sending: NamedDependency[Sending]) -> Response[Accepted]:
        return await sending.command(RemoveMac, mac=mac)

    @post(
        "/{mac:str}/move",
        status_code=200,
        operation_id="MoveMac",
        summary="Move an unbound MAC into another library, with a reason",
    )
    async def move_mac(
        self, mac: MacInPath, data: JSONBody[Body[MoveMac]], sending: NamedDependency[Sending]
    ) -> Response[Accepted]:
        return await sending.command(MoveMac, data, mac=mac)

    @get("/imports", operation_id="ListMacImports", summary="One's ten newest imports")
    async def list_imports(self, asking: NamedDependency[Asking], after: After = "") -> Passed[MacImportList]:
        return await asking.page(ListMacImports(actor=asking.actor, after=asking.opened(after)))

    @get("/imports/{import_id:uuid}", operation_id="GetMacImport", summary="How far an import is")
    async def get_import(
        self, import_id: FromPath[UUID], asking: NamedDependency[Asking], after: After = ""
    ) -> Passed[MacImportView]:
        return await asking.page(GetMacImport(actor=asking.actor, after=asking.opened(after), import_id=str(import_id)))

    @post(
        "/imports/{import_id:uuid}/start",
        operation_id="StartMacImport",
        status_code=200,
        summary="Put the valid rows of a judged list into the library",
    )
    async def start_import(self, import_id: FromPath[UUID], sending: NamedDependency[Sending]) -> Response[Accepted]:
        return await sending.command(StartMacImport, import_id=str(import_id))

    @delete(
        "/imports/{import_id:uuid}", operation_id="AbandonMacImport", status_code=200, summary="Forget a judged list"
    )
    async def abandon_import(self, import_id: FromPath[UUID], sending: NamedDependency[Sending]) -> Response[Accepted]:
        return await sending.command(AbandonMacImport, import_id=str(import_id))

    @get(
        "/imports/{import_id:uuid}/refused",
        operation_id="ListRefusedRows",
        summary="The refused lines of an import, a part of the file at a time",
    )
    async def list_refused(
        self, import_id: FromPath[UUID], asking: NamedDependency[Asking], cursor: Cursor = "", after: After = ""
    ) -> Passed[RefusedRows]:
        return await asking.page(
            ListRefusedRows(
                actor=asking.actor, after=asking.opened(after), import_id=str(import_id), cursor=cursor[:20] or None
            )
        )
