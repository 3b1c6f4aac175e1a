"""Every route of the API, asked by everybody about everything: own, sibling, above, below, of another tree, gone.

The rule it protects: a route without a rule here fails, and another tenant's id answers exactly like no id at all.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.gateway.api import OPERATIONS, Operation, a_mac, right_body
from tests.gateway.world import PASSWORD, World, world
from tests.waiting import at_once

# Letters: S super manager, D distributor, I installer, P property manager, M family master, F family member.
EVERYBODY = "SDIPMF"
ROLE = {
    "root": "S",
    "north": "D",
    "south": "D",
    "bright": "I",
    "clear": "I",
    "far": "I",
    "caretaker": "P",
    "master": "M",
    "child": "F",
    "guest": "I",
}

# Who has what at or below them. `guest` is the distributor north in the account of bright.
TREE: dict[str, set[str]] = {
    "dubois": {"root", "north", "bright", "guest", "caretaker", "master", "child"},
    "petrov": {"root", "north", "clear"},
    "kim": {"root", "south", "far"},
    "bright": {"root", "north", "bright", "guest", "caretaker"},
    "clear": {"root", "north", "clear"},
    "far": {"root", "south", "far"},
    "north": {"root", "north"},
    "south": {"root", "south"},
    "gone": {"root", "north", "bright", "guest"},
    "never": set(),
}


OWNER = {"dubois": "bright", "petrov": "clear", "kim": "far"}


@dataclass(frozen=True)
class Rule:
    """Who may ask (`roles`), about what (`about`: a kind of thing), and whether only in person."""

    roles: str = EVERYBODY
    about: str = ""
    in_person: bool = False
    open: bool = False
    blank: bool = False
    """Whoever asks about what is not theirs is shown nothing, as about what does not exist."""
    says: tuple[str, ...] = ()
    """Refusals that nobody but who is allowed to ask can hear."""


RULES: dict[str, Rule] = {
    "LogIn": Rule(open=True, says=("login-failed", "csrf")),
    "GetSession": Rule(),
    "LogOut": Rule(),
    "ChangePassword": Rule(in_person=True, says=("password-wrong",)),
    "ListSessions": Rule(),
    "CloseSession": Rule(in_person=True),
    "StartImpersonation": Rule("D", "installer", in_person=True, says=("permission-not-granted",)),
    "EndImpersonation": Rule(),
    "ListUsers": Rule("I"),
    "AddUser": Rule("I"),
    "GetUser": Rule("IM", "household"),
    "EditUser": Rule("I", "household"),
    "DeleteUser": Rule("I", "household"),
    "ResetUser": Rule("I", "household"),
    "ResetUserPassword": Rule("I", "household", in_person=True),
    "SetFreeSubaccounts": Rule("D", "household"),
    "ListUserAudit": Rule("SDI", "history"),
    "ListMembers": Rule("IM", "household"),
    "AddMember": Rule("I", "household"),
    "EditMember": Rule("I", "member"),
    "DeleteMember": Rule("I", "member"),
    "ResetMemberPassword": Rule("I", "member", in_person=True),
    "GetCustomerService": Rule("I"),
    "ChangeCustomerService": Rule("I"),
    "GetAccountAccess": Rule("I"),
    "ChooseAccountAccess": Rule("I", in_person=True, says=("account-access-not-offered",)),
    "ListInstallers": Rule("SD"),
    "CreateInstaller": Rule("D"),
    "GetInstaller": Rule("SDI", "installer"),
    "SwitchAccountAccess": Rule("D", "installer"),
    "ListDistributors": Rule("S"),
    "CreateDistributor": Rule("S"),
    "SwitchOfflineSolution": Rule("S", "distributor"),
    "CreatePropertyManager": Rule("I", in_person=True),
    "ListAudit": Rule("SDI", "history"),
    "SetBudget": Rule("S", "installer"),
    "ListBudgets": Rule("S"),
    "ListDeviceBudgets": Rule("S"),
    "ListMacs": Rule("DI"),
    "RegisterMac": Rule("DI"),
    "RemoveMac": Rule("DI", "mac", says=("mac-bound",)),
    "FindMac": Rule("S", "mac"),
    "ClaimMac": Rule("I", says=("mac-claim-refused",)),
    "MoveMac": Rule("S", "mac", says=("mac-bound", "distributor-unknown")),
    "ListMacImports": Rule("DI"),
    "GetMacImport": Rule("DI", "import"),
    "StartMacImport": Rule("DI", "import", says=("import-over",)),
    "AbandonMacImport": Rule("DI", "import", says=("import-over",)),
    "ListRefusedRows": Rule("DI", "import"),
    "ListDevices": Rule("I"),
    "ListModels": Rule(),
    "GetDevice": Rule("I", "device"),
    "EditDevice": Rule("I", "device"),
    "UnbindDevice": Rule("I", "device"),
    "RotateDeviceKey": Rule("I", "device", in_person=True),
    "ChooseConnectionType": Rule("I", "device"),
    "ListDeviceAudit": Rule("DI", "device's history"),
    "BindDevice": Rule("I", "household", says=("mac-not-in-library",)),
    "ListDeviceCommands": Rule("I", "device"),
    "RebootDevice": Rule("I", "device"),
    "ResetDevice": Rule("I", "device"),
    "UnlockDoor": Rule("IMF", "device", in_person=True, says=("device-offline",)),
    "SwitchArming": Rule("IMF", "device", in_person=True, says=("device-offline", "arming-not-available")),
    "GetDeviceCommand": Rule("IMF", "command"),
    "CancelDeviceCommand": Rule("I", "command"),
    "ListProvisionings": Rule("I"),
    "SubmitAutop": Rule("I", "device", in_person=True),
    "PreviewAutop": Rule("I", "device", in_person=True),
    "GetProvisioning": Rule("I", "provisioning"),
    "RetryProvisioning": Rule("I", "provisioning", in_person=True, says=("nothing-to-retry",)),
    "GetRegularProfile": Rule("I", "device"),
    "ClearRegularProfile": Rule("I", "device"),
    "ListCameras": Rule("I"),
    "GetCamera": Rule("I", "camera"),
    "EditCamera": Rule("I", "camera"),
    "RemoveCamera": Rule("I", "camera"),
    "AddCamera": Rule("I", "household"),
    "ListCredentials": Rule("I", "household", blank=True),
    "GrantCredential": Rule("I", "household", in_person=True),
    "WithdrawCredential": Rule("I", "credential"),
    "ListDoorEvents": Rule("I", "household", blank=True),
    "ListDeviceDoorEvents": Rule("I", "device"),
    "OpenMacImport": Rule("DI"),
    "GetMacTemplate": Rule(),
    "GetRefusedRows": Rule("DI", "import"),
    "OpenRemoteControl": Rule("I", "device", in_person=True, says=("device-offline",)),
    "CloseRemoteControl": Rule("I", "device"),
    "Live": Rule("SDI"),
    "ListCountries": Rule(open=True),
    "ListTimeZones": Rule(open=True),
    "ListLanguages": Rule(open=True),
    "GetAbout": Rule(open=True),
    "ListServers": Rule(open=True),
}

THINGS = {
    "": ("",),
    "household": ("dubois", "petrov", "kim", "gone", "never"),
    "member": ("dubois", "petrov", "kim", "gone", "never"),
    "history": ("dubois", "petrov", "kim", "gone", "never"),
    **dict.fromkeys(
        ("device", "device's history", "command", "camera", "credential", "provisioning", "mac", "import"),
        ("dubois", "petrov", "kim", "never"),
    ),
    "installer": ("bright", "clear", "far", "never"),
    "distributor": ("north", "south", "never"),
}

# What of a household's stands in a path, beside its own id.
PARTS = ("device_id", "camera_id", "credential_id", "device_command_id", "provisioning_id", "import_id", "mac")
PART_OF = {
    "device": "device_id",
    "command": "device_command_id",
    "camera": "camera_id",
    "credential": "credential_id",
    "provisioning": "provisioning_id",
    "mac": "mac",
    "import": "import_id",
}

OUTSIDE = frozenset({401, 403, 404})


@pytest.fixture(scope="module")
async def small_world(servers_dir: Path, mongodb_uri: str) -> AsyncIterator[World]:
    async with world(servers_dir, mongodb_uri) as built:
        for household, installer in OWNER.items():
            await built.furnish(household, installer, *PARTS)
        await built.household("gone", "bright")
        await built.member("gone-child", "gone", "bright")
        await built.people["bright"].do("DELETE", f"/users/{built.ids['gone']}")
        built.ids |= {"never": str(uuid4()), "never-child": str(uuid4()), "never/device_id": str(uuid4())}
        for name, identity in (("master", "dubois"), ("child", "dubois-child")):
            await built.log_in(name, built.ids[f"{identity}.email"], built.ids[f"{identity}.credential"])
        await built.enter("guest", "north", "bright")
        yield built


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    assert {each.id for each in OPERATIONS} == RULES.keys()


def _body(operation: Operation, thing: str, built: World) -> Any:
    match operation.id:
        case "LogIn":
            return {"identifier": f"{uuid4().hex}@example.org", "password": "a wrong password"}
        case "ChangePassword":
            return {"current_password": "a wrong password", "new_password": "another-horse-battery-42"}
        case "StartImpersonation":
            return {"installer_id": built.ids[thing], "reason": "asked for help"}
        case "SubmitAutop" | "PreviewAutop":
            return {**right_body(operation.body), "device_ids": [built.ids[f"{thing}/device_id"]]}
        case "GrantCredential":
            relays = [{"device_id": built.ids.get(f"{thing}/device_id", str(uuid4())), "relay": 1}]
            return {**right_body(operation.body), "relays": relays}
        case _:
            return right_body(operation.body) if operation.body else None


def _path(operation: Operation, thing: str, built: World) -> str:
    if not thing:
        return operation.at()
    identity = built.ids[thing]
    parts = {part: built.ids[key] for part in PARTS if (key := f"{thing}/{part}") in built.ids}
    path = operation.at(
        user_id=identity,
        installer_id=identity,
        distributor_id=identity,
        payer_id=identity,
        member_id=built.ids.get(f"{thing}-child", ""),
        **parts,
    )
    return f"{path}?subject_id={identity}" if operation.id == "ListAudit" else path


async def _ask(built: World, person: str, operation: Operation, thing: str) -> httpx.Response:
    client = built.people[person].browser
    if operation.id == "Live":
        async with client.http.stream("GET", "/api/v1/live") as stream:
            if not stream.is_success:
                await stream.aread()
            return httpx.Response(stream.status_code, content=b"" if stream.is_success else stream.content)
    path = _path(operation, thing, built)
    if operation.id == "OpenMacImport":
        return await client.ask(
            "POST", path, content=f"MAC\n{a_mac()}\n".encode(), headers={"Content-Type": "text/csv"}
        )
    return await client.ask(operation.method, path, json=_body(operation, thing, built))


async def _stand_in_for(built: World, person: str, operation: Operation, thing: str) -> tuple[str, str]:
    """Who asks and about what, so that what is done for real is done to somebody who is not needed any more."""
    passing = f"passing-{person}"
    if operation.id in ("LogOut", "EndImpersonation"):
        if person == "guest":
            await built.enter(passing, "north", "bright")
        else:
            await built.log_in(passing, built.people[person].email, PASSWORD, initial=False)
        return passing, thing
    in_hand = RULES[operation.id].about in ("mac", "import") and person in TREE.get(thing, ())
    if (
        operation.changes
        and operation.id != "PreviewAutop"
        and thing in OWNER
        and (OWNER[thing] == _self(person) or in_hand)
    ):
        await built.household(passing, OWNER[thing])
        await built.member(f"{passing}-child", passing, OWNER[thing])
        if part := "device_id" if operation.id == "GrantCredential" else PART_OF.get(RULES[operation.id].about):
            await built.furnish(passing, OWNER[thing], part)
        return person, passing
    return person, thing


def _self(person: str) -> str:
    return "bright" if person == "guest" else person


def _may(rule: Rule, person: str) -> bool:
    return ROLE[person] in rule.roles and not (rule.in_person and person == "guest")


def _without_trace(answer: httpx.Response) -> dict[str, Any]:
    return {**answer.json(), "trace_id": ""}


async def _asks_about_everything(built: World, person: str, operation: Operation) -> None:
    rule = RULES[operation.id]
    unknown: dict[str, httpx.Response] = {}
    for thing in THINGS[rule.about]:
        asker, subject = await _stand_in_for(built, person, operation, thing)
        answer = await _ask(built, asker, operation, subject)
        where = f"{person} {operation.id} {thing}: {answer.status_code} {answer.text[:300]}"
        assert answer.status_code < 500, where
        if not _may(rule, person):
            assert answer.status_code == 403, where
        elif not thing or (person in TREE[thing] and not (thing == "gone" and rule.about != "history")):
            assert answer.is_success or answer.json()["code"] in rule.says, where
        else:
            if asker not in unknown:
                unknown[asker] = await _ask(built, asker, operation, "never")
            assert answer.status_code == (200 if rule.blank else 404), where
            assert _without_trace(answer) == _without_trace(unknown[asker]), where
        if operation.id == "StartImpersonation" and answer.is_success:
            await built.people[asker].do("DELETE", "/impersonation")


@pytest.mark.row("L-05")
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.id)
async def test_everybody_gets_what_is_theirs_and_nothing_else(small_world: World, operation: Operation) -> None:
    # A company may have few lists in hand at once.
    most = 1 if RULES[operation.id].about == "import" else len(ROLE)
    await at_once((_asks_about_everything(small_world, person, operation) for person in ROLE), most)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.id)
async def test_strangers_get_only_what_is_for_everybody(small_world: World, operation: Operation) -> None:
    async with httpx.AsyncClient(base_url=f"{small_world.url}/api/v1", trust_env=False, verify=False) as stranger:
        thing = THINGS[RULES[operation.id].about][0]
        body = _body(operation, thing, small_world)
        answer = await stranger.request(operation.method, _path(operation, thing, small_world), json=body)
    if RULES[operation.id].open:
        assert answer.is_success or answer.json()["code"] == "login-failed"
    else:
        assert (answer.status_code, answer.json()["code"]) == (401, "signed-out")


@pytest.mark.parametrize("name", ["EditMember", "DeleteMember", "ResetMemberPassword"])
async def test_a_member_is_reached_through_its_own_household_alone(small_world: World, name: str) -> None:
    operation = next(each for each in OPERATIONS if each.id == name)
    bright = small_world.people["bright"].browser
    body = right_body(operation.body) if operation.body else None
    ids = small_world.ids
    foreign = operation.at(user_id=ids["dubois"], member_id=ids["kim-child"])
    nobody = operation.at(user_id=ids["dubois"], member_id=str(uuid4()))
    answers = [await bright.ask(operation.method, path, json=body) for path in (foreign, nobody)]
    assert [each.status_code for each in answers] == [404, 404]
    assert _without_trace(answers[0]) == _without_trace(answers[1])


async def test_nothing_of_another_tree_was_changed_by_all_this(small_world: World) -> None:
    for household, installer in (("petrov", "clear"), ("kim", "far")):
        user = await small_world.people[installer].do("GET", f"/users/{small_world.ids[household]}")
        assert (user["name"], len(user["family"])) == (household.title(), 1)
        trail = await small_world.people[installer].do("GET", f"/users/{small_world.ids[household]}/audit?limit=100")
        theirs = {small_world.ids[installer], "system"}
        above = {small_world.ids["north"], small_world.ids["south"]}  # free accounts are the distributor's to set
        for row in trail["rows"]:
            assert row["actor_id"] in theirs | (above if row["type"] == "FreeSubaccountsSet" else set()), row
