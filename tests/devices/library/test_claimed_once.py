"""A MAC is claimed once: by one of those who claim it at the same moment, and however often one wish is sent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from contracts.devices.audit import ListDeviceAudit
from contracts.devices.library import ClaimMac, ListMacs, RegisterMac, RemoveMac
from contracts.message import Accepted, Actor, Refused
from kernel.service.running import running
from services.devices.__main__ import SERVICE
from tests.devices.conftest import Region, a_mac

CODE = "7Q2K91XM"
ROUNDS = 20


@pytest.fixture
async def another_replica(region: Region) -> AsyncIterator[None]:
    """A second devices service: each command goes to either."""
    async with running(SERVICE, region.devices.settings):
        yield


async def a_labelled_mac(region: Region, above: Actor) -> str:
    address = a_mac()
    await region.tell(RegisterMac, above, mac=address, code=CODE)
    return address


async def outcome(region: Region, who: Actor, address: str) -> Accepted | str:
    """What became of a claim with the right code: accepted, or the code of the refusal."""
    try:
        return await region.tell(ClaimMac, who, mac=address, code=CODE)
    except Refused as refusal:
        return refusal.code


async def macs(region: Region, who: Actor) -> tuple[set[str], int]:
    """The MACs of a library, and how many it says there are."""
    page = await region.see(ListMacs, who, per_page=100)
    return {row.mac for row in page.rows}, page.total


@pytest.mark.usefixtures("another_replica")
async def test_of_those_who_claim_at_the_same_moment_one_has_it(region: Region) -> None:
    above, mates = await region.distributor(), await region.distributor()
    # Two of one distributor, and one of another.
    rivals = [await region.installer(mates), await region.installer(mates), await region.installer()]
    won: dict[str, set[str]] = {rival.account_id: set() for rival in rivals}
    addresses = {await a_labelled_mac(region, above) for _ in range(ROUNDS)}
    for address in addresses:
        outcomes = await asyncio.gather(*(outcome(region, rival, address) for rival in rivals))
        refused = Counter(each for each in outcomes if isinstance(each, str))
        assert refused == {"mac-claim-refused": len(rivals) - 1}
        (winner,) = [rival for rival, each in zip(rivals, outcomes, strict=True) if isinstance(each, Accepted)]
        won[winner.account_id].add(address)

    assert await macs(region, above) == (set(), 0)
    for rival in rivals:
        own = won[rival.account_id]
        assert await macs(region, rival) == (own, len(own))
    told = [each for address in addresses for each in await trail(region, above, address)]
    assert Counter(told) == dict.fromkeys(("MacRegistered", "MacClaimed", "MacRemoved"), ROUNDS)


async def trail(region: Region, who: Actor, address: str) -> list[str]:
    return [row.type for row in (await region.see(ListDeviceAudit, who, subject_id=address)).rows]


@pytest.mark.usefixtures("another_replica")
async def test_one_wish_is_done_once_and_answered_alike_after_its_code_was_used_up(region: Region) -> None:
    above, rightful = await region.distributor(), await region.installer()
    address, command_id = await a_labelled_mac(region, above), uuid4()

    async def claim() -> Accepted:
        return await region.tell(ClaimMac, rightful, command_id=command_id, mac=address, code=CODE)

    answers = await asyncio.gather(*(claim() for _ in range(6)))
    answers += [await claim() for _ in range(4)]
    assert len({answer.model_dump_json() for answer in answers}) == 1
    assert await macs(region, rightful) == ({address}, 1)
    assert await trail(region, rightful, address) == ["MacRegistered"]

    # It has left the library since, and is labelled anew with the same code: an old wish takes nothing.
    await region.tell(RemoveMac, rightful, mac=address)
    await region.tell(RegisterMac, above, mac=address, code=CODE)
    assert await claim() == answers[0]
    assert (await macs(region, rightful), await macs(region, above)) == ((set(), 0), ({address}, 1))


async def test_the_wish_of_somebody_else_is_not_answered_with_what_was_done(region: Region) -> None:
    above, rightful, stranger = await region.distributor(), await region.installer(), await region.installer()
    address, command_id = await a_labelled_mac(region, above), uuid4()
    await region.tell(ClaimMac, rightful, command_id=command_id, mac=address, code=CODE)
    with pytest.raises(Refused, match="idempotency-key-reused"):
        await region.tell(ClaimMac, stranger, command_id=command_id, mac=address, code=CODE)


async def test_a_wish_with_a_wrong_code_is_decided_anew(region: Region) -> None:
    above, rightful = await region.distributor(), await region.installer()
    address, command_id = await a_labelled_mac(region, above), uuid4()
    for _ in range(2):
        with pytest.raises(Refused, match="mac-claim-refused"):
            await region.tell(ClaimMac, rightful, command_id=command_id, mac=address, code="7Q2K91XN")
    await region.tell(ClaimMac, rightful, command_id=command_id, mac=address, code=CODE)
    assert await macs(region, rightful) == ({address}, 1)
