"""The toy with errands: jobs that note in MongoDB when they are begun and done, and fail or wait when told to."""

import asyncio
import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from contracts.message import Command, Recorded
from kernel.jobs.job import Failed, Job, Payload, Permanent
from kernel.log.promise import Unavailable
from kernel.reacting.reaction import Context, Reaction
from kernel.service.declaration import Tools
from kernel.service.running import run
from tests.kernel.toy import TOY, Counted

TRIES = 3
AT_ONCE = 2
PERMANENT, AWAY, BROKEN, NEVER = "permanent", "away", "broken", "never"
GATE = "gate"


class Errand(Payload):
    """What is to be done: how often it fails before that and how, and whether it waits for the gate to be open."""

    errand_id: str
    fails: int = 0
    how: str = ""
    waits: bool = False


async def run_errand(errand: Errand, tools: Tools) -> None:
    begun = tools.database["begun"]
    await begun.insert_one({"errand": errand.errand_id, "process": os.getpid()})
    if errand.waits:
        while not await tools.database["gates"].find_one({"_id": GATE}):  # noqa: ASYNC110 (the test opens it)
            await asyncio.sleep(0.02)
    if await begun.count_documents({"errand": errand.errand_id}) <= errand.fails:
        match errand.how:
            case "permanent":
                raise Permanent("no-such-address")
            case "away":
                raise Unavailable("just now")
            case "broken":
                raise ValueError("secret-in-a-message")
            case _:
                raise Failed("not-yet")
    await tools.database["done"].insert_one({"errand": errand.errand_id})


ERRAND = Job("run_errand", Errand, run_errand, TRIES, (0.05, 0.1), timeout_s=60, at_once=AT_ONCE)
HASTE = Job("haste", Errand, run_errand, 1, (0.05,), timeout_s=0.3, at_once=1)
BRIEF = Job("brief", Errand, run_errand, TRIES, (0.05,), timeout_s=60, good_for=timedelta(seconds=2))


async def ask(recorded: Recorded, context: Context) -> Iterable[Command]:
    assert isinstance(recorded.event, Counted)
    await context.put(ERRAND, Errand(errand_id=recorded.event.counter_id))
    return []


ERRANDS = replace(
    TOY, jobs=(ERRAND, HASTE, BRIEF), reactions=(Reaction("run_errands_for_counts", follows="toy", on={Counted: ask}),)
)


if __name__ == "__main__":
    from kernel.jobs import worklist
    from tests.kernel.jobs import toy_jobs

    worklist.ACK_WAIT_S = 2.0
    run(toy_jobs.ERRANDS)
