"""A job that was put is done in the end, or parked with its reason."""

from __future__ import annotations

import json

import pytest
from prometheus_client import generate_latest

from contracts.message import Personal
from kernel.jobs.job import Failed, Job, Payload, Permanent
from kernel.process.telemetry import REGISTRY
from kernel.service.running import running
from tests.kernel.jobs.place import Place, remarks
from tests.kernel.jobs.toy_jobs import BRIEF, ERRANDS, HASTE, TRIES
from tests.waiting import eventually


async def test_what_fails_is_tried_again_after_a_pause_until_it_is_done(here: Place) -> None:
    await here.put("e", fails=TRIES - 1)
    async with running(ERRANDS, here.settings):
        await here.until_done(1)
        await here.until_empty()
    assert (await here.begun(), await here.parked()) == (TRIES, [])


async def test_what_always_fails_is_parked_after_its_last_try_and_people_are_told(here: Place) -> None:
    id = await here.put("e", fails=99)
    async with running(ERRANDS, here.settings) as toy:
        assert await here.until_parked(id) == "not-yet"
        assert await here.parked() == [(id, "not-yet", TRIES)]
        await eventually(lambda: remarks(toy, "1 jobs are parked"))
        figures = generate_latest(REGISTRY).decode()
        assert 'smartplus_jobs{job="run_errand",service="toy",state="parked"} 1.0' in figures
        assert await here.begun() == TRIES
        await here.put("e")
        await here.put("last")
        await here.until_done(1, "last")
    assert (await here.begun("e"), await here.done("e")) == (TRIES, 0)


@pytest.mark.parametrize(
    ("how", "reason"), [("permanent", "no-such-address"), ("broken", "ValueError at toy_jobs.py:")]
)
async def test_the_reason_says_what_failed_and_nothing_of_what_is_in_it(
    here: Place, how: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    id = await here.put("e", fails=99, how=how)
    async with running(ERRANDS, here.settings):
        assert (await here.until_parked(id)).startswith(reason)
    assert await here.begun() == (1 if how == "permanent" else TRIES)
    assert "secret-in-a-message" not in json.dumps(await here.parked()) + capsys.readouterr().out


async def test_a_payload_that_nobody_can_read_is_parked_and_not_tried_at_all(here: Place) -> None:
    for token, body in (("not-json", b"{"), ("not-so", b'{"errand_id": 7, "telephone": "+1 555 0100"}')):
        await here.client.request(here.worklist.subject("run_errand", token), body)
    async with running(ERRANDS, here.settings):
        assert await here.until_parked("not-json") == "its payload cannot be read: json_invalid"
        assert await here.until_parked("not-so") == "its payload cannot be read: errand_id: string_type"
        await here.put("e")
        await here.until_done(1)
    assert await here.begun() == 1


async def test_a_try_that_does_not_end_has_failed(here: Place) -> None:
    id = await here.put("e", HASTE, waits=True)
    async with running(ERRANDS, here.settings):
        assert await here.until_parked(id) == "not done within 0.3 s"


async def test_what_the_house_is_to_blame_for_is_no_try(here: Place) -> None:
    await here.put("e", fails=TRIES, how="away")
    async with running(ERRANDS, here.settings):
        await here.until_done(1)
        await here.until_empty()
    assert (await here.begun(), await here.parked()) == (TRIES + 1, [])


async def test_but_nobody_waits_for_the_house_longer_than_the_job_is_good_for(here: Place) -> None:
    id = await here.put("e", BRIEF, fails=99, how="away")
    async with running(ERRANDS, here.settings):
        assert (await here.until_parked(id)).startswith("Unavailable at toy_jobs.py:")


async def test_what_is_parked_is_done_after_all_when_somebody_wishes(here: Place) -> None:
    first, second = await here.put("e1", fails=TRIES), await here.put("e2", fails=99)
    async with running(ERRANDS, here.settings):
        await here.until_parked(first)
        await here.until_parked(second)
        assert await here.memory.wish("somebody", "run_errand", first) == 1
        await here.until_done(1, "e1")
        await here.until_empty()
        assert [id for id, _, _ in await here.parked()] == [second]
        assert await here.memory.wish("somebody", "run_errand") == 1
        await here.until_begun(2 * TRIES, "e2")
        assert await here.until_parked(second) == "not-yet"
        assert await here.memory.drop("run_errand", second) == 1
        assert await here.parked() == []
        await here.put("e2")
        await here.put("last")
        await here.until_done(1, "last")
    assert (await here.begun("e2"), await here.done("e2")) == (2 * TRIES, 0)


class Letter(Payload):
    """What no job may carry."""

    address: Personal


def test_a_job_that_cannot_be_is_refused_when_it_is_declared() -> None:
    async def work(payload: Payload, tools: object) -> None:
        return

    with pytest.raises(ValueError, match="must not be personal: address"):
        Job("mail", Letter, work)
    for wrong in ({"name": "Mail"}, {"tries": 0}, {"at_once": 0}, {"pauses_s": ()}, {"timeout_s": 0}):
        with pytest.raises(ValueError):
            Job(**{"name": "mail", "payload": Payload, "work": work, **wrong})
    for failure in (Failed, Permanent):
        with pytest.raises(ValueError, match="a code"):
            failure("somebody@example.com did not answer")
