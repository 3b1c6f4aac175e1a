"""A log never fills in silence: gauges, a remark from 80 %, and room that an operator can add while all runs."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from kernel.connecting.connection import UnfitServer, connect
from kernel.connecting.stream import open_log
from kernel.guarding.room import Filling, Room, filling, grow, resize
from kernel.log.jetstream import JetStreamLog
from kernel.log.promise import LogFull, NewMessage, Unavailable
from kernel.process.health import NotReady
from kernel.process.telemetry import REGISTRY

MIB = 2**20


@pytest.fixture
async def nc(nats_url: str) -> AsyncIterator[Client]:
    client = await connect(nats_url, "test")
    yield client
    await client.close()


def a_service() -> str:
    return f"t{uuid4().hex[:12]}"


async def fill(log: JetStreamLog, part: float, most: int) -> None:
    """Append until that part of the log is used."""
    while True:
        id = uuid4().hex
        await log.append([NewMessage(f"event.{log.stream.lower()}.a.{id}", id, {}, bytes(20_000), 0)])
        info = await log._nc.jetstream().stream_info(log.stream)
        if info.state.bytes >= part * most:
            return


def gauge(name: str, service: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"service": service})


async def test_the_gauges_say_how_much_is_used_and_how_much_may_be(nc: Client) -> None:
    service = a_service()
    log = await open_log(nc, service, max_bytes=MIB)
    await fill(log, 0.5, MIB)
    found = await Room(nc, service).look()
    assert found.part == pytest.approx(0.5, abs=0.03)
    assert gauge("smartplus_log_bytes", service) == found.used
    assert gauge("smartplus_log_max_bytes", service) == MIB
    assert gauge("smartplus_log_days_left", service) == float("inf")  # too young to know


@pytest.mark.parametrize(
    ("used", "daily", "days", "words"),
    [
        (800, 100.0, 1.5, "80% used (800B of 1000B), 1.5 days left at the growth of the last day"),
        (1000, 100.0, 0.0, "100% used (1000B of 1000B), 0.0 days left at the growth of the last day"),
        (0, 0.0, float("inf"), "0% used (0B of 1000B)"),
        (500, None, float("inf"), "50% used (500B of 1000B)"),
        (1200, 1.0, 0.0, "120% used (1.2KiB of 1000B), 0.0 days left at the growth of the last day"),
    ],
)
def test_days_left_are_what_is_free_at_the_growth_of_a_day(
    used: int, daily: float | None, days: float, words: str
) -> None:
    found = Filling(used, 1000, daily)
    assert found.days_left == days
    assert found.in_words() == words


async def test_the_growth_is_that_of_the_last_day(nc: Client) -> None:
    service = a_service()
    log = await open_log(nc, service, max_bytes=MIB)
    assert (await filling(nc, service)).daily is None
    await fill(log, 0.25, MIB)
    now = datetime.now(UTC)
    assert (await filling(nc, service, now)).daily is None  # of some seconds nobody can tell
    used = (await filling(nc, service)).used
    half_a_day_old = await filling(nc, service, now + timedelta(hours=12))
    assert half_a_day_old.daily == pytest.approx(2 * used, rel=0.01)
    assert half_a_day_old.days_left == pytest.approx(1.4, rel=0.1)
    assert (await filling(nc, service, now + timedelta(hours=25))).daily == 0


async def test_readiness_speaks_of_it_from_80_percent_and_is_red_when_nothing_goes_in(nc: Client) -> None:
    service = a_service()
    log = await open_log(nc, service, max_bytes=MIB)
    await fill(log, 0.75, MIB)
    assert await Room(nc, service).probe() is None
    await fill(log, 0.8, MIB)
    remark = await Room(nc, service).probe()
    assert remark
    assert f"smartplus log resize {service} SIZE" in remark
    with pytest.raises(LogFull):
        await fill(log, 2, MIB)
    assert (await Room(nc, service).probe() or "").startswith("9")  # the next small event still goes in
    full = Room(nc, service)
    found = await full.look()
    full.filling = Filling(found.most, found.most)
    with pytest.raises(NotReady, match="100% used"):
        await full.probe()


async def test_a_full_log_takes_events_again_once_it_was_resized(nc: Client) -> None:
    service = a_service()
    log = await open_log(nc, service, max_bytes=MIB)
    with pytest.raises(LogFull):
        await fill(log, 2, MIB)
    used = (await filling(nc, service)).used
    assert await resize(nc, service, 2 * MIB, "ana") == MIB
    await fill(log, 0.6, 2 * MIB)
    assert (await filling(nc, service)).used > used
    config = (await nc.jetstream().stream_info(log.stream)).config
    assert (config.max_bytes, config.deny_delete, config.deny_purge) == (2 * MIB, True, True)
    assert (config.metadata or {})["epoch"] == log.epoch
    assert (config.metadata or {})["resized"].startswith("by ana at 20")


async def test_a_log_is_never_made_smaller_than_what_it_holds_nor_larger_than_the_disk(nc: Client) -> None:
    service = a_service()
    log = await open_log(nc, service, max_bytes=2 * MIB)
    await fill(log, 0.5, 2 * MIB)
    with pytest.raises(ValueError, match=r"holds 1\.0MiB already"):
        await resize(nc, service, MIB // 2, "ana")
    with pytest.raises(ValueError, match="nats-server refuses it: insufficient storage"):
        await resize(nc, service, 2**50, "ana")
    assert await resize(nc, service, 3 * MIB // 2, "ana") == 2 * MIB
    with pytest.raises(Unavailable, match="stream not found"):
        await resize(nc, a_service(), MIB, "ana")


async def test_a_larger_setting_makes_a_log_larger_at_the_start_and_a_smaller_one_changes_nothing(nc: Client) -> None:
    service = a_service()
    await open_log(nc, service, max_bytes=MIB)
    assert await grow(nc, service, 2 * MIB, "the setting")
    assert not await grow(nc, service, MIB, "the setting")
    with pytest.raises(ValueError, match="nats-server refuses it: insufficient storage"):
        await grow(nc, service, 2**50, "the setting")
    assert (await filling(nc, service)).most == 2 * MIB


async def test_a_service_says_that_its_log_holds_less_than_is_set_and_changes_nothing(nc: Client) -> None:
    service = a_service()
    await open_log(nc, service, max_bytes=MIB)
    room = Room(nc, service)
    with capture_logs() as said:
        await room.compare(MIB)
        await room.compare(2 * MIB)
    assert [(line["event"], line["how"]) for line in said] == [
        ("log-smaller-than-set", f"smartplus log resize {service} {2 * MIB}")
    ]
    assert (await room.look()).most == MIB


async def test_a_log_that_the_disk_cannot_hold_is_refused_with_the_way_out(nc: Client) -> None:
    with pytest.raises(UnfitServer, match=r"insufficient storage.* SMARTPLUS_LOG_MAX_BYTES"):
        await open_log(nc, a_service(), max_bytes=2**50)
