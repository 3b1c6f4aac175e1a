"""The User module: households, their families, reset and delete."""

from uuid import UUID

from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from pydantic import BaseModel

from contracts.accounts.access import ResetPassword
from contracts.accounts.audit import AuditPage, ListAudit
from contracts.accounts.households import (
    AddUser,
    EditUser,
    GetUser,
    ListUsers,
    NewUserAnswer,
    UserDetail,
    UserPage,
    UserSearchKey,
)
from contracts.accounts.leaving import DeleteUser, ErasureAnswer, ResetUser
from contracts.accounts.members import AddMember, DeleteMember, EditMember, MemberView, NewMemberAnswer
from contracts.accounts.terms import SetFreeSubaccounts
from contracts.accounts.words import CredentialAnswer
from contracts.message import Accepted
from services.gateway.asking.asking import Asking, Passed, Sending, passed
from services.gateway.asking.bodies import Body
from services.gateway.asking.parameters import After, Cursor, IfMatch, PageNumber, PerPage, Search, SearchKey
from services.gateway.asking.versions import etag, require_unchanged
from services.gateway.guards.sessions import settled, signed_in


class MemberList(BaseModel):
    """The family accounts of a household, and how many it may have without paying."""

    rows: list[MemberView]
    free_quota: int


class UserController(Controller):
    path = "/users"
    tags = ["users"]
    guards = [signed_in, settled]

    @get(operation_id="ListUsers", summary="A page of one's households, newest first")
    async def list_users(
        self,
        asking: NamedDependency[Asking],
        page: PageNumber = 1,
        per_page: PerPage = 10,
        key: SearchKey = "",
        q: Search = "",
        after: After = "",
    ) -> Passed[UserPage]:
        return await asking.page(
            ListUsers(
                actor=asking.actor,
                after=asking.opened(after),
                page=page,
                per_page=per_page,
                key=UserSearchKey(key) if key else None,
                q=q,
            )
        )

    @post(operation_id="AddUser", summary="Add a household")
    async def add_user(
        self, data: JSONBody[Body[AddUser]], sending: NamedDependency[Sending]
    ) -> Response[Accepted[NewUserAnswer]]:
        return await sending.create(AddUser, data, "user_id")

    @get("/{user_id:uuid}", operation_id="GetUser", summary="One household, with its family")
    async def get_user(
        self, user_id: FromPath[UUID], asking: NamedDependency[Asking], after: After = ""
    ) -> Passed[UserDetail]:
        written = await asking.bytes(GetUser(actor=asking.actor, after=asking.opened(after), user_id=str(user_id)))
        return passed(written, {"ETag": etag(UserDetail.model_validate_json(written))})

    @put("/{user_id:uuid}", operation_id="EditUser", summary="Replace what the form shows")
    async def edit_user(
        self,
        user_id: FromPath[UUID],
        data: JSONBody[Body[EditUser]],
        asking: NamedDependency[Asking],
        sending: NamedDependency[Sending],
        if_match: IfMatch = "",
    ) -> Response[Accepted]:
        present = GetUser(actor=asking.actor, user_id=str(user_id))
        await require_unchanged(if_match, lambda: asking.view(present, UserDetail))
        return await sending.command(EditUser, data, user_id=str(user_id))

    @delete("/{user_id:uuid}", status_code=200, operation_id="DeleteUser", summary="Remove the household")
    async def delete_user(
        self, user_id: FromPath[UUID], sending: NamedDependency[Sending]
    ) -> Response[Accepted[ErasureAnswer]]:
        return await sending.command(DeleteUser, user_id=str(user_id))

    @post("/{user_id:uuid}/reset", status_code=200, operation_id="ResetUser", summary="Empty it for the next tenants")
    async def reset_user(
        self, user_id: FromPath[UUID], sending: NamedDependency[Sending]
    ) -> Response[Accepted[ErasureAnswer]]:
        return await sending.command(ResetUser, user_id=str(user_id))

    @post(
        "/{user_id:uuid}/reset-password",
        status_code=200,
        operation_id="ResetUserPassword",
        summary="Issue a new initial password to the master",
    )
    async def reset_password(
        self, user_id: FromPath[UUID], sending: NamedDependency[Sending]
    ) -> Response[Accepted[CredentialAnswer]]:
        return await sending.command(ResetPassword, user_id=str(user_id), account_id=str(user_id))

    @put(
        "/{user_id:uuid}/free-subaccounts",
        operation_id="SetFreeSubaccounts",
        summary="How many family accounts are free",
    )
    async def set_free_subaccounts(
        self, user_id: FromPath[UUID], data: JSONBody[Body[SetFreeSubaccounts]], sending: NamedDependency[Sending]
    ) -> Response[Accepted]:
        return await sending.command(SetFreeSubaccounts, data, user_id=str(user_id))

    @get("/{user_id:uuid}/audit", operation_id="ListUserAudit", summary="Who did what to the household, newest first")
    async def list_audit(
        self,
        user_id: FromPath[UUID],
        asking: NamedDependency[Asking],
        cursor: Cursor = "",
        limit: PerPage = 50,
        after: After = "",
    ) -> Passed[AuditPage]:
        return await asking.page(
            ListAudit(
                actor=asking.actor,
                after=asking.opened(after),
                subject_id=str(user_id),
                cursor=cursor or None,
                limit=limit,
            )
        )


class MemberController(Controller):
    path = "/users/{user_id:uuid}/members"
    tags = ["family"]
    guards = [signed_in, settled]

    @get(operation_id="ListMembers", summary="The family accounts of a household")
    async def list_members(
        self, user_id: FromPath[UUID], asking: NamedDependency[Asking], after: After = ""
    ) -> MemberList:
        user = await asking.view(
            GetUser(actor=asking.actor, after=asking.opened(after), user_id=str(user_id)), UserDetail
        )
        return MemberList(rows=list(user.family), free_quota=user.free_quota)

    @post(operation_id="AddMember", summary="Add a family account")
    async def add_member(
        self, user_id: FromPath[UUID], data: JSONBody[Body[AddMember]], sending: NamedDependency[Sending]
    ) -> Response[Accepted[NewMemberAnswer]]:
        return await sending.create(AddMember, data, "member_id", user_id=str(user_id))

    @put("/{member_id:uuid}", operation_id="EditMember", summary="Replace what the member form shows")
    async def edit_member(
        self,
        user_id: FromPath[UUID],
        member_id: FromPath[UUID],
        data: JSONBody[Body[EditMember]],
        sending: NamedDependency[Sending],
    ) -> Response[Accepted]:
        return await sending.command(EditMember, data, user_id=str(user_id), member_id=str(member_id))

    @delete("/{member_id:uuid}", status_code=200, operation_id="DeleteMember", summary="Remove a family account")
    async def delete_member(
        self, user_id: FromPath[UUID], member_id: FromPath[UUID], sending: NamedDependency[Sending]
    ) -> Response[Accepted]:
        return await sending.command(DeleteMember, user_id=str(user_id), member_id=str(member_id))

    @post(
        "/{member_id:uuid}/reset-password",
        status_code=200,
        operation_id="ResetMemberPassword",
        summary="Issue a new initial password to a family member",
    )
    async def reset_password(
        self, user_id: FromPath[UUID], member_id: FromPath[UUID], sending: NamedDependency[Sending]
    ) -> Response[Accepted[CredentialAnswer]]:
        return await sending.command(ResetPassword, user_id=str(user_id), account_id=str(member_id))
