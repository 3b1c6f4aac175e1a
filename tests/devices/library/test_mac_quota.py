"""An installer holds a bounded number of MACs that are no device's; a list counts as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

import pytest

from contracts.devices.imports import ImportState, StartMacImport
from contracts.devices.library import ListMacs, RegisterMac, RemoveMac
from contracts.message import Actor, Refused
from kernel.deciding.spec import Spec
from services.devices.library.mac import MAC as AGGREGATE
from services.devices.library.mac_imports import IMPORTS
from services.devices.settings import DevicesSettings
from tests.devices.conftest import Region, a_mac
from tests.devices.library.test_macs import handed_over, until_over
from tests.devices.world import MAC, ask, mac_bound, registered

LIMIT = 3


@dataclass
class Narrow:
    """The region with a quota of three."""

    region: Region

    async def refused(self, actor: Actor) -> str | None:
        """The code with which one more MAC is refused."""
        try:
            await self.region.tell(RegisterMac, actor, mac=a_mac())
        except Refused as refusal:
            return refusal.code
        await self.region.see(ListMacs, actor)  # waits until the tallies know it
        return None

    async def refused_list(self, actor: Actor, rows: int) -> str | None:
        import_id = await handed_over(self.region, actor, [a_mac() for _ in range(rows)])
        try:
            await self.region.tell(StartMacImport, actor, import_id=import_id)
        except Refused as refusal:
            return refusal.code
        await until_over(self.region, import_id)
        await self.region.see(ListMacs, actor)
        return None


@pytest.fixture
async def narrow(region: Region, monkeypatch: pytest.MonkeyPatch) -> Narrow:
    monkeypatch.setitem(vars(region.devices.settings), "unbound_macs_per_installer", LIMIT)
    return Narrow(region)


def test_what_is_in_the_library_already_is_refused_for_that() -> None:
    mac, full = Spec(AGGREGATE), ask(RegisterMac, mac=MAC, quota_reached=True)
    mac.given().when(full).then_refused("mac-quota-reached", "mac")
    mac.given(registered).when(full).then_refused("mac-registered", "mac")
    mac.given(registered, mac_bound).when(full).then_refused("mac-registered", "mac")


async def test_one_more_than_the_quota_is_refused_until_one_is_removed_or_bound(narrow: Narrow) -> None:
    who, region = await narrow.region.installer(), narrow.region
    mac = a_mac()
    await region.tell(RegisterMac, who, mac=mac)
    assert [await narrow.refused(who) for _ in range(LIMIT)] == [None, None, "mac-quota-reached"]
    await region.tell(RemoveMac, who, mac=mac)
    await region.see(ListMacs, who)
    user_id = await region.user(who)
    await region.device(who, user_id)  # registers one, and binds it
    await region.see(ListMacs, who)
    assert [await narrow.refused(who) for _ in range(2)] == [None, "mac-quota-reached"]


async def test_a_list_is_started_as_a_whole_or_not_at_all(narrow: Narrow) -> None:
    who = await narrow.region.installer()
    assert await narrow.refused_list(who, LIMIT + 1) == "mac-quota-reached"
    assert await narrow.refused_list(who, LIMIT - 1) is None
    assert await narrow.refused_list(who, 2) == "mac-quota-reached"
    assert await narrow.refused_list(who, 1) is None
    assert await narrow.refused(who) == "mac-quota-reached"


async def test_another_installer_and_the_distributor_have_room(narrow: Narrow) -> None:
    above = await narrow.region.distributor()
    who, sibling = await narrow.region.installer(above), await narrow.region.installer(above)
    assert await narrow.refused_list(who, LIMIT) is None
    assert await narrow.refused(sibling) is None
    assert await narrow.refused_list(above, LIMIT + 2) is None
    assert await narrow.refused(above) is None
    assert await narrow.refused(who) == "mac-quota-reached"


async def test_a_repeat_of_what_was_registered_is_answered_as_before(narrow: Narrow) -> None:
    who, wish = await narrow.region.installer(), {"command_id": uuid4(), "mac": a_mac()}
    first = await narrow.region.tell(RegisterMac, who, **wish)
    assert await narrow.refused_list(who, LIMIT - 1) is None
    assert (await narrow.region.tell(RegisterMac, who, **wish)).position == first.position


async def test_a_list_that_is_being_registered_counts(narrow: Narrow) -> None:
    """Told of one in the read model, for a real one is over too soon."""
    who = await narrow.region.installer()
    running = narrow.region.devices.database[IMPORTS.name]
    row = {"_id": str(uuid4()), "tenant": who.installer_id, "state": ImportState.RUNNING, "valid": 5, "taken": 3}
    await running.insert_one(row)
    try:
        assert await narrow.refused_list(who, 2) == "mac-quota-reached"
        assert await narrow.refused(who) is None
        assert await narrow.refused(who) == "mac-quota-reached"
    finally:
        await running.delete_one({"_id": row["_id"]})


def test_the_quota_is_a_setting() -> None:
    settings = DevicesSettings(nats_url="nats://x", mongodb_uri="mongodb://x", secret="5a" * 32)
    assert settings.unbound_macs_per_installer == 200_000
