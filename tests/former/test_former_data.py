"""Data folders of earlier trees open in this one: nothing runs twice, every position and every answer holds."""

import json
import tarfile
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from ops import local
from tests.former.keep import answers, logged_in, stores
from tests.ops.test_up import running
from tests.waiting import eventually

KEPT = sorted(Path(__file__).parent.glob("*.tar.xz"))
LOGS = {"accounts": ["ACCOUNTS"], "devices": ["DEVICES", "ACCOUNTS"]}


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.name)
async def test_a_former_data_folder_is_opened_and_answers_alike(tmp_path: Path, kept: Path) -> None:
    data = tmp_path / "data"
    with tarfile.open(kept) as packed:
        packed.extractall(data, filter="data")
    former: dict[str, Any] = json.loads(kept.with_name(kept.name.replace(".tar.xz", ".json")).read_text())
    async with running(data) as up, AsyncExitStack() as stack:
        environment = local.environment(data)

        kept_stores = {name: former[name] for name in ("streams", "names")}

        async def idle() -> bool:
            return await stores(environment) == kept_stores

        with suppress(TimeoutError):
            await eventually(idle)
        assert await stores(environment) == kept_stores
        url = f"http://127.0.0.1:{up.port}"
        people = {name: await logged_in(url, email, stack) for name, email in former["people"].items()}
        asked = sorted({name.partition(" ")[2] for name in former["answers"]})
        found = await answers(people, asked)
        for name, answer in former["answers"].items():
            assert found[name] == answer, name
        for method, path, body, key, answer in former["repeats"]:
            again = await people["bright"].ask(method, path, json=body, headers={"Idempotency-Key": key})
            assert again.json() == answer
            shown = await people["bright"].ask("GET", f"/users?after={answer['position']}")
            assert shown.is_success
        assert (await stores(environment))["streams"]["DEVICES"] == former["streams"]["DEVICES"]
