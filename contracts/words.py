"""Words that the messages of several services are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from contracts.message import FilledMark

Id = Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$", description="UUID")]
Filled = Annotated[str | None, FilledMark()]
FilledFlag = Annotated[bool, FilledMark()]
Page = Annotated[int, Field(ge=1, le=100_000)]
PerPage = Annotated[int, Field(ge=1, le=100)]
SIP_QUARANTINE_DAYS = 90
"""How long a SIP number that was released is given to nobody."""


class Form(BaseModel):
    """What several commands ask alike, written once. They inherit it before `Command`.

    Fields of the base that is named last come first: schemas list them in that order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
