"""A job: work that a service does later, apart from whoever asked for it, such as a mail or a push.

The rule it protects: a job is done at least once, or a person sees why it is not.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict

from contracts.message import PersonalMark, fields_marked

_NAMESPACE = UUID("5b0a3f0e-0a52-5c1e-9d7b-6a3a6d1f4c42")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CODE = re.compile(r"[a-z0-9-]{1,60}")


class Payload(BaseModel):
    """What a job is about: ids, never personal data, for the list and whoever looks after it keep it in the clear.

    What a mail says is read when it is sent: then it is as true as it can be, and erased if it was erased. Fields that
    are not known are passed over, because a newer replica may have put the job.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


P = TypeVar("P", bound=Payload)


class Failed(Exception):
    """This try failed, for the reason that `code` names (`smtp-451`): people see it, so it says nothing personal."""

    def __init__(self, code: str) -> None:
        if not _CODE.fullmatch(code):
            raise ValueError("the reason of a failure is a code of a-z, 0-9 and hyphens")
        super().__init__(code)
        self.code = code


class Permanent(Failed):
    """No other try would help: the job is parked at once."""


@dataclass(frozen=True)
class Job(Generic[P]):
    """One kind of job. `name` says what is done, for example `mail_invitation`; the list keeps it, so it never changes.

    `work` may run more than once for one job, since a process may die after it and before it is noted: let what it
    does be the same when it is done twice, or let the other side know the job by its id. It ends within `timeout_s`
    seconds or has failed. After a failure it is tried again, `tries` times in all, after pauses of `pauses_s` seconds
    (the last one counts for all further tries), and is parked after the last one. What the house itself is to blame
    for, such as a MongoDB that is away, is no try: it is repeated until the job is older than `good_for`, then parked.
    What is asked for because of something older than `good_for` is not done at all: nobody wants last year's mails
    because a log is read from its beginning. `at_once` bounds how many run at a time in one process.
    """

    name: str
    payload: type[P]
    work: Callable[[P, Any], Awaitable[None]]
    tries: int = 6
    pauses_s: tuple[float, ...] = (5.0, 30.0, 120.0, 600.0, 3600.0)
    timeout_s: float = 30.0
    at_once: int = 4
    good_for: timedelta = timedelta(days=7)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a job, such as mail_invitation")
        if min(self.tries, self.at_once) < 1 or not self.pauses_s or min(*self.pauses_s, 0.0) < 0:
            raise ValueError(f"{self.name} needs a try, room for one job and a pause")
        if self.timeout_s <= 0 or self.good_for <= timedelta(0):
            raise ValueError(f"{self.name} needs time")
        if personal := fields_marked(self.payload, PersonalMark):
            raise ValueError(f"the payload of {self.name} must not be personal: {', '.join(sorted(personal))}")

    def pause_s(self, failures: int) -> float:
        """How long one waits after that many failures, at least one."""
        return self.pauses_s[min(failures, len(self.pauses_s)) - 1]


def job_id(service: str, job: str, cause: str) -> UUID:
    """The id of the job that is done because of `cause`: the same each time."""
    return uuid5(_NAMESPACE, f"{service}/{job}/{cause}")
