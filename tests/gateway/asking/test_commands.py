"""What becomes of a request on its way to a service and back."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from contracts.accounts.access import OpenSession
from contracts.accounts.households import AddUser, CallType, GetUser, ListUsers, UserDetail, UserPage, UserSearchKey
from contracts.accounts.leaving import ResetUser
from contracts.accounts.members import MemberView
from contracts.accounts.partners import (
    ChangeCustomerService,
    GetInstaller,
    GrantAccess,
    InstallerDetail,
    WithdrawAccess,
)
from contracts.accounts.terms import AccountStatus, PremiumStatus
from contracts.accounts.words import MailLanguage
from contracts.devices.configuration import ConfigurationState
from contracts.devices.intercoms import ConnectionType, DeviceDetail, DeviceKind, GetDevice
from contracts.devices.relays import MethodGate
from contracts.message import Command, Query, Refused, Role, View
from tests.gateway.api import OPERATIONS, RIGHT, Operation, right_body
from tests.gateway.conftest import Browser, Desk, refused, somebody

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def detail(**changes: object) -> UserDetail:
    """A household as accounts shows it."""
    view = UserDetail(
        user_id=str(uuid4()),
        uid="1000000001",
        name="Ana",
        room=None,
        email=None,
        mobile=None,
        family_sip="2",
        personal_sip="1",
        members=0,
        free_quota=3,
        status=AccountStatus.NORMAL,
        premium=PremiumStatus.OFF,
        home_automation=False,
        created_at=NOW,
        expires_at=None,
        premium_expires_at=None,
        installer_id=str(uuid4()),
        country=None,
        address="Street 1",
        call_type=CallType.IP_CALL,
        time_zone=None,
        effective_time_zone="UTC",
        language=MailLanguage.ENGLISH,
        landlines=(None, None, None),
        premium_on=False,
        landline_service=False,
        landline_effective=False,
        with_indoor_monitor=False,
        app_registered=False,
        linked_sites=(),
        family=(),
        revision="41",
    )
    return view.model_copy(update=changes)


def device(**changes: object) -> DeviceDetail:
    """An intercom as devices shows it."""
    view = DeviceDetail(
        device_id=str(uuid4()),
        mac="0C110512BC97",
        user_id=str(uuid4()),
        uid="1000000001",
        owner="Ana",
        name="Gate",
        sip="5800000001",
        kind=DeviceKind.DOORPHONE_SINGLE,
        model=None,
        firmware=None,
        online=False,
        last_connected_at=None,
        configuration=ConfigurationState.WAITING,
        created_at=NOW,
        installer_id=str(uuid4()),
        distributor_id=str(uuid4()),
        relays=(),
        security_relays=(),
        internet_access=True,
        transfer_ip=None,
        works_offline=False,
        arming_function=False,
        armed=None,
        connection_type=ConnectionType.TCP,
        offline_solution=False,
        max_relays=4,
        methods_gate=MethodGate(state="open", needs=()),
        method_choice_dropped=False,
        shows_weather=False,
        issued_version=None,
        applied_version=None,
        configuration_reason=None,
        open_commands=0,
        linked_camera_id=None,
        regular_lines=0,
        revision="41",
    )
    return view.model_copy(update=changes)


# A log-in and a switch answer with sessions; a preview only asks.
OTHERS = ("LogIn", "StartImpersonation", "PreviewAutop")
COMMANDS = [each for each in OPERATIONS if each.body and each.id not in OTHERS]


@pytest.mark.parametrize("operation", COMMANDS, ids=lambda each: each.id)
async def test_every_command_reaches_its_service_stamped(desk: Desk, visitor: Browser, operation: Operation) -> None:
    view = await somebody(desk, visitor, Role.INSTALLER)
    answer = await visitor.ask(operation.method, operation.at(), json=right_body(operation.body))
    assert answer.is_success, answer.text
    (sent,) = (each for each in desk.sent if isinstance(each, Command) and not isinstance(each, OpenSession))
    assert (sent.actor.account_id, sent.actor.address) == (view.account_id, "127.0.0.1")
    assert sent.command_id.version == 7
    if answer.status_code == 201:
        assert answer.json()["id"] == str(sent.command_id)
    assert answer.json()["position"] == answer.headers["smartplus-position"]
    assert desk.positions.opened(answer.json()["position"], view.account_id) == "ACCOUNTS.7"


def test_every_body_has_an_example() -> None:
    assert {each.body for each in OPERATIONS if each.body} == RIGHT.keys()


async def test_the_same_key_gives_the_same_command_and_the_same_id(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    for _ in range(2):
        await visitor.ask("POST", "/users", json=right_body("AddUser"), headers={"Idempotency-Key": "form-1"})
    first, second = (each for each in desk.sent if isinstance(each, AddUser))
    assert first.command_id == second.command_id == UUID(first.user_id)


async def test_the_same_key_of_another_account_or_for_another_target_is_another_command(
    desk: Desk, visitor: Browser
) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    key = {"Idempotency-Key": "1"}
    await visitor.ask("POST", f"/users/{uuid4()}/reset", headers=key)
    await visitor.ask("POST", f"/users/{uuid4()}/reset", headers=key)
    await somebody(desk, visitor, Role.INSTALLER)
    await visitor.ask("POST", f"/users/{uuid4()}/reset", headers=key)
    assert len({each.command_id for each in desk.sent if isinstance(each, ResetUser)}) == 3


@pytest.mark.parametrize("key", ["", "x" * 129, "with space", b"caf\xe9"])
async def test_a_key_that_is_no_visible_ascii_is_refused(desk: Desk, visitor: Browser, key: str | bytes) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    answer = await visitor.ask("POST", f"/users/{uuid4()}/reset", headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "Idempotency-Key")


async def test_a_refusal_keeps_its_code_sentence_and_fields(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    desk.refuses[AddUser] = refused("phone-invalid", "mobile")
    answer = await visitor.ask("POST", "/users", json=right_body("AddUser"))
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:smartplus:problem:phone-invalid"
    assert (problem["status"], problem["title"]) == (400, "Bad Request")
    sentence = "This is not a telephone number of the chosen country."
    assert problem["detail"] == sentence
    assert problem["errors"] == [{"field": "mobile", "code": "phone-invalid", "detail": sentence}]
    assert len(problem["trace_id"]) == 32


@pytest.mark.parametrize(
    ("code", "status"),
    [("user-unknown", 404), ("forbidden", 403), ("login-taken", 409), ("contended", 409), ("never-heard-of", 409)],
)
async def test_the_kind_of_a_refusal_is_its_status(desk: Desk, visitor: Browser, code: str, status: int) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    desk.refuses[ResetUser] = Refused(code, "No.")
    answer = await visitor.ask("POST", f"/users/{uuid4()}/reset")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_an_unavailable_service_asks_to_try_again(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    desk.refuses[ResetUser] = Refused("unavailable", "Not now.")
    answer = await visitor.ask("POST", f"/users/{uuid4()}/reset")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_log_without_room_is_a_no_of_its_own(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    desk.refuses[ResetUser] = Refused("log-full", "There is no room.")
    answer = await visitor.ask("POST", f"/users/{uuid4()}/reset")
    assert (answer.status_code, answer.json()["code"]) == (507, "log-full")
    assert "retry-after" not in answer.headers


async def test_a_budget_that_is_spent_says_when_to_come_back(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    desk.refuses[ResetUser] = Refused("budget-spent", "It goes on tomorrow.")
    answer = await visitor.ask("POST", f"/users/{uuid4()}/reset")
    assert (answer.status_code, answer.json()["code"]) == (429, "budget-spent")
    assert 0 < int(answer.headers["retry-after"]) <= 86_400


@pytest.mark.row("G-01")
async def test_a_list_is_the_services_answer_byte_for_byte(desk: Desk, visitor: Browser) -> None:
    me = (await somebody(desk, visitor, Role.INSTALLER)).account_id
    desk.views[ListUsers] = b'{"rows": [ ],"total":0,  "page":2,"per_page":30}'
    after = desk.positions.sealed("ACCOUNTS.7,DEVICES.2", me)
    answer = await visitor.ask("GET", f"/users?page=2&per_page=30&key=family_sip&q=12&after={after}")
    assert answer.content == desk.views[ListUsers]
    asked = desk.last(ListUsers)
    assert (asked.page, asked.per_page, asked.key, asked.q) == (2, 30, UserSearchKey.FAMILY_SIP, "12")
    assert asked.after == "ACCOUNTS.7,DEVICES.2"


@pytest.mark.row("G-01")
async def test_a_list_shows_ten_lines_unless_asked_otherwise(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    desk.views[ListUsers] = UserPage(rows=(), total=0, page=1, per_page=10)
    await visitor.ask("GET", "/users")
    assert (desk.last(ListUsers).page, desk.last(ListUsers).per_page) == (1, 10)


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=x",
        "page=1.5",
        "per_page=101",
        "per_page=-1",
        "key=$ne",
        "key[$ne]=1&page=0",
        f"after={'A' * 5000}",
    ],
)
async def test_parameters_out_of_bounds_are_refused(desk: Desk, visitor: Browser, query: str) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    answer = await visitor.ask("GET", f"/users?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json()["errors"]


async def test_a_family_is_read_from_its_household(desk: Desk, visitor: Browser) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    member = MemberView(
        member_id="m", name="Zoé", email=None, country=None, mobile=None, language="fr", sip="3", created_at=NOW
    )
    desk.views[GetUser] = detail(family=(member,))
    answer = await visitor.ask("GET", f"/users/{uuid4()}/members")
    assert answer.json()["free_quota"] == 3
    assert [row["name"] for row in answer.json()["rows"]] == ["Zoé"]


@pytest.mark.row("U-31", "D-20")
@pytest.mark.parametrize(
    ("path", "operation", "query", "shown"),
    [("/users", "EditUser", GetUser, detail), ("/devices", "EditDevice", GetDevice, device)],
    ids=["household", "device"],
)
async def test_editing_an_older_version_than_the_present_one_is_refused(
    desk: Desk, visitor: Browser, path: str, operation: str, query: type[Query], shown: Callable[..., View]
) -> None:
    await somebody(desk, visitor, Role.INSTALLER)
    thing = f"{path}/{uuid4()}"
    desk.views[query] = shown(revision="41")
    read = await visitor.ask("GET", thing)
    assert read.headers["etag"] == '"41"'
    form = right_body(operation)
    assert (await visitor.ask("PUT", thing, json=form, headers={"If-Match": '"41"'})).status_code == 200
    desk.views[query] = shown(revision="42")
    late = await visitor.ask("PUT", thing, json=form, headers={"If-Match": '"41"'})
    assert (late.status_code, late.json()["code"]) == (412, "changed-meanwhile")
    assert (await visitor.ask("PUT", thing, json=form)).status_code == 200


@pytest.mark.row("K-04")
async def test_an_installer_reads_and_sets_its_own_customer_service(desk: Desk, visitor: Browser) -> None:
    view = await somebody(desk, visitor, Role.INSTALLER)
    desk.views[GetInstaller] = InstallerDetail(
        installer_id=view.installer_id or "",
        distributor_id="d",
        name="Bright",
        email="bright@example.org",
        time_zone="UTC",
        account_access_offered=True,
        permission_granted=False,
        households=0,
        created_at=NOW,
        customer_service_phone="+4930",
        customer_service_email=None,
        offline_solution=False,
    )
    assert (await visitor.ask("GET", "/customer-service")).json() == {"phone": "+4930", "email": None}
    assert (await visitor.ask("GET", "/account-access")).json() == {"offered": True, "granted": False}
    await visitor.ask("PUT", "/customer-service", json={"phone": "+4930", "email": "help@example.org"})
    assert desk.last(ChangeCustomerService).installer_id == view.installer_id


@pytest.mark.row("X-02")
async def test_account_access_is_granted_and_withdrawn_by_the_installer_itself(desk: Desk, visitor: Browser) -> None:
    view = await somebody(desk, visitor, Role.INSTALLER)
    await visitor.ask("PUT", "/account-access", json={"granted": True})
    assert desk.last(GrantAccess).installer_id == view.installer_id
    await visitor.ask("PUT", "/account-access", json={"granted": False})
    assert desk.last(WithdrawAccess).installer_id == view.installer_id


@pytest.mark.parametrize("path", ["/customer-service", "/account-access"])
async def test_what_only_installers_have_is_refused_to_others(desk: Desk, visitor: Browser, path: str) -> None:
    await somebody(desk, visitor, Role.DISTRIBUTOR)
    assert (await visitor.ask("GET", path)).status_code == 403


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.needs_session], ids=lambda each: each.id)
async def test_without_a_session_nothing_is_answered(desk: Desk, visitor: Browser, operation: Operation) -> None:
    body = json.dumps(RIGHT[operation.body]) if operation.body else None
    answer = await visitor.ask(
        operation.method, operation.at(), content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "signed-out")
    assert not desk.sent
