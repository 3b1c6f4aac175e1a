"""Words that the messages of several services are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.message import FilledMark

Id = Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$", description="UUID")]
Filled = Annotated[str | None, FilledMark()]
FilledFlag = Annotated[bool, FilledMark()]
Page = Annotated[int, Field(ge=1, le=100_000)]
PerPage = Annotated[int, Field(ge=1, le=100)]
SIP_QUARANTINE_DAYS = 90
"""How long a SIP number that was released is given to nobody."""
