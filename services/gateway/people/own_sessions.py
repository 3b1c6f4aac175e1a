"""Logging in and out, one's sessions and password, and account access."""

from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import Controller, Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from contracts.accounts.access import (
    ChangePassword,
    CloseSession,
    EndImpersonation,
    FindLoginOwner,
    GetSession,
    ListSessions,
    LoginOwner,
    OpenSession,
    SessionList,
    SessionView,
    StartImpersonation,
)
from contracts.message import Accepted
from contracts.permissions import SYSTEM, VISITOR
from kernel.talking.caller import Caller
from services.gateway.asking.asking import Asking, Passed, Sending, passed, uuid7
from services.gateway.asking.bodies import Body, fields_of
from services.gateway.asking.parameters import After
from services.gateway.guards.browsers import Browsers
from services.gateway.guards.limits import Attempt, LoginLimits
from services.gateway.guards.sessions import (
    Holder,
    Sessions,
    acting_token,
    csrf_cookie,
    holder_of,
    in_person,
    new_token,
    own_holder,
    session_cookie,
    session_name,
    session_token,
    settled,
    signed_in,
)
from services.gateway.http.problems import Problem

Asked = Request[Any, Any, State]
SessionName = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{64}$", description="A session's id")]

AGENT_LENGTH_MAX = 256


def _agent(request: Asked) -> str:
    printable = "".join(each for each in request.headers.get("user-agent", "") if each.isprintable())
    return printable[:AGENT_LENGTH_MAX]


def _caller(request: Asked) -> Caller:
    caller: Caller = request.app.state.caller
    return caller


async def _settle(request: Asked, session: SessionView, position: str | None) -> None:
    """The next request, perhaps already on its way, must find the session as this one leaves it."""
    sessions: Sessions = request.app.state.sessions
    await sessions.settle(session.session_id, session.account_id, position)


def _now(holder: Holder) -> dict[str, Any]:
    return {"command_id": uuid7(), "at": datetime.now(UTC), "actor": holder.actor}


def _with_session(
    request: Asked, response: Response[Any], *, session: str | None = None, impersonation: str | None = None
) -> None:
    """Set the cookies to these secrets, and the token that the console repeats to the one that acts now."""
    response.set_cookie(session_cookie(request, session))
    response.set_cookie(session_cookie(request, impersonation, impersonation=True))
    response.set_cookie(csrf_cookie(request, impersonation or session))


class SessionController(Controller):
    path = "/session"
    tags = ["access"]

    @post(operation_id="LogIn", status_code=200, summary="Log in")
    async def log_in(self, request: Asked, data: JSONBody[Body[OpenSession]]) -> Passed[SessionView]:
        limits: LoginLimits = request.app.state.limits
        token = new_token()
        address = request.client.host if request.client else None
        actor = VISITOR.model_copy(update={"address": address})
        opening = OpenSession(
            command_id=uuid7(),
            at=datetime.now(UTC),
            actor=actor,
            session_id=session_name(token),
            agent=_agent(request),
            **fields_of(data),
        )
        browsers: Browsers = request.app.state.browsers
        browser = browsers.of(request)
        asked = FindLoginOwner(actor=SYSTEM, identifier=opening.identifier)
        owner = await _caller(request).view(asked, LoginOwner)
        good = owner.account_id is not None and browsers.knows(browser, owner.account_id)
        async with limits.attempt(Attempt(owner.account_id, owner.login, address, browser.name if good else None)):
            opened = await _caller(request).command(opening)
        view = GetSession(actor=actor, session_id=opening.session_id, after=opened.position)
        response = passed(await _caller(request).query(view))
        _with_session(request, response, session=token)
        response.set_cookie(browsers.cookie(request, browser, owner.account_id or opened.id))
        return response

    @get(operation_id="GetSession", summary="Who is logged in")
    async def get_session(self, request: Asked) -> Response[SessionView]:
        try:
            await signed_in(request, request.route_handler)
        except Problem as problem:
            if problem.code != "impersonation-ended":
                raise
            return await _back_to_own(request)
        response = Response(holder_of(request).session)
        response.set_cookie(session_cookie(request, session_token(request)))
        response.set_cookie(csrf_cookie(request, acting_token(request)))
        return response

    @delete(operation_id="LogOut", guards=[signed_in], summary="Log out")
    async def log_out(self, request: Asked) -> Response[None]:
        holder = holder_of(request)
        if holder.own is not None:
            await _end_impersonation(request, holder)
            holder = Holder(holder.own, None, holder.address)
        own = holder.session
        closing = CloseSession(**_now(holder), account_id=own.account_id, session_id=own.session_id)
        closed = await _caller(request).command(closing)
        await _settle(request, own, closed.position)
        response = Response(None, status_code=204)
        _with_session(request, response)
        return response

    @post(
        "/password",
        operation_id="ChangePassword",
        status_code=200,
        guards=[signed_in, in_person],
        summary="Replace one's own password; all other sessions end",
    )
    async def change_password(
        self, request: Asked, data: JSONBody[Body[ChangePassword]], sending: NamedDependency[Sending]
    ) -> Response[Accepted]:
        limits: LoginLimits = request.app.state.limits
        account_id = sending.actor.account_id
        # Whoever is logged in has shown that the browser is good.
        attempt = Attempt(account_id, "", sending.actor.address, sending.actor.session_id)
        async with limits.attempt(attempt):
            response = await sending.command(ChangePassword, data, account_id=account_id)
        await _settle(request, sending.holder.session, sending.opened(response.content.position))
        return response


