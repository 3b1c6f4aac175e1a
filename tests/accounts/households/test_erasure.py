"""After Reset and Delete nothing of the former residents can be read again: not shown, not replayed, not rebuilt."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from bson import json_util

from contracts.accounts.access import CloseSession
from contracts.accounts.audit import AuditRow, ListAudit
from contracts.accounts.households import EditUser, GetUser, ListUsers
from contracts.accounts.leaving import DeleteUser, ResetUser
from contracts.accounts.members import AddMember
from contracts.message import ERASED, Actor, Recorded
from kernel.log.promise import StoredMessage
from kernel.reading.readmodel import fingerprint
from services.accounts.__main__ import SERVICE
from services.accounts.households.decisions import HOUSEHOLD
from tests.accounts.conftest import Region, acting


async def lived_in(region: Region, installer: Actor, word: str) -> str:
    """A household whose residents' data contains `word`; its name and address do not."""
    mobile = f"138{uuid4().int % 10**8:08}"
    user_id, accepted = await region.user(
        installer,
        activated=True,
        name=f"Former {word}",
        email=f"{word}.old@example.org",
        country="CN",
        mobile=mobile,
        landlines=("021 6841 0000", None, None),
    )
    await region.tell(
        AddMember,
        installer,
        user_id=user_id,
        member_id=str(uuid4()),
        name=f"Member {word}",
        email=f"{word}.member@example.org",
    )
    form = {"user_id": user_id, "name": "House 7", "address": "Elm Street 7", "premium": False}
    await region.tell(EditUser, installer, **form, email=f"{word}@example.org", country="CN", mobile=mobile)
    session = await region.log_in(f"{word}@example.org", accepted.extra.credential)
    resident = acting(session).model_copy(update={"address": word})
    await region.tell(CloseSession, resident, account_id=user_id, session_id=session.session_id)
    return user_id


async def in_the_log(region: Region, user_id: str) -> list[Recorded]:
    log, codec = region.service.log, region.service.codec
    return await codec.decode_many(await log.read_subject(codec.subject(HOUSEHOLD.ref(user_id))))


async def in_read_models(region: Region) -> str:
    """Everything the read models hold, as text."""
    database = region.service.database
    held = [document for model in SERVICE.read_models async for document in database[model.name].find({})]
    return json.dumps(held, default=json_util.default, ensure_ascii=False).casefold()


async def until_destroyed(region: Region, key: str) -> None:
    async with asyncio.timeout(20):
        while (await region.service.keys.existing([key]))[key] is not None:  # noqa: ASYNC110 (done by a reaction)
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("wish", [ResetUser, DeleteUser], ids=["reset", "delete"])
@pytest.mark.row("U-34", "U-36", "U-38")
async def test_nothing_personal_can_be_read_again(region: Region, wish: type[ResetUser]) -> None:
    installer = await region.installer()
    word = f"canary{uuid4().hex[:10]}"
    user_id = await lived_in(region, installer, word)
    assert word in await in_read_models(region)
    await region.tell(wish, installer, user_id=user_id)
    await region.see(ListUsers, installer)
    assert word not in await in_read_models(region)

    await until_destroyed(region, f"{user_id}.0")
    replayed = await in_the_log(region, user_id)
    said = " ".join(each.event.model_dump_json() for each in replayed)
    assert word not in said
    assert replayed[0].event.email is ERASED
    async for batch in _whole(region):
        for message in batch:
            assert word not in message.body.decode() + json.dumps(dict(message.headers))

    live = await fingerprint(region.service.database, SERVICE.read_models)
    await region.service.projector.rebuild()
    assert word not in await in_read_models(region)
    if wish is ResetUser:
        user = await region.see(GetUser, installer, user_id=user_id)
        assert (user.name, user.address, user.email, user.family) == ("House 7", "Elm Street 7", None, ())
    rebuilt = await fingerprint(region.service.database, SERVICE.read_models)
    assert {name: rebuilt[name] == live[name] for name in live} == dict.fromkeys(live, True)


async def _whole(region: Region) -> AsyncIterator[list[StoredMessage]]:
    log = region.service.log
    last = await log.last_seq()
    async for batch in log.follow(0):
        yield batch
        if batch[-1].seq >= last:
            return


@pytest.mark.parametrize("wish", [ResetUser, DeleteUser], ids=["reset", "delete"])
async def test_who_asks_is_told_by_when_no_copy_is_left_and_the_audit_trail_keeps_it(
    region: Region, wish: type[ResetUser]
) -> None:
    installer = await region.installer()
    user_id, _ = await region.user(installer, activated=True)
    accepted = await region.tell(wish, installer, user_id=user_id)
    erased_by = datetime.fromisoformat(accepted.extra.erased_by)
    assert erased_by - datetime.now(UTC) <= timedelta(hours=24)
    subject_id = installer.account_id if wish is DeleteUser else user_id

    async def row() -> AuditRow:
        page = await region.see(ListAudit, installer, subject_id=subject_id)
        return next(each for each in page.rows if each.erased_by)

    shown = await row()
    assert abs((shown.erased_by or erased_by) - erased_by) < timedelta(seconds=1)
    assert shown.erased_at is None
    # The eraser begins a minute later, and is done.
    settings = region.service.settings
    runs = region.service.database.client[settings.database("vault")]["erasures"]
    done_at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=3)
    await runs.insert_one({"began_at": shown.at + timedelta(minutes=1), "done_at": None})
    assert (await row()).erased_at is None
    await runs.update_many({}, {"$set": {"done_at": done_at}})
    assert (await row()).erased_at == done_at


@pytest.mark.row("U-45", "U-48")
async def test_new_tenants_start_afresh_in_a_household_that_was_reset(region: Region) -> None:
    installer = await region.installer()
    word = f"canary{uuid4().hex[:10]}"
    user_id = await lived_in(region, installer, word)
    await region.tell(ResetUser, installer, user_id=user_id)
    await until_destroyed(region, f"{user_id}.0")
    form = {"user_id": user_id, "name": "New tenants", "address": "Elm Street 7", "premium": False}
    await region.tell(EditUser, installer, **form, email=f"{word}@example.org")
    user = await region.see(GetUser, installer, user_id=user_id)
    assert (user.name, user.email) == ("New tenants", f"{word}@example.org")
    await region.tell(ResetUser, installer, user_id=user_id)
    await until_destroyed(region, f"{user_id}.1")
    assert (await region.see(GetUser, installer, user_id=user_id)).name == "New tenants"
