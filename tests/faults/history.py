"""What clients asked for and what they were told, kept while things break: ok, failed, or unknown.

An operation without a certain answer is unknown: it may have happened, once, or not at all.
"""

import asyncio
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from uuid import uuid4

import httpx

from tests.house import Person


class Outcome(StrEnum):
    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass
class Operation:
    """One wish of one client."""

    kind: str
    key: str
    account_id: str
    invoked_at: float
    canaries: tuple[str, ...]
    outcome: Outcome = Outcome.UNKNOWN
    ended_at: float = 0.0
    id: str = ""
    position: str = ""
    status: int = 0


@dataclass
class History:
    """Everything that was asked for."""

    operations: list[Operation] = field(default_factory=list)

    def of(self, outcome: Outcome) -> list[Operation]:
        return [each for each in self.operations if each.outcome is outcome]

    def longest_silence_s(self) -> float:
        """The longest time without any acknowledged operation."""
        ends = sorted(each.ended_at for each in self.of(Outcome.OK))
        return max((later - earlier for earlier, later in pairwise(ends)), default=0.0)


_CANARY = re.compile(r"canary[0-9a-f]{32}", re.IGNORECASE)


def canary() -> str:
    """A word that occurs nowhere else: found in the clear where it must not be, it is a leak."""
    return f"Canary{uuid4().hex}"


def canaries_in(text: str) -> set[str]:
    """The canaries that stand in a text, in small letters, however they are written there."""
    return {word.lower() for word in _CANARY.findall(text)}


class Writer:
    """One client that adds, edits, resets and deletes households of its own, one wish after another."""

    def __init__(self, person: Person, history: History, seed: int) -> None:
        self._person = person
        self._history = history
        self._random = random.Random(seed)
        self._households: list[str] = []

    async def run(self, until: asyncio.Event) -> None:
        while not until.is_set():
            await self._one()

    async def _one(self) -> None:
        kind = self._random.choices(("add", "edit", "reset", "delete"), (5, 6, 2, 1))[0]
        if kind == "add" or not self._households:
            await self._send("add", "POST", "/users", canary())
            return
        user_id = self._random.choice(self._households)
        if kind == "edit":
            await self._send(kind, "PUT", f"/users/{user_id}", canary())
        elif kind == "reset":
            await self._send(kind, "POST", f"/users/{user_id}/reset")
        else:
            self._households.remove(user_id)
            await self._send(kind, "DELETE", f"/users/{user_id}")

    async def _send(self, kind: str, method: str, path: str, word: str | None = None) -> None:
        operation = Operation(kind, str(uuid4()), self._person.account_id, time.monotonic(), (word,) if word else ())
        self._history.operations.append(operation)
        body = form(word) if word else None
        # Half the clients give up at once, half try the same wish again until they know.
        for _ in range(1 if self._random.random() < 0.5 else 40):
            try:
                answer = await self._person.ask(method, path, key=operation.key, json=body)
            except httpx.HTTPError:
                await asyncio.sleep(0.25)
                continue
            operation.status = answer.status_code
            if answer.is_success:
                told = answer.json()
                operation.outcome, operation.id, operation.position = Outcome.OK, told["id"], told["position"]
                if kind == "add":
                    self._households.append(told["id"])
                break
            if answer.status_code < 500 and answer.status_code not in (409, 429):
                operation.outcome = Outcome.FAILED
                break
            await asyncio.sleep(0.25)
        operation.ended_at = time.monotonic()


def form(word: str) -> dict[str, object]:
    """A household's form in which everything personal contains `word`."""
    return {
        "name": word,
        "room": word[:60],
        "email": f"{word.lower()}@example.org",
        "address": f"{word} Street 1",
        "premium": False,
    }


async def write(people: Sequence[Person], history: History, clients: int, until: asyncio.Event) -> None:
    """`clients` writers, spread over `people`, until told to stop and their last wish has ended."""
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(Writer(people[number % len(people)], history, number).run(until))
