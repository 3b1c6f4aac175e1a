"""The page on adding a job is true: what stands on it runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kernel.service.running import running
from ops.servers import MongoServer
from tests.kernel.jobs.place import place
from tests.kernel.toy import INSTALLER, Count, command_id, new_id
from tests.waiting import eventually

PAGE = Path(__file__).parents[3] / "docs" / "adding-a-job.md"
IMPORTS = """
from collections.abc import Iterable
from dataclasses import replace

from contracts.message import Command, Recorded
from kernel.jobs.job import Job, Payload, Permanent
from kernel.reacting.reaction import Context, Reaction
from kernel.service.declaration import Tools
from tests.kernel.toy import TOY, Counted
"""


async def test_what_stands_on_the_page_sends_its_mail(tmp_path: Path, mongo_server: MongoServer) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    written: dict[str, Any] = {"__name__": "page"}
    exec(IMPORTS + "\n".join(blocks), written)
    invited, without = new_id(), new_id()
    async with place(tmp_path, mongo_server.url) as here, running(written["SERVICE"], here.settings) as service:
        accounts = here.database["accounts_to_mail"]
        await accounts.insert_many([{"_id": invited, "has_address": True}, {"_id": without, "has_address": False}])
        for id in (without, invited):
            stamp = {"command_id": command_id(), "at": datetime.now(UTC), "actor": INSTALLER}
            await service.caller.command(Count(**stamp, counter_id=id))

        async def is_sent() -> bool:
            return await here.database["outbox"].count_documents({"is_sent": True}) == 1

        async def is_parked() -> bool:
            return [reason for _, reason, _ in await here.parked()] == ["no-address"]

        await eventually(is_sent)
        await eventually(is_parked)


def test_each_file_that_the_page_names_is_there() -> None:
    root = PAGE.parents[1]
    named = re.findall(r"`((?:kernel|tests|ops)/[a-z_/]+\.py)`", PAGE.read_text())
    assert named
    assert [each for each in named if not (root / each).is_file()] == []
