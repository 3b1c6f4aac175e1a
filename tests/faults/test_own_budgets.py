"""A budget that an operator set holds after its service was killed and after its read models were made anew."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from tests.house import Person, distributor, house, installer, super_manager
from tests.waiting import eventually


async def refusal_of(person: Person) -> str | None:
    body = {"phone": "+49 30 1234567", "email": f"{uuid4().hex}@example.org"}
    answer = await person.ask("PUT", "/customer-service", json=body)
    return None if answer.is_success else str(answer.json()["code"])


async def until_refused(person: Person) -> None:
    """Until it is refused for its budget; while a service is away it is refused for that."""

    async def is_refused() -> bool:
        return await refusal_of(person) == "budget-spent"

    await eventually(is_refused, 90)


async def test_it_holds_after_a_kill_and_after_a_rebuild(tmp_path: Path) -> None:
    async with house(tmp_path) as built:
        root = await super_manager(built)
        bright = await installer(built, await distributor(built, root))
        where, wish = f"/budgets/accounts/tenant/{bright.account_id}", {"reason": "A script without end"}
        await root.do("PUT", where, json={**wish, "events_per_day": 0})
        await until_refused(bright)

        await built.kill("accounts")
        await built.until_ready()
        assert await refusal_of(bright) == "budget-spent"  # the first one, too

        await built.smartplus("rebuild", "accounts")
        await until_refused(bright)
        assert {await refusal_of(bright) for _ in range(20)} == {"budget-spent"}
        page = await root.do("GET", "/budgets/accounts")
        rows: list[dict[str, object]] = page["rows"]  # type: ignore[assignment]
        assert [(row["limit"], row["is_own"]) for row in rows if row["payer_id"] == bright.account_id] == [(0, True)]

        await root.do("PUT", where, json={**wish, "events_per_day": None})

        async def is_free() -> bool:
            return await refusal_of(bright) is None

        await eventually(is_free)
        for person in (root, bright):
            await person.http.aclose()