class SessionListController(Controller):
    path = "/sessions"
    tags = ["access"]
    guards = [signed_in, settled]

    @get(operation_id="ListSessions", summary="One's own open sessions, newest first")
    async def list_sessions(self, asking: NamedDependency[Asking], after: After = "") -> Passed[SessionList]:
        return await asking.page(ListSessions(actor=asking.actor, after=asking.opened(after)))

    @delete(
        "/{session_id:str}",
        operation_id="CloseSession",
        status_code=200,
        guards=[in_person],
        summary="End one's own session",
    )
    async def close_session(
        self, request: Asked, session_id: SessionName, sending: NamedDependency[Sending]
    ) -> Response[Accepted]:
        account_id = sending.actor.account_id
        response = await sending.command(CloseSession, account_id=account_id, session_id=session_id)
        sessions: Sessions = request.app.state.sessions
        await sessions.settle(session_id, account_id, sending.opened(response.content.position))
        return response


class ImpersonationController(Controller):
    path = "/impersonation"
    tags = ["access"]

    @post(
        operation_id="StartImpersonation",
        status_code=201,
        guards=[signed_in, settled, in_person],
        summary="Switch into an installer's account, for at most 60 minutes",
    )
    async def start(self, request: Asked, data: JSONBody[Body[StartImpersonation]]) -> Passed[SessionView]:
        holder = holder_of(request)
        token = new_token()
        switching = StartImpersonation(
            **_now(holder), session_id=session_name(token), agent=_agent(request), **fields_of(data)
        )
        switched = await _caller(request).command(switching)
        view = GetSession(actor=VISITOR, session_id=switching.session_id, after=switched.position)
        response = passed(await _caller(request).query(view))
        response.status_code = 201
        _with_session(request, response, session=session_token(request), impersonation=token)
        return response

    @delete(operation_id="EndImpersonation", status_code=200, summary="Go back to one's own account")
    async def end(self, request: Asked) -> Response[SessionView]:
        try:
            await signed_in(request, request.route_handler)
        except Problem as problem:
            if problem.code != "impersonation-ended":
                raise
        else:
            holder = holder_of(request)
            if holder.own is not None:
                await _end_impersonation(request, holder)
        return await _back_to_own(request)


async def _end_impersonation(request: Asked, holder: Holder) -> None:
    taken = holder.session
    ending = EndImpersonation(**_now(holder), installer_id=taken.account_id, session_id=taken.session_id)
    ended = await _caller(request).command(ending)
    await _settle(request, taken, ended.position)


async def _back_to_own(request: Asked) -> Response[SessionView]:
    own = await own_holder(request)
    response = Response(own.session)
    _with_session(request, response, session=session_token(request))
    return response
