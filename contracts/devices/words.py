"""Words that several topics of devices share."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from contracts.notations import mac_address
from contracts.text import labelled

MAC_CHARACTERS_MAX = 64
Mac = Annotated[
    str,
    Field(max_length=MAC_CHARACTERS_MAX, description="12 hexadecimal digits, whatever stands between them"),
    AfterValidator(mac_address),
]
DeviceWord = Annotated[str, Field(max_length=24), labelled(24)]
DeviceName = Annotated[str, Field(max_length=128), labelled(128)]
DeviceText = Annotated[str, Field(max_length=200), labelled(200)]


class Part(BaseModel):
    """What a message has inside: it has what is declared, and nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
