"""What a batch of AutoP said goes with the last of its devices: from the log, from what is shown, and from a replay."""

from __future__ import annotations

import pytest

from contracts.accounts.leaving import DeleteUser, ResetUser
from contracts.devices.autop import AutopKind, ForgetProvisioning, ProvisioningForgotten
from contracts.devices.intercoms import UnbindDevice
from contracts.message import ERASED
from contracts.permissions import SYSTEM
from services.devices.autop import provisioning
from tests.devices.autop.test_provisioning import (
    BATCH,
    batch,
    beside_devices,
    provisionings,
    retry,
    submit_to,
    submitted,
)
from tests.devices.conftest import Region
from tests.devices.homes.test_erasure import in_read_models, in_the_log, rebuilds_the_same, until_destroyed
from tests.devices.homes.test_sagas import facts, until_emptied, until_forgotten
from tests.devices.world import INSTALLER, ask, changed, unbound

WORD = "canarylabel"
LINES = f"Config.Account1.GENERAL.DisplayName = {WORD} family"

forget = ask(ForgetProvisioning, SYSTEM, provisioning_id=BATCH)
forgotten = ProvisioningForgotten(provisioning_id=BATCH, installer_id=INSTALLER, erased_key=f"provisioning.{BATCH}")


def test_a_batch_is_forgotten_once_none_of_its_devices_is_left() -> None:
    beside_devices(provisionings.given(submitted)).when(forget).then()
    gone = provisionings.given(submitted).beside("device", submitted.device_ids[0], unbound)
    gone.when(forget).then(forgotten)
    provisionings.given(submitted, forgotten).when(changed(forget)).then()
    provisionings.given().when(forget).then()


def test_a_forgotten_batch_is_not_sent_again() -> None:
    provisionings.given(submitted, forgotten).when(retry).then_refused("nothing-to-retry")


@pytest.mark.parametrize("kind", AutopKind)
async def test_what_was_provisioned_to_a_household_goes_when_it_is_deleted(region: Region, kind: AutopKind) -> None:
    who = await region.installer()
    user_id = await region.user(who)
    devices = [(await region.device(who, user_id))[0] for _ in range(2)]
    id = await submit_to(region, who, devices, LINES, kind=kind)
    assert (await batch(region, who, id)).lines == (LINES,)
    await region.tell(DeleteUser, who, user_id=user_id)
    await until_forgotten(region, user_id)
    await until_destroyed(region, f"provisioning.{id}")

    told = [each.event for each in await facts(region, provisioning.ref(id))]
    assert [type(each) for each in told][-1] is ProvisioningForgotten
    assert getattr(told[0], "lines") == (ERASED,)  # noqa: B009 (which of the events it is was not asked)
    region.positions["DEVICES"] = f"DEVICES.{await region.devices.log.last_seq()}"
    seen = await batch(region, who, id)
    assert (seen.lines, seen.devices, seen.waiting) == ((), 2, 0)
    mine = await in_read_models(region)
    assert WORD not in mine
    _, recorded = await in_the_log(region)
    assert WORD not in " ".join(each.event.model_dump_json() for each in recorded)
    await rebuilds_the_same(region)
    assert WORD not in await in_read_models(region)


async def test_the_other_devices_of_a_batch_keep_its_lines(region: Region) -> None:
    who = await region.installer()
    users = [await region.user(who) for _ in range(2)]
    devices = [(await region.device(who, user_id))[0] for user_id in users]
    alone = await submit_to(region, who, devices[:1], LINES, kind=AutopKind.ONE_TIME)
    id = await submit_to(region, who, devices, LINES, kind=AutopKind.ONE_TIME)
    await region.tell(DeleteUser, who, user_id=users[0])
    await until_destroyed(region, f"provisioning.{alone}")
    assert (await batch(region, who, id)).lines == (LINES,)
    assert (await region.devices.keys.existing({f"provisioning.{id}"}))[f"provisioning.{id}"] is not None
    await region.tell(UnbindDevice, who, device_id=devices[1])
    await until_destroyed(region, f"provisioning.{id}")


async def test_a_reset_leaves_what_the_installer_told_the_devices(region: Region) -> None:
    who = await region.installer()
    user_id = await region.user(who)
    device_id, _ = await region.device(who, user_id)
    id = await submit_to(region, who, [device_id], "Config.A.X = 1")
    await region.tell(ResetUser, who, user_id=user_id)
    await until_emptied(region, user_id)
    assert (await batch(region, who, id)).lines == ("Config.A.X = 1",)
    await region.tell(UnbindDevice, who, device_id=device_id)
    await until_destroyed(region, f"provisioning.{id}")
